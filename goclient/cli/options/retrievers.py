"""Retrievers and renewers of a deposit, as the options of ``goclient myproxy`` and of myproxy-init name them."""

from __future__ import annotations

from goclient.cli.confirm import confirm
from goclient.cli.options.myproxy import ONE_POLICY, DepositOptions
from goclient.deposit import checked_pattern, retrievers
from goclient.errors.conditions import RepeatedOption
from goclient.errors.wording import quoted
from goclient.model.syntax.shell import shell_word
from goclient.reporter.base import Reporter
from goclient.services.gsi.names import base_dn
from goclient.services.myproxy.policy import as_typed, fits_everybody, is_portable, pattern_of


def retrievers_of(options: DepositOptions, reporter: Reporter) -> str:
    """Return the pattern of those who may retrieve; warn of an unusual one, and ask before everybody may."""
    dn, pattern, typed = options.retriever, options.retriever_pattern, options.by_cert
    if typed is not None:
        if dn is not None:
            message = f"--retriever {quoted(dn)} and -Z {quoted(typed)} name two retrievers"
            raise RepeatedOption(message, hint=ONE_POLICY, subject="--retriever")
        dn, found = _of_myproxy_init(typed, regex=options.regex)
        pattern, dn = (found, dn) if pattern is None else (pattern, typed)
        if found is not None and "=" not in typed:
            message = f"-Z {quoted(typed)} is a common name, as for myproxy-init: anybody who has it may retrieve"
            reporter.warning(message, "name one: --retriever DN")
    policy = retrievers(dn, pattern)
    if dn is not None:
        _warn_of_dn(dn, reporter)
    elif not is_portable(policy):
        _warn_of_pattern(policy, reporter)
    elif fits_everybody(policy) and not options.yes:
        confirm(
            f"May everybody whom the server trusts retrieve it ({policy})?",
            unasked=f"everybody whom the server trusts could retrieve with the pattern {quoted(policy)}",
            hint=f"name the pilot: --retriever DN; or allow it: --retriever-pattern {shell_word(policy)} --yes",
            stopped="nothing was deposited",
        )
    return policy


def renewers_of(options: DepositOptions, reporter: Reporter) -> str:
    """Return the pattern of those who may renew; the empty string is nobody.  Warn of one that cannot be judged."""
    if not options.renewer:
        return ""
    dn, pattern = _of_myproxy_init(options.renewer, regex=True) if options.regex else (options.renewer, None)
    if pattern is None:
        return pattern_of(dn or "")
    if not is_portable(pattern):
        _warn_of_pattern(pattern, reporter)
    return checked_pattern(pattern)


def _of_myproxy_init(typed: str, *, regex: bool) -> tuple[str | None, str | None]:
    """Return the DN, or else the pattern, that a user of myproxy-init has in mind.

    There, ``-x`` before ``-Z`` makes its value a pattern of DNs, which a user types as a DN; without it, it is a bare
    common name; and ``-x`` after ``-Z`` does nothing, so that a policy is stored that nobody matches.
    """
    wild = "*" in typed or "?" in typed
    if wild and (regex or not typed.startswith("/")):
        return None, typed if regex or "=" in typed else f"*/CN={typed}"
    if regex or "=" in typed or typed.startswith("/"):
        return typed, None
    return None, "*" + pattern_of(f"/CN={typed}")


def _warn_of_pattern(pattern: str, reporter: Reporter) -> None:
    """Warn of a pattern that only a server can judge."""
    message = f"which DNs the pattern {quoted(pattern)} fits cannot be judged from here: only the server can"
    reporter.warning(message, "use * and ? for what may be anything, and | between several")


def _warn_of_dn(dn: str, reporter: Reporter) -> None:
    """Warn of a DN that servers know by another one, or that may be meant as a pattern."""
    base = base_dn(dn)
    if base != dn:
        message = f"{quoted(dn)} ends as the DN of a proxy does; servers know its owner as {quoted(base)}"
        reporter.warning(message, f"if that is the pilot: --retriever {as_typed(base)}")
    if "*" in dn or "?" in dn:
        message = f"* and ? in the DN {quoted(dn)} stand for themselves: it is the name of one pilot"
        reporter.warning(message, f"for everybody whom it fits: --retriever-pattern {as_typed(dn)}")
    if dn.endswith(" "):
        reporter.warning(f"the DN {quoted(dn)} ends with a blank", "leave it out, unless the pilot's DN has it")

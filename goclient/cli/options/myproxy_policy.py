"""Who may retrieve, and who may renew: from what was typed of it to the patterns that a server keeps."""

from __future__ import annotations

import shlex

from goclient.cli.confirm import confirm
from goclient.cli.options.myproxy import DepositOptions
from goclient.deposit import checked_pattern, retrievers
from goclient.errors import UsageError, quoted
from goclient.reporter.base import Reporter
from goclient.services.myproxy.policy import as_typed, base_dn, fits_everybody, pattern_of


def retrievers_of(options: DepositOptions, reporter: Reporter) -> str:
    """Return the pattern of those who may retrieve; warns of what is unusual, and asks before everybody may."""
    dn, pattern = options.retriever, options.retriever_pattern
    if options.by_cert is not None:
        if dn is not None:
            message = f"--retriever {quoted(dn)} and -Z {quoted(options.by_cert)} name two retrievers"
            hint = "MyProxy keeps one policy a deposit: name one DN, or all of them with one --retriever-pattern"
            raise UsageError(message, hint=hint, code="twice", subject="--retriever")
        dn, found = _of_myproxy_init(options.by_cert, regex=options.regex)
        pattern, dn = (found, dn) if pattern is None else (pattern, options.by_cert)
        if found is not None and "=" not in options.by_cert:
            text = (
                f"-Z {quoted(options.by_cert)} is a common name, as for myproxy-init: anybody who has it may retrieve"
            )
            reporter.warning(text, "name one: --retriever DN")
    policy = retrievers(dn, pattern)
    if dn is not None:
        _warn_of_dn(dn, reporter)
    elif fits_everybody(policy) and not options.yes:
        confirm(
            f"May everybody whom the server trusts retrieve it ({policy})?",
            unasked=f"everybody whom the server trusts could retrieve with the pattern {quoted(policy)}",
            hint=f"name the pilot: --retriever DN; or allow it: --retriever-pattern {shlex.quote(policy)} --yes",
            stopped="nothing was deposited",
        )
    return policy


def renewers_of(options: DepositOptions) -> str:
    """Return the pattern of those who may renew; the empty string is nobody."""
    if not options.renewer:
        return ""
    dn, pattern = _of_myproxy_init(options.renewer, regex=True) if options.regex else (options.renewer, None)
    return checked_pattern(pattern) if pattern is not None else pattern_of(dn or "")


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


def _warn_of_dn(dn: str, reporter: Reporter) -> None:
    """Warn of a DN that servers know by another one, or that may be meant as a pattern."""
    if base_dn(dn) != dn:
        message = f"{quoted(dn)} ends as the DN of a proxy does; servers know whoever has it as {quoted(base_dn(dn))}"
        reporter.warning(message, f"if that is the pilot: --retriever {as_typed(base_dn(dn))}")
    if "*" in dn or "?" in dn:
        message = f"* and ? in the DN {quoted(dn)} stand for themselves: it is the name of one pilot"
        reporter.warning(message, f"for everybody whom it fits: --retriever-pattern {as_typed(dn)}")
    if dn.endswith(" "):
        reporter.warning(f"the DN {quoted(dn)} ends with a blank", "leave it out, unless the pilot's DN has it")

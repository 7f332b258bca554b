"""Options that do not go together, or that are wrong whatever is transferred."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.config.staging import SITE
from goclient.errors import GoclientError, MyproxyError, RequestError, UsageError
from goclient.errors.wording import quote
from goclient.model.names import NO_IDENTITY, is_identity
from goclient.model.options import CarryOptions, TransferOptions
from goclient.model.request import Who

_ONLY_CARRIED = ("goFiles", "goCredential", "goConnect", "goGrant", "goShareSecrets")
_USELESS = {
    "goLenient": "the site runs a transformation that it knows",
    "myproxy": "no pilot of goclient's retrieves the proxy",
    "deposit": "no pilot of goclient's retrieves the proxy",
}


def find_wrong_options(options: TransferOptions, pilot: str | None) -> Iterator[GoclientError]:
    """Yield what is wrong with the options; ``pilot`` is the DN that they, or the settings, name."""
    for name, typed in (("--pilot", options.pilot), ("--deposit", options.deposit)):
        if typed and not options.myproxy:
            message = f"{name} is about a MyProxy account, and there is no --myproxy"
            yield RequestError(message, hint="name it: --myproxy USER[@HOST[:PORT]]", code="no-account", subject=name)
    if getattr(options, "detach", False) and options.goVia != SITE:
        message = "--detach is about files that are brought before the jobs are sent"
        yield _combination(message, "add --goVia site, or leave out --detach", "--detach")
    if options.deposit and getattr(options, "noCheck", False):
        message = "--deposit looks first whether there is a deposit, and --noCheck says not to look"
        yield _combination(message, "leave out one of the two", "--deposit")
    if options.deposit and not pilot:
        message = "--deposit does not say for whom"
        yield RequestError(message, hint='name the pilot: --pilot "/DC=…/CN=…"', code="no-pilot", subject="--deposit")
    if options.pilotIdentity and not is_identity(options.pilotIdentity):
        message = f"--pilotIdentity {quote(options.pilotIdentity)} {NO_IDENTITY}"
        hint = "such as wdeng@globusid.org; the identity of a service is its client id"
        yield UsageError(message, hint=hint, code="not-an-identity", subject="--pilotIdentity")
    if options.pilot:
        from goclient.services.myproxy.policy import check_dn  # only a job with such an account needs it

        try:
            check_dn(options.pilot)
        except MyproxyError as error:
            yield RequestError(f"--pilot: {error.message}", hint=error.hint, code="no-dn", subject="--pilot")
    if isinstance(options, CarryOptions):
        yield from find_wrong_carry_options(options)


def find_wrong_carry_options(options: CarryOptions) -> Iterator[GoclientError]:
    """Yield what does not go together with --goCarry, or only with it."""
    typed = [f"--{name}" for name in _ONLY_CARRIED if getattr(options, name, None)]
    if typed and not options.goCarry:
        message = f"{typed[0]} is about a job that brings its own transfers"
        yield _combination(message, f"add --goCarry, or leave out {typed[0]}", typed[0])
    is_token, is_unchecked = options.goCredential == Who.TOKEN.value, getattr(options, "noCheck", False)
    if is_token and is_unchecked:
        message = "--goCredential=token needs the checks, which --noCheck leaves out: they tell what the token opens"
        yield _combination(message, "leave out --noCheck", "--noCheck")
    if options.goGrant and (is_token or is_unchecked):
        why = "with --goCredential=token nobody but you acts" if is_token else "what is missing is found by the checks"
        wrong = "--goGrant" if is_token else "--noCheck"
        yield _combination(f"--goGrant gives a service client what it lacks: {why}", f"leave out {wrong}", wrong)
    if typed and options.goCarry and options.goVia == SITE:
        for name in (one for one in typed if one != "--goFiles"):
            message = f"{name} has no effect with --goVia site: the jobs copy on the node, and need no credential"
            yield _combination(message, f"leave out {name}", name)
    for name, why in _USELESS.items() if options.goCarry else ():
        if getattr(options, name, False):
            message = f"--{name} has no place in a job with --goCarry: {why}"
            yield _combination(message, f"leave out --{name}", f"--{name}")


def _combination(message: str, hint: str, subject: str) -> RequestError:
    return RequestError(message, hint=hint, code="combination", subject=subject)

"""Options of jobs that bring their own transfers: what does not go together with --goCarry, or only with it."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.errors import GoclientError, RequestError
from goclient.model.options import CarryOptions
from goclient.model.request import Who

_ONLY_CARRIED = ("goFiles", "goCredential", "goConnect", "goGrant", "goShareSecrets")
_USELESS = {
    "goLenient": "the site runs a transformation that it knows",
    "myproxy": "no pilot of goclient's retrieves the proxy",
    "deposit": "no pilot of goclient's retrieves the proxy",
}


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
    if typed and options.goCarry and options.goVia == "site":
        for name in (one for one in typed if one != "--goFiles"):
            message = f"{name} has no effect with --goVia site: the jobs copy on the node, and need no credential"
            yield _combination(message, f"leave out {name}", name)
    for name, why in _USELESS.items() if options.goCarry else ():
        if getattr(options, name, False):
            message = f"--{name} has no place in a job with --goCarry: {why}"
            yield _combination(message, f"leave out --{name}", f"--{name}")


def _combination(message: str, hint: str, subject: str) -> RequestError:
    return RequestError(message, hint=hint, code="combination", subject=subject)

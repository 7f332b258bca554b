"""Judge who may use a deposit, as myproxy-server 6.2 does: patterns, and the order in which they count."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass

_C = ctypes.CDLL(None)  # its regcomp is the one that the real server calls; the module re has other rules
_REGEX_SIZE = 256  # bytes; regex_t has 64 with glibc, 56 with musl
REG_EXTENDED = 1


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """Policies of a server's configuration, under the names of its man page."""

    accepted_credentials: str
    trusted_retrievers: str
    authorized_retrievers: str = "*"
    default_retrievers: str = "*"
    default_trusted_retrievers: str = "none"  # matches nobody: a deposit without a policy needs its pass phrase
    max_cred_lifetime: int = 0  # seconds; 0: the server sets none


@dataclass(frozen=True, slots=True)
class Allowed:
    """Permission to retrieve a deposit: at all, and without its pass phrase; and the reasons against it."""

    at_all: bool
    trusted: bool
    reasons: tuple[str, ...]


def matches(pattern: str, dn: str) -> bool:
    r"""Return True if a policy matches a name.

    ``*`` is anything, ``?`` one character, ``.`` itself, the rest a POSIX extended regular expression for the whole
    name.  A backslash makes ``*`` and ``?`` what they are in such an expression, and two are one there: a literal
    ``*`` is ``\\\*`` (myproxy_server_config.c: regex_compare).  A wrong expression matches nothing.
    """
    kind, colon, rest = pattern.partition(":")
    if colon and kind.lower() == "fqan":
        return False  # of VOMS, which nobody uses here
    if colon and kind.lower() == "subject":
        pattern = rest
    plain = {"*": ".*", "?": ".", ".": "\\."}
    escaped = {"*": "*", "?": "?", ".": ".", "\\": "\\"}
    translated, escape = "", False
    for sign in pattern:
        if escape:
            translated += escaped.get(sign, f"\\{sign}")
            escape = False
        elif sign == "\\":
            escape = True
        else:
            translated += plain.get(sign, sign)
    return _search(f"^({translated})$".encode("latin-1"), dn.encode("latin-1"))


@functools.lru_cache
def _search(expression: bytes, text: bytes) -> bool:
    """Return True if regexec finds the expression in a text; False if regcomp refuses it."""
    compiled = ctypes.create_string_buffer(_REGEX_SIZE)
    if _C.regcomp(compiled, expression, REG_EXTENDED):
        return False
    try:
        return bool(_C.regexec(compiled, text, ctypes.c_size_t(0), None, 0) == 0)
    finally:
        _C.regfree(compiled)


def judge_retrieval(
    server: ServerPolicy, dn: str, *, of: str | None, retrievers: str | None, trusted: str | None
) -> Allowed:
    """Return what ``dn`` may do with a deposit of the identity ``of``, or with one that does not exist.

    ``retrievers`` and ``trusted`` are the deposit's own policies, None without (myproxy_server.c:
    myproxy_authorize_accept).
    """
    reasons: list[str] = []

    def passes(name: str, whole: str, own: str | None, default: str) -> bool:
        if not matches(whole, dn):
            place = "server's"
        elif not matches(default if own is None else own, dn):
            place = "server's default" if own is None else "credential's"
        else:
            return True
        reasons.append(f'"{dn}" not authorized by {place} {name} policy')
        return False

    is_trusted = passes("trusted_retrievers", server.trusted_retrievers, trusted, server.default_trusted_retrievers)
    if is_trusted and of is not None and of.lower() == dn.lower():
        reasons.append("self-authz detected")
        is_trusted = False
    may = passes("authorized_retrievers", server.authorized_retrievers, retrievers, server.default_retrievers)
    reasons.append(f'"{dn}" not authorized by server\'s authorized_renewers policy')  # it has no such policy
    return Allowed(may, is_trusted, tuple(reasons))

"""Who may retrieve: distinguished names, and the patterns of them that a MyProxy server keeps.

A pattern becomes an extended regular expression as myproxy-server.config(5) says: ``*`` becomes ``.*``, ``?`` ``.``,
``.`` ``\\.``; a backslash before one of these takes that away, so that ``\\*`` is the ``*`` of the expression; two are
one; the whole is put into ``^(…)$``.  A name with ``( ) [ ] { } | ^ $ +`` in it therefore does not match itself.
"""

from __future__ import annotations

import re

from goclient.errors import MyproxyError, quoted
from goclient.services.myproxy.expression import SPECIAL, Unjudged, fits

MAX_DN = 1023  # bytes; the server keeps a client's name in 1024
_ESCAPED = {"\\": "\\\\\\\\", "*": "\\\\\\*", "?": "\\\\\\?", **{c: "\\" + c for c in "()[]{}+|^$"}}
# A slash or a plus that begins no part, TYPE=value.
_IN_VALUE = re.compile(r"(?<!\\)([/+])(?![A-Za-z][A-Za-z0-9-]*=|[0-9]+(?:\.[0-9]+)+=)")
_PROXY_NAMES = ("proxy", "limited proxy")  # of proxies before RFC 3820


def checked_dn(text: str) -> str:
    """The distinguished name as servers with OpenSSL 3 write it; raises MyproxyError if it is not ``/DC=…/CN=…``.

    What is not ASCII becomes ``\\xC3``; a slash or plus in a value, as in ``/CN=host/name``, gets a backslash.
    """
    if "=" in text and not text.startswith("/") and text.isprintable():
        hint = f"give it as {quoted(_slashed(text))}"
        if "*" in text or "?" in text:
            hint = f"for everybody whom it fits: --retriever-pattern {quoted(text)}"
        raise _dn_error(f"the DN {quoted(text)} is not written as MyProxy servers write it", hint)
    if not text.startswith("/") or "=" not in text or text.startswith("/="):
        raise _dn_error(f"{quoted(text)} is no DN", 'give one such as "/DC=org/DC=example/OU=People/CN=Some Body"')
    if not text.isprintable():
        raise _dn_error(f"the DN {quoted(text)} has characters that do not print", "leave them out")
    text = _IN_VALUE.sub(r"\\\1", text if text.isascii() else _hexadecimal(text))
    if len(text) > MAX_DN:
        raise _dn_error(f"the DN {quoted(text, 40)} is longer than {MAX_DN} characters", "give a shorter one")
    return text


def _dn_error(message: str, hint: str) -> MyproxyError:
    return MyproxyError(message, hint=hint, code="myproxy-dn")


def _hexadecimal(text: str) -> str:
    """The text with each byte that is not ASCII as ``\\xC3``, as OpenSSL writes a name on one line."""
    return "".join(c if c.isascii() else "".join(f"\\x{byte:02X}" for byte in c.encode()) for c in text)


def _slashed(text: str) -> str:
    """A DN with commas (RFC 2253: the last part first, mostly) in the form with slashes."""
    text = text.strip().removeprefix("subject=").strip()
    if text.startswith("/"):
        return text
    parts, part, escaped = [], "", False
    for char in text:
        if char == "," and not escaped:
            parts.append(part.strip())
            part = ""
            continue
        escaped = char == "\\" and not escaped
        part += "" if escaped else char
    parts.append(part.strip())
    parts = ["=".join(piece.strip() for piece in one.partition("=")[::2]) for one in parts]
    # The most general part comes first on one line: a country or a domain, never a person.
    if not parts[0].upper().startswith(("DC=", "C=", "O=")):
        parts.reverse()
    return "".join("/" + one for one in parts if one)


def base_dn(dn: str) -> str:
    """The name of the person behind a proxy: without ``/CN=proxy``, ``/CN=limited proxy`` and ``/CN=<digits>``."""
    while True:
        rest, slash, last = dn.rpartition("/CN=")
        if rest.endswith("\\"):  # the slash is in a value
            return dn
        if not (slash and rest and (last in _PROXY_NAMES or (last.isascii() and last.isdigit()))):
            return dn
        dn = rest


def pattern_of(dn: str) -> str:
    """The pattern that this DN matches, and no other; raises MyproxyError as :func:`checked_dn` does."""
    return "".join(_ESCAPED.get(char, char) for char in checked_dn(dn))


def has_wildcards(pattern: str) -> bool:
    """Whether a pattern may match more than one DN."""
    return dn_of(pattern) is None


def dn_of(pattern: str) -> str | None:
    """The only DN that a pattern matches; None if it is a real pattern, or matches none."""
    expression = _expression(pattern)
    if expression is None:
        return None
    dn, escaped = "", False
    for char in expression:
        if escaped and char not in SPECIAL:
            return None  # such as \w, which is a class of characters for GNU
        if not escaped and char == "\\":
            escaped = True
            continue
        if not escaped and char in SPECIAL:
            return None
        dn += char
        escaped = False
    return dn if dn and not escaped else None


def matches(pattern: str, dn: str) -> bool | None:
    """Whether a server lets this DN in by this pattern; None if that cannot be told here.

    The DN is the client's, of which the server takes the proxies off.  Raises as :func:`checked_dn` does.
    """
    dn = checked_dn(dn)
    only = dn_of(pattern)
    if only is not None:
        return only == dn
    expression = _expression(pattern)
    if expression is None:
        return None
    try:
        return fits(expression, dn)
    except Unjudged:
        return None


def _expression(pattern: str) -> str | None:
    """The regular expression that a server makes of a pattern, without its ``^(…)$``; None if it is not about a DN."""
    kind, colon, rest = pattern.partition(":")
    if colon and kind.upper() == "FQAN":
        return None  # attributes of a VOMS proxy
    if colon and kind.upper() == "SUBJECT":
        pattern = rest
    found, escaped = "", False
    for char in pattern:
        if char == "\\":
            found += "\\" if escaped else ""
            escaped = not escaped
            continue
        if char == "*":
            found += "*" if escaped else ".*"
        elif char == "?":
            found += "?" if escaped else "."
        elif char == ".":
            found += "." if escaped else "\\."
        else:
            found += "\\" + char if escaped else char
        escaped = False
    return found  # a backslash at the end is dropped

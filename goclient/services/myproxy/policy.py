"""Who may retrieve: distinguished names, and the patterns of them that a MyProxy server keeps.

A pattern becomes an extended regular expression as myproxy-server.config(5) says: ``*`` becomes ``.*``, ``?`` ``.``,
``.`` ``\\.``; a backslash before one of these takes that away, so that ``\\*`` is the ``*`` of the expression; two are
one; the whole is put into ``^(…)$``.  A name with ``( ) [ ] { } | ^ $ +`` in it therefore does not match itself.
"""

from __future__ import annotations

from goclient.errors import MyproxyError, quoted
from goclient.services.myproxy.expression import SPECIAL, Unjudged, fits

MAX_DN = 1023  # bytes; the server keeps a client's name in 1024
LEARN = (
    "ask the site for its pilot's DN; or, with the pilot's certificate: "
    "openssl x509 -noout -subject -nameopt compat -in CERTIFICATE"
)
_ESCAPED = {"\\": "\\\\\\\\", "*": "\\\\\\*", "?": "\\\\\\?", **{c: "\\" + c for c in "()[]{}+|^$"}}
_ANYBODY = ("/CN=a", "/C=ZZ/O=b c/OU=d/CN=e f 1", "/DC=org/DC=g/CN=h.i")
_PROXY_NAMES = ("proxy", "limited proxy")  # of proxies before RFC 3820


def checked_dn(text: str) -> str:
    """Return the distinguished name as servers with OpenSSL 3 write it; raises MyproxyError for any other text.

    Only escapes are added: what is not ASCII becomes ``\\xC3``; a slash or plus in a value, as in ``/CN=host/name``,
    gets a backslash.  Another spelling is refused with the right one.
    """
    if not text.isprintable():
        raise _dn_error(f"the DN {quoted(text)} has characters that do not print", "leave them out")
    from goclient.services.gsi.spelling import plain_form, right_form  # 2 ms of regular expressions

    right = right_form(text)
    if right is None:
        raise _no_dn(text)
    if plain_form(text) != right:
        raise _dn_error(
            f"the DN {quoted(text)} is not written as MyProxy servers write it", f"give it as {as_typed(right)}"
        )
    if len(right) > MAX_DN:
        raise _dn_error(f"the DN {quoted(text, 40)} is longer than {MAX_DN} characters", "give a shorter one")
    return right


def _no_dn(text: str) -> MyproxyError:
    """Return the error of a text that is no DN, or may stand for several."""
    if "=" not in text:
        shell = "a shell fills in a variable only outside single quotes; " if text.startswith("$") else ""
        return _dn_error(f"{quoted(text)} is no DN", shell + LEARN)
    if ("*" in text or "?" in text) and not text.startswith("/"):
        message = f"{quoted(text)} is a pattern, not the DN of one pilot"
        return _dn_error(message, f"for everybody whom it fits: --retriever-pattern {as_typed(text)}")
    return _dn_error(f"{quoted(text)} is no DN, or may stand for more than one", LEARN)


def _dn_error(message: str, hint: str) -> MyproxyError:
    return MyproxyError(message, hint=hint, code="myproxy-dn")


def as_typed(text: str) -> str:
    """Return a text in double quotes, or as the shell needs it."""
    import shlex  # only a mistake pays for it

    return shlex.quote(text) if any(char in text for char in '"$`!') or "\\\\" in text else f'"{text}"'


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


def fits_everybody(pattern: str) -> bool:
    """Return whether people who have nothing in common fit a pattern."""
    return all(matches(pattern, dn) for dn in _ANYBODY)


def fits_nobody(pattern: str) -> bool:
    """Return whether a pattern begins with what no DN begins with: a letter, or a dot, which stands for itself."""
    kind, colon, rest = pattern.partition(":")
    begin = (rest if colon and kind.upper() == "SUBJECT" else pattern)[:1]
    return (begin.isalnum() or begin == ".") and "|" not in pattern and not pattern.upper().startswith("FQAN:")


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

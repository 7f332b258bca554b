"""Distinguished names, and the patterns of them by which a MyProxy server decides who may retrieve.

A server makes an extended regular expression of a pattern, as myproxy-server.config(5) says: ``*`` becomes ``.*``,
``?`` ``.``, ``.`` ``\\.``; a backslash before one of these takes that away, so that ``\\*`` is the ``*`` of the
expression; two are one; the whole is put into ``^(…)$``.  A name with ``( ) [ ] { } | ^ $ +`` in it therefore does not
match itself.  Judged here are a DN, ``*``, ``?``, and several of these with ``|`` between them, which is how one policy
names two pilots; all else that an expression can have in it only the server can judge.
"""

from __future__ import annotations

import re
import shlex
from fnmatch import fnmatchcase

from goclient.errors import MyproxyError
from goclient.errors.wording import quote

MAX_DN = 1023  # bytes; the server keeps a client's name in 1024
LEARN = (
    "ask the site for its pilot's DN; or, with the pilot's certificate: "
    "openssl x509 -noout -subject -nameopt compat -in CERTIFICATE"
)
_ESCAPED = {"\\": "\\\\\\\\", "*": "\\\\\\*", "?": "\\\\\\?", **{c: "\\" + c for c in "()[]{}+|^$"}}
_READ_AS = {"*": ".*", "?": ".", ".": "\\.", "\\*": "*", "\\?": "?", "\\.": ".", "\\\\": "\\", "\\": ""}
_PART = r"\\[][.{}()*+?^$|\\]|\.\*|\.|\||[^][.{}()*+?^$|\\]"  # of an expression that is judged
_GLOB = {".": "?", ".*": "*", "\\*": "[*]", "\\?": "[?]", "\\[": "[[]"}  # as fnmatch writes it
_ANYBODY = ("/CN=a", "/C=ZZ/O=b c/OU=d/CN=e f 1", "/DC=org/DC=g/CN=h.i")


def check_dn(text: str) -> str:
    """Return the distinguished name as servers with OpenSSL 3 write it; raise MyproxyError for any other text.

    Only escapes are added: what is not ASCII becomes ``\\xC3``; a slash or plus in a value, as in ``/CN=host/name``,
    gets a backslash.  Another spelling is refused with the right one.
    """
    from goclient.services.gsi.spelling import plain_form, right_form  # 2 ms of regular expressions

    right = right_form(text) if text.isprintable() else None
    hint = LEARN
    if not text.isprintable():
        message, hint = f"the DN {quote(text)} has characters that do not print", "leave them out"
    elif right is None and "=" not in text:
        message = f"{quote(text)} is not a DN"
        hint = f"a shell fills in a variable only outside single quotes; {LEARN}" if text.startswith("$") else LEARN
    elif right is None and ("*" in text or "?" in text) and not text.startswith("/"):
        message = f"{quote(text)} is a pattern, not the DN of one pilot"
        hint = f"for everybody whom it fits: --retriever-pattern {as_typed(text)}"
    elif right is None:
        message = f"{quote(text)} is not a DN, or may stand for more than one"
    elif plain_form(text) != right:
        message = f"the DN {quote(text)} is not written as MyProxy servers write it"
        hint = f"give it as {as_typed(right)}"
    elif len(right) > MAX_DN:
        message, hint = f"the DN {quote(text, 40)} is longer than {MAX_DN} characters", "give a shorter one"
    else:
        return right
    raise MyproxyError(message, hint=hint, code="myproxy-dn")


def as_typed(text: str) -> str:
    """Return a text in double quotes, or as the shell needs it."""
    return shlex.quote(text) if any(char in text for char in '"$`!') or "\\\\" in text else f'"{text}"'


def pattern_of(dn: str) -> str:
    """Return the pattern that this DN matches, and no other; raise MyproxyError as :func:`check_dn` does."""
    return "".join(_ESCAPED.get(char, char) for char in check_dn(dn))


def dn_of(pattern: str) -> str | None:
    """Return the only DN that a pattern matches; None if it may match another one, or matches none."""
    alternatives = _alternatives(pattern)
    if len(alternatives) != 1 or "." in alternatives[0] or ".*" in alternatives[0]:
        return None
    return "".join(part[-1] for part in alternatives[0])


def matches(pattern: str, dn: str) -> bool | None:
    """Return whether a server lets this DN in by this pattern; None if only the server can judge that.

    The DN is the client's, of which the server takes the proxies off.  Raises as :func:`check_dn` does.
    """
    dn = check_dn(dn)
    globs = ["".join(_GLOB.get(part, part[-1]) for part in parts) for parts in _alternatives(pattern)]
    return any(fnmatchcase(dn, glob) for glob in globs) if globs else None


def is_portable(pattern: str) -> bool:
    """Return whether a pattern is one that is sure to mean the same to every server."""
    return bool(_alternatives(pattern)) or _is_of_voms(pattern)


def _is_of_voms(pattern: str) -> bool:
    """Return whether a pattern is not about DNs, but about the attributes of a VOMS proxy."""
    return pattern.upper().startswith("FQAN:")


def fits_everybody(pattern: str) -> bool:
    """Return whether people who have nothing in common fit a pattern."""
    return all(matches(pattern, dn) for dn in _ANYBODY)


def fits_nobody(pattern: str) -> bool:
    """Return whether a pattern begins with what no DN begins with: a letter, or a dot, which stands for itself."""
    alternatives = _alternatives(pattern)
    return len(alternatives) == 1 and (alternatives[0][0].isalnum() or alternatives[0][0] == "\\.")


def _alternatives(pattern: str) -> list[list[str]]:
    """Return each alternative of a pattern as the parts of its expression; none if only the server can judge it."""
    if _is_of_voms(pattern):
        return []
    kind, colon, rest = pattern.partition(":")
    text = rest if colon and kind.upper() == "SUBJECT" else pattern
    expression = re.sub(r"\\?.", lambda found: _READ_AS.get(found[0], found[0]), text, flags=re.DOTALL)
    parts = re.findall(_PART, expression)
    alternatives: list[list[str]] = [[]]
    for part in parts:
        if part == "|":
            alternatives.append([])
        else:
            alternatives[-1].append(part)
    # An empty alternative is not judged: each regcomp has its own mind.
    return alternatives if "".join(parts) == expression and all(alternatives) else []

"""Distinguished names in the spellings of people and tools, and the one form in which MyProxy servers compare them.

That form is what ``openssl x509 -subject -nameopt compat`` prints: ``/C=TW/O=Test/CN=Some Body``, the most general
part first.  A text that may stand for more than one name has no such form: a wrong one would let somebody else in, or
nobody.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from goclient.services.gsi.der import OID, SEQUENCE, UTF8, Damaged, encode, oid_content, read
from goclient.services.gsi.names import NUMBERS, escape

MAX_TEXT = 4096  # characters; the form itself has 1,023 at most
_TYPE = r"((?:OID\.)?[0-9]+(?:\.[0-9]+)+|[A-Z][A-Z0-9-]*)"
# On one line a slash or a plus with TYPE= behind it begins a part or an attribute; any other belongs to a value.
_BEGIN = re.compile(rf"(?<!\\)([/+])(\s*){_TYPE}(\s*)=", re.IGNORECASE)
_IN_VALUE = re.compile(r"(?<!\\)([/+])")
_AFTER_COMMA = re.compile(rf",\s*{_TYPE}\s*=", re.IGNORECASE)
# RFC 2253 and RFC 1779: commas or semicolons; quotes and backslashes take their meaning away.
_ATTRIBUTE = re.compile(
    rf'\s*{_TYPE}(\s*)=\s*(?!\s)("(?:[^"\\]|\\.)*"\s*|(?:[^\\",;+]|\\.)*)(?:([,;+]\s*)|$)', re.IGNORECASE
)
_ESCAPE = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPED_BYTES = re.compile(r"(?:\\[89A-F][0-9A-F])+")
_PREFIX = re.compile(r"(?:subject|issuer)\s*=\s*", re.IGNORECASE)
_NUMBERED = {number: name for name, number in NUMBERS.items()}
# What other tools and former versions of OpenSSL call the same.  "S" is a state for some, a surname for others.
_OTHER_NAMES = {
    "email": "emailAddress", "e": "emailAddress", "commonname": "CN", "countryname": "C", "localityname": "L",
    "stateorprovincename": "ST", "organizationname": "O", "organizationalunitname": "OU", "domaincomponent": "DC",
    "userid": "UID", "surname": "SN", "givenname": "GN", "streetaddress": "street", "rfc822mailbox": "mail",
}  # fmt: skip
_NAMES = {name.lower(): name for name in NUMBERS if name != "uid"} | _OTHER_NAMES
_GENERAL = {"C": 0, "DC": 0, "O": 1, "L": 1, "ST": 1, "OU": 2, "CN": 3, "UID": 3, "emailAddress": 3, "serialNumber": 3}


class _Attribute(NamedTuple):
    kind: str  # as OpenSSL names it
    value: bytes


_Part = list[_Attribute]


class _Ambiguous(Exception):
    """A text that may stand for more than one name, or for none."""


def plain_form(text: str) -> str | None:
    """Return a name that begins with a slash with the escapes that it lacks; None for any other text.

    What is not ASCII becomes ``\\xC3``; a slash or plus in a value, as in ``/CN=host/name``, gets a backslash.
    """
    found = _attributes(text)
    return _hexadecimal("".join(begin[0] + _escape(value) for begin, value in found)) if found else None


def right_form(text: str) -> str | None:
    """Return the one form that a name in any spelling has; None if it has none or is ambiguous."""
    if len(text) > MAX_TEXT:
        return None
    bare = text if text.startswith("/") else text.strip()  # a blank at the end may be the value's
    if len(bare) > 1 and bare[0] + bare[-1] in ('""', "''", "\u201c\u201d", "\u2018\u2019"):
        bare = bare[1:-1]
    prefix = _PREFIX.match(bare)
    bare = bare[prefix.end() :] if prefix else bare
    if _AFTER_COMMA.search(bare):
        bare = bare[1:] if len(_attributes(bare)) == 1 else bare  # a slash before a name with commas
    elif any(begin[1] == "/" and _resolve(begin[3]) for begin, _ in _attributes(f"/{bare}")[1:]):
        bare = f"/{bare}"
    try:
        return _of_slashes(bare) if bare.startswith("/") else _of_commas(bare, of_openssl=prefix is not None)
    except (_Ambiguous, Damaged, ValueError):
        return None


# --- on one line, with slashes ----------------------------------------------------------------------------------


def _attributes(text: str) -> list[tuple[re.Match[str], str]]:
    """Return how each attribute begins, and its value behind that; none if the text does not begin with one."""
    begins = [one for one in _BEGIN.finditer(text) if not (one[2] or one[4]) or _resolve(one[3])]
    if not begins or begins[0].start() != 0:
        return []
    ends = [*(begin.start() for begin in begins[1:]), len(text)]
    return [(begin, text[begin.end() : end]) for begin, end in zip(begins, ends, strict=True)]


def _escape(value: str) -> str:
    """Return a value in which no slash and no plus begins a part."""
    return _IN_VALUE.sub(r"\\\1", value)


def _hexadecimal(text: str) -> str:
    """Return the text with each byte that is not ASCII as ``\\xC3``."""
    return "".join(c if c.isascii() else "".join(f"\\x{byte:02X}" for byte in c.encode()) for c in text)


def _resolve(kind: str) -> str | None:
    """Return what OpenSSL calls a type; None for a word that it does not know."""
    if kind in NUMBERS:
        return kind
    lower = kind.lower()
    number = lower.removeprefix("oid.")
    return _NUMBERED.get(number, number) if number[0].isdigit() else _NAMES.get(lower)


def _of_slashes(text: str) -> str:
    """Return the form of a name that has blanks, commas or a slash too many, or other names of types."""
    whole = text if text.endswith("\\/") else text.removesuffix("/")
    found = _attributes(whole)
    if not found:
        raise _Ambiguous
    spaced = any(begin[2] or begin[4] for begin, _ in found)
    ends = [after[1] == "/" for after, _ in found[1:]] + [False]
    comma = ",\\s*$" if _resolve(found[0][0][3]) in ("C", "DC") else ",\\s+$"  # an organisation may end in a comma
    commas = any(ends) and all(re.search(comma, value) for (_, value), end in zip(found, ends, strict=True) if end)
    form = ""
    for (begin, typed), end in zip(found, ends, strict=True):
        value = typed.rstrip().removesuffix(",") if commas and end else typed
        value = _ESCAPED_BYTES.sub(_character, value.strip() if spaced or commas else value)
        form += f"{begin[1]}{_resolve(begin[3]) or begin[3]}={_escape(value)}"
    return _hexadecimal(form)


def _character(run: re.Match[str]) -> str:
    """Return the characters whose bytes are written as ``\\C4\\8C``, or the text as it is."""
    try:
        return bytes.fromhex(run[0].replace("\\", "")).decode()
    except UnicodeDecodeError:
        return run[0]


# --- with commas ------------------------------------------------------------------------------------------------


def _of_commas(text: str, *, of_openssl: bool) -> str:
    """Return the form of a name with commas; ``of_openssl``: it stands behind ``subject=``."""
    parts, spaced, close = _parts(text)
    if len(parts) > 1 and _is_reversed(parts, of_openssl=of_openssl, spaced=spaced, close=close):
        parts = [_in_order(part[::-1], part) for part in parts[::-1]]
    else:
        parts = [_in_order(part) for part in parts]
    return "".join("/" + "+".join(f"{kind}={escape(value)}" for kind, value in part) for part in parts)


def _is_reversed(parts: list[_Part], *, of_openssl: bool, spaced: bool, close: bool) -> bool:
    """Return whether the most general part stands last; raise _Ambiguous.

    RFC 2253 has it last, and no blanks behind commas; OpenSSL's own form has it first, and blanks.  A country or a
    domain at one end says enough by itself, unless it is OpenSSL that says otherwise.
    """
    first, last = (_GENERAL.get(part[0].kind) for part in (parts[0], parts[-1]))
    order = 0 if first is None or last is None else last - first
    if spaced or (of_openssl and not close):
        if order < 0:
            raise _Ambiguous
        return False
    is_sure = 0 in (first, last) and not of_openssl
    if order == 0 or not (is_sure or (order < 0) == close):
        raise _Ambiguous
    return order < 0


def _parts(text: str) -> tuple[list[_Part], bool, bool]:
    """Return the parts, whether there are blanks before ``=``, and whether no comma has one behind it."""
    parts: list[_Part] = [[]]
    spaced, close, at = False, True, 0
    while True:
        found = _ATTRIBUTE.match(text, at)
        if found is None:
            raise _Ambiguous
        kind, blanks, value, separator = found.groups()
        name = _resolve(kind)
        if name is None or name == "uid":  # which is UID for everybody but OpenSSL
            raise _Ambiguous
        parts[-1].append(_Attribute(name, _value(value)))
        spaced = spaced or bool(blanks)
        if separator is None:
            return parts, spaced, close
        if separator[0] != "+":
            parts.append([])
            close = close and len(separator) == 1
        at = found.end()


def _value(raw: str) -> bytes:
    """Return the bytes of a value as RFC 2253, RFC 4514 and OpenSSL write it; raise Damaged, ValueError."""
    if raw.startswith("#"):
        return read(bytes.fromhex(raw[1:]))[0].content
    if raw.startswith('"'):
        raw = raw.rstrip()[1:-1]
    else:
        bare = raw.rstrip()
        raw = bare + " " if bare.endswith("\\") and bare != raw else bare  # a blank with a backslash is the value's
        if any(_resolve(begin[3]) for begin in _BEGIN.finditer(raw)):
            raise _Ambiguous  # slashes and commas

    def unescape(escape: re.Match[bytes]) -> bytes:
        return bytes.fromhex(escape[1].decode()) if len(escape[1]) == 2 else escape[1]

    return _ESCAPE.sub(unescape, raw.encode())


def _in_order(*ways: _Part) -> _Part:
    """Return that one of the orders of a part's attributes which certificates have: that of their DER."""
    for way in ways:
        if way == sorted(way, key=_der):
            return way
    raise _Ambiguous


def _der(attribute: _Attribute) -> bytes:
    number = NUMBERS.get(attribute.kind, attribute.kind)
    return encode(SEQUENCE, encode(OID, oid_content(number)) + encode(UTF8, attribute.value))

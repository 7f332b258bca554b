"""Every credential that this process holds, and one function that hides all of them in a text.

Code that reads a credential registers it here.  What is shown, sent or written passes through :func:`hide`, at the
one place where it leaves the process.
"""

from __future__ import annotations

import re
import sys
from _thread import allocate_lock  # threading, which has it, too, takes longer to load than all of this
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import suppress

SHORTEST = 8  # characters; a shorter credential would hide ordinary words
MASK = "***"
_UUID = 36  # characters
_ROUNDS = 4  # escapes inside escapes: percent-encoded in JSON in JSON in HTML

# What OAuth 2.0 calls what must not be known, in answers and in forms: RFC 6749, 7009, 7636 and 8628, OpenID Connect.
_ANSWERED = {"access_token", "client_secret", "device_code", "id_token", "refresh_token"}
_SENT = {*_ANSWERED, "code", "code_verifier", "token"}  # the code of an answer is that of an error
WEB_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")  # of requests
# Patterns as texts: re compiles and keeps them when one is needed, which --help needs not wait for.
_NAME = (
    r"(?i)(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDS?|CREDENTIALS?|SIGNATURE|API_?KEY|(^|_)KEY|_PASS)"
    r"(_FILE|_PATH|_DIR(ECTORY)?)?$"
)
_KEY = r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END|\Z)"
_ESCAPE = (
    r"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\x[0-9A-Fa-f]{2}|\\[^uUx]"
    r"|&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos);"
)
_JWT = r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"  # a JWT: RFC 7519, as compact JWS
_STORED = r'"(?:id|access|refresh)_token"\s*:\s*"([^"]*)"'
_LOGIN = r"(?<=://)[^/\s@:]*:[^/\s@]*(?=@)"  # of a URL, with its password
_NAMED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_NAMED |= {"amp;": "&", "lt;": "<", "gt;": ">", "quot;": '"', "apos;": "'"}

_needles: tuple[str, ...] = ()
_lock = allocate_lock()


def is_called_secret(name: str) -> bool:
    """Return True for what programs call a credential: the end of a variable's name, of a form's or a query's key."""
    return re.search(_NAME, name) is not None


def register(*credentials: str | None) -> None:
    """Hide these credentials from now on; None, and what is shorter than :data:`SHORTEST`, does not count."""
    global _needles
    found = {needle for one in credentials if one and len(one) >= SHORTEST for needle in _forms(one)}
    with _lock:
        _needles = tuple(found.union(_needles))


def register_form(fields: Mapping[str, str]) -> None:
    """Hide the credentials in a form that OAuth 2.0 is sent from now on."""
    register(*(value for name, value in fields.items() if name in _SENT))


def register_answer(content: bytes) -> None:
    """Hide the credentials in a JSON document that OAuth 2.0 answers with from now on."""
    import json  # --help and --version are faster without

    with suppress(ValueError, RecursionError):
        _register_document(json.loads(content))


def _register_document(document: object) -> None:
    if isinstance(document, dict):
        register(*(str(value) for name, value in document.items() if name in _ANSWERED))
    for one in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        _register_document(one)


def register_url(url: str) -> bool:
    """Hide what a URL holds to prove who asks from now on: a password, or what its query calls a credential.

    Return True if there is any.
    """
    from urllib.parse import parse_qsl, unquote  # only a URL pays for it

    rest, _, query = url.partition("#")[0].partition("?")
    password = rest.partition("//")[2].partition("/")[0].rpartition("@")[0].partition(":")[2]
    fields = parse_qsl(query)
    found = [value for name, value in fields if is_called_secret(name) and name.lower() != "key"]  # S3's is a name
    found = [password, *(one for one in found if len(one) >= SHORTEST)]
    register(*found, unquote(password))
    return any(found)


def register_keys(pem: bytes) -> None:
    """Hide the private keys of a PEM file from now on, whatever became of its line breaks."""
    text = pem.decode("latin-1")
    register(*(line for key in re.findall(_KEY, text) for line in re.split(r"[^A-Za-z0-9+/=]+", key)))


def register_misplaced(client_id: str) -> None:
    """Hide what is too long for the id of a Globus client, a UUID: its secret, in the wrong place."""
    register(client_id if len(client_id) > _UUID else None)


def tokens_in(text: str) -> list[str]:
    """Return what has the form of a token in a text."""
    found = re.findall(_JWT, text) if "eyJ" in text else []  # a list may have a megabyte
    return [*found, *re.findall(_STORED, text)]


def mask_forms(text: str) -> str:
    """Return the text with ``***`` in place of what has the form of a credential, though nobody has registered it.

    These are tokens, the user's name and the password in a URL, and private keys, of which nothing around is shown.
    """
    if "PRIVATE KEY-----" in text:  # also one that has lost its beginning
        return MASK
    for token in tokens_in(text) if "eyJ" in text or "_token" in text else ():
        text = text.replace(token, MASK)
    return re.sub(_LOGIN, MASK, text) if "://" in text else text


def hide(text: str) -> str:
    """Return the text with ``***`` in place of each credential, however it is written.

    Found are: the credential as it is; percent-encoded; escaped as in JSON, in Python or in HTML; in base64 or
    base64url, alone or within a longer text, as that of ``id:secret``; and these inside one another.
    """
    needles = _needles
    if not needles or len(text) < SHORTEST:
        return text
    spans: list[tuple[int, int]] = []
    layers: list[tuple[list[int], list[int]]] = []
    for reading, layer in _readings(text):
        layers += [layer] if layer else []
        for start, end in _places(reading, needles):
            for at, shifts in reversed(layers):
                start, end = start + shifts[bisect_left(at, start)], end + shifts[bisect_left(at, end)]
            spans.append((start, end))
    return _mask(text, spans) if spans else text


def _forms(credential: str) -> Iterator[str]:
    """Return what a credential looks like once the escapes of a text are taken off."""
    from base64 import b64encode  # commands without credentials are faster without these
    from urllib.parse import quote, quote_plus

    utf8 = credential.encode("utf-8", "surrogatepass")
    units = credential.encode("utf-16-le", "surrogatepass")
    as_bytes = utf8.decode("latin-1")  # as what is percent-encoded is read here
    as_surrogates = "".join(chr(units[i] | units[i + 1] << 8) for i in range(0, len(units), 2))  # as in JSON
    for text in {credential, as_bytes, as_surrogates}:
        for reading, _ in _readings(text):  # what looks like an escape in it is taken off with those around it
            if len(reading) >= SHORTEST:
                yield _alike(reading)
    for data in {utf8, quote(utf8, safe="").encode(), quote_plus(utf8).encode()}:
        for before in range(3):  # the bytes in front of it decide at which of three alignments it stands
            encoded = b64encode(bytes(before) + data).decode()
            yield _alike(encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6])


def _alike(text: str) -> str:
    """Return the text with base64url as base64, and a blank as the + of a form."""
    return text.replace("-", "+").replace("_", "/").replace(" ", "+")


def _readings(text: str) -> Iterator[tuple[str, tuple[list[int], list[int]] | None]]:
    """Return the text as it is, and then with one layer of escapes after the other taken off.

    With each comes where its escapes were in it, and by how much what follows each of them has moved.
    """
    yield text, None
    for _ in range(_ROUNDS):
        parts: list[str] = []
        at: list[int] = []
        shifts = [0]
        last = length = 0
        for match in re.finditer(_ESCAPE, text):
            meaning = _meaning(match[0])
            length += match.start() - last
            at.append(length)
            shifts.append(shifts[-1] + len(match[0]) - len(meaning))
            parts += (text[last : match.start()], meaning)
            length += len(meaning)
            last = match.end()
        if not at:
            return
        text = "".join((*parts, text[last:]))
        yield text, (at, shifts)


def _meaning(escape: str) -> str:
    """Return what one escape stands for, at least one character."""
    if escape[0] == "%":
        return chr(int(escape[1:], 16))
    if escape[0] == "\\" and escape[1] in "uUx":
        number = int(escape[2:], 16)
    elif escape.startswith("&#"):
        number = int(escape[3:-1], 16) if escape[2] in "xX" else int(escape[2:-1])
    else:
        return _NAMED.get(escape[1:], escape[1])
    return chr(number) if number <= sys.maxunicode else "\0"


def _places(reading: str, needles: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Return where each credential begins and ends in one reading of a text."""
    reading = _alike(reading)
    for needle in needles:
        start = reading.find(needle)
        while start >= 0:
            yield start, start + len(needle)
            start = reading.find(needle, start + 1)


def _mask(text: str, spans: list[tuple[int, int]]) -> str:
    """Return the text with one mask in place of all spans that touch."""
    parts: list[str] = []
    last = 0
    for start, end in sorted(spans):
        if start > last or not parts:
            parts += (text[last:start], MASK)
        last = max(last, end)
    return "".join((*parts, text[last:]))

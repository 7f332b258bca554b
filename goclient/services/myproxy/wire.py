"""Requests to a MyProxy server, and its responses, as bytes.

Read from PROTOCOL of MyProxy 6.2 and from what its server and its tools send.  A message is lines ``NAME=value`` and a
final NUL.  Nothing here waits for anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from goclient.errors import MyproxyError, raise_all
from goclient.errors.myproxy import NotMyproxy
from goclient.errors.wording import quote

VERSION = "MYPROXYv2"
GET, PUT, INFO, DESTROY = 0, 1, 2, 3
OK, REFUSED, CHALLENGE = 0, 1, 2
MAX_RESPONSE = 256 << 10  # bytes; a deposit takes less than 1 KiB
MAX_LIFETIME = (1 << 31) - 1  # seconds; the server reads an int
MAX_ACCOUNT = 200  # characters; the server makes a file name of it,
MAX_DN_ACCOUNT = 1023  # unless it has a slash: then of its digest
MAX_NAME = 64
MAX_POLICY = 4096
MAX_DESCRIPTION = 1024
MAX_PASSPHRASE = 1023  # MAXPASS_LEN of the server
_FIRST_TIME, _LAST_TIME = 0, 253_370_764_800  # the year 9999 begins


class Request(NamedTuple):
    """One request; what is empty is not sent, except the five lines that the server insists on."""

    command: int
    account: str
    lifetime: int = 0  # seconds
    name: str = ""
    description: str = ""
    retrievers: str = ""  # a pattern: who may retrieve without a pass phrase
    renewers: str = ""
    passphrase: str = ""


class Deposit(NamedTuple):
    """One credential on a server; times are Unix times, policies are patterns, "" if none is set."""

    name: str
    owner: str
    start: int
    end: int
    retrievers: str = ""  # who needs no pass phrase
    renewers: str = ""
    description: str = ""


class Response(NamedTuple):
    """One answer: ``kind`` is OK, REFUSED or CHALLENGE; ``errors`` are the server's own words."""

    kind: int
    errors: tuple[str, ...] = ()
    fields: dict[str, str] = {}  # noqa: RUF012  # never written to


# --- requests ---------------------------------------------------------------------------------------------------


def encode_request(request: Request) -> bytes:
    """Return the bytes of a request; raise all that is wrong with its fields.

    A line end in a field would be a line of its own, such as ``RETRIEVER_TRUSTED=*``.
    """
    faults = (MyproxyError(message, hint=hint, code="myproxy-field") for message, hint in _faults(request))
    raise_all(faults)
    lines = [
        f"VERSION={VERSION}",
        f"COMMAND={request.command}",
        f"USERNAME={request.account}",
        f"PASSPHRASE={request.passphrase}",
        f"LIFETIME={request.lifetime}",
    ]
    optional = {
        "RENEWER": request.renewers,
        "CRED_NAME": request.name,
        "CRED_DESC": request.description,
        "RETRIEVER_TRUSTED": request.retrievers,
    }
    lines += [f"{name}={value}" for name, value in optional.items() if value]
    return "".join(line + "\n" for line in lines).encode() + b"\0"


def _faults(request: Request) -> Iterator[tuple[str, str]]:
    """Yield a message and a hint for each thing that is wrong with the fields of a request."""
    limits = {
        "user name": (request.account, MAX_DN_ACCOUNT if "/" in request.account else MAX_ACCOUNT),
        "credential name": (request.name, MAX_NAME),
        "description": (request.description, MAX_DESCRIPTION),
        "retriever policy": (request.retrievers, MAX_POLICY),
        "renewer policy": (request.renewers, MAX_POLICY),
    }
    for what, (text, limit) in limits.items():
        if not text.isprintable():
            hint = "leave them out: the server reads lines"
            yield f"the {what} {quote(text)} has characters that do not print", hint
        elif len(text.encode()) > limit:
            yield f"the {what} {quote(text, 40)} is longer than {limit} bytes", "give a shorter one"
    if not request.account:
        yield "the user name on the MyProxy server is empty", "give a name: --user NAME"
    name, bad = request.name, sorted(set(request.name) & set("-,=/"))
    if bad or name.strip() != name:
        has = " and ".join(map(quote, bad)) or "blanks at an end"
        hint = "use letters, digits, . and _: the server keeps user A-B and user A with the name B in one file"
        yield f"the credential name {quote(name)} has {has}", hint
    if not request.passphrase.isprintable() or len(request.passphrase.encode("utf-8", "replace")) > MAX_PASSPHRASE:
        yield "the pass phrase has characters that do not print, or is too long", "type it without line ends"
    if not 0 <= request.lifetime <= MAX_LIFETIME:
        yield f"the lifetime {request.lifetime} s is out of range", f"give 0 to {MAX_LIFETIME} s"


# --- responses --------------------------------------------------------------------------------------------------


def decode_response(data: bytes) -> Response:
    """Return the response in some bytes, which may end with a NUL; raise MyproxyError if they are not one."""
    if len(data) > MAX_RESPONSE:
        raise _garbage(f"its answer is longer than {MAX_RESPONSE} bytes")
    text = data.removesuffix(b"\0").decode("utf-8", "backslashreplace")
    fields: dict[str, str] = {}
    errors: list[str] = []
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if name == "ERROR":
            errors.append(value)
        elif equals:
            fields.setdefault(name, value)  # the C tools take the first one, too
    if fields.get("VERSION") != VERSION:
        raise _garbage(f"its answer is not MyProxy's: {quote(text, 80)}")
    kind = fields.get("RESPONSE", "")
    if kind not in ("0", "1", "2"):
        raise _garbage(f"its answer is of an unknown kind: {quote(kind, 80)}")
    return Response(int(kind), tuple(error for error in errors if error.strip()), fields)


def deposits_of(response: Response) -> tuple[Deposit, ...]:
    """Return the credentials that an answer to INFO lists, in the server's order; raise MyproxyError."""
    fields = response.fields
    if "CRED_START_TIME" not in fields:
        return ()
    further = dict.fromkeys(name for name in fields.get("ADDL_CREDS", "").split(",") if name)
    prefixes = [(fields.get("CRED_NAME", ""), "CRED"), *((name, f"CRED_{name}") for name in further)]
    return tuple(
        Deposit(
            name,
            owner=_text(fields, f"{prefix}_OWNER"),
            start=_time(fields, f"{prefix}_START_TIME"),
            end=_time(fields, f"{prefix}_END_TIME"),
            retrievers=_text(fields, f"{prefix}_RETRIEVER_TRUSTED"),
            renewers=_text(fields, f"{prefix}_RENEWER"),
            description=_text(fields, f"{prefix}_DESC"),
        )
        for name, prefix in prefixes
    )


def _text(fields: dict[str, str], name: str) -> str:
    """Return the text of a field, the empty string without it; raise MyproxyError if it is longer than any policy."""
    text = fields.get(name, "")
    if len(text) > MAX_POLICY:
        raise _garbage(f"its {quote(name, 60)} has {len(text)} characters")
    return text


def _time(fields: dict[str, str], name: str) -> int:
    """Return the time in a field; raise MyproxyError."""
    text = fields.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 13 and _FIRST_TIME <= int(text) <= _LAST_TIME):
        raise _garbage(f"its {quote(name, 60)} is not a time: {quote(text, 40)}")
    return int(text)


def _garbage(why: str) -> MyproxyError:
    return NotMyproxy(
        f"the MyProxy server sent no answer that can be read: {why}",
        hint="check that the host and the port are a MyProxy server's",
        code="myproxy-garbage",
    )

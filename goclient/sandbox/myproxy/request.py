"""Requests of MyProxy clients and the responses to them, as myproxy-server 6.2 reads and writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from cryptography import x509

from goclient.sandbox.myproxy.deposits import Deposit

VERSION = "MYPROXYv2"
OK, ERROR = 0, 1


class Command(IntEnum):
    """Commands that are carried out here, by their numbers."""

    GET = 0
    PUT = 1
    INFO = 2
    DESTROY = 3


class RefusedError(Exception):
    """A request that is not granted; the text is what the client is told, a line each."""


@dataclass(frozen=True, slots=True)
class MyProxyRequest:
    """One request; of the policies None is "not sent", which is not the same as an empty one."""

    command: Command
    username: str
    passphrase: str
    lifetime: int  # seconds
    name: str | None
    description: str | None
    retrievers: str | None
    key_retrievers: str | None
    trusted: str | None
    renewers: str | None


def parse(message: bytes) -> MyProxyRequest:
    """Return the request of a message; raise RefusedError in the real server's words and order."""
    text = message.partition(b"\0")[0].decode("latin-1")
    version, number = _value(text, "VERSION"), _number(_value(text, "COMMAND"))
    username, passphrase = _value(text, "USERNAME"), _value(text, "PASSPHRASE")
    lifetime = _number(_value(text, "LIFETIME"))
    more = {
        "name": _optional(text, "CRED_NAME"),
        "description": _optional(text, "CRED_DESC"),
        "retrievers": _optional(text, "RETRIEVER"),
        "key_retrievers": _optional(text, "KEYRETRIEVERS"),
        "trusted": _optional(text, "RETRIEVER_TRUSTED"),
        "renewers": _optional(text, "RENEWER"),
    }
    if number not in list(Command):
        raise RefusedError("UNKNOWN command in request.")
    if version != VERSION:
        raise RefusedError("Invalid version number received.")
    if not username:
        raise RefusedError("Invalid username received.")
    return MyProxyRequest(Command(number), username, passphrase, max(lifetime, 0), **more)


def _value(text: str, name: str) -> str:
    value = _optional(text, name)
    if value is None:
        raise RefusedError("error parsing request")
    return value


def _optional(text: str, name: str) -> str | None:
    """Return the value of a field, or None without it.

    The real server looks for ``NAME=`` anywhere, also in other values, and takes no second one (myproxy.c:
    convert_message).
    """
    _, *rest = text.split(f"{name}=")
    if len(rest) > 1:
        raise RefusedError("error parsing request")
    return rest[0].partition("\n")[0] if rest else None


def _number(text: str) -> int:
    """Return the number as strtol reads one, of which the real server keeps 32 bits."""
    match = re.fullmatch(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text)
    if match is None:
        raise RefusedError("error parsing request")
    sign, digits = match.groups()
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    value = int(sign + digits, base)
    return (value + 2**31) % 2**32 - 2**31


def response(kind: int, lines: Sequence[str] = ()) -> bytes:
    """Return a response with further lines."""
    return "\n".join([f"VERSION={VERSION}", f"RESPONSE={kind}", *lines, "\0"]).encode("latin-1")


def refusal(text: str) -> bytes:
    """Return the response to a request that is not granted."""
    return response(ERROR, [f"ERROR={line}" for line in text.split("\n")])


def describe(deposits: Sequence[Deposit]) -> bytes:
    """Return the response to INFO: the first deposit's fields, those of others with their names in between."""
    lines: list[str] = []
    for place, one in enumerate(deposits):
        chain = x509.load_pem_x509_certificates(one.certificates)
        fields = {
            "NAME": None if place else one.name,
            "DESC": one.description,
            "START_TIME": int(max(each.not_valid_before_utc for each in chain).timestamp()),
            "END_TIME": int(min(each.not_valid_after_utc for each in chain).timestamp()),
            "OWNER": one.owner,
            "RETRIEVER": one.retrievers,
            "KEYRETRIEVERS": one.key_retrievers,
            "RETRIEVER_TRUSTED": one.trusted,
            "RENEWER": one.renewers,
        }
        prefix = f"CRED_{one.name}_" if place else "CRED_"
        lines += [f"{prefix}{field}={value}" for field, value in fields.items() if value is not None]
    if len(deposits) > 1:
        lines.append(f"ADDL_CREDS={','.join(one.name or '' for one in deposits[1:])}")
    return response(OK, lines)

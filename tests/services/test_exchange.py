"""Whatever a service sends, the command says so in an error of ours, a short one, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from contextlib import ExitStack
from functools import cache

import pytest

from goclient.errors.wording import cite, quote
from goclient.services.globus.documents import parse
from tests import faults
from tests.faults import Connection, Fault, FaultyServer

MIB = 1 << 20
MOST_MEMORY = 150  # MB
TIMEOUT = 300.0  # seconds; a slow machine takes one

CHILD = """
import logging, os, sys
kind, *urls = sys.argv[1:]
os.environ["GLOBUS_SDK_ENVIRONMENT"] = "goclient-test"
logging.disable(logging.CRITICAL)
from goclient.errors import GoclientError
from goclient.services.globus.access import GlobusAccess
from goclient.services.panda.access import PandaAccess
from goclient.model.endpoint import GlobusEndpoint
from goclient.services.globus import json_service
from goclient.services.globus.json_service import Manner
from goclient.services.globus.rest import RestTransfer
from goclient.services.globus.sdk import Globus
from goclient.services.panda.client import PandaServer
json_service.RETRIES = 0
ID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"

def ask(url):
    for name in ("AUTH", "TRANSFER"):
        os.environ[f"GLOBUS_SDK_SERVICE_URL_{name}"] = url + "/"
    if kind == "rest":
        manner = Manner(timeout=5.0, patience=0.0)
        return RestTransfer(url, lambda *, refused="", scopes=(): "token", manner).listing(GlobusEndpoint(ID), "/")
    if kind == "panda":
        return PandaServer(PandaAccess(url, 5.0, 5.0)).describe([1])
    globus = Globus(GlobusAccess(ID, "secret", 5.0))
    globus._client.retry_config.max_retries = 0
    return globus.listing(GlobusEndpoint(ID), "/")

for url in urls:
    if process := os.fork():  # each body in a process of its own
        os.waitpid(process, 0)
        continue
    try:
        print("answer", ask(url), flush=True)
    except GoclientError as error:
        peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
        print("error", int(peak.split()[1]) // 1024, len(error.message), error.code, error.message, flush=True)
    os._exit(0)
"""
TOKEN = {
    "access_token": "t", "scope": "urn:globus:auth:scope:transfer.api.globus.org:all", "expires_in": 3600,
    "token_type": "Bearer", "resource_server": "transfer.api.globus.org", "other_tokens": [],
}  # fmt: skip


def packed(piece: bytes, count: int, wbits: int = 31) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(piece) for _ in range(count)) + packer.flush()


def body(content: bytes, *, status: str = "200 OK", packing: str = "") -> Fault:
    return faults.replies(faults.http(content, status=status, more=f"Content-Encoding: {packing}\r\n" * bool(packing)))


def stream(head: bytes, piece: bytes) -> Fault:
    """Sends the head and then the piece for ever, as fast as it is read."""

    def fault(connection: Connection) -> None:
        connection.read()
        connection.send(head)
        while not connection.server.stopping.is_set():
            connection.send(piece)

    return fault


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@cache
def bodies() -> dict[str, Fault]:
    """The answers; half a gigabyte is packed for them, which takes a second."""
    bomb = packed(b" " * MIB, 256)
    message = json.dumps({"success": False, "code": "X", "message": "m" * 10 * MIB}).encode()
    return {
        "1 GB": stream(OK + b"Content-Length: 1073741824\r\n\r\n", b"x" * MIB),
        "a body without an end": stream(OK + b"\r\n", b"x" * MIB),
        "chunks without an end": stream(
            OK + b"Transfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b" " * MIB + b"\r\n"
        ),
        "a chunk's size without an end": stream(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1" * MIB),
        "headers without an end": stream(OK, b"X-A: b\r\n" * 1000),
        "a header without an end": stream(OK + b"X-A: ", b"b" * MIB),
        "a bomb": body(bomb, packing="gzip"),
        "a bomb in an error": body(bomb, status="500 Oops", packing="gzip"),
        "a bomb in a bomb": body(packed(bomb, 1), packing="gzip, gzip"),
        "a packing that was not asked for": body(packed(b" " * MIB, 64, 15), packing="deflate"),
        "a packing that is none": body(b"{}", packing="gzip"),
        "half a packing": body(packed(b"{}" * MIB, 1)[:100], packing="gzip"),
        "deep lists": body(b"[" * 100_000 + b"]" * 100_000),
        "deep objects": body(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        "lists that Python could read": body(b"[" * 900 + b"]" * 900),
        "a message of 10 MB": body(message),
        "a message of 10 MB in an error": body(message, status="403 No"),
        "many lists": body(b"[" + b"[]," * (4 * MIB) + b"1]"),
        "many numbers": body(b"[" + b"1234567," * MIB + b"1]"),
        "letters that take four bytes": body(b'["' + b"a" * (11 * MIB) + "\U0001f600".encode() + b'"]'),
        "a number of 5,000 digits": body(b'{"success": true, "data": [{"PandaID": ' + b"9" * 5000 + b"}]}"),
        "a body that is shorter than it says": faults.replies(faults.http(b"{}", length=100)),
        "two lengths": faults.replies(OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n{}"),
    }


def of(kind: str, fault: Fault) -> Fault:
    """A service with the fault, which gives tokens to those who need them first."""

    def answer(connection: Connection) -> None:
        if kind == "listing" and not connection.server.requests:
            connection.read()
            connection.send(faults.document(TOKEN))
        else:
            fault(connection)

    return answer


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("kind", ["panda", "listing", "rest"])
def test_a_hostile_answer_is_a_short_error_and_takes_little_memory(kind: str) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(FaultyServer(of(kind, fault))) for fault in bodies().values()]
        command = [sys.executable, "-c", CHILD, kind, *(server.url for server in servers)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = dict(zip(bodies(), done.stdout.splitlines(), strict=True))
    for name, outcome in outcomes.items():
        kind_of_outcome, peak, length, *_ = outcome.split()
        assert kind_of_outcome == "error", (name, outcome[:300])
        assert int(length) < 1000, name
        assert int(peak) <= MOST_MEMORY, name


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"[" * 60 + b"]" * 60, id="deep"),
        pytest.param(b"[" * 100_000, id="deep and cut"),
        pytest.param(b"[" + b"[]," * 400_001 + b"1]", id="many lists"),
        pytest.param(b"[" + b"1," * 3_000_001 + b"1]", id="many values"),
        pytest.param(b"9" * 5000, id="digits"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b'{"a": 1', id="half"),
    ],
)
def test_what_no_service_sends_is_not_json(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^"):
        parse(content)


def test_a_text_that_is_longer_than_any_is_seen_before_it_is_read() -> None:
    assert parse(b'["' + b"a" * 90 + b'", "' + b"b" * 90 + b'"]', longest=100) == ["a" * 90, "b" * 90]
    with pytest.raises(ValueError, match="longer"):
        parse(b'["' + b"a" * 190 + b'"]', longest=100)


def test_a_value_of_others_is_cut_and_printable() -> None:
    assert cite("\x1b[31m" + "a" * 1000, 10) == r"\x1b[31maaaaa…"
    assert quote("a\nb") == r'"a\nb"'

"""Every call to a service has one end, whatever the service does, and takes little room, whatever it sends."""

from __future__ import annotations

import ast
import inspect
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import requests

import goclient
from goclient.errors import EndpointError, GoclientError, ServerError
from goclient.model.endpoint import GlobusEndpoint
from goclient.model.remote import TransferRequest
from goclient.model.request import Grant
from goclient.services import exchange
from goclient.services.deadline import Background
from goclient.services.exchange import download, head
from goclient.services.globus import login
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.login import LoginRequest
from goclient.services.globus.login_flow import Person
from goclient.services.globus.rest import RestTransfer
from goclient.services.globus.sdk import Globus
from goclient.services.globus.tokens import CollectionTokens, transfer_service
from goclient.services.panda import queues
from goclient.services.panda.access import PandaAccess
from goclient.services.panda.client import PandaServer
from tests import faults
from tests.faults import Connection, Fault, FaultyServer
from tests.sandbox.waiting import until

ID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
AT = GlobusEndpoint(ID)
GRANT = Grant(ID, "/x/", "rw", ID, "2027-01-01T00:00:00+00:00")
Access = Callable[..., GlobusAccess]
END = 1.0  # seconds that a call may take
LATE = 120.0  # seconds after which a test gives up; a call takes END and what a busy machine adds
SOURCES = Path(goclient.__file__).parent

BOTH: dict[str, Callable[[Globus | RestTransfer], object]] = {
    "listing": lambda asked: asked.listing(AT, "/"),
    "mkdir": lambda asked: asked.mkdir(AT, "/x/"),
    "remove": lambda asked: asked.remove(AT, "/x/"),
    "resolve": lambda asked: asked.resolve("SITE1"),
    "submission_id": lambda asked: asked.submission_id(),
    "tasks_labelled": lambda asked: asked.tasks_labelled("goclient 1 "),
}
GLOBUS: dict[str, Callable[[Globus], object]] = {
    **BOTH,
    "identity_called": lambda asked: asked.identity_called(ID),
    "collection": lambda asked: asked.collection(AT),
    "search": lambda asked: asked.search("BNL"),
    "access_rules": lambda asked: asked.access_rules(AT),
    "entry": lambda asked: asked.entry(AT, "/x"),
    "is_empty": lambda asked: asked.is_empty(AT, "/x/"),
    "task": lambda asked: asked.task(ID),
    "list_transferred": lambda asked: asked.list_transferred(ID),
    "grant": lambda asked: asked.grant(GRANT),
    "rules_of": lambda asked: asked.rules_of(GRANT),
    "take_back": lambda asked: asked.take_back(GRANT),
}
REST: dict[str, Callable[[RestTransfer], object]] = {
    **BOTH,
    "https_server": lambda asked: asked.https_server(ID),
    "rename": lambda asked: asked.rename(AT, "/x", "/y"),
    "create_personal": lambda asked: asked.create_personal("x"),
    "personal_called": lambda asked: asked.personal_called("x"),
    "delete": lambda asked: asked.delete(ID),
    "submit": lambda asked: asked.submit(TransferRequest(ID, ID, (), "x", ID, 60.0)),
    "tasks": lambda asked: asked.tasks([ID]),
    "faults": lambda asked: asked.faults(ID),
    "cancel": lambda asked: asked.cancel(ID),
}
PERSON = Person(browser=False, show=lambda _: None, ask=lambda: "code")
LOGIN: dict[str, Callable[[GlobusAccess], object]] = {
    "login": lambda access: login.login(access, LoginRequest({ID: ID}), PERSON),
    "whoami": login.whoami,
}
PANDA: dict[str, Callable[[PandaServer], object]] = {
    "submit": lambda server: server.submit("[]", 1),
    "describe": lambda server: server.describe([1]),
    "records": lambda server: server.records([1]),
    "kill": lambda server: server.kill([1]),
    "kill_task": lambda server: server.kill_task(1),
    "retry_task": lambda server: server.retry_task(1),
    "acquire": lambda server: server.acquire("TEST1", node="n"),
    "upload": lambda server: server.upload("jobO.x.tar.gz", b"x"),
    "task_state": lambda server: server.task_state(1),
    "task_jobs": lambda server: server.task_jobs(1),
    "secrets": lambda server: server.secrets(),
    "set_secret": lambda server: server.set_secret("key", "value"),
    "update": lambda server: server.update(1, "running"),
    "rights": lambda server: server.rights(),
}


def half_closed(connection: Connection) -> None:
    """Reads the request, says that it will send nothing more, and stays."""
    connection.read()
    connection.socket.shutdown(socket.SHUT_WR)
    connection.hold()


def unread(connection: Connection) -> None:
    """Reads nothing and says nothing."""
    connection.server.stopping.wait(faults.PATIENCE)


FAULTS: dict[str, Fault] = {
    "the head drips": faults.dripping_head,
    "the body drips": faults.dripping_body,
    "chunks drip": faults.dripping_chunks,
    "a body without a length drips": faults.drips(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    "an error drips": faults.drips(faults.http(b"", status="503 Away", length=1 << 20), b" "),
    "bytes drip before the head": faults.drips(b"", b"H"),
    "it is silent": faults.silent,
    "it reads nothing": unread,
    "it is half closed": half_closed,
    "it says continue for ever": faults.drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "trailers have no end": faults.drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
}
TOKEN = {"access_token": "t", "expires_in": 3600, "token_type": "Bearer", "other_tokens": []}
SERVERS = (TRANSFER, AUTH) = ("transfer.api.globus.org", "auth.globus.org")


def but_for_tokens(fault: Fault) -> Fault:
    """A service that gives tokens to everybody, and has the fault in everything else."""

    def answer(connection: Connection) -> None:
        first = connection.socket.recv(21, socket.MSG_PEEK)
        if first.startswith(b"POST /v2/oauth2/token"):
            scopes = parse_qs(connection.read().body.decode())["scope"][0].split()
            kinds = {server: [one for one in scopes if (server == TRANSFER) == (TRANSFER in one)] for server in SERVERS}
            given = [{**TOKEN, "resource_server": kind, "scope": " ".join(own)} for kind, own in kinds.items() if own]
            connection.send(faults.document({**given[0], "other_tokens": given[1:]}))
        else:
            fault(connection)

    return answer


@pytest.fixture
def access(monkeypatch: pytest.MonkeyPatch) -> Access:
    def asked(server: FaultyServer, seconds: float = END) -> GlobusAccess:
        for name in ("AUTH", "TRANSFER"):
            monkeypatch.setenv(f"GLOBUS_SDK_SERVICE_URL_{name}", f"{server.url}/")
        monkeypatch.setenv("GLOBUS_SDK_ENVIRONMENT", "goclient-test")
        return GlobusAccess(ID, "secret", seconds)

    return asked


class Calls:
    """Calls that are made side by side, each of which has to end in time with an error."""

    def __init__(self) -> None:
        self._made: dict[str, Background[object]] = {}

    def make(self, name: str, call: Callable[[], object]) -> None:
        self._made[name] = Background(call)

    def end(self) -> list[Exception]:
        give_up = time.monotonic() + LATE
        errors = []
        for name, call in self._made.items():
            with pytest.raises((GoclientError, requests.exceptions.RequestException)) as raised:
                call.result(give_up - time.monotonic())
            errors.append(raised.value)
            assert len(str(raised.value)) < 1000, name
        assert all(one.transient for one in errors if isinstance(one, GoclientError))
        return errors


@contextmanager
def faulty(more: Callable[[Fault], Fault]) -> Iterator[dict[str, FaultyServer]]:
    """Servers with one fault each; in the end no connection is open any more: what was given up is not read on."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(FaultyServer(more(fault))) for name, fault in FAULTS.items()}
        yield servers
        give_up = time.monotonic() + LATE
        del servers["it reads nothing"]  # nor does it see that nobody is there any more
        while open_at := [name for name, one in servers.items() if any(t.is_alive() for _, t in one._served)]:
            assert time.monotonic() < give_up, open_at
            time.sleep(0.02)


def until_asked(server: FaultyServer, known: int) -> None:
    """Wait until there is one more than the connections that were known."""
    until(lambda: server.connections > known)


@pytest.mark.conformance  # it takes long
def test_every_call_to_every_service_ends(access: Access) -> None:
    calls = Calls()
    with faulty(but_for_tokens) as servers:
        for fault, server in servers.items():
            asking = access(server)
            for name, act in LOGIN.items():
                known = server.connections
                calls.make(f"{name}: {fault}", partial(act, asking))
                until_asked(server, known)  # it has read the environment, which names the next server then
            service, panda = Globus(asking), PandaServer(PandaAccess(server.url, END, END))
            for name, ask in GLOBUS.items():
                calls.make(f"Globus.{name}: {fault}", partial(ask, service))
            rest = transfer_service(asking)
            for name, ask_rest in REST.items():
                calls.make(f"RestTransfer.{name}: {fault}", partial(ask_rest, rest))
            for name, call in PANDA.items():
                calls.make(f"PandaServer.{name}: {fault}", partial(call, panda))
        assert len(calls.end()) == (len(GLOBUS) + len(REST) + len(PANDA) + len(LOGIN)) * len(FAULTS)


def test_a_page_for_people_is_an_error_of_every_call(access: Access) -> None:
    """A change that nobody confirms was not made, though the status is good: a file had lost its name in that way."""
    with FaultyServer(but_for_tokens(faults.html_ok)) as server:
        service, panda = Globus(access(server)), PandaServer(PandaAccess(server.url, END, END))
        rest = transfer_service(access(server))
        calls = [
            *(partial(one, service) for one in GLOBUS.values()),
            *(partial(one, rest) for one in REST.values()),
            *(partial(one, panda) for one in PANDA.values()),
        ]
        for call in calls:
            with pytest.raises(GoclientError):
                call()


def test_a_token_or_a_payload_that_does_not_come_is_not_waited_for(access: Access) -> None:
    calls = Calls()
    with faulty(lambda fault: fault) as servers:
        for fault, server in servers.items():
            calls.make(f"a token: {fault}", partial(Globus(access(server)).collection, AT))
            calls.make(f"a token for HTTPS: {fault}", partial(CollectionTokens(access(server)).https, ID))
            fetch = partial(download, server.url, BytesIO(), seconds=END, size=1 << 20)
            calls.make(f"a payload: {fault}", fetch)
            calls.make(f"a payload's first bytes: {fault}", partial(head, server.url, seconds=END, size=512))
            calls.make(f"the queues: {fault}", partial(queues.fetch, PandaAccess(server.url, END, END), END))
        calls.end()


def test_redirects_have_one_end() -> None:
    with FaultyServer() as server:

        def again(connection: Connection) -> None:
            connection.read()
            time.sleep(0.3)
            connection.send(faults.http(b"", status="302 Found", more=f"Location: {server.url}/x\r\n"))

        server._fault = again
        call = Background(lambda: download(server.url, BytesIO(), seconds=END, size=1 << 20))
        with pytest.raises(requests.exceptions.RequestException):
            call.result(LATE)
        assert server.attempts < 10


def test_a_handshake_that_stalls_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stalled:  # it accepts, and says nothing
        url = f"https://127.0.0.1:{stalled.getsockname()[1]}"
        call = Background(lambda: PandaServer(PandaAccess(url, END, END, token="t.t.t", vo="x")).describe([1]))
        with pytest.raises(ServerError, match="nothing was sent"):
            call.result(LATE)


def test_retries_share_one_end(access: Access) -> None:
    def slow(connection: Connection) -> None:
        connection.read()
        time.sleep(0.4)
        connection.send(faults.http(b"oops", status="503 Away", kind="text/plain"))

    with FaultyServer(but_for_tokens(slow)) as server:
        calls = Calls()
        calls.make("slow", partial(Globus(access(server)).collection, AT))
        calls.end()
        assert server.attempts < 5


def test_what_was_given_up_before_it_was_sent_is_never_sent() -> None:
    going = exchange.Outgoing(b"content")
    going.abandon()
    with pytest.raises(TimeoutError):
        going.read()
    assert not going.sent


# --- the table is whole ---------------------------------------------------------------------------------------


def test_the_table_has_every_call() -> None:
    def calls(kind: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}

    # One asks nobody, the others ask with one, and the last one revokes, as a logout does.
    assert calls(Globus) == {*GLOBUS, "has_https_token", "ask", "forget"}
    assert calls(RestTransfer) == {*REST, "ask", "while_waiting"}  # which asks nobody
    assert calls(PandaServer) == {
        *PANDA,
        "fresh_token",
        "at",
    }  # panda_login has an end for the one; the other asks nobody
    public = {
        name
        for name, one in vars(login).items()
        if inspect.isfunction(one) and one.__module__ == login.__name__ and not name.startswith("_")
    }
    assert public == {*LOGIN, "logout"}  # a logout revokes with what a token is got with, and says what failed


# Where something is opened that may wait for another machine, and what gives it an end.
OPENED = {
    ("services/exchange.py", "Anonymous"): "bounded",
    ("services/trust.py", "Session"): "bounded",
    ("services/loopback.py", "create_connection"): "a fraction of a second",
    ("services/gsi/dial.py", "socket"): "its deadline",
    ("services/gsi/dial.py", "getaddrinfo"): "its deadline",
    ("config/carried.py", "getaddrinfo"): "within",
    ("carrier/fetch.py", "urlopen"): "its time-out: a carrier that is told to end ends it",
    ("probe/servers.py", "create_connection"): "its time-out; a probe waits for its threads so long",
    ("probe/servers.py", "HTTPConnection"): "its time-out",
    ("probe/servers.py", "HTTPSConnection"): "its time-out",
}
OPENERS = {
    "Session", "RequestsTransport", "socket", "create_connection", "getaddrinfo", "urlopen", "HTTPConnection",
    "HTTPSConnection", "PoolManager", "Anonymous", "get", "post", "put", "request", "build_opener", "Client",
}  # fmt: skip
OURS = {"RequestsTransport", "urlopen", "Anonymous"}  # by their own names
MODULES = {"requests", "urllib", "urllib3", "socket", "http", "httpx", "globus_sdk"}
SDK = {"TransferClient", "AuthClient", "ConfidentialAppAuthClient", "NativeAppAuthClient", "GroupsClient"}


def _calls(path: Path, names: set[str]) -> Iterator[tuple[ast.Call, list[str]]]:
    """The calls in a file that has one of the names, each with the parts of its dotted name."""
    text = path.read_text()
    for node in ast.walk(ast.parse(text)) if any(name in text for name in names) else ():
        if isinstance(node, ast.Call):
            parts: list[str] = []
            at = node.func
            while isinstance(at, ast.Attribute):
                parts.insert(0, at.attr)
                at = at.value
            if isinstance(at, ast.Name):
                parts.insert(0, at.id)
            yield node, parts


def _sources() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCES.rglob("*.py")):
        name = str(path.relative_to(SOURCES))
        if not name.startswith("sandbox/"):  # it is asked, and has its own time-outs where it asks
            yield name, path


@pytest.mark.conformance  # it takes long
def test_nothing_asks_another_machine_but_through_what_has_an_end() -> None:
    opened = {
        (name, parts[-1])
        for name, path in _sources()
        for _, parts in _calls(path, MODULES | OURS)
        if parts and parts[-1] in OPENERS and (parts[0] in MODULES or parts[0] in OURS)
    }
    assert opened == set(OPENED)


def test_every_client_of_the_sdk_has_our_transport() -> None:
    clients = [
        (name, [one.arg for one in call.keywords])
        for name, path in _sources()
        for call, parts in _calls(path, SDK)
        if parts and parts[-1] in SDK
    ]
    assert len(clients) >= 5
    assert all({"transport", "retry_config"} <= set(given) for _, given in clients), clients


# --- a service that wants to be asked later ---------------------------------------------------------------------


IN_AN_HOUR = "a date"  # which tests are collected must not depend on the time


def later(status: str, wait: str) -> Fault:
    if wait == IN_AN_HOUR:
        wait = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3600))
    return faults.replies(faults.http(b"{}", status=status, more=f"Retry-After: {wait}\r\n"))


LIMITS = [
    ("429 Too Many Requests", "3600", "limits how often it is asked, for 60 minutes, until 2"),
    ("429 Too Many Requests", IN_AN_HOUR, "limits how often it is asked, for "),
    ("429 Too Many Requests", "90", "for 90 s, until 2"),
    ("429 Too Many Requests", "86400", "for 24 hours, until 2"),
    ("429 Too Many Requests", "soon", "limits how often it is asked"),
    ("429 Too Many Requests", "9" * 5000, "limits how often it is asked"),
    ("429 Too Many Requests", "-5", "limits how often it is asked"),
    ("503 Away", "3600", "not available, for 60 minutes, until 2"),
    ("503 Away", IN_AN_HOUR, "not available, for "),
]


@pytest.mark.parametrize(("status", "wait", "said"), LIMITS)
def test_a_service_that_limits_requests_says_for_how_long(status: str, wait: str, said: str, access: Access) -> None:
    seconds = LATE if " for " in said else 2 * END  # without a time it is tried again for as long as there is
    with FaultyServer(later(status, wait)) as auth:
        with pytest.raises(EndpointError, match=said) as raised:
            Globus(access(auth, seconds)).collection(AT)
        assert "Globus Auth" in raised.value.message
    with FaultyServer(but_for_tokens(later(status, wait))) as transfer:
        with pytest.raises(EndpointError, match=said) as raised:
            Globus(access(transfer, seconds)).collection(AT)
        assert "Globus Transfer" in raised.value.message
    with FaultyServer(later(status, wait)) as server:
        with pytest.raises(ServerError, match=said):
            PandaServer(PandaAccess(server.url, LATE, LATE)).submit("[]", 1)
        assert server.attempts == 1
        with pytest.raises(ServerError, match=said):
            PandaServer(PandaAccess(server.url, END, END)).describe([1])


def once(fault: Fault, good: bytes) -> Fault:
    """Has the fault once, then answers well."""
    met = threading.Event()

    def answer(connection: Connection) -> None:
        if not met.is_set():
            met.set()
            fault(connection)
        else:
            connection.read()
            connection.send(good)

    return answer


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Away"])
def test_a_short_wait_is_waited_for(status: str, access: Access) -> None:
    good = faults.document({"DATA": []})
    with FaultyServer(but_for_tokens(once(later(status, "1"), good))) as server:
        assert Globus(access(server, LATE)).listing(AT, "/") == {}
    with FaultyServer(once(later(status, "1"), faults.accepted([None]))) as server:
        assert PandaServer(PandaAccess(server.url, LATE, LATE)).describe([1]) == [None]
        assert server.attempts == 2


def test_a_job_is_acquired_once() -> None:
    with FaultyServer(once(later("429 Too Many Requests", "1"), faults.accepted({}))) as server:
        with pytest.raises(ServerError, match="limits"):
            PandaServer(PandaAccess(server.url, LATE, LATE)).acquire("TEST1", node="n")
        assert server.attempts == 1

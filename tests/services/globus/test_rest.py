"""The client of a node says what globus-sdk says, understands what it understands, and is refused as it is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import globus_sdk
import pytest

from goclient import secrets
from goclient.errors import EndpointError, GoclientError, LoginNeeded, RequestError
from goclient.errors.conditions import (
    ConsentNeeded,
    EndpointNotFound,
    GlobusUnreachable,
    PathExists,
    PathNotFound,
)
from goclient.model.endpoint import GlobusEndpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import TransferRequest
from goclient.services.deadline import Background
from goclient.services.globus import app, json_service
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.json_service import Manner
from goclient.services.globus.rest import RestAuth, RestTransfer, ServiceTokens
from goclient.services.globus.sdk import Globus
from goclient.services.globus.tokens import transfer_service
from goclient.services.globus.transfers import MAX_LISTING
from tests import faults
from tests.faults import FaultyServer
from tests.sandboxes import Sandbox
from tests.trouble import FAULTS
from tests.web_server import Request, Response, answering

ID, TASK = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "5176a1aa-8f6c-11f0-8bcd-0affc2b1a0f5"
AT = GlobusEndpoint(ID, "SITE1")
ODD = "/ä b/100%/a+b&c=d;#?'\"\\\n~日本/.."
ITEMS = (TransferItem("/a b", "/c/", True), TransferItem(ODD, "/d", False))
REQUEST = TransferRequest(ID, TASK, ITEMS, "l" * 200, ID, 60.0)
SILENT: Any = {"notify_on_succeeded": False, "notify_on_failed": False, "notify_on_inactive": False}


@dataclass
class Tokens:
    """Tokens that a test counts: each that is asked for because another was refused is a new one."""

    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    renews: bool = True

    def __call__(self, *, refused: str = "", scopes: Sequence[str] = ()) -> str:
        self.asked.append((refused, tuple(scopes)))
        return f"token{sum(1 for one in self.asked if any(one)) if self.renews else 0}"


def good(request: Request) -> Response:
    """An answer that fits every call."""
    data = [{"id": ID, "display_name": "SITE1"}] if "endpoint_search" in request.path else []
    return Response({
        "DATA": data, "id": ID, "globus_connect_setup_key": "k", "value": ID, "task_id": TASK, "code": "Accepted",
        "https_server": "https://x.org",
    })  # fmt: skip


# --- the same requests as globus-sdk's ------------------------------------------------------------------------------


def transfer_data() -> globus_sdk.TransferData:
    """The document of globus-sdk for REQUEST."""
    made = globus_sdk.TransferData(
        ID, TASK, label="l" * 128, submission_id=ID, verify_checksum=True, deadline="later", fail_on_quota_errors=True,
        **SILENT,
    )  # fmt: skip
    for one in ITEMS:
        made.add_item(one.source, one.destination, recursive=one.recursive)
    return made


def delete_data() -> globus_sdk.DeleteData:
    """The document of globus-sdk for a removal."""
    made = globus_sdk.DeleteData(
        ID, label="goclient 7", submission_id=ID, recursive=True, ignore_missing=True, **SILENT
    )
    for one in ("/a b/", ODD):
        made.add_item(one)
    return made


PERSONAL = {"DATA_TYPE": "endpoint", "display_name": "x ä", "is_globus_connect": True, "public": False}
Asked = tuple[Callable[[RestTransfer], object], Callable[[globus_sdk.TransferClient], object]]
CALLS: dict[str, Asked] = {
    "https_server": (lambda ours: ours.https_server(ID), lambda sdk: sdk.get_endpoint(ID)),
    "resolve": (
        lambda ours: ours.resolve("SITE1"),
        lambda sdk: sdk.endpoint_search("SITE1", filter_non_functional=False, limit=100),
    ),
    "listing": (lambda ours: ours.listing(AT, ODD), lambda sdk: sdk.operation_ls(ID, ODD, show_hidden=True)),
    "mkdir": (lambda ours: ours.mkdir(AT, ODD), lambda sdk: sdk.operation_mkdir(ID, ODD)),
    "rename": (lambda ours: ours.rename(AT, ODD, "/n"), lambda sdk: sdk.operation_rename(ID, ODD, "/n")),
    "submission_id": (lambda ours: ours.submission_id(), lambda sdk: sdk.get_submission_id()),
    "remove": (
        lambda ours: ours.remove(AT, "/a b/", ODD, label="goclient 7"),
        lambda sdk: (sdk.get_submission_id(), sdk.submit_delete(delete_data())),
    ),
    "create_personal": (
        lambda ours: ours.create_personal("x ä"), lambda sdk: sdk.post("/v0.10/endpoint", data=PERSONAL)
    ),
    "personal_called": (
        lambda ours: ours.personal_called("x ä"),
        lambda sdk: sdk.endpoint_search(
            "x ä", filter_scope="my-gcp-endpoints", filter_non_functional=False, limit=100
        ),
    ),
    "delete": (lambda ours: ours.delete(ID), lambda sdk: sdk.delete_endpoint(ID)),
    "submit": (lambda ours: ours.submit(REQUEST), lambda sdk: sdk.submit_transfer(transfer_data())),
    "tasks": (
        lambda ours: ours.tasks([TASK, ID]), lambda sdk: sdk.task_list(filter={"task_id": [TASK, ID]}, limit=2)
    ),
    "tasks_labelled": (
        lambda ours: ours.tasks_labelled("goclient 7 "),
        lambda sdk: sdk.task_list(
            filter="type:TRANSFER/label:~goclient 7 *", orderby="request_time ASC", limit=1000
        ),
    ),
    "faults": (
        lambda ours: ours.faults(TASK),
        lambda sdk: sdk.task_event_list(TASK, limit=20, query_params={"filter": "is_error:1"}),
    ),
    "cancel": (lambda ours: ours.cancel(TASK), lambda sdk: sdk.cancel_task(TASK)),
}  # fmt: skip


def sent(request: Request) -> tuple[Any, ...]:
    """What a request says: its method, its path, its query, who asks, and its document."""
    parts = urlsplit(request.path)
    document = json.loads(request.body) if request.body else None
    if isinstance(document, dict):
        document.pop("deadline", None)  # a time
    return request.method, parts.path, parse_qs(parts.query, strict_parsing=bool(parts.query)), document, (
        request.headers["authorization"], request.headers["accept"],
    )  # fmt: skip


def test_every_call_is_the_one_that_globus_sdk_makes() -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return good(request)

    with answering(answer) as url:
        ours = RestTransfer(url + "/", Tokens())
        sdk = globus_sdk.TransferClient(authorizer=globus_sdk.AccessTokenAuthorizer("token0"), base_url=url + "/")
        for name, (make, make_with_sdk) in CALLS.items():
            asked.clear()
            make(ours)
            mine = list(map(sent, asked))
            asked.clear()
            make_with_sdk(sdk)
            assert mine == list(map(sent, asked)), name
    assert set(CALLS) == {name for name in dir(RestTransfer) if not name.startswith("_")} - {"ask"}


# --- the same answers from the sandbox ------------------------------------------------------------------------------


def service_client(sandbox: Sandbox) -> tuple[RestAuth, str, str]:
    auth = RestAuth(sandbox.env["GLOBUS_SDK_SERVICE_URL_AUTH"])
    return auth, sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"]


SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
RESOURCE = "transfer.api.globus.org"


def test_the_sandbox_carries_every_call_out(shared_sandbox: Sandbox) -> None:
    auth, client_id, secret = service_client(shared_sandbox)
    names = {row["display_name"]: row["id"] for row in shared_sandbox.rows("select * from collections")}
    scope = f"https://auth.globus.org/scopes/{names['GUEST1']}/https"
    given = auth.client_token(client_id, secret, [SCOPE, scope])
    assert set(given) == {RESOURCE, names["GUEST1"]}
    assert secrets.hidden(given[RESOURCE]) == secrets.hidden(given[names["GUEST1"]]) == secrets.MASK
    asked = RestTransfer(
        shared_sandbox.env["GLOBUS_SDK_SERVICE_URL_TRANSFER"], lambda *, refused="", scopes=(): given[RESOURCE]
    )
    tokens = ServiceTokens(asked, lambda collection_id: given[collection_id])
    assert tokens.https(names["GUEST1"]) == given[names["GUEST1"]]
    assert tokens.https_server(names["GUEST1"]).startswith("http://127.0.0.1")
    site = GlobusEndpoint(asked.resolve("SITE1").id, "SITE1")
    assert site.text == names["SITE1"]
    top = f"/home/osg_data/rest {time.monotonic_ns()} ä%+&"
    asked.mkdir(site, top)
    asked.mkdir(site, top)
    asked.mkdir(site, f"{top}/x")
    asked.rename(site, f"{top}/x", f"{top}/y 100%")
    assert list(asked.listing(site, top)) == ["y 100%"]
    with pytest.raises(PathNotFound):
        asked.listing(site, f"{top}/x")
    with pytest.raises(PathExists):
        asked.rename(site, f"{top}/y 100%", top)
    items = (TransferItem("/home/osg_data/panda/0064.file", f"{top}/a b", False), TransferItem("/no", "/n", False))
    label = f"goclient {time.monotonic_ns()} "
    first, second = (
        TransferRequest(site.text, site.text, (one,), label + "in", asked.submission_id(), 60.0) for one in items
    )
    task, lost = asked.submit(first), asked.submit(second)
    assert asked.submit(first) == task, "a submission counts once"
    end = time.monotonic() + 20
    while not (asked.tasks([task, lost])[task].has_succeeded and asked.faults(lost)):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert {one.task_id for one in asked.tasks_labelled(label)} == {task, lost}
    asked.cancel(lost)
    made = asked.create_personal(label.strip())
    assert made.setup_key
    assert asked.personal_called(label.strip()) == [made.id]
    asked.delete(made.id)
    with pytest.raises(EndpointNotFound):
        asked.https_server(made.id)
    assert asked.remove(site, top)
    auth.revoke(given[RESOURCE], client_id, secret=secret)
    with pytest.raises(LoginNeeded):
        asked.submission_id()


def test_a_client_that_nobody_knows_gets_no_token(shared_sandbox: Sandbox) -> None:
    auth, client_id, _ = service_client(shared_sandbox)
    with pytest.raises(LoginNeeded, match="invalid_client"):
        auth.client_token(client_id, "another-secret", [SCOPE])


# --- the same faults ------------------------------------------------------------------------------------------------


class ThroughSdk(Globus):
    """The same calls, made by globus-sdk."""

    https_server, resolve, _named = RestTransfer.https_server, RestTransfer.resolve, RestTransfer._named  # type: ignore[assignment]
    rename, create_personal, personal_called = (
        RestTransfer.rename, RestTransfer.create_personal, RestTransfer.personal_called,
    )  # fmt: skip
    delete, submit, tasks = RestTransfer.delete, RestTransfer.submit, RestTransfer.tasks
    faults, cancel = RestTransfer.faults, RestTransfer.cancel


def became(call: Callable[[], object]) -> tuple[str, str, bool]:
    """What becomes of a call: the kind of what it returns, or of its error."""
    try:
        return type(call()).__name__, "", False
    except GoclientError as error:
        return type(error).__name__, error.code, error.transient


def test_every_fault_of_the_service_is_the_same_to_both(
    shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    for module in (app, json_service):
        monkeypatch.setattr(module, "RETRIES", 0)
    shared_sandbox.set(requests_per_second=10_000)
    access = GlobusAccess(shared_sandbox.env["GOCLIENT_CLIENT_ID"], shared_sandbox.env["GOCLIENT_CLIENT_SECRET"], 3.0)
    through_sdk, ours = ThroughSdk(access), transfer_service(access, patience=0.0)
    assert through_sdk.submission_id() != ours.submission_id()
    calls = [one for one, _ in CALLS.values()]
    differ = []
    for fault in (*sorted(set(FAULTS) - {"refused"}), "none"):  # that one is the sandbox's, not an answer
        if fault != "none":
            shared_sandbox.trouble("* /v0.10/*", fault)
        made: list[list[Background[tuple[str, str, bool]]]] = [
            [Background(partial(became, partial(call, cast(RestTransfer, asked)))) for call in calls]
            for asked in (through_sdk, ours)
        ]
        first, second = ([one.result(60.0) for one in each] for each in made)
        differ += [(fault, name, *both) for name, *both in zip(CALLS, first, second, strict=True) if both[0] != both[1]]
        shared_sandbox.clear_trouble()
    shared_sandbox.set()
    assert differ == []


# --- a token that is refused ----------------------------------------------------------------------------------------


@dataclass
class Refusing:
    """A service that refuses some tokens, as it is told."""

    answers: dict[str, Response]
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.asked.append(token)
        return self.answers.get(token) or good(request)


REFUSED = Response({"code": "AuthenticationFailed", "message": "over", "request_id": "r"}, 401)
ACCESS = f"{SCOPE}[*https://auth.globus.org/scopes/{ID}/data_access]"
ASKS = Response({"code": "ConsentRequired", "message": "m", "required_scopes": [ACCESS]}, 403)


@pytest.mark.parametrize(
    ("answer", "scopes"), [pytest.param(REFUSED, (), id="over"), pytest.param(ASKS, (ACCESS,), id="without a consent")]
)
def test_a_token_that_is_refused_is_renewed_once(answer: Response, scopes: tuple[str, ...]) -> None:
    tokens, service = Tokens(), Refusing({"token0": answer})
    with answering(service) as url:
        assert RestTransfer(url, tokens).create_personal("x").id == ID
        assert (service.asked, tokens.asked) == (["token0", "token1"], [("", ()), ("token0", scopes)])
        service.answers = dict.fromkeys(("token1", "token2"), answer)
        service.asked.clear()
        with pytest.raises(LoginNeeded) as raised:
            RestTransfer(url, tokens).create_personal("x")
        assert service.asked == ["token1", "token2"]
        assert isinstance(raised.value, ConsentNeeded) is bool(scopes)


def test_a_token_that_nobody_renews_is_sent_once() -> None:
    service = Refusing({"token0": REFUSED})
    with answering(service) as url, pytest.raises(LoginNeeded):
        RestTransfer(url, Tokens(renews=False)).submission_id()
    assert service.asked == ["token0"]


# --- what is tried again, and what is not ---------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_service, "SHORTEST_PAUSE", 0.01)


def error(status: int, code: str) -> Response:
    return Response({"code": code, "message": "m", "request_id": "r"}, status)


TRIED = {
    "away": (error(503, "ServiceUnavailable"), 4),
    "broken": (error(500, "InternalError"), 4),
    "gateway": (Response(b"<html>", 502, "text/html"), 4),
    "storage": (error(502, "EndpointError"), 1),
    "asleep": (error(502, "ExternalError.DirListingFailed.GCDisconnected"), 1),
    "forbidden": (error(403, "PermissionDenied"), 1),
    "a page": (Response(b"<html>", 200, "text/html"), 1),
    "elsewhere": (Response(b"", 302, location="http://127.0.0.1:9"), 1),
}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", TRIED)
def test_what_may_pass_is_tried_again_but_a_collection_is_made_once(name: str) -> None:
    answer, times = TRIED[name]
    asked: list[str] = []

    def serve(request: Request) -> Response:
        asked.append(f"{request.method} {request.path}")
        return answer

    with answering(serve) as url:
        ours = RestTransfer(url, Tokens())
        for call in (ours.submission_id, lambda: ours.submit(REQUEST), lambda: ours.cancel(ID)):
            asked.clear()
            with pytest.raises(GoclientError):
                call()
            assert len(asked) == times
        asked.clear()
        with pytest.raises(EndpointError):
            ours.create_personal("x")
        assert asked == ["POST /v0.10/endpoint"]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    "fault", [faults.reset_unread, faults.reset_after_reading, faults.half_a_status_line, faults.half_a_document]
)
def test_a_connection_that_breaks_is_another_try(fault: faults.Fault) -> None:
    with FaultyServer(fault) as server:
        ours = RestTransfer(server.url, Tokens(), Manner(timeout=20.0))
        with pytest.raises(GlobusUnreachable) as raised:
            ours.submission_id()
        assert raised.value.transient
        assert "Globus Transfer: " in raised.value.message
        tried = server.attempts
        with pytest.raises(GlobusUnreachable):
            ours.create_personal("x")
        assert (tried, server.attempts) == (4, 5)


def test_a_connection_is_used_again_and_by_one_thread_at_a_time() -> None:
    with answering(good) as url:
        ours = RestTransfer(url, Tokens())
        for _ in range(3):
            ours.submission_id()
        assert len(ours._service._idle) == 1
        threads = [threading.Thread(target=ours.submission_id) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert 1 <= len(ours._service._idle) <= 8


# --- a service that is too busy ---


BUSY = ["429 Too Many Requests", "503 Away"]


def later(status: str, wait: str, times: int) -> tuple[faults.Fault, list[str]]:
    """A service that is busy so many times, and what it was asked."""
    asked: list[str] = []

    def answer(connection: faults.Connection) -> None:
        request = connection.read()
        asked.append(f"{request.method} {request.path}")
        if len(asked) <= times:
            more = f"Retry-After: {wait}\r\n" if wait else ""
            connection.send(faults.http(b"{}", status=status, more=more))
        else:
            connection.send(faults.document({"value": ID, "id": ID, "globus_connect_setup_key": "k", "task_id": TASK}))

    return answer, asked


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("status", "wait"), [(BUSY[0], "0"), (BUSY[1], "0"), (BUSY[0], "")])
def test_a_busy_service_is_asked_for_as_long_as_the_patience(status: str, wait: str) -> None:
    fault, asked = later(status, wait, 6)
    with FaultyServer(fault) as server:
        assert RestTransfer(server.url, Tokens()).submit(REQUEST) == TASK
        assert len(asked) == 7, "more often than what breaks is tried"
        asked.clear()
        with pytest.raises(EndpointError, match=r"it is not available|limits how often"):
            RestTransfer(server.url, Tokens(), Manner(patience=0.0)).submit(REQUEST)
        assert len(asked) == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", BUSY)
def test_a_collection_is_made_after_a_refusal_but_not_after_a_doubt(status: str) -> None:
    fault, asked = later(status, "0", 1)
    with FaultyServer(fault) as server:
        ours = RestTransfer(server.url, Tokens())
        if status == BUSY[0]:  # nothing was done
            assert ours.create_personal("x").id == ID
        else:  # something before the service may have said it
            with pytest.raises(EndpointError):
                ours.create_personal("x")
        assert len(asked) == 1 + (status == BUSY[0])


def test_a_service_that_is_busy_for_long_is_not_waited_for() -> None:
    fault, asked = later(BUSY[0], "3600", 1)
    with FaultyServer(fault) as server, pytest.raises(EndpointError, match="for 60 minutes, until 2") as raised:
        RestTransfer(server.url, Tokens()).submission_id()
    assert (len(asked), raised.value.transient) == (1, True)


def test_many_pilots_of_one_identity_wait_for_their_turn(shared_sandbox: Sandbox) -> None:
    auth, client_id, secret = service_client(shared_sandbox)
    token = auth.client_token(client_id, secret, [SCOPE])[RESOURCE]
    shared_sandbox.set()  # as the service: 20 requests a second, on the average of some seconds
    url = shared_sandbox.env["GLOBUS_SDK_SERVICE_URL_TRANSFER"]
    pilots = [RestTransfer(url, lambda *, refused="", scopes=(): token) for _ in range(20)]
    began = time.monotonic()
    calls = [Background(one.submission_id) for one in pilots for _ in range(12)]
    assert len({one.result(60.0) for one in calls}) == len(calls)
    assert time.monotonic() - began > 1.0, "there was a limit"


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_a_listing_may_be_large_and_nothing_else() -> None:
    entry = {"name": "n" * 200, "type": "file", "size": 1}
    document = json.dumps(
        {"DATA": [{**entry, "name": f"{entry['name']}{i}"} for i in range(55_000)], "value": ID}
    ).encode()
    assert json_service.MAX_ERROR < 12 << 20 < len(document) < MAX_LISTING
    with answering(lambda _: Response(document)) as url:
        ours = RestTransfer(url, Tokens())
        assert len(ours.listing(AT, "/")) == 55_000
        with pytest.raises(EndpointError, match="larger than 12 MiB"):
            ours.submission_id()


@pytest.mark.parametrize("url", ["http://transfer.example.org", "ftp://127.0.0.1", "", "https://", "http://[::2"])
def test_a_token_goes_to_https_or_this_machine_only(url: str) -> None:
    with pytest.raises(RequestError, match="Globus Transfer cannot be at"):
        RestTransfer(url, Tokens())


@pytest.mark.parametrize("token", ["a\r\nX-More: 1", "a\nb", "ä" * 9, "日本"])
def test_a_token_that_is_not_one_is_not_sent(token: str) -> None:
    with answering(good) as url:
        ours = RestTransfer(url, lambda *, refused="", scopes=(): token)
        with pytest.raises(GoclientError):
            ours.submission_id()

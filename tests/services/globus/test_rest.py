"""The client of a node asks again what may be asked again, sends no token astray, and believes no wrong answer."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field

import pytest

from goclient.errors import EndpointError, GoclientError, LoginNeeded, RequestError
from goclient.errors.conditions import (
    ConsentNeeded,
    GlobusUnreachable,
)
from goclient.services.globus import json_service
from goclient.services.globus.json_service import Manner
from goclient.services.globus.rest import RestTransfer
from goclient.services.globus.transfers import MAX_LISTING
from tests import faults
from tests.faults import FaultyServer
from tests.services.globus.transfer_parts import AT, ID, REQUEST, TASK, Tokens, good
from tests.web_server import Request, Response, answering

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
ACCESS = f"urn:globus:auth:scope:transfer.api.globus.org:all[*https://auth.globus.org/scopes/{ID}/data_access]"
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


def test_a_wait_for_a_busy_service_does_what_it_is_told_and_nothing_ends_it() -> None:
    fault, asked = later(BUSY[0], "1", 1)
    told: list[int] = []

    def beat() -> None:
        told.append(len(asked))
        raise EndpointError("the job is to be stopped")

    with FaultyServer(fault) as server:
        ours = RestTransfer(server.url, Tokens())
        ours.while_waiting(beat)
        assert ours.submit(REQUEST) == TASK
    assert told
    assert set(told) == {1}


def test_a_busy_service_is_not_asked_again_once_nobody_waits() -> None:
    fault, asked = later(BUSY[0], "1", 100)
    with FaultyServer(fault) as server:
        ours = RestTransfer(server.url, Tokens())
        ours.while_waiting(lambda: True)
        with pytest.raises(EndpointError) as raised:
            ours.submit(REQUEST)
    assert raised.value.transient
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


# --- bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.conformance  # it takes long
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

"""A fault is injected when it is asked for, at every service, and what was asked can be counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests

from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox
from tests.trouble import FAULTS, CallPoint, call_points, forget_calls

BOUND = 60.0  # seconds
Make = Callable[..., Any]
PANDA = "/api/v1/system/is_alive"
AUTH = "/v2/oauth2/userinfo"
TRANSFER = "/v0.10/task_list"
FILE = "/transformations/datatransfer.sh"
SERVICES = [pytest.param(path, id=path.split("/")[1]) for path in (PANDA, AUTH, TRANSFER, FILE, "/connect/none")]


@pytest.fixture
def make(shared_sandbox: Sandbox) -> Iterator[Make]:
    """Inject faults, which end with the test; give the answer's document."""
    url = f"{shared_sandbox.url}/sandbox/trouble"

    def one(route: str, kind: str, **more: Any) -> Any:
        answer = requests.post(url, json={"route": route, "kind": kind, **more}, timeout=BOUND)
        assert answer.status_code == 201, answer.text
        return answer.json()

    yield one
    assert requests.delete(url, timeout=BOUND).json()["trouble"] == []


def get(sandbox: Sandbox, path: str, **more: Any) -> requests.Response:
    return requests.get(f"{sandbox.url}{path}", timeout=BOUND, **more)


def user(sandbox: Sandbox) -> dict[str, str]:
    """The headers of somebody who is logged in at Transfer."""
    secret = (sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"])
    scope = "urn:globus:auth:scope:transfer.api.globus.org:all"
    form = {"grant_type": "client_credentials", "scope": scope}
    answer = requests.post(f"{sandbox.url}/v2/oauth2/token", data=form, auth=secret, timeout=BOUND)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


# --- the four kinds ---


@pytest.mark.parametrize("path", SERVICES)
def test_an_error_is_answered_instead_at_every_service(shared_sandbox: Sandbox, make: Make, path: str) -> None:
    make(f"GET {path}", "error", status=429, document={"code": "Slow"}, headers={"Retry-After": "7"})
    answer = get(shared_sandbox, path)
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (429, {"code": "Slow"}, "7")


def test_an_error_may_be_a_text_and_has_a_default(shared_sandbox: Sandbox, make: Make) -> None:
    make("GET /v0.10/a", "error", status=502, document="<html>Bad Gateway</html>")
    make("GET /v0.10/b", "error")
    assert (get(shared_sandbox, "/v0.10/a").status_code, get(shared_sandbox, "/v0.10/a").text[:6]) == (502, "<html>")
    default = get(shared_sandbox, "/v0.10/b")
    assert (default.status_code, default.json()["code"]) == (503, "ServiceUnavailable")


@pytest.mark.parametrize("path", SERVICES)
def test_a_reset_leaves_no_answer(shared_sandbox: Sandbox, make: Make, path: str) -> None:
    make(f"* {path}", "reset", times=1)
    with pytest.raises(requests.ConnectionError, match="Connection reset by peer"):
        get(shared_sandbox, path)
    assert get(shared_sandbox, path).status_code


def test_a_truncated_answer_breaks_off(shared_sandbox: Sandbox, make: Make) -> None:
    make(f"GET {FILE}", "truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        get(shared_sandbox, FILE)


def test_delays_add_up_and_the_answer_is_the_usual_one(shared_sandbox: Sandbox, make: Make) -> None:
    for _ in range(2):
        make("GET /transformations/*", "delay", seconds=0.05)
    begun = time.monotonic()
    assert get(shared_sandbox, FILE).ok
    assert time.monotonic() - begun >= 0.1


@pytest.mark.parametrize("after", [False, True])
def test_the_work_is_done_first_if_that_is_wanted(shared_sandbox: Sandbox, make: Make, after: bool) -> None:
    headers, place = user(shared_sandbox), f"home/made-{after}"
    make("POST /v0.10/operation/endpoint/*/mkdir", "reset", after=after)
    (site,) = shared_sandbox.rows("select id from collections where display_name = 'SITE1'")
    url = f"{shared_sandbox.url}/v0.10/operation/endpoint/{site['id']}/mkdir"
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json={"path": f"/{place}"}, headers=headers, timeout=BOUND)
    assert shared_sandbox.path("SITE1", place).is_dir() == after


# --- faults by their names ---

ANSWERED = [
    pytest.param("401", 401, id="401"),
    pytest.param("429", 429, id="429"),
    pytest.param("500", 500, id="500"),
    pytest.param("502", 502, id="502"),
    pytest.param("503", 503, id="503"),
    pytest.param("html", 200, id="html"),
]


@pytest.mark.parametrize(("kind", "status"), ANSWERED)
def test_a_named_fault_answers_as_the_service_of_its_path(
    shared_sandbox: Sandbox, make: Make, kind: str, status: int
) -> None:
    make("GET /*", kind)
    answers = {path: get(shared_sandbox, path) for path in (PANDA, AUTH, TRANSFER)}
    assert {answer.status_code for answer in answers.values()} == {status}
    assert {"Retry-After" in answer.headers for answer in answers.values()} == {kind in ("429", "503")}
    if kind == "html":
        assert {answer.headers["Content-Type"] for answer in answers.values()} == {"text/html"}
    else:
        assert answers[PANDA].text.startswith("ERROR : ")
        assert answers[AUTH].json()["errors"]
        assert answers[TRANSFER].json()["request_id"]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        pytest.param("hang", requests.ReadTimeout, id="hang"),
        pytest.param("cut", requests.exceptions.ChunkedEncodingError, id="cut"),
        pytest.param("lost", requests.ConnectionError, id="lost"),
        pytest.param("reset", requests.ConnectionError, id="reset"),
    ],
)
def test_a_named_fault_gives_no_whole_answer(
    shared_sandbox: Sandbox, make: Make, kind: str, error: type[Exception]
) -> None:
    make(f"GET {FILE}", kind, times=1)
    with pytest.raises(error):
        requests.get(f"{shared_sandbox.url}{FILE}", timeout=0.5 if kind == "hang" else BOUND)
    assert get(shared_sandbox, FILE).ok


def test_a_slow_answer_is_whole(shared_sandbox: Sandbox, make: Make) -> None:
    assert make(f"GET {FILE}", "slow", seconds=0.01)["kind"] == "delay", "what is given counts"
    assert get(shared_sandbox, FILE).ok


def test_a_server_that_is_down_refuses_connections_and_comes_back(shared_sandbox: Sandbox, make: Make) -> None:
    for seconds in (0.5, 5.0, 50.0):  # it may be back before a busy machine has asked three times
        make(f"GET {FILE}", "refused", times=1, seconds=seconds)
        with requests.Session() as kept:
            assert kept.get(f"{shared_sandbox.url}{AUTH}", timeout=BOUND).status_code
            asked = (
                partial(get, shared_sandbox, FILE),
                partial(get, shared_sandbox, FILE),
                partial(kept.get, f"{shared_sandbox.url}{AUTH}", timeout=BOUND),
            )
            first, new, old = map(refusal, asked)
        until(lambda: answers(shared_sandbox))
        assert get(shared_sandbox, FILE).ok
        assert first == "reset"
        if new and old:
            break
    assert (new, old in ("reset", "refused")) == ("refused", True)


def refusal(ask: Callable[[], object]) -> str:
    """How a connection ends, the empty string if it is answered."""
    try:
        ask()
    except requests.ConnectionError as error:
        return next((one for one in ("reset", "refused") if one in str(error)), str(error))
    return ""


def answers(sandbox: Sandbox) -> bool:
    try:
        return get(sandbox, AUTH).status_code > 0
    except requests.ConnectionError:
        return False


def test_a_lost_answer_leaves_an_endpoint_that_its_name_finds(shared_sandbox: Sandbox, make: Make) -> None:
    headers = user(shared_sandbox)
    make("POST /v0.10/endpoint", "lost", times=1)
    url, wanted = f"{shared_sandbox.url}/v0.10", {"display_name": "lost and found", "is_globus_connect": True}
    with pytest.raises(requests.ConnectionError):
        requests.post(f"{url}/endpoint", json=wanted, headers=headers, timeout=BOUND)
    query = {"filter_scope": "my-endpoints", "filter_fulltext": "lost and found"}
    found = requests.get(f"{url}/endpoint_search", params=query, headers=headers, timeout=BOUND).json()["DATA"]
    assert [one["display_name"] for one in found] == ["lost and found"]
    assert requests.delete(f"{url}/endpoint/{found[0]['id']}", headers=headers, timeout=BOUND).ok


# --- where in a run ---


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_met_at_the_first_middle_and_last_call_alone(shared_sandbox: Sandbox, kind: str) -> None:
    path = "/v0.10/endpoint/00000000-0000-0000-0000-000000000000"

    def ask(patience: float = BOUND) -> int:
        try:
            return requests.get(f"{shared_sandbox.url}{path}", timeout=(BOUND, patience)).status_code
        except requests.RequestException:
            return 0

    forget_calls(shared_sandbox)
    usual = [ask() for _ in range(3)]
    (point,) = call_points(shared_sandbox)
    assert point == CallPoint("GET /v0.10/endpoint/*", 3)
    assert point.positions == (0, 1, 2)
    for skip in point.positions:
        for patience in (0.3, 3.0, 30.0):  # on a busy machine a usual answer may take as long
            more = {"seconds": 1.5 * patience} if kind == "slow" else {"seconds": 0.05} if kind == "refused" else {}
            with point.trouble(shared_sandbox, kind, skip=skip, **more):
                found = []
                for _ in range(3):
                    found.append(ask(patience if kind in ("slow", "hang") else BOUND))
                    until(lambda: answers(shared_sandbox))  # after a refused one
                met = [index for index, one in enumerate(found) if one != usual[index]]
                (told,) = get(shared_sandbox, "/sandbox/trouble").json()["trouble"]
            assert (told["seen"], told["used"]) == (3, 1)
            if len(met) < 2:
                break
        assert met == ([] if kind == "401" else [skip]), found  # here 401 is the usual answer


@pytest.mark.parametrize(("times", "positions"), [(1, (0,)), (2, (0, 1)), (3, (0, 1, 2)), (10, (0, 5, 9))])
def test_a_call_of_a_run_has_a_first_a_middle_and_a_last_time(times: int, positions: tuple[int, ...]) -> None:
    assert CallPoint("GET /", times).positions == positions


# --- how often ---


def test_so_many_requests_meet_it_once_others_have_passed(shared_sandbox: Sandbox, make: Make) -> None:
    make("GET /transformations/*", "error", status=500, skip=2, times=3)
    assert [get(shared_sandbox, FILE).status_code for _ in range(7)] == [200, 200, 500, 500, 500, 200, 200]
    (listed,) = get(shared_sandbox, "/sandbox/trouble").json()["trouble"]
    assert (listed["route"], listed["seen"], listed["used"]) == ("GET /transformations/*", 7, 3)


def test_one_after_the_other_in_the_order_in_which_they_were_made(shared_sandbox: Sandbox, make: Make) -> None:
    for status in (500, 502, 504):
        make(f"GET {FILE}", "error", status=status, times=1)
    assert [get(shared_sandbox, FILE).status_code for _ in range(4)] == [500, 502, 504, 200]


def test_other_routes_and_methods_go_on(shared_sandbox: Sandbox, make: Make) -> None:
    make(f"POST {FILE}", "error")
    make("GET /v0.10/*", "reset")
    assert get(shared_sandbox, FILE).ok
    assert get(shared_sandbox, "/sandbox/trouble").ok, "the route that injects faults has none"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param([], "is not a JSON object", id="no object"),
        pytest.param({"route": "GET /", "kind": "flood"}, "kind must be one of error, delay, reset", id="kind"),
        pytest.param({"route": "/x", "kind": "reset"}, "route must be a method and a path", id="route"),
        pytest.param({"route": "GET /", "kind": "reset", "time": 1}, "there is no field 'time'", id="field"),
        pytest.param({"route": "GET /", "kind": "reset", "times": "1"}, "times is a str", id="type"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(shared_sandbox: Sandbox, given: Any, says: str) -> None:
    answer = requests.post(f"{shared_sandbox.url}/sandbox/trouble", json=given, timeout=BOUND)
    assert answer.status_code == 400
    assert says in " ".join(answer.json()["errors"])


# --- what was asked ---


def test_requests_are_counted_since_they_were_last_forgotten(shared_sandbox: Sandbox, make: Make) -> None:
    headers = user(shared_sandbox)
    panda = {"Authorization": f"Bearer {(shared_sandbox.root / 'pilot.token').read_text()}"}
    url = f"{shared_sandbox.url}/sandbox/requests"
    assert requests.delete(url, timeout=BOUND).json() == {"total": 0, "requests": []}
    make("GET /v0.10/*", "reset", skip=1)
    get(shared_sandbox, "/v0.10/task_list?limit=3", headers=headers)
    with pytest.raises(requests.ConnectionError):
        get(shared_sandbox, TRANSFER)
    requests.post(f"{shared_sandbox.url}{PANDA}", json={}, headers=panda, timeout=BOUND)
    listed = requests.get(url, timeout=BOUND).json()
    assert listed["total"] == 3
    assert [(one["method"], one["path"], one["query"], one["identity"]) for one in listed["requests"]] == [
        ("GET", TRANSFER, "limit=3", "jdoe@sandbox.example"),
        ("GET", TRANSFER, "", ""),
        ("POST", PANDA, "", "pilot@sandbox.example"),
    ]
    assert 0 <= time.time() - listed["requests"][0]["time"] < BOUND

"""The client of a node says what globus-sdk says, understands what it understands, and is refused as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import globus_sdk
import pytest

from goclient import secrets
from goclient.errors import GoclientError, LoginNeeded
from goclient.errors.conditions import (
    EndpointNotFound,
    PathExists,
    PathNotFound,
)
from goclient.model.endpoint import GlobusEndpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import TransferRequest
from goclient.services.deadline import Background
from goclient.services.globus import app, json_service
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.rest import RestAuth, RestTransfer, ServiceTokens
from goclient.services.globus.sdk import Globus
from goclient.services.globus.tokens import transfer_service
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox
from tests.services.globus.transfer_parts import AT, ID, ITEMS, ODD, REQUEST, SILENT, TASK, Tokens, good
from tests.trouble import FAULTS
from tests.web_server import Request, Response, answering

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
    """Return what a request says: its method, its path, its query, who asks, and its document."""
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
    public = {name for name in dir(RestTransfer) if not name.startswith("_")}
    assert set(CALLS) == public - {"ask", "while_waiting"}  # one asks for all of them, the other asks nobody


# --- the same answers from the sandbox ------------------------------------------------------------------------------


def service_client(sandbox: Sandbox) -> tuple[RestAuth, str, str]:
    auth = RestAuth(sandbox.env["GLOBUS_SDK_SERVICE_URL_AUTH"])
    return auth, sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"]


SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"
RESOURCE = "transfer.api.globus.org"


@pytest.mark.conformance  # it takes long
def test_the_sandbox_carries_every_call_out(shared_sandbox: Sandbox) -> None:
    auth, client_id, secret = service_client(shared_sandbox)
    names = {row["display_name"]: row["id"] for row in shared_sandbox.rows("select * from collections")}
    scope = f"https://auth.globus.org/scopes/{names['GUEST1']}/https"
    given = auth.client_token(client_id, secret, [SCOPE, scope])
    assert set(given) == {RESOURCE, names["GUEST1"]}
    assert secrets.hide(given[RESOURCE]) == secrets.hide(given[names["GUEST1"]]) == secrets.MASK
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
    until(lambda: asked.tasks([task, lost])[task].has_succeeded and asked.faults(lost))
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

    https_server, resolve, _find_named = RestTransfer.https_server, RestTransfer.resolve, RestTransfer._find_named  # type: ignore[assignment]
    rename, create_personal, personal_called = (
        RestTransfer.rename, RestTransfer.create_personal, RestTransfer.personal_called,
    )  # fmt: skip
    delete, submit, tasks = RestTransfer.delete, RestTransfer.submit, RestTransfer.tasks
    faults, cancel = RestTransfer.faults, RestTransfer.cancel


def became(call: Callable[[], object]) -> tuple[str, str, bool]:
    """Return what becomes of a call: the kind of what it returns, or of its error."""
    try:
        return type(call()).__name__, "", False
    except GoclientError as error:
        return type(error).__name__, error.code, error.transient


@pytest.mark.conformance  # it takes long
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


# --- a limit that many share ---


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

"""Tasks of the Transfer service in miniature: chosen by filters, changed, and what deletions and copies do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"


class User:
    """The sandbox's user, asking Transfer with plain HTTP about SITE1."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = f"{sandbox.url}/v0.10"
        (site,) = sandbox.rows("select id from collections where display_name = 'SITE1'")
        self.site = site["id"]
        secret = (sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"])
        form = {"grant_type": "client_credentials", "scope": TRANSFER}
        answer = requests.post(f"{sandbox.url}/v2/oauth2/token", data=form, auth=secret, timeout=BOUND)
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return requests.request(method, f"{self.url}/{path}", headers=self._headers, timeout=BOUND, **more)

    def submit(self, kind: str, *items: dict[str, Any], **more: Any) -> requests.Response:
        submission = self.call("GET", "submission_id").json()["value"]
        ends = {"source_endpoint": self.site, "destination_endpoint": self.site, "endpoint": self.site}
        return self.call("POST", kind, json={**ends, "submission_id": submission, "DATA": list(items), **more})

    def ended(self, answer: requests.Response) -> dict[str, Any]:
        """A task once it is over."""
        assert answer.status_code == 202, answer.text
        return dict(until(lambda: (task := self.task(answer))["status"] != "ACTIVE" and task))

    def task(self, answer: requests.Response) -> dict[str, Any]:
        return dict(self.call("GET", f"task/{answer.json()['task_id']}").json())


@pytest.fixture
def user(shared_sandbox: Sandbox) -> User:
    return User(shared_sandbox)


@pytest.fixture
def folder(shared_sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder of the test's own at SITE1, with a few files."""
    made = shared_sandbox.path("SITE1", tmp_path.name)
    (made / "sub").mkdir(parents=True)
    for name in ("a.dat", "b.dat", "c.txt", "sub/d.dat"):
        (made / name).write_text(name)
    return made


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- deletions ---

DELETIONS = [
    pytest.param("a.dat", {}, "", ["b.dat", "c.txt", "sub"], id="a file"),
    pytest.param("*.dat", {"interpret_globs": True}, "", ["c.txt", "sub"], id="a pattern"),
    pytest.param("*.dat", {}, "FILE_NOT_FOUND", ["a.dat", "b.dat", "c.txt", "sub"], id="no pattern"),
    pytest.param("sub", {"recursive": True}, "", ["a.dat", "b.dat", "c.txt"], id="a directory"),
    pytest.param("sub/", {}, "IS_A_DIRECTORY", ["a.dat", "b.dat", "c.txt", "sub"], id="a directory, not recursive"),
    pytest.param("none", {}, "FILE_NOT_FOUND", ["a.dat", "b.dat", "c.txt", "sub"], id="nothing"),
    pytest.param("none", {"ignore_missing": True}, "", ["a.dat", "b.dat", "c.txt", "sub"], id="nothing, ignored"),
    pytest.param("../../../x", {}, "PERMISSION_DENIED", ["a.dat", "b.dat", "c.txt", "sub"], id="out of the collection"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "options", "code", "left"), DELETIONS)
def test_a_deletion_removes_what_it_names_or_fails_at_once(
    user: User, folder: Path, path: str, options: dict[str, bool], code: str, left: list[str]
) -> None:
    task = user.ended(user.submit("delete", {"path": f"/{folder.name}/{path}"}, **options))
    assert (task["type"], (task["fatal_error"] or {"code": ""})["code"]) == ("DELETE", code)
    assert names(folder) == left


# --- copies ---

FAULTS = [
    pytest.param("a.dat", "new", True, "NOT_A_DIRECTORY", id="a file as a directory"),
    pytest.param("sub", "new", False, "IS_A_DIRECTORY", id="a directory as a file"),
    pytest.param("a.dat", "sub", False, "IS_A_DIRECTORY", id="onto a directory"),
    pytest.param("a.dat", "c.txt/x", False, "NOT_A_DIRECTORY", id="below a file"),
]


@pytest.mark.parametrize(("source", "target", "recursive", "code"), FAULTS)
def test_a_copy_that_cannot_be_made_is_a_fault_and_leaves_nothing(
    user: User, folder: Path, source: str, target: str, recursive: bool, code: str
) -> None:
    place = f"/{folder.name}"
    item = {"source_path": f"{place}/{source}", "destination_path": f"{place}/{target}", "recursive": recursive}
    sent = user.submit("transfer", item)
    until(lambda: user.task(sent)["nice_status"] == code)
    assert user.call("POST", f"task/{sent.json()['task_id']}/cancel").json()["code"] == "Canceled"
    assert names(folder) == ["a.dat", "b.dat", "c.txt", "sub"]


def test_an_item_that_does_not_say_whether_it_is_a_directory_is_what_is_found(user: User, folder: Path) -> None:
    place = f"/{folder.name}"
    items = [{"source_path": f"{place}/{n}", "destination_path": f"{place}/new-{n}"} for n in ("a.dat", "sub")]
    task = user.ended(user.submit("transfer", *items))
    assert (task["status"], task["files_transferred"]) == ("SUCCEEDED", 2)
    assert names(folder / "new-sub") == ["d.dat"]
    first, second = (
        user.call("GET", f"task/{task['task_id']}/successful_transfers", params={"limit": 1, "marker": n}).json()
        for n in (0, 1)
    )
    assert (first["next_marker"], second["next_marker"]) == (1, None)
    assert first["DATA"][0]["source_path"] == f"{place}/a.dat"


# --- which tasks, and changes to them ---


def test_a_list_has_the_tasks_that_every_filter_passes(user: User, folder: Path) -> None:
    item = {"source_path": f"/{folder.name}/a.dat", "destination_path": f"/{folder.name}/x"}
    made = [user.ended(user.submit("transfer", item, label=f"Run {n} {folder.name}"))["task_id"] for n in (1, 2)]
    made.append(user.ended(user.submit("delete", {"path": f"/{folder.name}/x"}, label=f"rm {folder.name}"))["task_id"])
    before = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="seconds")
    cases = {
        f"label:~*{folder.name}": [2, 1, 0],
        f"label:~run * {folder.name}": [1, 0],
        f"label:~*{folder.name},!~run 1*": [2, 1],
        f"label:=Run 1 {folder.name}": [0],
        f"label:~*{folder.name}/type:DELETE": [2],
        f"label:~*{folder.name}/type:TRANSFER/status:FAILED": [],
        f"task_id:{made[0]},{made[2]}": [2, 0],
        f"label:~*{folder.name}/request_time:{before},": [2, 1, 0],
        f"label:~*{folder.name}/completion_time:,{before}": [],
    }
    for text, numbers in cases.items():
        found = user.call("GET", "task_list", params={"filter": text}).json()["DATA"]
        assert [task["task_id"] for task in found] == [made[n] for n in numbers], text
    assert user.call("GET", "task_list", params={"filter": "request_time:soon,"}).status_code == 400


def test_a_task_that_is_over_cannot_be_changed(user: User, folder: Path) -> None:
    done = user.ended(user.submit("delete", {"path": f"/{folder.name}/a.dat"}))["task_id"]
    assert user.call("PUT", f"task/{done}", json={"label": "x"}).status_code == 409
    assert user.call("POST", f"task/{done}/cancel").json()["code"] == "TaskComplete"
    for page in ("skipped_errors", "pause_info"):
        assert user.call("GET", f"task/{done}/{page}").ok


WRONG = [
    pytest.param({"label": "x" * 129}, id="label too long"),
    pytest.param({"deadline": "soon"}, id="deadline that is no time"),
    pytest.param({"deadline": "2012-01-01T00:00:00+00:00"}, id="deadline that is over"),
]


def test_a_running_task_takes_only_a_label_and_a_deadline_that_can_be(user: User, folder: Path) -> None:
    item = {"source_path": f"/{folder.name}/none", "destination_path": f"/{folder.name}/x"}
    sent = user.submit("transfer", item)
    for wrong in WRONG:
        answer = user.call("PUT", f"task/{sent.json()['task_id']}", json=wrong.values[0])
        assert answer.status_code == 400, wrong.id
    assert user.call("POST", f"task/{sent.json()['task_id']}/cancel").ok


@pytest.mark.parametrize(
    ("more", "code"),
    [
        pytest.param({"submission_id": "none"}, "BadRequest", id="unknown submission id"),
        pytest.param({"deadline": "soon"}, "ClientError.BadRequest", id="deadline that is no time"),
        pytest.param({"DATA": "x"}, "ClientError.BadRequest.NoTransferItems", id="no items"),
        pytest.param({"label": "x" * 129}, "ClientError.BadRequest.LabelTooLong", id="label too long"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(user: User, more: dict[str, Any], code: str) -> None:
    answer = user.submit("transfer", {"source_path": "/home", "destination_path": "/x"}, **more)
    assert (answer.status_code, answer.json()["code"]) == (400, code)

"""The real globus command works with a sandbox, as it does with Globus."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.commands import Result, run_command
from tests.sandboxes import Sandbox
from tests.trouble import CallPoint, call_points, forget_calls

BOUND = 30.0  # seconds
FILE = "{SITE1}:/home/osg_data/panda/0064.file"
AWAY = "{mxp#MXP_OU_TEST}:/home/usatlas1"
Globus = Callable[..., Result]


@pytest.fixture
def ids(shared_sandbox: Sandbox) -> dict[str, str]:
    return {row["display_name"]: row["id"] for row in shared_sandbox.rows("select * from collections")}


@pytest.fixture
def globus(shared_sandbox: Sandbox, globus_program: str, ids: dict[str, str]) -> Globus:
    """Runs the globus command with a client login; ``{NAME}`` in a word is a collection's id."""

    def command(*words: str, who: str = "") -> Result:
        env = dict(shared_sandbox.env)
        if who:
            for part in ("ID", "SECRET"):
                env[f"GLOBUS_CLI_CLIENT_{part}"] = env[f"SANDBOX_{who}_CLIENT_{part}"]
        named = tuple(re.sub(r"\{([^}\s:]+)\}", lambda found: ids[found[1]], word) for word in words)
        return run_command((globus_program, *named), env=env, cwd=shared_sandbox.cwd)

    return command


def told(globus: Globus, *words: str, who: str = "") -> Any:
    """The JSON that a command which succeeds prints."""
    result = globus(*words, "-F", "json", who=who)
    assert result.code == 0, result.err
    return result.json


def moved(sandbox: Sandbox, globus: Globus, *words: str) -> dict[str, Any]:
    """The document of a task that a command makes, once it is over."""
    task_id = told(globus, *words)["task_id"]
    end = time.monotonic() + BOUND
    while sandbox.rows("select status from tasks where task_id = ?", task_id)[0]["status"] == "ACTIVE":
        assert time.monotonic() < end, "the task does not end"
    return dict(told(globus, "task", "show", task_id))


# --- one command, its exit code, and what it says ---

CASES = [
    pytest.param("whoami", 0, r"^jdoe@sandbox.example$", id="whoami"),
    pytest.param("whoami -v", 0, r"Name: +Jane Doe", id="whoami, in full"),
    pytest.param("ls {SITE1}:/home/osg_data", 0, r"^panda/$", id="ls"),
    pytest.param("ls -l {SITE1}:/home/osg_data/panda", 0, r"1984 \| .* \| file +\| 0064.file", id="ls, long"),
    pytest.param("ls -r {SITE1}:/home", 0, r"^osg_data/panda/0064.file$", id="ls, recursive"),
    pytest.param("ls -F json {SITE1}:/home", 0, r'"name": "osg_data"', id="ls as JSON"),
    pytest.param("ls {SITE1}:/home/osg_data/panda --filter ~*.file", 0, r"^0064.file$", id="ls, filtered"),
    pytest.param("ls {SITE1}:/home/osg_data/panda --filter !~*.file", 0, r"\A\s*\Z", id="ls, all filtered out"),
    pytest.param("ls {SITE1}:/ --orderby name:DESC", 0, r"shared/\nhome/", id="ls, ordered"),
    pytest.param("ls {SITE1}:/none", 1, r"404\n.*\n.*ClientError.NotFound", id="ls of nothing"),
    pytest.param("ls --map-http-status 404=50 {SITE1}:/none", 50, r"NotFound", id="ls of nothing, exit code mapped"),
    pytest.param("ls {LAPTOP}:/", 1, r"GCDisconnected", id="ls of a laptop that sleeps"),
    pytest.param("ls {ENDPOINT1}:/", 1, r"holds no data", id="ls of a server without its collections"),
    pytest.param("ls {OTHER1}:/", 1, r"EndpointNotFound", id="ls of what is somebody else's"),
    pytest.param(f"stat {FILE}", 0, r"Type: +file\n.*\nSize: +1984", id="stat"),
    pytest.param("stat {SITE1}:/none", 0, r"Nothing found at /none", id="stat of nothing"),
    pytest.param("mkdir {SITE1}:/home", 1, r"MkdirFailed.Exists", id="mkdir of what is there"),
    pytest.param("rename {SITE1} /none /other", 1, r"ClientError.NotFound", id="rename of nothing"),
    pytest.param("endpoint search SITE1", 0, r"jdoe@sandbox.example \| SITE1", id="endpoint search"),
    pytest.param("endpoint search --filter-scope my-endpoints", 0, r"\| LAPTOP", id="endpoint search, one's own"),
    pytest.param("endpoint show {LAPTOP}", 0, r"GCP Connected: +False", id="endpoint show"),
    pytest.param("endpoint show {ENDPOINT1}", 0, r"Display Name: +ENDPOINT1", id="endpoint show of a server"),
    pytest.param("endpoint show {SITE1}", 3, r"globus gcs collection show", id="endpoint show of a collection"),
    pytest.param("endpoint role list {GUEST1}", 0, r"jdoe@sandbox.example \| administrator", id="roles"),
    pytest.param("get-identities asmith@sandbox.example -v", 0, r"Alex Smith", id="get-identities"),
    pytest.param("task show 00000000-0000-0000-0000-000000000000", 1, r"TaskNotFound", id="task show of none"),
    pytest.param("ls {CONSENT1}:/data", 4, r"globus session consent 'urn:[^']*/data_access\]'", id="without a consent"),
    pytest.param("ls -F json {CONSENT1}:/data", 1, r'"code": "ConsentRequired"', id="without a consent, as JSON"),
    pytest.param(f"transfer --dry-run {FILE} {AWAY}/dry", 0, r"/home/usatlas1/dry", id="transfer, dry run"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "says"), CASES)
def test_a_command_ends_and_says_what_it_does_with_globus(globus: Globus, line: str, code: int, says: str) -> None:
    result = globus(*line.split())
    assert result.code == code, result.err
    assert re.search(says, result.out + result.err, re.MULTILINE), result.out + result.err


# --- what changes something ---


def test_the_https_server_of_a_collection_is_told(shared_sandbox: Sandbox, globus: Globus, ids: dict[str, str]) -> None:
    for name, url in (("SITE1", f"{shared_sandbox.url}/https/{ids['SITE1']}"), ("mxp#MXP_OU_TEST", None)):
        assert told(globus, "api", "transfer", "GET", f"/v0.10/endpoint/{ids[name]}")["https_server"] == url


def test_directories_are_made_renamed_and_removed(shared_sandbox: Sandbox, globus: Globus) -> None:
    assert globus("mkdir", "{SITE1}:/home/made").code == 0
    assert globus("rename", "{SITE1}", "/home/made", "/home/renamed").code == 0
    assert shared_sandbox.path("SITE1", "home/renamed").is_dir()
    refused = globus("rm", "{SITE1}:/home/renamed", "--polling-interval", "1")
    assert refused.code == 1, "a directory is removed with -r only"
    assert globus("rm", "-r", "{SITE1}:/home/renamed", "--polling-interval", "1").code == 0
    assert not shared_sandbox.path("SITE1", "home/renamed").exists()
    assert globus("rm", "-f", "{SITE1}:/home/renamed", "--polling-interval", "1").code == 0, "missing, and ignored"
    assert globus("rm", "{SITE1}:/home/renamed", "--polling-interval", "1").code == 1


def test_what_the_service_has_too_many_of_is_refused(shared_sandbox: Sandbox, globus: Globus) -> None:
    refused = globus("rename", "{SITE1}", "/home/osg_data", "/shared")
    assert (refused.code, "RenameFailed.Exists" in refused.err) == (1, True), refused.err
    shared_sandbox.set(pending_tasks=0, endpoints=0)
    refused = globus("transfer", FILE, f"{AWAY}/many")
    assert (refused.code, "TooManyPendingJobs" in refused.err) == (1, True), refused.err
    refused = globus("gcp", "create", "mapped", "one-too-many")
    assert (refused.code, "LimitExceeded" in refused.err) == (1, True), refused.err
    shared_sandbox.set()


def test_a_request_too_many_is_sent_again(shared_sandbox: Sandbox, globus: Globus) -> None:
    forget_calls(shared_sandbox)
    with CallPoint("GET /v0.10/operation/endpoint/*/ls", 1).trouble(shared_sandbox, "429"):
        listed = globus("ls", "{SITE1}:/home")
    assert (listed.code, listed.err) == (0, "")
    assert [point.times for point in call_points(shared_sandbox) if point.route.endswith("/ls")] == [2]


def test_a_file_a_directory_and_a_batch_are_transferred(
    shared_sandbox: Sandbox, globus: Globus, tmp_path: Path
) -> None:
    one = moved(shared_sandbox, globus, "transfer", FILE, f"{AWAY}/one", "--label", "one file")
    assert globus("task", "wait", one["task_id"]).code == 0
    assert (one["status"], one["label"], one["files"]) == ("SUCCEEDED", "one file", 1)
    many = moved(shared_sandbox, globus, "transfer", "-r", "{SITE1}:/home/osg_data", f"{AWAY}/many")
    assert (many["status"], many["bytes_transferred"]) == ("SUCCEEDED", 1984)
    batch = tmp_path / "batch"
    batch.write_text("panda/0064.file b1\n-r panda b2  # and a comment\n")
    both = moved(shared_sandbox, globus, "transfer", "{SITE1}:/home/osg_data/", f"{AWAY}/", "--batch", str(batch))
    assert (both["status"], both["subtasks_succeeded"]) == ("SUCCEEDED", 2)
    for path in ("one", "many/panda/0064.file", "b1", "b2/0064.file"):
        assert shared_sandbox.path("mxp#MXP_OU_TEST", f"home/usatlas1/{path}").is_file(), path
    listed = told(globus, "task", "show", one["task_id"], "--successful-transfers")["DATA"]
    assert [(file["destination_path"], file["size"]) for file in listed] == [("/home/usatlas1/one", 1984)]


def test_a_task_without_its_source_is_listed_explained_and_cancelled(globus: Globus) -> None:
    task_id = told(globus, "transfer", "{SITE1}:/none", f"{AWAY}/none", "--label", "hopeless")["task_id"]
    waited = globus("task", "wait", task_id, "--timeout", "1", "--polling-interval", "1", "--timeout-exit-code", "77")
    assert waited.code == 77
    events = told(globus, "task", "event-list", task_id, "--filter-errors")["DATA"]
    assert {event["code"] for event in events} == {"FILE_NOT_FOUND"}
    listed = told(globus, "task", "list", "--filter-label", "hopeless", "--filter-status", "ACTIVE")["DATA"]
    assert [task["task_id"] for task in listed] == [task_id]
    assert "cancelled" in globus("task", "cancel", task_id).out
    assert globus("task", "wait", task_id).code == 1
    assert told(globus, "task", "show", task_id)["fatal_error"]["code"] == "CANCELED"


def test_a_personal_collection_is_made_shown_changed_and_deleted(globus: Globus) -> None:
    made = told(globus, "gcp", "create", "mapped", "node-1", "--private")
    assert made["globus_connect_setup_key"]
    assert globus("gcp", "update", "mapped", made["id"], "--public", "--description", "a node").code == 0
    shown = told(globus, "endpoint", "show", made["id"])
    assert (shown["public"], shown["description"], shown["gcp_connected"]) == (True, "a node", False)
    denied = globus("endpoint", "delete", made["id"], who="PILOT")
    assert (denied.code, "PermissionDenied" in denied.err) == (1, True)
    assert "deleted" in globus("endpoint", "delete", made["id"]).out
    assert "EndpointNotFound" in globus("endpoint", "show", made["id"]).err


def test_permission_rules_are_listed_given_and_taken_away(globus: Globus) -> None:
    give = ("endpoint", "permission", "create", "{GUEST1}:/in/", "--permissions", "r")
    assert "PermissionDenied" in globus("ls", "{GUEST1}:/in/", who="OTHER").err
    rule = told(globus, *give, "--identity", "asmith@sandbox.example")["access_id"]
    assert globus("ls", "{GUEST1}:/in/", who="OTHER").out == "guest.dat\n"
    listed = globus("endpoint", "permission", "list", "{GUEST1}").out
    assert re.search(r"\| asmith@sandbox\.example +\| /in/", listed)
    assert "Exists" in globus(*give, "--identity", "asmith@sandbox.example").err
    assert globus("endpoint", "permission", "delete", "{GUEST1}", rule).code == 0
    assert "PermissionDenied" in globus("ls", "{GUEST1}:/in/", who="OTHER").err


# --- a person's login ---


class Person:
    """Somebody at a terminal, with a browser beside it."""

    def __init__(self, sandbox: Sandbox, program: str) -> None:
        self._program = program
        self._cwd = sandbox.cwd
        self._env = {k: v for k, v in sandbox.env.items() if not k.startswith("GLOBUS_CLI_CLIENT_")}

    def types(self, *words: str) -> Result:
        return run_command((self._program, *words), env=self._env, cwd=self._cwd)

    def logs_in(self, *words: str) -> int:
        """The exit code of a command that shows a URL and asks for the code which the page behind it shows."""
        process = subprocess.Popen([self._program, *words], env=self._env, stdin=-1, stdout=-1, stderr=-1, text=True)
        assert process.stdout is not None
        url = next(line.strip() for line in process.stdout if line.startswith("http"))
        code = requests.get(url, timeout=BOUND).headers["X-Sandbox-Code"]
        process.communicate(f"{code}\n", timeout=BOUND)
        return process.returncode


def test_an_end_date_that_is_too_early_is_found_and_mended_as_told(shared_sandbox: Sandbox, globus: Globus) -> None:
    """With the commands of docs/carrier.md, and of the hint."""
    sandbox, path = shared_sandbox, "/campaign/soon/"
    sandbox.path("SITE1", f"/shared{path}").mkdir()
    sandbox.path("SITE1", f"/shared{path}a").write_text("a")
    carrier = {f"GOCLIENT_CARRY_CLIENT_{one}": sandbox.env[f"SANDBOX_OTHER_CLIENT_{one}"] for one in ("ID", "SECRET")}
    words = ("--permissions", "rw", "--identity", carrier["GOCLIENT_CARRY_CLIENT_ID"])
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    told(globus, "endpoint", "permission", "create", f"{{GUEST1}}:{path}", *words, "--expiration-date", tomorrow)

    def findings() -> dict[str, Any]:
        job = ("--goCarry", "--computingSite=TEST1", f"--transformation={sandbox.url}/transformations/datatransfer.sh")
        checks = ("goclient", "check", "--json", *job, f"--StageinGOsrc=GUEST1:{path}a", "--goNeeds=48")
        return {one["code"]: one for one in sandbox.run(*checks, **carrier).json["findings"]}

    found = findings()["pilot-permission"]
    assert (found["level"], "for 48 hours from now" in found["message"]) == ("error", True)
    typed = found["hint"].removeprefix("type: ").partition("; ")[0]
    assert globus(*shlex.split(typed)[1:]).code == 0, typed
    assert {one["level"] for one in findings().values()} == {"ok"}


def test_a_person_logs_in_consents_to_what_is_asked_for_and_logs_out(
    shared_sandbox: Sandbox, globus_program: str, ids: dict[str, str]
) -> None:
    person = Person(shared_sandbox, globus_program)
    guarded = f"{ids['CONSENT1']}:/data"
    assert person.types("whoami").code == 4, "nobody has logged in"
    assert person.logs_in("login", "--no-local-server") == 0
    assert person.types("whoami").out == "jdoe@sandbox.example\n"
    needed = person.types("ls", guarded)
    assert needed.code == 4
    (scope,) = re.findall(r"globus session consent '([^']*)'", needed.out + needed.err)
    assert person.logs_in("session", "consent", "--no-local-server", scope) == 0
    assert person.types("ls", guarded).out == "guarded.dat\n"
    assert json.loads(person.types("session", "show", "-F", "json").out)["authentications"]
    assert person.types("logout", "--yes").code == 0
    assert person.types("whoami").code == 4

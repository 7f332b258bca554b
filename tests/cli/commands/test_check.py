"""``goclient check`` says in about a second what a job would learn hours later, and sends nothing."""

from __future__ import annotations

import fcntl
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import NotLoggedIn
from goclient.model.endpoint import JOB, Endpoint, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.spec import TransferSpec
from goclient.preflight.base import PreflightOptions
from goclient.preflight.endpoints import Endpoints
from goclient.preflight.login import join_logins
from goclient.preflight.permissions import PilotPermissions
from goclient.services.deadline import Deadline
from goclient.services.globus.collection import AccessRule
from goclient.services.parallel import Parallel
from tests.commands import TIMEOUT, Result, Run
from tests.preflight.contexts import GUEST, Globus, connected, run
from tests.sandboxes import Sandbox

PATIENCE = (5, 40)  # seconds: where all but one are to answer in time, a busy machine gets a second try
INPUT = "SITE1:/home/osg_data/panda/0064.file"
OUTPUT = ("--Data=new.file", "--OutputGO=SITE1:/home/osg_data/panda/")


def check(sandbox: Sandbox, *words: str, **more: str) -> Result:
    return sandbox.run("goclient", "check", *words, **more)


def codes(result: Result, level: str) -> list[str]:
    return [finding["code"] for finding in result.json["findings"] if finding["level"] == level]


@pytest.fixture
def trouble(shared_sandbox: Sandbox) -> Iterator[Any]:
    """Makes trouble in the sandbox, which is over when the test is."""
    url = f"{shared_sandbox.url}/sandbox/trouble"

    def make(**what: Any) -> None:
        requests.post(url, json=what, timeout=60).raise_for_status()

    yield make
    requests.delete(url, timeout=60).raise_for_status()


# --- what it says ---------------------------------------------------------------------------------------------


def test_a_usage_error_and_a_mistake_are_each_said_once(run: Run) -> None:
    found = run("goclient", "check", "--njobs=x", "--StageinGOsrc=bad,bad")
    assert (found.code, found.out) == (2, "")
    assert found.err.count('"bad": it is not of the form ENDPOINT:/path') == 1


@pytest.mark.conformance  # it takes long
def test_a_job_that_is_right_is_ready(shared_sandbox: Sandbox) -> None:
    document = check(shared_sandbox, f"--StageinGOsrc={INPUT}", *OUTPUT, "--json").json
    assert set(document) == {"ok", "findings"}
    assert document["ok"] is True
    assert {finding["level"] for finding in document["findings"]} == {"ok"}
    assert set(document["findings"][0]) == {"level", "code", "subject", "message", "hint"}
    shown = check(shared_sandbox, f"--StageinGOsrc={INPUT}", *OUTPUT)
    assert shown.code == 0
    assert shown.out.splitlines()[-1] == "ready (0 errors, 0 warnings)"
    assert "SITE1 is SITE1, a mapped collection of jdoe@sandbox.example" in shown.out
    assert "1 file of 1984 bytes" in shown.out
    assert f"checked as the service {shared_sandbox.env['GOCLIENT_CLIENT_ID']}" in shown.out
    assert shared_sandbox.rows("select * from jobs") == []


def test_everything_is_said_at_once_with_the_exit_code_of_the_worst(shared_sandbox: Sandbox) -> None:
    result = check(shared_sandbox, f"--StageinGOsrc={INPUT}x,SITE2:/a,LAPTOP:/b", *OUTPUT, "--json")
    assert (result.code, result.json["ok"]) == (40, False)
    assert codes(result, "error") == ["endpoint-not-found", "disconnected", "personal-ends", "path-not-found"]
    assert codes(result, "ok") == ["identity", "endpoint", "target"]
    shown = check(shared_sandbox, f"--StageinGOsrc={INPUT}x", *OUTPUT)
    assert shown.code == 40
    assert 'did you mean "0064.file"?' in shown.out
    assert shown.out.splitlines()[-1] == "not ready (1 error, 0 warnings)"


def test_mistakes_of_the_request_are_findings_and_globus_is_not_asked(run: Run) -> None:
    result = run("goclient", "check", "--Data=x", "--StageinGOsrc=A:b", "--json")
    assert (result.code, codes(result, "error")) == (10, ["location", "list-rule"])
    inside = run("goclient", "check", "--jobParameters=globus-endpoint-inn=A", "--json")
    assert (inside.code, codes(inside, "error")) == (10, ["misspelt"])


def test_warnings_alone_are_no_failure(shared_sandbox: Sandbox) -> None:
    result = check(shared_sandbox, "--jobParameters=in-mode=local dir-in=/d files-in=a", "--json")
    assert (result.code, result.json["ok"], codes(result, "warning")) == (0, True, ["unchecked"])


def test_what_only_the_node_can_see_is_a_warning(shared_sandbox: Sandbox) -> None:
    words = "--jobParameters=in-mode=server globus-endpoint-local=SITE1 dir-in=/home/osg_data/panda files-in=0064.file"
    result = check(shared_sandbox, words, "--json")
    assert (result.code, codes(result, "warning")) == (0, ["unchecked"])
    assert "must see the job's directory" in check(shared_sandbox, words).out


def test_nothing_is_required_and_nothing_to_move_is_right(run: Run) -> None:
    document = run("goclient", "check", "--json").json
    assert (document["ok"], [one["code"] for one in document["findings"]]) == (True, ["nothing-to-check"])


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        pytest.param(("a", "b"), "one text is needed, not 2 words", id="two texts"),
        pytest.param(("a", "--pandaid=3"), "more than one job is given: --pandaid, TEXT", id="a text and a job"),
        pytest.param(("a", "--Data=x"), "more than one job is given: TEXT, --Data", id="a text and options"),
        pytest.param(("--noSubmit",), '"--noSubmit" is not an option', id="an option of sendJob alone"),
        pytest.param(("--goTimeout=0",), '"0" is out of range', id="no time at all"),
    ],
)
def test_what_cannot_be_checked_is_a_usage_error(run: Run, words: tuple[str, ...], shown: str) -> None:
    result = run("goclient", "check", *words)
    assert (result.code, result.out) == (2, "")
    assert shown in result.err


def test_a_text_with_a_mistake_keeps_its_warnings_and_has_no_consequences(run: Run) -> None:
    result = run("goclient", "check", "--json", "--", "\ufeff--Data=x --OutputGO=SITE1:/o/ run $SN")
    assert (result.code, codes(result, "error"), codes(result, "warning")) == (10, ["misspelt"], ["placeholder"])
    result = run("goclient", "check", "--json", "--", "--StageinGOsrc=SITE1:~ Data=2012")
    assert (result.code, len(codes(result, "error")), codes(result, "warning")) == (10, 1, ["left-to-payload"])


def test_a_queue_and_a_payload_that_are_right_are_said_so(shared_sandbox: Sandbox) -> None:
    words = ("--computingSite=TEST1", f"--transformation={shared_sandbox.url}/transformations/datatransfer.sh")
    result = check(shared_sandbox, *words, "--json")
    assert (codes(result, "ok"), codes(result, "warning")) == (["queue", "payload"], ["nothing-to-check"])
    assert check(shared_sandbox, *words).out.splitlines()[-1].startswith("nothing to check ")
    sent = shared_sandbox.submit("--noSubmit", "-v")
    assert "sendJob.py: ok: the queue TEST1 is online" in sent.err


@pytest.mark.conformance  # it takes long
def test_a_text_a_record_and_a_submitted_job_are_checked_like_options(sandbox: Sandbox) -> None:
    words = (f"--StageinGOsrc={INPUT}", *OUTPUT)
    tried = sandbox.submit(*words, "--noSubmit")
    record = tried.out.partition("jobParameters=")[2].strip()
    assert record.startswith("--goclient=v1:")
    typed = check(sandbox, *words, "--json").json
    assert sandbox.submit(*words).code == 0
    found = [
        check(sandbox, record, "--json").json,
        check(sandbox, "--json", "--", record).json,
        check(sandbox, "--pandaid=1", "--json").json,
        check(sandbox, "run " + " ".join(words), "--json").json,
    ]
    by_input = subprocess.run(
        [sys.executable, "-m", "goclient", "check", "-", "--json"],
        env=sandbox.env, cwd=sandbox.cwd, input=record.encode(), capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    found.append(Result(0, by_input.stdout.decode(), "").json)
    assert all(one["ok"] for one in found)
    assert [one["code"] for one in found[3]["findings"]] == [one["code"] for one in typed["findings"]]
    assert {len(one["findings"]) for one in found} == {len(typed["findings"])}
    broken = check(sandbox, record.replace(":3 ", ":9 ").replace(":4 ", ":9 "), "--json")
    assert (broken.code, codes(broken, "error")) == (10, ["damaged-block"])


# --- endpoints ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "code", "message", "hint"),
    [
        pytest.param("LAPTOP:/a", "disconnected", "not connected", "jdoe@sandbox.example", id="a laptop that sleeps"),
        pytest.param("ENDPOINT1:/a", "no-collection", "holds no data", "endpoint list --search", id="a bare endpoint"),
        pytest.param("SITE:/a", "endpoint-not-found", 'no endpoint is called "SITE"', '"SITE1"', id="half a name"),
        pytest.param("site1:/a", "endpoint-not-found", '"site1"', '"SITE1"', id="wrong case"),
        pytest.param(
            "mxp#MXP_BNL:/a", "endpoint-not-found", '"mxp#MXP_BNL"', '"mxp#MXP_BNL_TEST"', id="a name of 2012"
        ),
        pytest.param("OTHER1:/a", "endpoint-not-found", '"OTHER1"', "", id="somebody else's"),
    ],
)
def test_an_endpoint_that_cannot_be_used_is_found(
    shared_sandbox: Sandbox, source: str, code: str, message: str, hint: str
) -> None:
    result = check(shared_sandbox, f"--StageinGOsrc={source}", "--json")
    error, *others = [finding for finding in result.json["findings"] if finding["level"] == "error"]
    assert (result.code, error["code"]) == (40, code)
    assert [one["code"] for one in others] == ["personal-ends"] * (source.startswith("LAPTOP"))
    assert message in error["message"]
    assert hint in error["hint"]


CREATE = """
from goclient.config import environment
from goclient.services.globus.tokens import transfer_service
made = transfer_service(environment.globus_access()).create_personal("mine")
print(made.id, made.setup_key)
"""


@pytest.mark.conformance  # it takes long
def test_a_personal_endpoint_and_the_nodes_own_need_a_subscription(sandbox: Sandbox) -> None:
    """In 2012, Globus did not move files between two Globus Connects at all."""
    made = subprocess.run(
        [sys.executable, "-c", CREATE], env=sandbox.env, capture_output=True, text=True, check=True, timeout=30
    )
    mine, key = made.stdout.split()
    words = (f"--StageinGOsrc={mine}:{sandbox.cwd}/a",)
    (sandbox.cwd / "a").write_text("a")
    connect = [sandbox.env["PATH"].split(":")[0] + "/globusconnectpersonal", "-dir", str(sandbox.cwd / "gcp")]
    subprocess.run([*connect, "-setup", "--setup-key", key], env=sandbox.env, check=True, timeout=60)
    running = subprocess.Popen([*connect, "-start", "-restrict-paths", f"rw{sandbox.cwd}"], env=sandbox.env)
    try:
        while "connected" not in subprocess.run(
            [*connect, "-status"], env=sandbox.env, capture_output=True, text=True, timeout=60, check=False
        ).stdout.replace("disconnected", ""):
            assert running.poll() is None
        refused = check(sandbox, *words, "--json")
        assert (refused.code, codes(refused, "error")) == (40, ["personal-ends"])
        assert check(sandbox, *words, "--goAllowPersonal").code == 0
        (site,) = sandbox.rows("select id from collections where display_name = 'SITE1'")
        server = (f"--WorkingendpointGO={site['id']}",)
        assert check(sandbox, *words, *server).code == 0
    finally:
        running.terminate()
        running.wait(30)


# --- whoever the pilot transfers as ---------------------------------------------------------------------------


def test_what_the_pilots_identity_lacks_is_found_and_the_command_that_grants_it_mends_it(
    sandbox: Sandbox, globus_program: str
) -> None:
    pilot = f"--pilotIdentity={sandbox.env['SANDBOX_PILOT_IDENTITY']}"
    sandbox.path("SITE1", "/shared/in").mkdir(exist_ok=True)
    sandbox.path("SITE1", "/shared/in/a").write_text("a")
    reading = ("--StageinGOsrc=GUEST1:/in/a", "--json")
    assert codes(check(sandbox, *reading, pilot), "ok") == ["identity", "endpoint", "source", "size", "pilot"]
    words = (*reading, "--Data=new", "--OutputGO=GUEST1:/in/")
    assert check(sandbox, *words).code == 0
    refused = check(sandbox, *words, pilot)
    (error,) = [finding for finding in refused.json["findings"] if finding["level"] == "error"]
    assert (refused.code, error["code"], error["subject"]) == (40, "pilot-permission", "GUEST1:/in/")
    assert "may not write" in error["message"]
    grant(sandbox, globus_program, error["hint"], "update")  # it may read there by a rule
    assert check(sandbox, *words, pilot).code == 0

    elsewhere = ("--json", "--Data=new", "--OutputGO=GUEST1:/new out/", pilot)
    refused = check(sandbox, *elsewhere)
    assert codes(refused, "error") == ["pilot-permission"]
    grant(sandbox, globus_program, refused.json["findings"][-1]["hint"], "create")
    assert codes(check(sandbox, *elsewhere), "error") == []


def command_of(hint: str) -> str:
    """The command that a hint says to type, without where its program is from."""
    return hint.partition("type: ")[2].partition("; globus is a program")[0]


def grant(sandbox: Sandbox, globus_program: str, hint: str, verb: str) -> None:
    """Types the command of a hint."""
    words = shlex.split(command_of(hint))
    assert words[:4] == ["globus", "endpoint", "permission", verb]
    granted = sandbox.run(globus_program, *words[1:])
    assert granted.code == 0, granted.err


def test_where_only_the_storage_knows_who_may_that_is_a_warning(shared_sandbox: Sandbox) -> None:
    pilot = f"--pilotIdentity={shared_sandbox.env['SANDBOX_PILOT_IDENTITY'].upper()}"
    result = check(shared_sandbox, f"--StageinGOsrc={INPUT}", pilot, "--json")
    assert (result.code, codes(result, "warning")) == (0, ["pilot-unknown"])
    (warning,) = [finding for finding in result.json["findings"] if finding["level"] == "warning"]
    assert "SITE1" in warning["message"]
    assert "jdoe@sandbox.example" in warning["hint"]


def test_a_pilots_identity_that_is_no_id_is_a_usage_error(run: Run) -> None:
    for command in (("goclient", "check"), ("sendJob.py", "--computingSite=Q", "--transformation=/bin/true")):
        for typed in ("pilot", "@example.org", "a b@example.org", "a@x,b@x"):
            result = run(*command, f"--pilotIdentity={typed}")
            assert (result.code, f'"{typed}" is neither a UUID nor a user name' in result.err) == (2, True)


SOON = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
RULES = [
    pytest.param([("/", "r", "identity", "me")], "/in/", False, "ok", id="a rule above"),
    pytest.param([("/in/", "r", "identity", "me")], "/in/", True, "error", id="read only"),
    pytest.param([("/in/", "rw", "identity", "me")], "/", False, "error", id="a rule below"),
    pytest.param([("/in/", "rw", "identity", "you")], "/in/", False, "error", id="for another"),
    pytest.param([("/", "rw", "all_authenticated_users", "")], "/in/", True, "ok", id="for everybody"),
    pytest.param([("/", "rw", "group", "g")], "/in/", True, "warning", id="for a group"),
    pytest.param([], "/in/", False, "error", id="no rule"),
    pytest.param([("/", "rw", "identity", "me", "2020-01-01T00:00:00+00:00")], "/", True, "error", id="over"),
    pytest.param([("/", "rw", "identity", "me", SOON)], "/", True, "error", id="over before the job may have run"),
    pytest.param([("/", "rw", "identity", "me", "2999-01-01T00:00:00")], "/", True, "ok", id="over in a long time"),
    pytest.param([("/", "rw", "identity", "me", "soon")], "/", True, "error", id="over at no time"),
]


@pytest.mark.parametrize(("rules", "folder", "writes", "level"), RULES)
def test_rules_of_a_guest_collection_are_read_as_globus_reads_them(
    rules: list[tuple[str, ...]], folder: str, writes: bool, level: str
) -> None:
    class Service(Globus):
        def access_rules(self, collection: Endpoint) -> list[AccessRule]:
            of = ((path, bits, kind, who, "".join(end)) for path, bits, kind, who, *end in rules)
            return [AccessRule(path, bits, kind, who, end, "1; touch x") for path, bits, kind, who, end in of]

        def identity_called(self, typed: str) -> str:
            return "me"

    here, there = Location(JOB, "/x"), Location(read_endpoint(GUEST), f"{folder}x")
    transfers = (Transfer(here, there) if writes else Transfer(there, here),)
    options = PreflightOptions(pilot_identity="me@x")
    (finding,) = run(
        connected(TransferSpec(output=transfers, working="W"), Service(), options=options), PilotPermissions()
    )
    assert finding.level == level
    if level == "error":
        words = shlex.split(command_of(finding.hint))
        assert "1; touch x" not in shlex.join(words[:-1]), "what the service says is quoted"
        assert words[:3] == ["globus", "endpoint", "permission"]


# --- the probe ------------------------------------------------------------------------------------------------


def test_a_probe_really_writes_and_leaves_nothing(sandbox: Sandbox) -> None:
    folder = sandbox.path("SITE1", "/home/osg_data/panda")
    before = sorted(folder.iterdir())
    result = check(sandbox, *OUTPUT, "--goProbe", "--json")
    assert (result.code, codes(result, "ok")[-1]) == (0, "probe")
    made = [one["details"] for one in sandbox.rows("select * from events")]
    assert sandbox.rows("select status from tasks where type = 'DELETE'") == [{"status": "SUCCEEDED"}], made
    assert sorted(folder.iterdir()) == before
    assert codes(check(sandbox, "--Data=x${SN}", "--OutputGO=SITE1:/${SN}/", "--goProbe", "--json"), "error") == []


def test_a_probe_of_a_missing_folder_is_made_where_globus_will_make_it(sandbox: Sandbox) -> None:
    words = ("--Data=new", "--OutputGO=SITE1:/home/not/yet/", "--goProbe", "--json")
    result = check(sandbox, *words)
    assert (result.code, codes(result, "warning"), codes(result, "ok")[-1]) == (0, ["no-folder"], "probe")
    assert "SITE1:/home/ can be written" in result.json["findings"][-1]["message"]
    assert [path.name for path in sandbox.path("SITE1", "/home").iterdir()] == ["osg_data"]


@pytest.mark.conformance  # it takes long
def test_a_probe_that_could_not_be_removed_in_time_is_named(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/sandbox/trouble"
    requests.post(url, json={"route": "POST /v0.10/delete", "kind": "delay", "seconds": 50}, timeout=60)
    for seconds in PATIENCE:
        result = check(sandbox, *OUTPUT, "--goProbe", f"--goTimeout={seconds}", "--json")
        if codes(result, "warning") == ["probe-left"]:
            break
    left = [path.name for path in sandbox.path("SITE1", "/home/osg_data/panda").glob(".goclient-probe-*")]
    assert (result.code, codes(result, "warning")) == (0, ["probe-left"])
    assert any(f"remove SITE1:/home/osg_data/panda/{one}" in result.json["findings"][-1]["hint"] for one in left)


def test_without_time_for_it_nothing_is_probed(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/sandbox/trouble"
    requests.post(url, json={"route": "GET /v0.10/operation/endpoint/*/ls", "kind": "delay", "seconds": 9}, timeout=60)
    result = check(sandbox, *OUTPUT, "--goProbe", "--goTimeout=2", "--json")
    assert (codes(result, "error"), codes(result, "warning")) == (["globus-timeout"], ["not-probed"])
    assert list(sandbox.path("SITE1", "/home/osg_data/panda").glob(".goclient-probe-*")) == []


def test_a_manager_without_a_rule_is_told_how_to_let_oneself_write(sandbox: Sandbox, globus_program: str) -> None:
    ids = {row["display_name"]: row["id"] for row in sandbox.rows("select id, display_name from collections")}
    role = [
        "role",
        "create",
        ids["GUEST1"],
        "--role",
        "access_manager",
        "--identity",
        sandbox.env["SANDBOX_OTHER_CLIENT_ID"],
    ]
    assert sandbox.run(globus_program, "endpoint", *role).code == 0
    other = {f"{tool}_CLIENT_{part}": sandbox.env[f"SANDBOX_OTHER_CLIENT_{part}"]
             for tool in ("GOCLIENT", "GLOBUS_CLI") for part in ("ID", "SECRET")}  # fmt: skip
    sandbox.path("SITE1", "/shared/out").mkdir()
    reading = ["permission", "create", "--permissions", "r", "--identity", other["GOCLIENT_CLIENT_ID"]]
    assert sandbox.run(globus_program, "endpoint", *reading, f"{ids['GUEST1']}:/").code == 0

    words = ("--Data=new", "--OutputGO=GUEST1:/out/", "--json")
    found = check(sandbox, *words, **other)
    (warning,) = [one for one in found.json["findings"] if one["level"] == "warning"]
    assert (found.code, warning["code"], warning["subject"]) == (0, "write-unknown", "GUEST1:/out/")
    sandbox.env |= other  # the command is typed by the manager
    grant(sandbox, globus_program, warning["hint"].partition(";")[0], "create")
    assert codes(check(sandbox, *words, **other), "warning") == []


def test_a_server_for_the_jobs_directory_that_is_somebody_elses_laptop_is_a_warning(sandbox: Sandbox) -> None:
    laptop = sandbox.rows("select id from collections where display_name = 'LAPTOP'")[0]["id"]
    other = sandbox.env["SANDBOX_OTHER_CLIENT_ID"]
    sandbox.rows("update collections set public = 1, owner = ? where id = ?", other, laptop)
    result = check(sandbox, f"--StageinGOsrc={INPUT}", f"--WorkingendpointGO={laptop}", "--json")
    assert "not-yours" not in codes(result, "warning"), "it is not connected: that is said"
    assert "disconnected" in codes(result, "error")
    lock = sandbox.root / "laptop.lock"
    sandbox.rows("update collections set lock_file = ? where id = ?", str(lock), laptop)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = check(sandbox, f"--StageinGOsrc={INPUT}", f"--WorkingendpointGO={laptop}", "--json")
    assert "not-yours" in codes(result, "warning")


def test_where_only_managers_see_the_rules_it_is_not_known_who_may_write(shared_sandbox: Sandbox) -> None:
    pilot = {name: shared_sandbox.env[f"SANDBOX_PILOT_{name.removeprefix('GOCLIENT_')}"]
             for name in ("GOCLIENT_CLIENT_ID", "GOCLIENT_CLIENT_SECRET")}  # fmt: skip
    result = check(shared_sandbox, "--Data=new", "--OutputGO=GUEST1:/in/", "--json", **pilot)
    assert codes(result, "warning") == ["write-unknown"]
    assert "--goProbe" in result.json["findings"][-1]["hint"]


def test_a_probe_finds_what_a_listing_cannot_show(sandbox: Sandbox) -> None:
    other = {name: sandbox.env[f"SANDBOX_PILOT_{name.removeprefix('GOCLIENT_')}"]
             for name in ("GOCLIENT_CLIENT_ID", "GOCLIENT_CLIENT_SECRET")}  # fmt: skip
    words = ("--Data=new", "--OutputGO=GUEST1:/in/", "--json")
    assert check(sandbox, *words, **other).code == 0, "it may be listed"
    refused = check(sandbox, *words, "--goProbe", **other)
    assert (refused.code, codes(refused, "error")) == (40, ["probe:permission"])
    (denied,) = [one for one in refused.json["findings"] if one["level"] == "error"]
    assert "GUEST1:/in/ cannot be written" in denied["message"]


# --- folders --------------------------------------------------------------------------------------------------


def test_missing_folders_are_made_with_those_above_them_and_asked_for_once(sandbox: Sandbox) -> None:
    url = f"{sandbox.url}/sandbox/requests"
    requests.delete(url, timeout=60)
    words = ("--Data=x", "--OutputGO=SITE1:/home/a/b/${SN/P}/", "--njobs=5", "--goMkdir", "--json")
    result = check(sandbox, *words)
    assert result.code == 0, result.out
    assert [path.name for path in sorted(sandbox.path("SITE1", "/home/a/b").iterdir())] == [
        f"{n:06d}" for n in range(1, 6)
    ]
    asked = [one["path"] for one in requests.get(url, timeout=60).json()["requests"]]
    assert sum(path.endswith("/mkdir") for path in asked) == 7
    assert "the directory SITE1:/home/a/b/000001/ was made" in [one["message"] for one in result.json["findings"]]


@pytest.mark.conformance  # it takes long
def test_a_folder_that_cannot_be_made_is_one_error_within_the_time(shared_sandbox: Sandbox, trouble: Any) -> None:
    words = ("--Data=x", "--OutputGO=SITE1:/home/q/w/e/", "--goMkdir", "--goTimeout=3", "--json")
    trouble(route="POST /v0.10/operation/endpoint/*/mkdir", kind="delay", seconds=15)
    result = check(shared_sandbox, *words)
    assert (result.code, codes(result, "error")) == (40, ["globus-timeout"])
    assert "waiting for Globus" in result.err


def test_a_file_where_a_folder_should_be_is_said_so(shared_sandbox: Sandbox) -> None:
    result = check(shared_sandbox, "--Data=x", f"--OutputGO={INPUT}", "--json")
    (error,) = [finding for finding in result.json["findings"] if finding["level"] == "error"]
    assert f'"{INPUT}" is a file' in error["message"]


def test_a_folder_that_is_too_large_to_list_is_no_reason_to_stop(shared_sandbox: Sandbox, trouble: Any) -> None:
    code = "ExternalError.DirListingFailed.SizeLimit"
    document = {"code": code, "message": "too large", "request_id": "r", "resource": "x"}
    trouble(route="GET /v0.10/operation/endpoint/*/ls", kind="error", status=502, document=document)
    result = check(shared_sandbox, f"--StageinGOsrc={INPUT}", *OUTPUT, "--json")
    assert (result.code, codes(result, "warning")) == (0, ["unchecked"])


def test_a_catalogue_that_is_none_is_a_finding(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[SITE1]\nkind = 'odd'\n")
    result = check(shared_sandbox, f"--StageinGOsrc={INPUT}", "--json", GOCLIENT_ENDPOINTS=str(tmp_path / "c.toml"))
    assert (result.code, codes(result, "error")) == (10, ["catalogue"])


def test_a_command_in_a_hint_is_quoted(sandbox: Sandbox) -> None:
    folder = "a; touch x 'y'"
    sandbox.path("SITE1", f"/home/{folder}").mkdir()
    sandbox.path("SITE1", f"/home/{folder}/q1").write_text("q")
    result = check(sandbox, f"--StageinGOsrc=SITE1:/home/{folder}/q*", "--json")
    words = shlex.split(command_of(result.json["findings"][-1]["hint"]))
    assert words[:2] == ["globus", "ls"]
    assert words[2].endswith(f":/home/{folder}/")


# --- the service ----------------------------------------------------------------------------------------------


@pytest.mark.conformance  # it takes long
def test_a_slow_service_is_said_and_has_an_end(shared_sandbox: Sandbox, trouble: Any) -> None:
    trouble(route="GET /v0.10/operation/endpoint/*/ls", kind="delay", seconds=20)
    result = check(shared_sandbox, f"--StageinGOsrc={INPUT}", "--json", "--goTimeout=3")
    assert (result.code, codes(result, "error")) == (40, ["globus-timeout"])
    assert "waiting for Globus (3 s at most)" in result.err
    assert "--goTimeout" in result.json["findings"][-1]["hint"]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "error", "status": 500, "document": "oops"}, id="an error that is no document"),
        pytest.param({"kind": "error", "status": 502, "document": {"code": "ExternalError", "message": "x"}}, id="502"),
        pytest.param({"kind": "error", "status": 404, "document": {}}, id="an empty document"),
        pytest.param({"kind": "error", "status": 200, "document": []}, id="another document"),
        pytest.param({"kind": "error", "status": 200, "document": "{"}, id="half a document"),
        pytest.param(
            {"kind": "error", "status": 403, "document": {"code": "PermissionDenied", "message": "no"}}, id="403"
        ),
        pytest.param({"kind": "error", "status": 400, "document": []}, id="an error that is a list"),
        pytest.param({"kind": "truncate"}, id="a truncated answer"),
        pytest.param({"kind": "reset"}, id="a reset"),
    ],
)
@pytest.mark.parametrize("route", ["GET /v0.10/endpoint/*", "GET /v0.10/operation/endpoint/*/ls"])
def test_any_fault_of_the_service_is_a_finding(
    shared_sandbox: Sandbox, trouble: Any, route: str, fault: dict[str, Any]
) -> None:
    trouble(route=route, **fault)
    result = check(shared_sandbox, f"--StageinGOsrc={INPUT}", "--json", "--goTimeout=3")
    assert (result.code, result.json["ok"]) == (40, False)
    (error,) = [finding for finding in result.json["findings"] if finding["level"] == "error"]
    assert error["message"]
    assert error["hint"]


@pytest.mark.conformance  # it takes long
def test_many_files_cost_one_request_an_endpoint_and_one_a_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    folders = [sandbox.path("SITE1", f"/many/{number}") for number in range(20)]
    for folder in folders:
        folder.mkdir(parents=True)
        for number in range(50):
            (folder / f"{number}.root").touch()
    names = tmp_path / "names"
    names.write_text("".join(f"SITE1:/many/{f}/{n}.root\n" for f in range(20) for n in range(50)))
    requests.delete(f"{sandbox.url}/sandbox/requests", timeout=60)
    # Fifty names are in each of twenty folders: each folder has one of its own to go to.
    result = check(sandbox, f"--StageinGOsrc=@{names}", f"--StageinGOdest=@{_targets(tmp_path)}", "--json")
    assert result.code == 0, result.out
    asked = requests.get(f"{sandbox.url}/sandbox/requests", timeout=60).json()["requests"]
    kinds = [
        one["path"].rpartition("/")[2] if one["path"].endswith("/ls") else one["path"].split("/")[2] for one in asked
    ]
    assert kinds.count("endpoint") == 1
    assert kinds.count("ls") == 20
    assert len(asked) <= 22


def _targets(folder: Path) -> Path:
    targets = folder / "targets"
    targets.write_text("".join(f"goclient:/{f}/{n}.root\n" for f in range(20) for n in range(50)))
    return targets


def test_where_nobody_has_logged_in_one_login_is_for_all_endpoints() -> None:
    nobody = Globus(NotLoggedIn.to_globus("nobody is logged in"))
    ends = [Location(read_endpoint(text), "/a") for text in ("SITE1", "My data", "gsiftp://host")]
    brought = tuple(Transfer(end, Location(JOB, "/")) for end in ends)
    context = connected(TransferSpec(stage_in=brought, working="W"), nobody)
    found = join_logins(run(context, Endpoints()), context)
    (finding, _) = [one for one in found if one.is_error]
    assert finding.hint == "type: goclient login --endpoint SITE1 --endpoint 'My data'"


def test_all_that_a_login_helps_is_mended_by_one_command() -> None:
    needed = [LoginNeeded.to_globus("a", options=[("--endpoint", "My data")]), LoginNeeded.to_globus("b")]
    needed += [LoginNeeded.to_globus("c", options=[("--endpoint", "B"), ("--endpoint", "My data")])]
    other = EndpointError("d", hint="e").finding
    found = join_logins([*(one.finding for one in needed), other], connected(TransferSpec(), Globus()))
    command = "type: goclient login --endpoint 'My data' --endpoint B"
    assert [finding.hint for finding in found] == [command, command, command, "e"]
    assert [finding.hint for finding in found] == [command, command, command, "e"]


# --- asking ---------------------------------------------------------------------------------------------------


def test_questions_are_asked_side_by_side_and_answered_in_order() -> None:
    together = threading.Barrier(8, timeout=30)

    def question(number: int) -> int:
        together.wait()
        return number * number

    assert Parallel(Deadline(60)).map(question, range(8)) == {number: number * number for number in range(8)}
    assert Parallel(Deadline(60)).map(question, []) == {}


def test_an_error_of_one_question_is_its_answer_and_a_defect_is_raised() -> None:
    def question(number: int) -> int:
        if number == 1:
            raise EndpointError("one")
        if number > 2:
            raise ZeroDivisionError
        return number

    answers = Parallel(Deadline(60)).map(question, (0, 1, 2))
    assert isinstance(answers[1], GoclientError)
    assert (answers[0], answers[2]) == (0, 2)
    with pytest.raises(ZeroDivisionError):
        Parallel(Deadline(60)).map(question, (0, 3))


def test_what_is_not_answered_in_time_is_an_error_and_the_rest_is_kept() -> None:
    over = threading.Event()

    def question(number: int) -> int:
        if number:
            over.wait(TIMEOUT)
        return number

    for seconds in PATIENCE:
        answers = Parallel(Deadline(seconds / 10)).map(question, (0, 1))
        if answers[0] == 0:
            break
    over.set()
    assert answers[0] == 0
    assert isinstance(answers[1], EndpointError)
    assert f"{seconds / 10:.0f} s" in answers[1].message


# --- what a review found --------------------------------------------------------------------------------------


def test_a_directory_typed_without_its_slash_is_judged_as_itself(shared_sandbox: Sandbox) -> None:
    pilot = f"--pilotIdentity={shared_sandbox.env['SANDBOX_PILOT_IDENTITY']}"
    assert codes(check(shared_sandbox, "--StageinGOsrc=GUEST1:/in", pilot, "--json"), "error") == []
    probed = check(shared_sandbox, "--Data=new", "--OutputGO=GUEST1:/private", "--goProbe", "--json")
    assert "GUEST1:/private/ can be written" in probed.json["findings"][-1]["message"]


def test_numbered_folders_are_judged_by_the_folder_of_all(sandbox: Sandbox, globus_program: str) -> None:
    words = ("--njobs=3", "--Data=a", "--OutputGO=GUEST1:/in/${SN}/", "--json")
    pilot = f"--pilotIdentity={sandbox.env['SANDBOX_PILOT_IDENTITY']}"
    refused = check(sandbox, *words, pilot)
    (error,) = [one for one in refused.json["findings"] if one["level"] == "error"]
    assert error["subject"] == "GUEST1:/in/"
    grant(sandbox, globus_program, error["hint"], "update")
    assert codes(check(sandbox, *words, pilot), "error") == []


@pytest.mark.conformance  # it takes long
def test_as_many_jobs_as_there_may_be_are_looked_at_in_little_memory(shared_sandbox: Sandbox) -> None:
    words = ("--njobs=100000", "--StageinGOsrc=SITE1:/home/in.${SN}", "--Data=o.${SN}", "--OutputGO=SITE1:/new/")
    limited = ("sh", "-c", 'ulimit -v 1000000; exec "$@"', "sh", sys.executable, "-m", "goclient", "check")
    result = shared_sandbox.run(*limited, *words, "--json")
    assert result.code == 40, result.out + result.err
    (last,) = [one for one in result.json["findings"] if one["level"] == "error" and "more like it" in one["message"]]
    assert (last["code"], last["subject"]) == ("path-not-found", "SITE1:/home/in.5")
    assert last["message"].endswith("and 99995 more like it")


def test_a_folder_that_is_read_and_written_takes_one_rule(sandbox: Sandbox, globus_program: str) -> None:
    pilot = f"--pilotIdentity={sandbox.env['SANDBOX_PILOT_IDENTITY']}"
    words = ("--StageinGOsrc=GUEST1:/private/own.dat", "--Data=a", "--OutputGO=GUEST1:/private/", pilot, "--json")
    refused = check(sandbox, *words)
    (error,) = [one for one in refused.json["findings"] if one["level"] == "error"]
    grant(sandbox, globus_program, error["hint"], "create")
    assert codes(check(sandbox, *words), "error") == []


def test_a_rule_that_ends_too_soon_is_named_and_its_hint_mends_it(sandbox: Sandbox, globus_program: str) -> None:
    sandbox.rows(
        "update rules set expires = ? where permissions = 'r'", (datetime.now(UTC) + timedelta(hours=2)).timestamp()
    )
    pilot = f"--pilotIdentity={sandbox.env['SANDBOX_PILOT_IDENTITY']}"
    words = ("--StageinGOsrc=GUEST1:/in/guest.dat", pilot, "--json")
    refused = check(sandbox, *words)
    (error,) = [one for one in refused.json["findings"] if one["level"] == "error"]
    assert "its rule for /in/ ends at" in error["message"]
    grant(sandbox, globus_program, error["hint"], "update")
    assert codes(check(sandbox, *words), "error") == []


def test_the_owner_of_a_guest_collection_needs_no_rule(sandbox: Sandbox) -> None:
    sandbox.rows("delete from rules")
    me = f"--pilotIdentity={sandbox.env['GOCLIENT_CLIENT_ID']}"
    assert codes(check(sandbox, "--Data=a", "--OutputGO=GUEST1:/in/", me, "--json"), "error") == []


NOBODY = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"


@pytest.mark.parametrize("typed", [NOBODY, f"{NOBODY}@clients.auth.globus.org", "nobody@x.example"])
def test_a_pilot_whom_nobody_knows_is_an_error(shared_sandbox: Sandbox, typed: str) -> None:
    result = check(shared_sandbox, f"--StageinGOsrc={INPUT}", f"--pilotIdentity={typed}", "--json")
    assert (result.code, codes(result, "error")) == (40, ["identity-not-found"])


ITSELF = {
    "by its id": (10, "--StageinGOdest={site}:/home/osg_data/panda/", INPUT),
    "without the slash": (40, "--StageinGOdest=SITE1:/home/osg_data/panda", INPUT),
    "with two slashes": (10, "--StageinGOdest=SITE1:/home/osg_data//panda/", INPUT),
    "a directory into itself": (10, "--StageinGOdest=SITE1:/home/osg_data/panda/", "SITE1:/home/"),
    "a directory of a server into itself": (10, "--StageinGOdest=gsiftp://h/d/", "gsiftp://H:2811/d/"),
    "a server by two names": (10, "--StageinGOdest=gsiftp://h/d//e/", "SE:/d"),
}


@pytest.mark.parametrize(("code", "to", "source"), ITSELF.values(), ids=ITSELF)
def test_nothing_is_written_onto_or_into_itself(shared_sandbox: Sandbox, code: int, to: str, source: str) -> None:
    (site,) = shared_sandbox.rows("select id from collections where display_name = 'SITE1'")
    servers = shared_sandbox.root / "servers.toml"
    servers.write_text(f'[SE]\nkind = "gridftp"\nurl = "gsiftp://h"\n[SITE1]\nkind = "globus"\nid = "{site["id"]}"\n')
    words = (f"--StageinGOsrc={source}", to.format(site=site["id"]), "--goOverwrite", "--myproxy=u@h", "--json")
    result = check(shared_sandbox, *words, GOCLIENT_ENDPOINTS=str(servers))
    assert (result.code, {*codes(result, "error")} & {"onto-itself"}) == (code, {"onto-itself"}), result.out
    sent = shared_sandbox.submit(*words, "--noSubmit", "--noCheck", GOCLIENT_ENDPOINTS=str(servers))
    assert (sent.code, "into itself" in sent.out) == ((10, True) if code == 10 else (0, False)), sent.err


def test_a_session_counts_where_nothing_is_listed_and_a_service_is_told_that_it_has_none(
    shared_sandbox: Sandbox,
) -> None:
    (found,) = shared_sandbox.rows("select id from collections where display_name = 'SESSION1'")
    for words in ((f"--StageinGOsrc={INPUT}", f"--WorkingendpointGO={found['id']}"), ("--StageinGOsrc=SESSION1:/",)):
        result = check(shared_sandbox, *words, "--json")
        assert result.code == 4, result.out
        assert "as a person" in next(one["hint"] for one in result.json["findings"] if one["level"] == "error")


def test_a_look_that_is_only_for_a_warning_stops_nothing(shared_sandbox: Sandbox, trouble: Any) -> None:
    words = (f"--StageinGOsrc={INPUT}", "--WorkingendpointGO=OSGDEV", "--json")
    trouble(route="GET /v0.10/endpoint_search", kind="delay", seconds=50)
    for seconds in PATIENCE:
        slow = check(shared_sandbox, *words, f"--goTimeout={seconds}")
        if slow.code == 0:
            break
    assert (slow.code, codes(slow, "warning")) == (0, ["unchecked"])
    assert "source" in codes(slow, "ok")


def test_folders_are_made_only_if_nothing_else_is_wrong(sandbox: Sandbox) -> None:
    words = ("--Data=a", "--OutputGO=SITE1:/home/made/", "--goMkdir", "--json")
    assert check(sandbox, f"--StageinGOsrc={INPUT}x", *words).code == 40
    assert not sandbox.path("SITE1", "/home/made").exists()
    assert check(sandbox, f"--StageinGOsrc={INPUT}", *words).code == 0
    assert sandbox.path("SITE1", "/home/made").exists()


def test_a_drive_of_windows_has_no_names_that_are_near(shared_sandbox: Sandbox) -> None:
    done = shared_sandbox.run("goclient", "check", "--StageinGOsrc=D:/data/x")
    assert (done.code, "did you mean" in done.out + done.err) == (40, False)
    assert "written ENDPOINT:/D/PATH" in done.out + done.err

"""A carrier brings and takes files by HTTPS, as a service client that owns nothing; nothing of its secret is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.carrier.plan import CarrierPlan
from goclient.carrier.report import CarrierCode
from goclient.model.endpoint import JOB, read_endpoint
from goclient.model.mode import Mode
from goclient.model.plan import TransferItem, TransferTask
from tests.carrier.carried import SECRET, CarriedJob, Ended, brought, processes_below, pythons, taken
from tests.commands import TIMEOUT
from tests.pace import within
from tests.sandboxes import Sandbox

TRANSFER_ALL = "urn:globus:auth:scope:transfer.api.globus.org:all"
INPUT = b"The input of the 2012 example.\n" * 64
SIGNALLED, AHEAD = str(Path(__file__).parents[1] / "signalled.py"), str(Path(__file__).with_name("ahead.py"))
TWICE = "cat 0064.file 0064.file >twice.file"


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """The sandbox of all tests here: each job has files of its own."""
    return shared_sandbox


def guest(sandbox: Sandbox) -> str:
    (row,) = sandbox.rows("select id from collections where display_name = 'GUEST1'")
    found: str = row["id"]
    return found


def https(sandbox: Sandbox, phase: Any, old: str, new: str, *, recursive: bool = False) -> TransferTask:
    far = read_endpoint(guest(sandbox), "GUEST1")
    source, destination = (far, JOB) if phase == "stage-in" else (JOB, far)
    return TransferTask(phase, source, destination, (TransferItem(old, new, recursive),), mode=Mode.HTTPS)


def job(
    sandbox: Sandbox,
    directory: Path,
    name: str,
    *,
    script: str = TWICE,
    source: str = "/campaign/in/0064.file",
    tasks: Sequence[TransferTask] = (),
) -> CarriedJob:
    """A job that brings the file, makes another of it, and takes that to a name of its own; or one with other tasks."""
    tasks = tasks or (
        https(sandbox, "stage-in", source, source.rpartition("/")[2]),
        https(sandbox, "output", "twice.file", f"/campaign/out/{name}.${{SN}}"),
    )
    plan = CarrierPlan(
        name="n",
        tasks=tuple(tasks),
        overwrite=False,
        working="W",
        program="./run.sh",
        auth=sandbox.url,
        transfer=sandbox.url,
        scopes=(TRANSFER_ALL, f"https://auth.globus.org/scopes/{guest(sandbox)}/https"),
        credential=SECRET,
        needs=24,
    )
    secret = {
        "client_id": sandbox.env["GOCLIENT_CARRY_CLIENT_ID"],
        "client_secret": sandbox.env["GOCLIENT_CARRY_CLIENT_SECRET"],
    }
    return CarriedJob(directory / "run", script=script, plan=plan, secret=secret)


def wait_until(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.05)


def wait_for_next_second() -> None:
    """Attempts of a carried job are told apart by the second in which they begin."""
    begun = int(time.time())
    wait_until(lambda: int(time.time()) > begun)


def delivered(sandbox: Sandbox, name: str) -> Path:
    return sandbox.path("SITE1", f"/shared/campaign/out/{name}.7")


def valid_tokens(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The tokens of the service client that are good for something."""
    return sandbox.rows("select * from tokens where client = ?", sandbox.env["GOCLIENT_CARRY_CLIENT_ID"])


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("python", pythons())
def test_every_python_brings_and_takes_by_https_and_on_the_node(python: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """Of the secrets that the site has left it removes all, links and what else has their names, before anything."""
    name, home = f"every-{pythons().index(python)}", tmp_path / "home"
    home.mkdir()
    (tmp_path / "near").write_text("near")
    kept = ["goclient-XYZ.json", "mine.json"]
    for one in kept:
        (home / one).touch()
    (home / SECRET).symlink_to(tmp_path / "near")
    os.mkfifo(home / "panda_secrets.json")
    tasks = (
        https(sandbox, "stage-in", "/campaign/in/0064.file", "0064.file"),
        brought((f"{tmp_path}/near", "near")),
        https(sandbox, "output", "twice.file", f"/campaign/out/{name}.${{SN}}"),
        taken(("near", f"{tmp_path}/taken.${{SN/P}}")),
    )
    carried = job(sandbox, tmp_path, name, tasks=tasks, script=f'{TWICE}; echo the payload says: $1; ls -A "{home}" .')
    carried.env["TRF_EXEC_HOME_DIR"] = str(home)
    ended = carried.run("a b$c", python=python)
    assert ended.code == 0, ended.output
    assert "the payload says: a b$c" in ended.output.splitlines()
    assert delivered(sandbox, name).read_bytes() == INPUT * 2
    assert (tmp_path / "taken.000007").read_text() == (tmp_path / "near").read_text() == "near"
    assert [(one["phase"], one["state"], one["files"], one["bytes"]) for one in ended.transfers] == [
        ("stage-in", "done", 1, len(INPUT)), ("stage-in", "done", 1, 4),
        ("output", "done", 1, 2 * len(INPUT)), ("output", "done", 1, 4),
    ]  # fmt: skip
    assert [one for one in ended.output.splitlines() if one in (SECRET, "panda_secrets.json")] == []
    assert (carried.left, sorted(one.name for one in home.iterdir())) == ([], kept)
    assert [one.name for one in delivered(sandbox, name).parent.glob(".goclient*")] == []
    assert valid_tokens(sandbox) == []


def test_a_missing_source_is_told_in_our_words(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = job(sandbox, tmp_path, "missing", source="/campaign/in/none").run()
    assert (ended.code, ended.report["error_code"]) == (77, 5902)
    assert ended.critical.startswith('CRITICAL goclient: stage-in: "')
    assert "/campaign/in/none" in ended.critical
    assert valid_tokens(sandbox) == []


def test_what_may_not_be_read_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = job(sandbox, tmp_path, "denied", source="/elsewhere/file").run()
    assert (ended.code, ended.report["error_code"]) == (77, 5902)
    assert "/elsewhere/file" in ended.critical


def test_a_name_that_is_taken_is_told_before_the_payload(sandbox: Sandbox, tmp_path: Path) -> None:
    delivered(sandbox, "taken").write_text("somebody's")
    ended = job(sandbox, tmp_path, "taken").run()
    assert (ended.code, ended.report["error_code"]) == (77, 5903)
    assert "exists by now" in ended.critical
    assert "the payload runs" not in ended.output
    assert delivered(sandbox, "taken").read_text() == "somebody's"


@pytest.mark.conformance  # it takes long
def test_a_later_attempt_replaces_what_an_earlier_one_has_delivered(sandbox: Sandbox, tmp_path: Path) -> None:
    first = job(sandbox, tmp_path / "1", "again", script=f"{TWICE}; touch made; sleep 600")
    process = first.start()
    first.wait_for("made")
    os.killpg(process.pid, signal.SIGTERM)
    assert first.end(process).code == 77
    wait_for_next_second()
    second = job(sandbox, tmp_path / "2", "again")
    assert second.run().code == 0
    assert delivered(sandbox, "again").read_bytes() == INPUT * 2


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(
    ("folder", "later_ends_first", "ahead"), [("", False, -200), ("", True, 0), ("new/", False, 0)]
)
def test_an_earlier_attempt_that_goes_on_is_in_no_later_ones_way(
    later_ends_first: bool, folder: str, ahead: int, sandbox: Sandbox, tmp_path: Path
) -> None:
    name = f"{folder}beside-{later_ends_first}{ahead}"
    script = "touch made; while [ ! -e go ]; do sleep 0.05; done"
    earlier = job(sandbox, tmp_path / "1", name, script=f"echo earlier >twice.file; {script}")
    later = job(sandbox, tmp_path / "2", name, script=f"echo later >twice.file; {script}")
    first = earlier.start()
    earlier.wait_for("made")
    wait_for_next_second()
    second = later.start(AHEAD, str(ahead), *later.told())
    later.wait_for("made")

    def end_earlier() -> None:
        (earlier.directory / "go").touch()
        ended = earlier.end(first)
        assert ended.code == 77
        assert ("exists by now" if later_ends_first else "a later attempt of this job") in ended.critical

    if not later_ends_first:
        end_earlier()
    (later.directory / "go").touch()
    ended = later.end(second)
    assert ended.code == 0, ended.output
    if later_ends_first:
        end_earlier()
    assert delivered(sandbox, name).read_text() == "later\n"
    assert [one.name for one in delivered(sandbox, name).parent.glob(".goclient*")] == []


def secrets_in(carried: CarriedJob, ended: Ended, sandbox: Sandbox) -> list[str]:
    """Where the secret, or a token that was made with it, is found after the job."""
    needles = [sandbox.env["GOCLIENT_CARRY_CLIENT_SECRET"].encode()]
    texts = {"output": ended.output.encode()}
    for top, _, files in os.walk(carried.directory):
        texts |= {str(Path(top, one)): Path(top, one).read_bytes() for one in files if Path(top, one).is_file()}
    return [place for place, text in texts.items() for one in needles if one in text]


@pytest.mark.parametrize(
    "script", [TWICE, "exit 3", "cat goclient-* panda_secrets.*; env; cat /proc/$PPID/environ; ps axe"]
)
def test_a_secret_is_in_no_file_output_environment_or_argument(script: str, sandbox: Sandbox, tmp_path: Path) -> None:
    carried = job(sandbox, tmp_path, f"secret-{len(script)}", script=script)
    ended = carried.run(python=sys.executable)  # whose environment and arguments are its own
    assert "payload" in ended.output
    assert secrets_in(carried, ended, sandbox) == []
    assert valid_tokens(sandbox) == []


def test_a_signal_revokes_the_token_and_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    carried = job(sandbox, tmp_path, "killed", script="touch began; sleep 600")
    process = carried.start()
    carried.wait_for("began")
    with within(5.0):
        os.killpg(process.pid, signal.SIGTERM)
        ended = carried.end(process)
    assert ended.report["error_code"] == 5906
    assert (processes_below(carried.directory), carried.left, valid_tokens(sandbox)) == ([], [], [])


def between(sandbox: Sandbox, name: str) -> TransferTask:
    """A task of Globus', which the node takes no part in."""
    far = read_endpoint(guest(sandbox), "GUEST1")
    items = (TransferItem("/campaign/in/0064.file", f"/campaign/out/{name}.${{SN}}", recursive=False),)
    return TransferTask("stage-out", far, far, items, mode=Mode.HTTPS)


def test_globus_transfers_between_collections(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = job(sandbox, tmp_path, "between", tasks=[between(sandbox, "between")], script="exit 0").run()
    assert ended.code == 0, ended.output
    assert delivered(sandbox, "between").read_bytes() == INPUT
    (row,) = ended.transfers
    (task,) = sandbox.rows("select status, label from tasks where task_id = ?", row["task_id"])
    assert (task["status"], task["label"]) == ("SUCCEEDED", "goclient 4711 stage-out")


def test_a_signal_cancels_what_globus_transfers(sandbox: Sandbox, tmp_path: Path) -> None:
    carried = job(sandbox, tmp_path, "cancelled", tasks=[between(sandbox, "cancelled")], script="exit 0")
    sandbox.set(bytes_per_second=1)
    try:
        process = carried.start()
        wait_until(lambda: any(one["status"] == "ACTIVE" for one in sandbox.rows("select status from tasks")))
        with within(5.0):
            os.killpg(process.pid, signal.SIGTERM)
            ended = carried.end(process)
    finally:
        sandbox.set()
    (row,) = ended.transfers
    assert (ended.code, row["state"]) == (77, "failed")
    (task,) = sandbox.rows("select status from tasks where task_id = ?", row["task_id"])
    assert task["status"] == "FAILED"
    assert valid_tokens(sandbox) == []


NOT_BEGUN, STOPPED, DONE = -signal.SIGTERM, 77, 0
MOMENTS = {
    "enter goclient.carrier.program:main": NOT_BEGUN,
    "enter goclient.carrier.program:read_plan": STOPPED,
    "enter goclient.services.globus.rest:RestAuth.client_token": STOPPED,
    "leave goclient.services.globus.rest:RestAuth.client_token": STOPPED,
    "enter goclient.node.engines.collection_end:CollectionEnd.get": STOPPED,
    "leave goclient.node.transfers:Transfers.bring": STOPPED,
    "enter goclient.node.payload:run": STOPPED,
    "enter goclient.node.keeper:KeptProcess.wait": STOPPED,
    "leave goclient.node.payload:run": STOPPED,
    "enter goclient.node.engines.collection_end:CollectionEnd.put": STOPPED,
    "leave goclient.node.engines.collection_end:CollectionEnd.put": STOPPED,
    "enter goclient.node.transfers:Transfers.deliver": STOPPED,
    "enter goclient.services.globus.rest:RestTransfer.rename": DONE,
    "leave goclient.services.globus.rest:RestTransfer.rename": DONE,
    "leave goclient.node.job:run_job": DONE,
    "enter goclient.carrier.program:write_metadata": DONE,
    "enter goclient.carrier.program:remove_left": DONE,
    "leave goclient.carrier.program:remove_left": DONE,
}


def start_signalled(carried: CarriedJob, moment: str) -> subprocess.Popen[str]:
    """Start a carrier that gets SIGTERM at a moment of ``signalled.py``."""
    return carried.start(SIGNALLED, moment, *carried.told())


@pytest.mark.parametrize(("moment", "code"), MOMENTS.items())
def test_a_signal_at_any_moment_leaves_nothing(moment: str, code: int, sandbox: Sandbox, tmp_path: Path) -> None:
    """It fails the job unless everything is delivered, or the last name is asked for: its answer is waited for."""
    name = f"moment-{list(MOMENTS).index(moment)}"
    carried = job(sandbox, tmp_path, name)
    ended = carried.end(start_signalled(carried, moment))
    assert ended.code == code, ended.output
    assert (processes_below(carried.directory), carried.left, valid_tokens(sandbox)) == ([], [], [])
    assert delivered(sandbox, name).exists() == (code == DONE)


def test_a_signal_ends_the_wait_for_a_name_that_a_busy_service_is_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.trouble("POST /v0.10/operation/endpoint/*/rename", "503")
    carried = job(sandbox, tmp_path, "busy")
    try:
        with within(20.0):  # the whole job; the service would have been asked for a quarter of an hour
            ended = carried.end(start_signalled(carried, "enter goclient.services.globus.rest:RestTransfer.rename"))
    finally:
        sandbox.clear_trouble()
    assert (ended.code, ended.report["error_code"]) == (77, 5906)
    assert (processes_below(carried.directory), carried.left, valid_tokens(sandbox)) == ([], [], [])
    assert not delivered(sandbox, "busy").exists()


def test_a_signal_between_two_deliveries_fails_the_job(sandbox: Sandbox, tmp_path: Path) -> None:
    tasks = [https(sandbox, "output", "made", f"/campaign/out/of-two-{one}.${{SN}}") for one in (1, 2)]
    carried = job(sandbox, tmp_path, "of-two", tasks=tasks, script="echo made >made")
    ended = carried.end(start_signalled(carried, "enter goclient.services.globus.rest:RestTransfer.rename"))
    assert (ended.code, ended.report["error_code"]) == (77, 5906)
    assert [delivered(sandbox, f"of-two-{one}").exists() for one in (1, 2)] == [True, False]


@pytest.mark.conformance  # it takes long
def test_a_signal_between_a_name_and_its_note_leaves_a_whole_file_that_a_later_attempt_replaces(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Nothing tells this moment from one in which the name is not given, so the job has failed."""
    first = job(sandbox, tmp_path / "1", "noted")
    ended = first.end(start_signalled(first, "leave goclient.node.delivery:Delivery._place_once"))
    assert (ended.code, ended.report["error_code"]) == (77, 5906)
    assert delivered(sandbox, "noted").read_bytes() == INPUT * 2
    assert (ended.transfers[-1]["phase"], ended.transfers[-1]["bytes"]) == ("output", 2 * len(INPUT))
    assert (processes_below(first.directory), first.left, valid_tokens(sandbox)) == ([], [], [])
    wait_for_next_second()
    assert job(sandbox, tmp_path / "2", "noted", script=f"{TWICE}; echo 2 >>twice.file").run().code == 0
    assert delivered(sandbox, "noted").read_bytes() == INPUT * 2 + b"2\n"
    assert [one.name for one in delivered(sandbox, "noted").parent.glob(".goclient-*")] == []


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        pytest.param({"client_id": "8b5eb87a-10b2-4626-96dc-d9ab00c6942a", "client_secret": "wrong-secret"},
                     "the job's credential is not valid: ", id="another-client"),
        pytest.param({"something": "else"}, "has nothing of ours in it", id="not-a-client"),
        pytest.param(None, "was not handed out by the site", id="none"),
    ],
)  # fmt: skip
def test_a_credential_that_is_no_good_is_told(
    secret: dict[str, str] | None, words: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    carried = job(sandbox, tmp_path, "credential")
    for one in carried.left:
        (carried.directory / one).unlink()
    if secret is not None:
        carried.hand_out(secret)
    ended = carried.run()
    assert ended.code == 77
    assert words in ended.critical
    assert "wrong-secret" not in ended.output
    assert carried.left == []


@pytest.mark.conformance  # it takes long
def test_no_way_out_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    """In a network of its own, the node reaches nothing."""
    carried = job(sandbox, tmp_path, "no-network")
    probe = subprocess.run(["unshare", "-rn", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("this machine makes no network namespaces")
    with within(TIMEOUT / 2):
        ended = carried.end(carried.start(words=["unshare", "-rn", *carried.words()]))
    assert ended.code == 77
    assert "Globus could not be reached" in ended.critical


def test_a_clock_that_is_wrong_by_a_day_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    carried = job(sandbox, tmp_path, "clock")
    ended = carried.end(carried.start(AHEAD, "86400", *carried.told()))
    assert ended.code == 77, ended.output
    assert "the clock of this node is 864" in ended.critical
    assert "s ahead of that of Globus" in ended.critical
    assert ended.report["error_code"] == CarrierCode.NODE
    assert valid_tokens(sandbox) == []


def test_without_a_credential_nothing_asks_globus(sandbox: Sandbox, tmp_path: Path) -> None:
    requests.delete(f"{sandbox.url}/sandbox/requests", timeout=TIMEOUT)
    assert CarriedJob(tmp_path / "run").run().code == 0
    found = requests.get(f"{sandbox.url}/sandbox/requests", timeout=TIMEOUT).json()["requests"]
    assert [one for one in found if not one["path"].startswith("/sandbox")] == []


def test_a_server_without_a_credential_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    source, seen_by = read_endpoint(guest(sandbox)), read_endpoint("11111111-1111-4111-8111-111111111111")
    item = (TransferItem("/campaign/in/0064.file", "x", recursive=False),)
    tasks = (TransferTask("stage-in", source, JOB, item, seen_by, Mode.SERVER),)
    ended = CarriedJob(tmp_path / "run", tasks).run()
    assert ended.code == 77
    assert "a transfer of the job needs a credential: it has none" in ended.critical

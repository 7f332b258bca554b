"""``goclient sandbox site`` runs a job as a site does that knows nothing of goclient."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from goclient.sandbox.site.defects import Fault
from tests.commands import TIMEOUT, run_command
from tests.sandbox.panda.test_legacy import described, submit
from tests.sandbox.panda.test_tasks import call
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

FILE = "___file___:"
SECRET = "not-for-anybody"


def job(sandbox: Sandbox, command: str, *, words: str = "", **attributes: str) -> int:
    """A job of runGen with this command; its PandaID."""
    run_gen = f"{sandbox.url}/trf/user/runGen-00-00-02"
    parameters = f'-j "" -r . -p "{quote(command)}" {words}'
    return submit(sandbox, transformation=run_gen, jobParameters=parameters, **attributes)


def site(sandbox: Sandbox, *words: str) -> dict[str, Any]:
    done = sandbox.run("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json", *words)
    assert done.code == 0, done
    return dict(json.loads(done.out))


def running(sandbox: Sandbox, *words: str) -> subprocess.Popen[str]:
    """The same as a process that goes on."""
    command = [sys.executable, "-m", "goclient", "sandbox", "site", "--site=TEST1", "--once", "--json", *words]
    return subprocess.Popen(command, env=sandbox.env, cwd=sandbox.cwd, text=True, stdout=subprocess.PIPE)


def log_of(result: dict[str, Any]) -> dict[str, bytes]:
    """The files of a job's log by their names in its directory."""
    with tarfile.open(result["log"]) as archive:
        files = {member.name.partition("/")[2]: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: file.read() for name, file in files.items() if file}


@pytest.mark.conformance  # it takes long
def test_a_job_runs_in_the_environment_of_the_pilot_alone(panda: Sandbox) -> None:
    panda_id = job(panda, "echo A; env; pwd; echo n > userJobMetadata.json; echo '{\"m\": 1}' > userJobMetadata.json")
    result = site(panda)
    assert (result["PandaID"], result["state"], result["pilotErrorCode"], result["left"]) == (
        panda_id,
        "finished",
        0,
        [],
    )
    log = log_of(result)
    out = log["payload.stdout"].decode()
    assert f"{result['directory']}/workDir\n" in out
    assert f"PANDAID={panda_id}\n" in out
    for own in ("GOCLIENT", "GLOBUS", "SANDBOX_SECRET", panda.env["GOCLIENT_CARRY_CLIENT_SECRET"], "/bin/globus"):
        assert own not in out
    assert {"pilotlog.txt", "payload.stderr", "runGen-00-00-02", "jobReport.json"} <= log.keys()
    told = described(panda, panda_id)
    assert (told["jobStatus"], json.loads(told["metadata"])["user_job_metadata"]) == ("finished", {"m": 1})


def test_a_queue_without_a_job_is_said(panda: Sandbox) -> None:
    assert site(panda) == {"PandaID": None, "state": None}


ENDS = [
    pytest.param("exit 7", {"transExitCode": 18, "pilotErrorCode": 1305, "exeErrorCode": 5318,
                            "pilotErrorDiag": "payload execution failed with 7"}, id="a failure"),
    pytest.param("exit 255", {"state": "finished"}, id="255"),
    pytest.param("echo CRITICAL goclient: no; exit 77", {"pilotErrorDiag": "payload execution failed with 77"},
                 id="runGen's report hides a critical line"),
    pytest.param("printf '\\351\\n'", {"transExitCode": 1, "pilotErrorCode": 1305, "exeErrorCode": 0},
                 id="a byte that is not UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "expected"), ENDS)
def test_a_job_ends_as_at_an_unmodified_site(panda: Sandbox, command: str, expected: dict[str, Any]) -> None:
    panda_id = job(panda, command)
    result = site(panda)
    assert expected.items() <= {"state": "failed", **result}.items()
    told = described(panda, panda_id)
    assert told["jobStatus"] == result["state"]
    assert (told["pilotErrorDiag"] or "NULL") in (result["pilotErrorDiag"], "NULL")


def test_an_old_pilot_shows_the_critical_line_and_reads_no_report(panda: Sandbox) -> None:
    job(panda, "echo CRIT''ICAL goclient: no input; exit 77")  # runGen prints the command, too
    result = site(panda, "--pilotVersion=3.7")
    assert result["pilotErrorDiag"] == "Failed to execute payload:CRITICAL goclient: no input"
    assert (result["transExitCode"], result["exeErrorCode"]) == (18, 0)


@pytest.mark.parametrize(
    ("path", "why"), [("transformations/datatransfer.sh", "invalid base URL: "), ("trf/user/none", "HTTP Error 404")]
)
def test_only_the_site_s_own_transformations_run(panda: Sandbox, path: str, why: str) -> None:
    submit(panda, transformation=f"{panda.url}/{path}")
    result = site(panda)
    assert (result["state"], result["pilotErrorCode"]) == ("failed", 1149)
    assert result["pilotErrorDiag"].startswith(f"Transform could not be downloaded:{why}")


def test_lost_reports_end_no_job_and_the_last_one_is_sent_again(panda: Sandbox) -> None:
    panda_id = job(panda, "true")
    for kind, skip in (("500", 0), ("reset", 0), ("html", 2)):
        panda.trouble("POST /server/panda/updateJob", kind, skip=skip, times=1)
    try:
        assert site(panda)["state"] == "finished"
    finally:
        panda.clear_trouble()
    assert described(panda, panda_id)["jobStatus"] == "finished"


@pytest.mark.parametrize(("kind", "more"), [("500", {}), ("html", {}), ("error", {"status": 200, "document": []})])
def test_a_server_that_gives_no_job_is_an_error(panda: Sandbox, kind: str, more: dict[str, Any]) -> None:
    panda.trouble("POST /server/panda/getJob", kind, **more)
    try:
        done = panda.run("goclient", "sandbox", "site", "--site=TEST1", "--once")
    finally:
        panda.clear_trouble()
    assert (done.code, "the site cannot run a job" in done.err) == (1, True), done


@pytest.mark.parametrize(("version", "logged"), [("3.11", True), ("3.7", False)])
def test_a_job_gets_all_secrets_which_newer_pilots_log(panda: Sandbox, version: str, logged: bool) -> None:
    call(panda, "creds/set_user_secrets", {"key": "OTHER", "value": SECRET})
    call(panda, "creds/set_user_secrets", {"key": f"{FILE}goclient-1.json", "value": "e30="})
    job(panda, "ls -l; cat goclient-1.json; rm goclient-1.json", specialHandling="us")
    result = site(panda, f"--pilotVersion={version}")
    assert result["state"] == "finished"
    log = log_of(result)
    assert "-rw-r--r-- 1" in log["payload.stdout"].decode()
    assert (SECRET.encode() in log["pilotlog.txt"]) == logged
    assert not {name for name in log if "panda_secrets" in name}  # runGen has moved them into workDir


HEARS = "cd $TRF_EXEC_HOME_DIR; trap 'echo got > signal; exit 1' TERM; trap '' PIPE; echo up > up"


@pytest.mark.conformance  # it takes long
def test_a_kill_from_the_monitor_is_no_signal_for_the_payload(panda: Sandbox) -> None:
    """Only runGen is ended: what is below it finds its output broken."""
    panda_id = job(panda, f"{HEARS}; while echo tick; do sleep 0.1; done 2>/dev/null; echo broken > broken")
    process = running(panda, "--heartbeatSeconds=1")
    (up,) = until(lambda: [*(panda.root / "site").glob(f"*/PanDA_Pilot-{panda_id}/up")])
    call(panda, "job/kill", {"job_ids": [panda_id]})
    out, _ = process.communicate(timeout=TIMEOUT)
    result = json.loads(out)
    assert (result["pilotErrorCode"], result["pilotErrorDiag"]) == (1144, "This job was killed by panda server")
    assert (result["left"], (up.parent / "broken").exists(), (up.parent / "signal").exists()) == ([], True, False)
    assert described(panda, panda_id)["jobStatus"] == "cancelled"


def test_the_batch_system_ends_the_whole_group(panda: Sandbox) -> None:
    # It begins before the trap: a shell's child that gets the signal before it has reset a trap would lose it.
    panda_id = job(panda, f"sleep 60 & {HEARS}; wait")
    process = running(panda)
    (up,) = until(lambda: [*(panda.root / "site").glob(f"*/PanDA_Pilot-{panda_id}/up")])
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=TIMEOUT)
    result = json.loads(out)
    assert (result["pilotErrorCode"], result["pilotErrorDiag"]) == (1201, "Job killed by signal: SIGTERM")
    assert (result["left"], (up.parent / "signal").exists()) == ([], True)


CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
FILL = "import os; open('big', 'wb').write(os.urandom(1 << 20))"
LACKS = [
    pytest.param(None, CONNECT, 0, "", id="nothing"),
    pytest.param(Fault.NO_NETWORK, CONNECT, 1, "Network is unreachable", id="no network"),
    pytest.param(None, FILL, 0, "", id="a disk"),
    pytest.param(Fault.DISK_FULL, FILL, 1, "No space left on device", id="a full disk"),
    pytest.param(Fault.NO_PYTHON3, "pass", 127, "python3: not found", id="no python3"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "script", "code", "said"), LACKS)
def test_a_node_lacks_what_is_asked_for(panda: Sandbox, fault: Fault | None, script: str, code: int, said: str) -> None:
    port = panda.url.rpartition(":")[2]
    job(panda, f'python3 -I -c "{script.format(port=port)}" || exit $?')  # no quote at the end
    result = site(panda, *([f"--fault={fault}"] if fault else []))
    out = log_of(result)["payload.stdout"].decode()
    assert said in out
    assert said in out
    assert result["exeErrorDiag"] == (f"payload execution failed with {code}" if code else ""), (result, out)


@pytest.mark.parametrize("declared", [True, False])
def test_an_output_of_panda_is_stored_or_missed(panda: Sandbox, tmp_path: Path, declared: bool) -> None:
    name = f"user.jdoe.site{declared}"
    words = (f"--outDS={name}", "--exec=echo x > out.dat", "--noBuild", "--site=TEST1", "--outputs=out.dat")
    assert run_command(("goclient", "prun", *words), env=panda.env, cwd=tmp_path).code == 0
    (row,) = panda.rows("select * from jobs order by panda_id desc limit 1")
    output = json.loads(row["attributes"])["Files"][0]["lfn"]
    if not declared:  # to runGen, which then leaves it in its directory
        change = "update jobs set attributes = replace(attributes, ?, '{}') where panda_id = ?"
        panda.rows(change, f"{{'out.dat': '{output}'}}", row["panda_id"])
    result = site(panda)
    if declared:
        assert (result["state"], result["pilotErrorCode"]) == ("finished", 0)
        assert (Path(result["log"]).parent / output).read_text() == "x\n"
    else:
        assert (result["state"], result["pilotErrorCode"]) == ("failed", 1165)
        assert result["pilotErrorDiag"].endswith(f"file/directory does not exist: {result['directory']}/{output}")


MISUSES = [
    pytest.param(("--once",), "site needs --site", id="no queue"),
    pytest.param(("--site=TEST1",), "site needs --once", id="no end"),
    pytest.param(("--site=TEST1", "--once", "--fault=x"), "no-network", id="an unknown fault"),
    pytest.param(("--site=TEST1", "--once", "--heartbeatSeconds=0"), "1", id="no heartbeat"),
]


@pytest.mark.parametrize(("words", "said"), MISUSES)
def test_a_site_says_how_it_is_used(shared_sandbox: Sandbox, words: tuple[str, ...], said: str) -> None:
    done = shared_sandbox.run("goclient", "sandbox", "site", *words)
    assert (done.code, said in done.err) == (2, True), done


def test_a_site_needs_a_sandbox_that_runs(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    done = shared_sandbox.run("goclient", "sandbox", "site", "--site=TEST1", "--once", "--dir", str(tmp_path))
    assert (done.code, "no sandbox runs in" in done.err) == (10, True), done
    done = shared_sandbox.run("goclient", "sandbox", "status", "--once")
    assert (done.code, "--once is for site only" in done.err) == (2, True), done

"""The pilot, as a site runs it: what a job's record says is carried out, and whatever happens is reported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import requests

from goclient.errors.findings import ExitCode
from goclient.model.syntax.shell import words
from tests.commands import started
from tests.processes import running_below
from tests.sandboxes import Sandbox

ECHO = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done > words.txt
env > environment.txt
ls -A > listing.txt
"""
HOME = "/home/osg_data/panda"


def job_of(sandbox: Sandbox, panda_id: int = 1) -> dict[str, str]:
    (row,) = sandbox.rows("select status, attributes from jobs where panda_id = ?", panda_id)
    return {**json.loads(row["attributes"]), "status": row["status"]}


def submit(sandbox: Sandbox, payload: str, *more: str) -> None:
    result = sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", *more)
    assert result.code == 0, result.err


def test_without_a_job_the_pilot_says_so_and_is_done(shared_sandbox: Sandbox) -> None:
    result = shared_sandbox.pilot("--json")
    assert (result.code, result.json["PandaID"]) == (ExitCode.NO_JOB, None)
    assert "no job for TEST1" in result.err


def test_a_queue_that_the_server_does_not_have_is_an_error(shared_sandbox: Sandbox) -> None:
    result = shared_sandbox.run("goclient", "pilot", "--site", "TEST9", "--once")
    assert result.code == 10
    assert 'the PanDA server has no queue "TEST9"' in result.err
    assert "TEST1" in result.err
    assert "no job" not in result.err


def test_a_server_that_does_not_tell_its_queues_is_a_warning(sandbox: Sandbox) -> None:
    fault = {"route": "GET /api/v1/metaconfig/*", "kind": "error", "status": 500}
    assert requests.post(f"{sandbox.url}/sandbox/trouble", json=fault, timeout=60).ok
    result = sandbox.run("goclient", "pilot", "--site", "TEST9", "--once")
    assert result.code == ExitCode.NO_JOB, result.err
    assert 'warning: whether there is a queue "TEST9" is not known' in result.err
    assert "there is no job for TEST9" in result.err


@pytest.mark.conformance  # it takes long
def test_the_payload_gets_its_own_words_byte_for_byte(sandbox: Sandbox) -> None:
    parameters = """one 'two  words' "a $HOME 'quoted'" --Database=prod back\\ slash '*' ~ -- --Data=mine ü"""
    submit(sandbox, sandbox.payload("echo.sh", ECHO), "--jobParameters", parameters,
           "--Data=words.txt", f"--OutputGO=SITE1:{HOME}")  # fmt: skip
    assert sandbox.pilot().code == 0
    got = sandbox.path("SITE1", f"{HOME}/words.txt").read_text().splitlines()
    assert got == [word.value for word in words(parameters)]
    assert "$HOME" in got[2], "nothing is expanded"


def test_the_payload_sees_2012_s_variables_and_no_credentials(sandbox: Sandbox) -> None:
    submit(sandbox, sandbox.payload("echo.sh", ECHO), "--Data=environment.txt", f"--OutputGO=SITE1:{HOME}")
    assert sandbox.pilot().code == 0
    lines = sandbox.path("SITE1", f"{HOME}/environment.txt").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    assert (found["PandaID"], found["PandaSite"], found["QueueName"]) == ("1", "TEST1", "TEST1")
    assert found["PandaWorkdir"] == found["PWD"]
    assert found["destinationBlock"].startswith("panda.destDB.")
    assert found["dispatchBlock"] == ""
    assert not [name for name in found if name.startswith(("GOCLIENT_", "PANDA_AUTH", "OIDC_", "GLOBUS_CLI_"))]
    held = [value for name, value in sandbox.env.items() if name.endswith(("SECRET", "_AUTH", "_KEY", "_TOKEN_FILE"))]
    assert len(held) > 8
    assert not set(held) & set(found.values())


@pytest.mark.conformance  # it takes long
def test_a_token_that_is_refused_in_the_middle_of_a_job_fails_nothing(sandbox: Sandbox) -> None:
    submit(sandbox, sandbox.payload("echo.sh", ECHO), "--Data=words.txt", f"--OutputGO=SITE1:{HOME}")
    for route in ("POST /v0.10/endpoint", "POST /v0.10/transfer", "GET /v0.10/task_list", "DELETE /v0.10/endpoint/*"):
        sandbox.trouble(route, "401", times=1)
    result = sandbox.pilot()
    assert result.code == 0, result.err
    assert sandbox.path("SITE1", f"{HOME}/words.txt").exists()
    assert not sandbox.rows("select id from collections where display_name like '%-1'"), "the job's own is removed"


def test_a_directory_is_brought_and_taken_away_whole(sandbox: Sandbox) -> None:
    source = sandbox.path("SITE1", f"{HOME}/run7/deep")
    source.mkdir(parents=True)
    (source / "a b.txt").write_text("one")
    (source.parent / "c.txt").write_text("two")
    script = '#!/bin/sh\nmkdir results && cp -r run7/. results/ && echo "$PandaID" > results/id\n'
    submit(sandbox, sandbox.payload("copy.sh", script), f"--StageinGOsrc=SITE1:{HOME}/run7",
           "--StageoutGOsrc=results/", "--StageoutGOdest=mxp#MXP_OU_TEST:/home/usatlas1/new/")  # fmt: skip
    result = sandbox.pilot()
    assert result.code == 0, result.err
    there = sandbox.path("mxp#MXP_OU_TEST", "home/usatlas1/new/results")
    assert sorted(str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()) == [
        "c.txt", "deep/a b.txt", "id",
    ]  # fmt: skip


@pytest.mark.conformance  # it takes long
def test_a_destination_without_a_slash_is_a_new_name_unless_a_directory_has_it(sandbox: Sandbox) -> None:
    sandbox.path("SITE1", f"{HOME}/there").mkdir()
    for name in ("renamed.bin", "there"):
        script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
        submit(sandbox, script, "--StageoutGOsrc=made.txt", f"--StageoutGOdest=SITE1:{HOME}/{name}")
        assert sandbox.pilot().code == 0
    assert sandbox.path("SITE1", f"{HOME}/renamed.bin").read_text() == "made\n"
    assert sandbox.path("SITE1", f"{HOME}/there/made.txt").read_text() == "made\n"


def test_a_stage_in_destination_on_another_endpoint_is_a_third_party_transfer_before_the_payload(
    sandbox: Sandbox,
) -> None:
    script = sandbox.payload("list.sh", "#!/bin/sh\nls -A > listing.txt\n")
    submit(sandbox, script, f"--StageinGOsrc=SITE1:{HOME}/0064.file", "--StageinGOdest=mxp#MXP_OU_TEST:/home/usatlas1/")
    assert sandbox.pilot().code == 0
    assert sandbox.path("mxp#MXP_OU_TEST", "home/usatlas1/0064.file").exists()
    tasks = sandbox.rows("select label, request_time from tasks where type = 'TRANSFER'")
    assert [task["label"] for task in tasks] == ["goclient 1 stage-in"]
    assert sandbox.rows("select * from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'") == []


def test_a_transfer_is_labelled_with_its_job_s_campaign(sandbox: Sandbox) -> None:
    script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
    submit(sandbox, script, f"--StageinGOsrc=SITE1:{HOME}/0064.file", "--Data=made.txt", f"--OutputGO=SITE1:{HOME}",
           "--campaign=scan_7")  # fmt: skip
    assert sandbox.pilot().code == 0
    labels = [one["label"] for one in sandbox.rows("select label from tasks where type = 'TRANSFER'")]
    assert labels == ["goclient 1 scan_7 stage-in", "goclient 1 scan_7 output"]
    (job,) = sandbox.run("goclient", "status", "1", "--json").json
    assert [one["phase"] for one in job["transfers"]] == ["stage-in", "output"]


def test_every_transfer_task_verifies_has_a_deadline_a_label_and_sends_no_mail(sandbox: Sandbox) -> None:
    script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
    submit(sandbox, script, "--Data=made.txt", f"--OutputGO=SITE1:{HOME}")
    assert sandbox.pilot().code == 0
    (task,) = sandbox.rows("select label, options from tasks where type = 'TRANSFER'")
    options = json.loads(task["options"])
    assert task["label"] == "goclient 1 output"
    assert options["verify_checksum"] is True
    assert options["deadline"]
    assert [options[f"notify_on_{case}"] for case in ("succeeded", "failed", "inactive")] == [False, False, False]


def test_a_submission_id_is_in_the_journal_before_its_transfer_is_sent(sandbox: Sandbox, tmp_path: Path) -> None:
    script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
    submit(sandbox, script, "--Data=made.txt", f"--OutputGO=SITE1:{HOME}")
    assert sandbox.pilot(GOCLIENT_STATE=str(tmp_path / "state")).code == 0
    (journal,) = (tmp_path / "state" / "jobs").iterdir()
    lines = journal.read_text().splitlines()
    transfers = [entry for entry in map(json.loads, lines) if entry["what"] == "transfer"]
    assert [entry["state"] for entry in transfers] == ["intended", "accepted", "done"]
    transfer = "select task_id from tasks where type = 'TRANSFER'"
    (submission,) = sandbox.rows(f"select id, task_id from submissions where task_id in ({transfer})")
    assert {(entry["key"], entry["subjects"][0]) for entry in transfers} == {("output.1", submission["id"])}
    assert transfers[1]["subjects"] == [submission["id"], submission["task_id"]]
    (task,) = sandbox.rows("select request_time from tasks where type = 'TRANSFER'")
    assert transfers[0]["time"] <= task["request_time"]


FAILURES = [
    pytest.param("#!/bin/sh\necho 'out of luck' >&2\nexit 7\n", "exit code 7", "out of luck", "7", id="exit code"),
    pytest.param("#!/bin/sh\nkill -9 $$\n", "signal 9", "said nothing", "137", id="signal"),
    pytest.param("#!/bin/sh\necho '!!FAILED!!42!!no input'\n", "says that it failed", "no input", "42", id="2012 word"),
    pytest.param("#!/no/such/interpreter\n", "cannot be run", "No such file", "1", id="no interpreter"),
]


@pytest.mark.parametrize(("script", "what", "why", "status"), FAILURES)
def test_a_payload_that_fails_is_a_failed_job_with_its_reason(
    sandbox: Sandbox, script: str, what: str, why: str, status: str
) -> None:
    submit(sandbox, sandbox.payload("bad.sh", script), "--Data=made.txt", f"--OutputGO=SITE1:{HOME}")
    result = sandbox.pilot("--json")
    assert result.code == 1
    assert what in result.json["error"]["message"]
    job = job_of(sandbox)
    assert (job["status"], job["transExitCode"]) == ("failed", status)
    assert what in job["exeErrorDiag"]
    assert why in job["exeErrorDiag"]
    assert sandbox.rows("select * from tasks") == [], "nothing is taken away from a failed payload"


def test_an_output_that_the_payload_did_not_make_fails_the_job(sandbox: Sandbox) -> None:
    submit(sandbox, sandbox.payload("idle.sh", "#!/bin/sh\n"), "--Data=made.txt", f"--OutputGO=SITE1:{HOME}")
    result = sandbox.pilot()
    assert result.code == 40
    assert '"made.txt": the job did not create this file' in result.err
    assert job_of(sandbox)["status"] == "failed"
    assert job_of(sandbox)["pilotErrorCode"] == "1137"


def test_an_input_that_is_gone_by_then_fails_the_job_before_the_payload(sandbox: Sandbox) -> None:
    source = sandbox.path("SITE1", f"{HOME}/late.dat")
    source.write_text("x")
    submit(sandbox, sandbox.payload("echo.sh", ECHO), f"--StageinGOsrc=SITE1:{HOME}/late.dat")
    source.unlink()
    result = sandbox.pilot()
    assert result.code == 40
    assert "stage-in:" in result.err
    assert "late.dat" in job_of(sandbox)["pilotErrorDiag"]
    assert "the payload runs" not in result.err


@pytest.mark.parametrize("allowed", [False, True])
def test_a_file_that_came_in_the_way_since_is_overwritten_only_if_the_user_allowed_it(
    sandbox: Sandbox, allowed: bool
) -> None:
    script = sandbox.payload("make.sh", "#!/bin/sh\necho new > made.txt\n")
    submit(sandbox, script, "--Data=made.txt", f"--OutputGO=SITE1:{HOME}", *(["--goOverwrite"] if allowed else []))
    there = sandbox.path("SITE1", f"{HOME}/made.txt")
    there.write_text("old\n")
    result = sandbox.pilot()
    assert result.code == (0 if allowed else 40), result.err
    assert there.read_text() == ("new\n" if allowed else "old\n")
    if not allowed:
        assert "exists by now, and would be overwritten" in job_of(sandbox)["pilotErrorDiag"]


@pytest.mark.conformance  # it takes long
def test_a_transfer_with_nothing_but_faults_is_said_given_up_and_cancelled(sandbox: Sandbox) -> None:
    """A missing file in a directory's way does not fail a Globus task: it goes on, with faults, for a day."""
    script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
    submit(sandbox, script, "--Data=made.txt", f"--OutputGO=SITE1:{HOME}/blocked/")
    sandbox.path("SITE1", f"{HOME}/blocked").write_text("a file where a folder should be made")
    result = sandbox.pilot("--faultSeconds", "1")
    assert result.code == 40
    assert "goes on, but:" in result.err
    assert "was given up after" in result.err
    (task,) = sandbox.rows("select status, fatal from tasks")
    assert task["status"] == "FAILED"
    assert json.loads(task["fatal"])["code"] == "CANCELED"
    assert job_of(sandbox)["status"] == "failed"
    assert sandbox.rows("select * from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'") == []


def test_a_link_out_of_the_job_s_directory_is_not_taken_away(sandbox: Sandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("not for the job")
    script = sandbox.payload("link.sh", f"#!/bin/sh\nln -s {secret} out.txt\n")
    submit(sandbox, script, "--Data=out.txt", f"--OutputGO=SITE1:{HOME}")
    result = sandbox.pilot()
    assert result.code == 40
    assert "leads outside the job's directory" in result.err
    assert not sandbox.path("SITE1", f"{HOME}/out.txt").exists()


def test_a_damaged_record_fails_the_job_and_says_so(sandbox: Sandbox) -> None:
    submit(sandbox, sandbox.payload("echo.sh", ECHO), "--Data=words.txt", f"--OutputGO=SITE1:{HOME}")
    (row,) = sandbox.rows("select attributes from jobs")
    job = json.loads(row["attributes"])
    job["jobParameters"] = job["jobParameters"].rsplit(" ", 1)[0]
    sandbox.rows("update jobs set attributes = ?", json.dumps(job))
    result = sandbox.pilot()
    assert result.code == 10
    assert "3 transfer words were written, 2 are left" in job_of(sandbox)["pilotErrorDiag"]


@pytest.mark.conformance  # it takes long
def test_a_script_without_an_interpreter_line_is_run_by_sh(sandbox: Sandbox) -> None:
    submit(
        sandbox, sandbox.payload("plain.sh", "echo plain > made.txt\n"), "--Data=made.txt", f"--OutputGO=SITE1:{HOME}"
    )
    assert sandbox.pilot().code == 0
    assert sandbox.path("SITE1", f"{HOME}/made.txt").read_text() == "plain\n"


def test_a_transformation_may_be_a_path_on_the_node(sandbox: Sandbox, tmp_path: Path) -> None:
    program = tmp_path / "payload of the site"
    program.write_text("#!/bin/sh\npwd > where.txt\n")
    program.chmod(0o755)
    submit(sandbox, str(program), "--Data=job.out", f"--OutputGO=SITE1:{HOME}")
    assert sandbox.pilot().code == 0
    assert sandbox.path("SITE1", f"{HOME}/job.out").read_text() == ""


@pytest.mark.parametrize(
    "transformation",
    [pytest.param("/no/such/program", id="no such path"), pytest.param("relative.sh", id="relative path")],
)
def test_a_transformation_that_cannot_be_had_fails_the_job(sandbox: Sandbox, transformation: str) -> None:
    submit(sandbox, transformation, "--prodSourceLabel=test")
    assert sandbox.pilot().code == 1
    assert transformation in job_of(sandbox)["exeErrorDiag"]


def test_a_transformation_that_is_not_at_its_url_fails_the_job(sandbox: Sandbox) -> None:
    submit(sandbox, f"{sandbox.url}/transformations/none.sh")
    assert sandbox.pilot().code == 1
    assert "404" in job_of(sandbox)["exeErrorDiag"]


UNFIT = [
    pytest.param({"GOCLIENT_GLOBUSCONNECT": "/no/such/connect"}, 40, '"/no/such/connect" is not on', id="no program"),
    pytest.param({"TMPDIR": "/no/such/folder"}, 10, "set TMPDIR to one; or unset it, and start", id="no folder"),
    pytest.param({"GOCLIENT_CLIENT_ID": ""}, 4, "no Globus client is set", id="no client"),
]


@pytest.mark.parametrize(("change", "code", "words"), UNFIT)
def test_a_node_that_could_not_carry_a_job_out_takes_none(
    sandbox: Sandbox, change: dict[str, str], code: int, words: str
) -> None:
    submit(sandbox, sandbox.payload("echo.sh", ECHO), "--Data=words.txt", f"--OutputGO=SITE1:{HOME}")
    result = sandbox.pilot(**change)
    assert result.code == code
    assert words in result.err
    assert job_of(sandbox)["status"] == "activated", "another node can run it"


def test_a_directory_in_which_a_job_cannot_be_is_told_with_what_to_set(sandbox: Sandbox, tmp_path: Path) -> None:
    work = tmp_path
    while len(str(work)) < 4070:  # of 4096: it can be written to, and the name of a job's directory is too much
        work /= "d" * min(200, 4070 - len(str(work)))
    os.makedirs(work)
    submit(sandbox, sandbox.payload("echo.sh", ECHO), "--Data=words.txt", f"--OutputGO=SITE1:{HOME}")
    result = sandbox.pilot(TMPDIR=str(work))
    assert result.code == 1
    assert "pilot: error: no directory for the job in " in result.err
    assert result.err.endswith(": File name too long\n    make room there, or set TMPDIR to another directory\n")


def test_the_real_globus_connect_s_refusal_of_root_is_explained(sandbox: Sandbox, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root is refused")
    program = tmp_path / "refuses"
    program.write_text("#!/bin/sh\necho 'Globus Connect Personal cannot be run as root' >&2\nexit 1\n")
    program.chmod(0o755)
    submit(sandbox, sandbox.payload("echo.sh", ECHO), "--Data=words.txt", f"--OutputGO=SITE1:{HOME}")
    result = sandbox.pilot(GOCLIENT_GLOBUSCONNECT=str(program))
    assert result.code == 40
    assert "run the pilot as an ordinary user" in result.err
    told = sandbox.run("goclient", "status", "1", "--json").json[0]
    assert told["retry"] == "yes", "nothing of the job is wrong: another node does it"


def test_the_log_of_a_job_stays_with_its_output_and_what_the_pilot_said(sandbox: Sandbox) -> None:
    submit(sandbox, sandbox.payload("talk.sh", "#!/bin/sh\necho said by the payload\nexit 3\n"))
    log = Path(sandbox.pilot("--json").json["log"])
    with tarfile.open(log) as tar:
        texts = {name: tar.extractfile(name).read().decode() for name in tar.getnames()}  # type: ignore[union-attr]
    assert set(texts) == {"pilot.log", "job.out"}
    assert texts["job.out"] == "said by the payload\n"
    assert "exit code 3" in texts["pilot.log"]
    report = json.loads(job_of(sandbox)["metadata"])[log.name]
    assert report["fsize"] == log.stat().st_size
    assert set(report) == {"guid", "fsize", "adler32", "surl"}


def started_pilot(sandbox: Sandbox, *more: str) -> subprocess.Popen[str]:
    """A pilot whose payload runs by now."""
    words = ("goclient", "pilot", "--site=TEST1", "--once", "--json", *more)
    process = started(words, env=sandbox.env, cwd=sandbox.cwd, stdout=-1, stderr=-1)
    assert process.stderr is not None
    for line in process.stderr:
        if "the payload runs" in line:
            break
    return process


def test_a_signal_ends_the_job_cleanly_and_it_is_reported(sandbox: Sandbox) -> None:
    sandbox.set(plain_retries=0)  # or the server would try the job again, and forget why it failed
    script = sandbox.payload("wait.sh", f"#!/bin/sh\n# {sandbox.cwd}\nsleep 300 & wait\n")
    submit(sandbox, script, "--Data=x", f"--OutputGO=SITE1:{HOME}")
    process = started_pilot(sandbox)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert json.loads(out)["error"]["exit_code"] == 130
    assert job_of(sandbox)["status"] == "failed"
    assert "stopped by a signal" in job_of(sandbox)["pilotErrorDiag"]
    assert sandbox.rows("select * from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'") == []
    assert not list(sandbox.cwd.glob("goclient-*"))
    assert running_below(sandbox.cwd) == [], "nothing of the payload or of Globus Connect is left"


def test_a_stopped_pilot_cancels_its_transfer(sandbox: Sandbox) -> None:
    sandbox.path("SITE1", f"{HOME}/blocked").write_text("a file where a folder should be made")
    script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
    submit(sandbox, script, "--Data=made.txt", f"--OutputGO=SITE1:{HOME}/blocked/", "--noCheck")
    words_ = ("goclient", "pilot", "--site=TEST1", "--once")
    process = started(words_, env=sandbox.env, cwd=sandbox.cwd, stdout=-1, stderr=-1)
    assert process.stderr is not None
    for line in process.stderr:
        if "goes on, but" in line:
            break
    process.terminate()
    process.communicate(timeout=60)
    (task,) = sandbox.rows("select status, fatal from tasks")
    assert (task["status"], json.loads(task["fatal"])["code"]) == ("FAILED", "CANCELED")


def test_a_pilot_whose_output_nobody_reads_still_reports(sandbox: Sandbox) -> None:
    submit(sandbox, sandbox.payload("make.sh", "#!/bin/sh\necho ü > made.txt\n"), "--jobParameters=ü")
    words_ = [sys.executable, "-m", "goclient", "pilot", "--site=TEST1", "--once"]
    ascii_only = {**sandbox.env, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    process = subprocess.Popen(words_, env=ascii_only, cwd=sandbox.cwd, stdout=subprocess.DEVNULL, stderr=-1)
    assert process.stderr is not None
    process.stderr.close()
    process.wait(timeout=60)
    assert job_of(sandbox)["status"] == "finished"


def test_a_job_that_is_killed_at_the_server_stops(sandbox: Sandbox) -> None:
    script = sandbox.payload("wait.sh", "#!/bin/sh\nsleep 300 & wait\n")
    submit(sandbox, script)
    process = started_pilot(sandbox, "--heartbeatSeconds=1")
    sandbox.rows("update jobs set command = 'tobekilled'")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "told the pilot to stop" in json.loads(out)["error"]["message"]
    assert job_of(sandbox)["pilotErrorCode"] == "1144"


@pytest.mark.conformance  # it takes long
def test_two_pilots_of_one_account_do_not_get_in_each_other_s_way(sandbox: Sandbox) -> None:
    script = sandbox.payload("make.sh", '#!/bin/sh\necho "$PandaID" > made.txt\n')
    for number in (1, 2):
        submit(sandbox, script, "--Data=made.txt", f"--OutputGO=SITE1:{HOME}/{number}/", "--WorkingendpointGO=SAME")
    words = ("goclient", "pilot", "--site=TEST1", "--once")
    both = [started(words, env=sandbox.env, cwd=sandbox.cwd, stdout=-1, stderr=-1) for _ in range(2)]
    for process in both:
        process.communicate(timeout=60)
    assert [process.returncode for process in both] == [0, 0]
    assert [sandbox.path("SITE1", f"{HOME}/{n}/made.txt").read_text() for n in (1, 2)] == ["1\n", "2\n"]


def test_two_items_that_turn_out_to_go_to_one_place_are_refused_even_where_overwriting_is_allowed(
    sandbox: Sandbox,
) -> None:
    """A directory that was made after the submission, where a new name was typed, is gone into."""
    transformation = sandbox.payload("two.sh", "#!/bin/sh\nmkdir x y && echo x > x/a && echo y > y/a\n")
    words = ("--StageoutGOsrc=x/a,y/a", "--StageoutGOdest=SITE1:/new,SITE1:/old/a", "--goOverwrite")
    job = ("--computingSite=TEST1", f"--transformation={transformation}", *words, "--noSubmit", "--json")
    record = sandbox.run("sendJob.py", *job).json["record"].replace("/old/a", "/new/a")  # ours would refuse it
    headers = {"Authorization": f"Bearer {(sandbox.root / 'user.token').read_text()}", "Origin": "sandbox"}
    sent = requests.post(f"{sandbox.url}/api/v1/job/submit", json={"jobs": record}, headers=headers, timeout=60)
    assert sent.json()["success"], sent.text
    sandbox.path("SITE1", "/new").mkdir()
    piloted = sandbox.pilot()
    assert piloted.code == 10
    assert "would both be written to" in piloted.err
    assert list(sandbox.path("SITE1", "/new").iterdir()) == []

"""``goclient status`` chooses, sums up and watches jobs, as one types it; all of it in one sandbox."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.carrier.sending import note_task
from goclient.cli.status_text import print_followed, warnings_of
from goclient.jobs.follow import Followed
from goclient.jobs.sent import CALL, REQUEST, Subjects
from goclient.jobs.status import JobStatus
from goclient.journal import Entry, Journal, this_process
from goclient.model.remote import TaskState
from tests.sandboxes import Sandbox, sandbox_in

TASK = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
# goclient whose questions are a fifth of a second apart, not five.
QUICK = "import sys; from goclient.jobs import watch; watch.SHORTEST = 0.2; "
WATCHING = (sys.executable, "-c", QUICK + "from goclient.cli.start import goclient; sys.exit(goclient())")


def change(sandbox: Sandbox, panda_id: int, status: str, **attributes: Any) -> None:
    """Give a job another state, and what a pilot has told of it."""
    (row,) = sandbox.rows("select attributes from jobs where panda_id = ?", panda_id)
    job = {**json.loads(row["attributes"]), **attributes}
    sandbox.rows("update jobs set status = ?, attributes = ? where panda_id = ?", status, json.dumps(job), panda_id)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with ten jobs of a campaign: six finished, three failed, one runs; and two others."""
    with sandbox_in(tmp_path_factory.mktemp("status")) as sandbox:
        sent = sandbox.submit("--njobs=10", "--campaign=muons", "--StageinGOsrc=SITE1:/a.root", "--noCheck")
        assert sent.code == 0, sent.err
        (sandbox.cwd / "jobs.txt").write_text(sent.out)
        assert sandbox.submit("--njobs=2", "--noCheck").code == 0
        started, ended = ({"__datetime__": f"2026-11-29T0{hour}:00:00"} for hour in (1, 2))
        moved = "goclient=v1 stage-in.s=2.0 stage-in.files=25 stage-in.bytes=5000000 payload.s=60.0 total.s=63.0"
        moved += f" stage-in.task={TASK},25,5000000,done"
        times = {"creationTime": {"__datetime__": "2026-11-29T00:30:00"}, "startTime": started, "endTime": ended}
        for panda_id in range(1, 7):
            change(sandbox, panda_id, "finished", jobMetrics=moved, **times)
        for panda_id in (7, 8):
            reason = f"output: SITE1:/out/{panda_id:06d}.root: no permission"
            change(sandbox, panda_id, "failed", pilotErrorCode=1137, pilotErrorDiag=reason, **times)
        change(sandbox, 9, "failed", pilotErrorCode=1201, pilotErrorDiag="stopped by the batch system", **times)
        change(sandbox, 10, "running", startTime=started)
        yield sandbox


def asked(sandbox: Sandbox) -> list[str]:
    """The paths of the requests for jobs and their transfers since this was called last."""
    secret = {"Authorization": f"Bearer {sandbox.env['SANDBOX_SECRET']}"}
    found = requests.get(f"{sandbox.url}/sandbox/requests", headers=secret, timeout=10).json()["requests"]
    requests.delete(f"{sandbox.url}/sandbox/requests", headers=secret, timeout=10)
    return [one["path"] for one in found if one["path"].startswith(("/api/v1/", "/v0.10/"))]


@pytest.mark.conformance  # it takes long
def test_a_summary_and_the_reasons_come_first(jobs: Sandbox) -> None:
    asked(jobs)
    told = jobs.run("goclient", "status", "--campaign=muons")
    assert (told.code, told.err) == (0, "")
    assert asked(jobs) == ["/api/v1/job/get_description", *["/v0.10/task_list"] * 2], "the second: an older pilot's"
    assert told.out.startswith(
        "10 jobs of campaign muons: 6 finished, 3 failed, 1 running\n"
        "150 files transferred, 30 MB; 2.5 MB/s in a transfer; longest wait for a node 30 min 0 s\n"
        "\n"
        "2 jobs: output: SITE1:/out/….root: no permission\n"
        "    PandaID=7: output: SITE1:/out/000007.root: no permission\n"
        "    PandaID=8: output: SITE1:/out/000008.root: no permission\n"
        "    something must be mended first: mend the output, its destination or its permission, as the reason says\n"
        "    PandaID 7-8\n"
        "\n"
        "1 job: stopped by the batch system\n"
        "    a second try cures it: goclient retry 9\n"
        "    PandaID 9\n"
        "\n"
        "PandaID  state     site   created           waited      ran        name\n"
        "1        finished  TEST1  2026-11-29 00:30  30 min 0 s  1 h 0 min  muons."
    )


CHOSEN = [
    (("1-3,7", "PandaID=9"), [1, 2, 3, 7, 9]),
    (("@jobs.txt",), list(range(1, 11))),
    (("--campaign", "muons"), list(range(1, 11))),
    (("--last",), [11, 12]),
    ((), list(range(1, 13))),
    (("12", "--last"), [12, 11]),
]


@pytest.mark.parametrize(("words", "ids"), CHOSEN)
def test_jobs_are_chosen_in_many_ways(jobs: Sandbox, words: tuple[str, ...], ids: list[int]) -> None:
    told = jobs.run("goclient", "status", *words, "--json")
    assert (told.code, [one["PandaID"] for one in told.json]) == (0, ids)


def test_standard_input_names_jobs_too(jobs: Sandbox) -> None:
    words = [sys.executable, "-m", "goclient", "status", "-", "--json"]
    given = "PandaID=4 jobName=x\n5-6\n"
    done = subprocess.run(words, input=given, env=jobs.env, cwd=jobs.cwd, capture_output=True, text=True, timeout=60)
    assert [one["PandaID"] for one in json.loads(done.stdout)] == [4, 5, 6]


def test_what_is_not_a_list_of_jobs_is_one_error(jobs: Sandbox) -> None:
    words = [sys.executable, "-m", "goclient", "status", "-"]
    told = jobs.run("goclient", "status", "1-2", "--json").out
    done = subprocess.run(words, input=told, env=jobs.env, cwd=jobs.cwd, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("is not a PandaID")) == (2, 1)
    assert "standard input: " in done.stderr
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *words]
    done = subprocess.run(closed, env=jobs.env, cwd=jobs.cwd, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "standard input cannot be read" in done.stderr) == (10, True), done.stderr


def test_a_job_is_named_as_it_is_printed(jobs: Sandbox) -> None:
    assert jobs.run("goclient", "explain", "--pandaid", "PandaID=1").code == 0
    assert jobs.run("goclient", "journal", "show", "PandaID=1").code == 0
    several = jobs.run("goclient", "check", "--pandaid", "1-2")
    assert (several.code, '"1-2" is not the number of one job' in several.err) == (2, True)


def test_json_has_more_of_each_job(jobs: Sandbox) -> None:
    finished, failed, running = jobs.run("goclient", "status", "1", "9", "10", "--json").json
    (transfer,) = finished["transfers"]
    told = {"task_id": TASK, "phase": "stage-in", "state": "SUCCEEDED", "files": 25, "bytes": 5_000_000}
    assert transfer == {**told, "copy": False, "url": None}, "the sandbox has no pages"
    assert (finished["site"], finished["campaign"], finished["retry"]) == ("TEST1", "muons", "unknown")
    assert finished["jobName"].startswith("muons.")
    assert finished["ended"] - finished["started"] == 2 * (finished["started"] - finished["created"]) == 3600.0
    assert finished["seconds"] == {"stage-in": 2.0, "payload": 60.0, "total": 63.0}
    assert (failed["retry"], failed["reason"]) == ("yes", "stopped by the batch system")
    assert (running["ended"], running["task"], running["url"]) == (None, None, None)


EXITS = [(("1-6",), 0), (("1-10",), 5), (("1", "10"), 6), (("1", "11"), 6), (("9",), 5), (("1", "99"), 90)]


@pytest.mark.parametrize(("words", "code"), EXITS)
def test_the_exit_status_says_what_became_of_all(jobs: Sandbox, words: tuple[str, ...], code: int) -> None:
    assert jobs.run("goclient", "status", *words, "--exit-status").code == code


@pytest.mark.conformance  # it takes long
def test_the_exit_status_of_a_job_is_that_of_its_last_try(jobs: Sandbox) -> None:
    here = {"GOCLIENT_STATE": str(jobs.cwd / "tries")}
    sent = jobs.submit("--noCheck", **here)
    (jobs.cwd / "one.txt").write_text(sent.out)
    (first,) = (job["PandaID"] for job in jobs.run("goclient", "status", "--last", "--json", **here).json)
    change(jobs, first, "failed", pilotErrorCode=1201)
    (retried,) = jobs.run("goclient", "retry", "@one.txt", "--noCheck", "--json", **here).json["jobs"]
    change(jobs, retried["PandaID"], "running")
    assert jobs.run("goclient", "status", "@one.txt", "--exit-status", **here).code == 6
    change(jobs, retried["PandaID"], "finished")
    told = jobs.run("goclient", "status", "@one.txt", "--exit-status", **here)
    assert (told.code, told.out.splitlines()[0][-43:]) == (0, ": 1 finished (earlier tries beside them: 1)"), told
    assert [job["PandaID"] for job in jobs.run("goclient", "status", "@one.txt", "--json", **here).json] == [first]


def test_jobs_that_are_not_known_hide_no_others(jobs: Sandbox) -> None:
    asked(jobs)
    told = jobs.run("goclient", "status", "1", "98", "99")
    assert told.code == 90
    assert told.out.startswith("1 job of campaign muons: 1 finished\n")
    assert "does not know PandaID 98, 99\n" in told.err
    assert asked(jobs) == ["/api/v1/job/get_description", "/api/v1/job/get_description_incl_archive"]
    document = jobs.run("goclient", "status", "1", "98", "--json").json
    assert [one["PandaID"] for one in document["jobs"]] == [1]
    assert document["error"]["exit_code"] == 90
    none = jobs.run("goclient", "status", "98")
    assert (none.code, none.out) == (90, "")


@pytest.mark.conformance  # it takes long
def test_a_row_that_cannot_be_read_hides_itself_only(jobs: Sandbox) -> None:
    here = {"GOCLIENT_STATE": str(jobs.cwd / "garbled")}
    run = partial(jobs.run, **here)
    assert jobs.submit("--njobs=3", "--campaign=garbled", "--noCheck", **here).code == 0
    first, bad, last = (job["PandaID"] for job in run("goclient", "status", "--last", "--json").json)
    change(jobs, first, "failed", pilotErrorCode=1201)
    change(jobs, bad, "failed", attemptNr=10**30)
    change(jobs, last, "finished")
    told = run("goclient", "status", "--campaign=garbled")
    assert (told.code, told.out.splitlines()[0]) == (90, "2 jobs of campaign garbled: 1 finished, 1 failed")
    assert f"PandaID {bad}: the PanDA server sent a malformed job: attemptNr is " in told.err
    document = run("goclient", "status", f"{first}-{last}", "--json").json
    assert [one["PandaID"] for one in document["jobs"]] == [first, last]
    assert (document["error"]["code"], document["error"]["exit_code"]) == ("bad-answer", 90)
    assert run("goclient", "status", "--campaign=garbled", "--watch").out.count("2 jobs of campaign garbled") == 2
    env, cwd = {**jobs.env, **here}, jobs.cwd
    results = f"import goclient; print([r.state for r in goclient.Client().results(['{first}-{last}'])])"
    shown = subprocess.run(
        [sys.executable, "-c", results], env=env, cwd=cwd, capture_output=True, text=True, timeout=60
    )
    assert shown.stdout == "['failed', '', 'finished']\n", shown.stderr
    retried = run("goclient", "retry", "--campaign=garbled", "--noCheck")
    assert (retried.code, f"retryOf={first}" in retried.out) == (90, True), retried.err
    assert f"PandaID {bad}: the PanDA server sent a malformed job" in retried.err
    killed = run("goclient", "kill", f"{bad}", "--json")
    assert (killed.code, killed.json["stopped"][0]["stopped"]) == (90, False), killed.out
    change(jobs, bad, "failed", attemptNr=1)


def test_the_last_jobs_are_not_those_before_a_lost_answer(jobs: Sandbox) -> None:
    here = {"GOCLIENT_STATE": str(jobs.cwd / "lost")}
    line = ("sendJob.py", "--computingSite=TEST1", f"--transformation={jobs.payload('x.sh', 'true')}")
    good = jobs.run(*line, "--campaign=good", **here)
    assert good.code == 0, good.err
    jobs.trouble("POST /*submit", "lost", times=1)
    assert jobs.run(*line, "--campaign=bad", "--njobs=2", **here).code == 90
    for command in (("kill", "--last"), ("status", "--last"), ("retry", "--last"), ("status", "--campaign=bad")):
        told = jobs.run("goclient", *command, **here)
        assert (told.code, told.out) == (10, ""), told
        assert "of campaign bad at " in told.err
        assert "it is not known whether the server accepted its 2 jobs" in told.err
    everything = jobs.run("goclient", "status", **here)
    assert (everything.code, "1 job of campaign good: 1 activated" in everything.out) == (0, True)
    assert "not known whether the server accepted its 2 jobs" in everything.err


def test_a_campaign_with_a_lost_answer_is_not_done(jobs: Sandbox) -> None:
    here = {"GOCLIENT_STATE": str(jobs.cwd / "half")}
    line = ("sendJob.py", "--computingSite=TEST1", "--campaign=half", "--transformation", jobs.payload("x.sh", "true"))
    assert jobs.run(*line, **here).code == 0
    (panda_id,) = (job["PandaID"] for job in jobs.run("goclient", "status", "--last", "--json", **here).json)
    change(jobs, panda_id, "finished")
    jobs.trouble("POST /*submit", "lost", times=1)
    assert jobs.run(*line, "--njobs=2", **here).code == 90
    for words in ((), ("--exit-status",), ("--watch", "--exit-status")):
        told = jobs.run("goclient", "status", "--campaign=half", *words, **here)
        assert (told.code, "1 job of campaign half: 1 finished\n" in told.out) == (10, True), told
        assert told.err.count("it is not known whether the server accepted its 2 jobs") == 1
    document = jobs.run("goclient", "status", "--campaign=half", "--json", **here).json
    assert [job["PandaID"] for job in document["jobs"]] == [panda_id]
    assert document["error"]["code"] == "not-known"
    everything = jobs.run("goclient", "status", "--exit-status", **here)
    assert (everything.code, everything.err.count("it is not known")) == (6, 1), everything.err


def test_what_is_being_sent_is_to_be_waited_for(jobs: Sandbox) -> None:
    here = {"GOCLIENT_STATE": str(jobs.cwd / "sending")}
    journal = Journal(jobs.cwd / "sending" / "journal.jsonl")
    subjects = Subjects("digest", this_process(), "1", "first", "last", "now", jobs.url)
    journal.append(Entry(REQUEST, "r", "intended", subjects))
    journal.append(Entry(CALL, "r.0", "intended", ("first",)))
    for command in (("kill", "--last"), ("kill", "--campaign=now"), ("status", "--campaign=now"), ("retry", "--last")):
        told = jobs.run("goclient", *command, **here)
        assert (told.code, told.out) == (10, "")
        assert "it is being sent now\n    wait until it is sent, and type the command again\n" in told.err


@pytest.mark.conformance  # it takes long
def test_what_is_being_sent_in_a_campaign_is_watched_too(jobs: Sandbox) -> None:
    here = {**jobs.env, "GOCLIENT_STATE": str(jobs.cwd / "watched")}
    journal = Journal(jobs.cwd / "watched" / "journal.jsonl")
    subjects = Subjects("digest", this_process(), "1", "first", "last", "C", jobs.url)
    old, new = (Entry(REQUEST, key, "intended", subjects) for key in "ab")
    for entry in (old, Entry(CALL, "a.0", "accepted", ("1",)), old.then("done"), new, Entry(CALL, "b.0", "intended")):
        journal.append(entry)
    words = [*WATCHING, "status", "--campaign=C", "--watch", "--exit-status"]
    with subprocess.Popen(words, env=here, cwd=jobs.cwd, stdout=-1, stderr=-1, text=True) as process:
        assert process.stderr is not None
        assert "it is being sent now" in process.stderr.readline()
        for entry in (Entry(CALL, "b.0", "accepted", ("2",)), new.then("done")):
            journal.append(entry)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, "2 jobs of campaign muons: 2 finished" in out) == (0, True), out


def test_an_archive_that_does_not_answer_hides_no_job(jobs: Sandbox) -> None:
    jobs.trouble("* /api/v1/job/get_description_incl_archive", "500")
    told = jobs.run("goclient", "status", "1", "98")
    jobs.clear_trouble()
    assert told.code == 90
    assert told.out.startswith("1 job of campaign muons: 1 finished\n")
    assert "answered HTTP 500" in told.err


WRONG = [
    (("141-42",), 2, "write 42-141"),
    (("1-10001",), 2, "10,001 jobs are more than 10,000"),
    (("--campaign", "muon"), 10, "did you mean muons?"),
    (("1", "muons", "x"), 2, "it is a campaign: type --campaign muons"),
    (("--campaign", "muons/2"), 10, 'no campaign "muons/2"'),
    (("--task", "x"), 2, '"x" is not the number of a task'),
    (("jediTaskID=4",), 2, "type --task 4"),
    (("--task", "77"), 90, "task 77: "),
    (("@nothing",), 10, "No such file or directory\n    check the name of the file"),
    (("@jobs.txt", "x", "9-8"), 2, '"9-8" is upside down'),
]


@pytest.mark.parametrize(("words", "code", "message"), WRONG)
def test_what_is_wrong_is_said(jobs: Sandbox, words: tuple[str, ...], code: int, message: str) -> None:
    told = jobs.run("goclient", "status", *words)
    assert told.code == code, told
    assert message in told.err


@pytest.mark.conformance  # it takes long
def test_a_pipe_gets_a_line_for_each_change(jobs: Sandbox) -> None:
    change(jobs, 11, "running")
    words = [*WATCHING, "status", "10-12", "--watch", "--exit-status"]
    with subprocess.Popen(words, env=jobs.env, cwd=jobs.cwd, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "3 jobs: 2 running, 1 activated\n"
        process.stdout.readline()
        change(jobs, 10, "finished")
        change(jobs, 11, "failed", pilotErrorDiag="no room")
        change(jobs, 12, "cancelled")
        lines = [process.stdout.readline().partition(" ")[2] for _ in range(3)]
        rest = process.stdout.read()
    assert lines == [
        "PandaID=10 running -> finished\n",
        "PandaID=11 running -> failed (no room)\n",
        "PandaID=12 activated -> cancelled\n",
    ]
    assert rest.startswith("3 jobs: 1 finished, 1 failed, 1 cancelled\n")
    assert process.returncode == 5
    for panda_id, state in ((10, "running"), (11, "activated"), (12, "activated")):  # as the other tests have them
        change(jobs, panda_id, state)


@pytest.mark.conformance  # it takes long
def test_a_terminal_gets_a_picture_until_all_are_over(jobs: Sandbox) -> None:
    change(jobs, 12, "running")
    controller, terminal = pty.openpty()
    words = [*WATCHING, "status", "9", "12", "--watch"]
    env = {**jobs.env, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(words, env=env, cwd=jobs.cwd, stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        seen = b""
        with closing(os.fdopen(controller, "rb", buffering=0)) as screen:
            while b"running" not in seen:
                seen += screen.read(4096)
            change(jobs, 12, "finished")
            try:
                while part := screen.read(4096):
                    seen += part
            except OSError:  # Linux says so when the other side is closed
                pass
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode())
    assert process.returncode == 0, text
    assert "stopped by the batch system" in text
    assert "PandaID=12 running -> finished" not in text.splitlines()[-1]
    assert "2 jobs: 1 finished, 1 failed" in text
    change(jobs, 12, "activated")


def journal_of_a_task(sandbox: Sandbox, number: str) -> Path:
    """The directory of a journal that knows a task, and no jobs."""
    journal = Journal(sandbox.cwd / "tasks" / "journal.jsonl")
    note_task("k", "accepted", journal=journal, server=sandbox.url, task_id=int(number))
    return journal.path.parent


def test_a_task_is_followed_by_its_number(jobs: Sandbox) -> None:
    words = ("--outDS=user.jdoe.followed", "--noBuild", "--exec=true", "--site=TEST1", "--nJobs=2", "--useHomeDir")
    state = shutil.copytree(jobs.env["GOCLIENT_STATE"], jobs.cwd / "followed")  # others look at all that is in theirs
    run = partial(jobs.run, GOCLIENT_STATE=str(state))
    assert run("goclient", "prun", *words).code == 0
    (task,) = jobs.rows("select task_id from jedi_tasks")
    number = str(task["task_id"])
    told = run("goclient", "status", "--task", number, "--exit-status")
    assert told.code == 6
    assert told.out.startswith(f"task {number}: ready\n2 jobs: 2 activated\n")
    mistaken = run("goclient", "status", number)
    assert f"--task {number}" not in mistaken.err, "this job was sent from here, too"
    other = jobs.run("goclient", "status", number, GOCLIENT_STATE=str(journal_of_a_task(jobs, number)))
    assert f"for the jobs of the task, type --task {number}" in other.err
    for row in jobs.rows("select panda_id from jobs where task = ?", task["task_id"]):
        change(jobs, row["panda_id"], "finished")
    assert run("goclient", "status", "--task", number, "--exit-status").code == 0


def test_transfers_of_a_campaign_through_a_site_are_the_user_s_own(jobs: Sandbox) -> None:
    (owner,) = jobs.rows("select id from identities where username like 'jdoe%'")
    (site,) = jobs.rows("select id from collections where display_name = 'SITE1'")
    columns = "task_id, owner, label, status, source, destination, request_time, deadline, items, options"
    same = ("SUCCEEDED", site["id"], site["id"], 1e9, 1e9, "[1]", "{}")
    for number, label in enumerate(("goclient 1 bring", "goclient staged bring", "goclient staged deliver")):
        values = (f"{TASK[:-1]}{number}", owner["id"], label, *same)
        jobs.rows(f"insert into tasks ({columns}) values ({','.join('?' * len(values))})", *values)
    kept = jobs.cwd / "state" / "campaigns" / "staged.a.json"
    kept.parent.mkdir(parents=True)
    kept.touch()
    asked(jobs)
    told = jobs.run("goclient", "status", "--campaign", "staged", GOCLIENT_STATE=str(kept.parent.parent))
    assert (told.code, asked(jobs)) == (0, ["/v0.10/task_list"])
    assert told.out.splitlines()[0] == "0 jobs"
    assert [line.split()[:3] for line in told.out.splitlines()[-2:]] == [
        ["staged", "bring", "SUCCEEDED"],
        ["staged", "deliver", "SUCCEEDED"],
    ]
    (first,) = jobs.run("goclient", "status", "1", "--json").json
    assert [one["phase"] for one in first["transfers"]] == ["stage-in"]
    now = (f"{TASK[:-1]}3", owner["id"], "goclient later bring", *same[:3], time.time(), *same[4:])
    jobs.rows(f"insert into tasks ({columns}) values ({','.join('?' * len(now))})", *now)
    kept.with_name("later.b.json").touch()
    journal = Journal(kept.parents[1] / "journal.jsonl")
    for panda_id, campaign in (("1", "staged"), ("2", "later")):
        subjects = Subjects("", "", "1", "x", "x", campaign, jobs.url)
        journal.append(Entry(REQUEST, campaign, "done", subjects))
        journal.append(Entry(CALL, f"{campaign}.0", "accepted", (panda_id,)))
    asked(jobs)
    told = jobs.run("goclient", "status", GOCLIENT_STATE=str(kept.parent.parent))
    assert (told.code, asked(jobs)) == (0, ["/api/v1/job/get_description", "/v0.10/task_list"]), told.err
    assert re.search(r"^later +bring +SUCCEEDED", told.out, re.MULTILINE)


def test_a_job_that_was_tried_again_is_told_with_the_number_of_its_try(capsys: pytest.CaptureFixture[str]) -> None:
    print_followed(Followed("https://panda.example", (JobStatus(7, "failed", "no room"),), later={7: 205}))
    assert "\ntried again, as jobs that are not shown here: 7 as 205\n" in capsys.readouterr().out


def test_many_transfers_that_went_well_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    good = TaskState(TASK, "goclient 1 stage-in", "SUCCEEDED", 1, 10, 0, "")
    bad = TaskState(TASK, "goclient 9 stage-in", "FAILED", 0, 0, 3, "no permission")
    jobs = [JobStatus(number, "finished", "", (good,)) for number in range(1, 30)]
    followed = Followed("https://pandaserver.cern.ch", (*jobs, JobStatus(99, "failed", "x", (bad,))))
    print_followed(followed)
    brief = capsys.readouterr().out
    assert "https://bigpanda.cern.ch/job?pandaid=29" in brief
    assert f"https://app.globus.org/activity/{TASK}  no permission\n" in brief
    assert brief.endswith("\n29 transfers not shown: -v shows all\n")
    print_followed(followed, shows_all=True)
    assert capsys.readouterr().out.count("app.globus.org") == 30


def test_a_reason_that_many_transfers_are_not_known_for_is_said_once() -> None:
    jobs = tuple(JobStatus(n, "running", "", warning=f"the transfers of {n} are not known: no login") for n in (1, 2))
    assert list(warnings_of(Followed("s", jobs))) == ["the transfers of 2 jobs are not known: no login"]
    assert list(warnings_of(Followed("s", jobs[:1]))) == ["the transfers of 1 are not known: no login"]

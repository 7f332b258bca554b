"""A campaign whose jobs bring their own files goes on with advance, too: a second try is sent where it cures."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from goclient.campaigns.standings import describe_all
from tests.commands import Result, started
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

PASSES, STAYS = "1151", "1099"  # codes of a pilot: an input did not come now, or is not there


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """A user with a journal of their own; no job of before is there."""
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.cwd = tmp_path
    shared_sandbox.rows("delete from jobs")
    shared_sandbox.clear_trouble()
    return shared_sandbox


def line_of(user: Sandbox, *words: str) -> list[str]:
    """A command that sends jobs that need nothing."""
    script = user.payload("nothing.sh", "#!/bin/sh\ntouch out\n")
    line = ["sendJob.py", "--computingSite=TEST1", f"--transformation={script}", "--Data=out"]
    return [*line, "--OutputGO=SITE1:/plain/${SN}/", "--goMkdir", "--goOverwrite", "--json", *words]


def send(user: Sandbox, *words: str) -> list[int]:
    """The PandaIDs of jobs that need nothing."""
    done = user.run(*line_of(user, *words))
    assert done.code == 0, done.err
    return [job["PandaID"] for job in done.json["jobs"]]


def end(user: Sandbox, state: str, *panda_ids: int, code: str = "0") -> None:
    for panda_id in panda_ids:
        user.rows(
            "update jobs set status = ?, attributes = json_set(attributes, '$.pilotErrorCode', ?) where panda_id = ?",
            *(state, code, panda_id),
        )


def advance(user: Sandbox, *words: str, **more: str) -> Result:
    return user.run("goclient", "advance", *words, **more)


def count(user: Sandbox) -> int:
    return int(user.rows("select count(*) as jobs from jobs")[0]["jobs"])


@pytest.mark.conformance  # it takes long
def test_what_a_second_try_cures_is_tried_again_once_and_the_end_is_said(user: Sandbox) -> None:
    one, two, three = send(user, "--campaign=scan", "--njobs=3")
    waiting = advance(user, "scan")
    assert (waiting.code, waiting.out) == (0, "scan: 3 jobs: 3 waiting or running\n"), waiting.err
    end(user, "failed", one, code=PASSES)
    end(user, "finished", two)
    again = advance(user, "scan")
    assert again.code == 0, again.err
    assert again.out.splitlines()[0].startswith(f"PandaID={three + 1} jobName=scan.")
    assert again.out.splitlines()[1] == "scan: 3 jobs: 2 waiting or running, 1 finished"
    assert "scan: 1 job sent again, which a second try cures" in again.err
    assert "to follow the job, type: goclient status --campaign scan" in again.err
    assert (advance(user, "scan").code, count(user)) == (0, 4), "it is sent again once"
    end(user, "failed", three + 1, code=PASSES)
    end(user, "finished", three)
    failed = advance(user, "scan")
    assert (failed.code, count(user)) == (5, 4), "a second try has had no third"
    assert "scan: 1 job failed" in failed.err
    assert "goclient retry --campaign scan" in failed.err
    assert user.run("goclient", "retry", "--campaign", "scan").code == 0
    end(user, "finished", three + 2)
    done = advance(user, "scan")
    assert (done.code, done.out) == (0, "scan: all is done: 3 of 3 jobs have finished\n")
    over = advance(user, "scan")
    assert (over.code, over.out) == (0, "")
    assert "scan: all is done" in over.err


def test_what_must_be_mended_first_is_told_and_not_sent_again(user: Sandbox) -> None:
    one, two = send(user, "--campaign=mend", "--njobs=2")
    end(user, "failed", one, code=STAYS)
    assert (advance(user, "mend").code, count(user)) == (0, 2), "one waits"
    early = advance(user, "mend", "--end")
    assert (early.code, "goclient advance mend --end --wait" in early.err) == (0, True), "it is not remembered"
    end(user, "finished", two)
    told = advance(user, "mend", "--json")
    assert (told.code, count(user)) == (5, 2)
    (document,) = told.json
    assert (document["failed"], document["finished"], document["viaSite"]) == (1, 1, False)
    given_up = advance(user, "mend", "--end")
    assert (given_up.code, given_up.out) == (0, "mend: all is done: 1 of 2 jobs have finished\n")
    assert advance(user).err == "goclient advance: nothing is left to do\n"


@pytest.mark.conformance  # it takes long
def test_alone_it_walks_all_campaigns_that_have_a_name(user: Sandbox) -> None:
    one, two = send(user, "--campaign=first"), send(user, "--campaign=second")
    dealt = send(user, "--campaign=dealt", "--nFilesPerJob=1", "--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file")
    unnamed = send(user)
    end(user, "failed", *one, *two, *dealt, *unnamed, code=PASSES)
    done = advance(user, "--json")
    assert done.code == 0, done
    assert [len(campaign["submitted"]) for campaign in done.json] == [1, 1, 1]
    assert [campaign["campaign"] for campaign in done.json][:2] == ["first", "second"]
    assert user.run("goclient", "status", f"{unnamed[0]}", "--json").json[0]["state"] == "failed"
    assert count(user) == 7
    last = user.rows("select max(panda_id) as last from jobs")[0]["last"]
    end(user, "finished", *range(last - 2, last + 1))
    assert advance(user).out.count("all is done") == 3
    assert "nothing is left to do" in advance(user).err, "a campaign that is over is not asked for again"
    send(user, "--campaign=first")
    assert advance(user).out == "first: 2 jobs: 1 waiting or running, 1 finished\n", "what is sent later opens it again"


def test_a_job_that_was_stopped_keeps_the_others_from_being_sent_again_unasked(user: Sandbox) -> None:
    one, two = send(user, "--campaign=stopped", "--njobs=2")
    end(user, "failed", one, code=PASSES)
    assert user.run("goclient", "kill", str(two)).code == 0
    told = advance(user, "stopped")
    assert (told.code, count(user)) == (5, 2)
    assert "stopped: 1 job failed and 1 job was cancelled" in told.err
    assert "goclient retry --campaign stopped --all" in told.err


def test_two_that_advance_at_once_send_each_job_once(user: Sandbox) -> None:
    ids = send(user, "--campaign=twice", "--njobs=5")
    end(user, "failed", *ids, code=PASSES)
    user.trouble("POST /api/v1/job/submit", "delay", seconds=1.0, times=5)
    found: list[Result] = []
    both = [threading.Thread(target=lambda: found.append(advance(user, "twice"))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.code for one in found] == [0, 0], found
    assert count(user) == 10
    assert sum(one.out.count("PandaID=") for one in found) == 5
    assert all(one.out.endswith("twice: 5 jobs: 5 waiting or running\n") for one in found)


def test_a_wait_tells_each_change_once(user: Sandbox) -> None:
    one, two = send(user, "--campaign=wait", "--njobs=2")
    told = user.cwd / "told"
    with told.open("w") as err, (user.cwd / "out").open("w") as out:
        process = started(("goclient", "advance", "wait", "--wait"), env=user.env, cwd=user.cwd, stdout=out, stderr=err)
    until(lambda: "wait: 2 jobs: 2 waiting or running" in told.read_text())
    end(user, "failed", one, code=PASSES)
    until(lambda: "sent again, which a second try cures" in told.read_text())
    end(user, "finished", two)
    until(lambda: "wait: 2 jobs: 1 waiting or running, 1 finished" in told.read_text())
    end(user, "finished", two + 1)
    assert process.wait(60) == 0
    assert (user.cwd / "out").read_text().splitlines()[-1] == "wait: all is done: 2 of 2 jobs have finished"
    lines = [line.partition("wait: ")[2] for line in told.read_text().splitlines() if "wait: 2 jobs" in line]
    assert len(lines) == len(set(lines)) == 2, "the same is told once"


@pytest.mark.parametrize(
    ("word", "hint"),
    [("--again", "retry --campaign own"), ("--goOverwrite", "retry --campaign own"), ("--jobs=5", "advance own --end")],
)
def test_what_concerns_files_at_a_site_is_refused(user: Sandbox, word: str, hint: str) -> None:
    send(user, "--campaign=own")
    refused = advance(user, "own", word)
    assert (refused.code, f"goclient {hint}" in refused.err) == (10, True), refused


def test_a_campaign_of_another_server_is_told_with_what_to_type(user: Sandbox) -> None:
    send(user, "--campaign=there")
    other = {"PANDA_URL_SSL": user.env["PANDA_URL_SSL"].replace("127.0.0.1", "localhost")}
    refused = advance(user, "there", **other)
    assert (refused.code, "export PANDA_URL_SSL=http" in refused.err) == (10, True), refused.err
    assert "nothing is left to do" in advance(user, **other).err


def test_a_lost_answer_is_told_and_nothing_is_sent_unasked(user: Sandbox) -> None:
    (one,) = send(user, "--campaign=lost")
    end(user, "failed", one, code=PASSES)
    user.trouble("POST /api/v1/job/submit", "lost", times=1)
    lost = advance(user, "lost")
    assert (lost.code, count(user)) == (90, 2), lost
    again = advance(user, "lost", "--json")
    assert (again.code, count(user)) == (10, 2), "the journal knows of it"
    assert f"goclient retry {one}" in json.dumps(again.json)
    ended = advance(user, "lost", "--end")
    assert (ended.code, "lost: all is done: 0 of 1 job has finished" in ended.out) == (0, True), ended
    status = user.run("goclient", "status", "--campaign=lost", "--exit-status")
    assert (status.code, "not known" in status.err) == (5, False), status
    assert (user.run("goclient", "retry", str(one)).code, count(user)) == (10, 2), "nothing is sent twice unasked"


def test_a_submission_whose_answer_is_lost_is_told_until_it_is_given_up(user: Sandbox) -> None:
    user.trouble("POST /api/v1/job/submit", "lost", times=1)
    assert user.run(*line_of(user, "--campaign=gone")).code == 90
    last = str(user.rows("select max(panda_id) as last from jobs")[0]["last"])
    told = advance(user, "gone")
    assert (told.code, "goclient advance gone --end" in told.err, count(user)) == (10, True, 1), told
    named = advance(user, "gone", "--jobs", last)
    assert (named.code, f"goclient status {last} shows them" in named.err) == (10, True), named
    assert user.run("goclient", "status", last).code == 0
    assert user.run(*line_of(user, "--campaign=gone")).code == 10, "nothing is sent twice unasked"
    given_up = advance(user, "gone", "--end")
    assert (given_up.code, given_up.out) == (0, "gone: all is done: 0 of 1 job has finished\n"), given_up
    assert "nothing is left to do" in advance(user).err
    assert [advance(user, "gone", *words).code for words in ((), ("--end",))] == [0, 0], (
        "to give up twice is to do it once"
    )
    status = user.run("goclient", "status", "--campaign=gone", "--exit-status")
    assert (status.code, "gone" in status.err) == (0, False), status
    assert user.run("goclient", "journal", "list").out == "", "nothing is open"
    send(user, "--campaign=gone")
    assert advance(user, "gone").out == "gone: 1 job: 1 waiting or running\n", "the same is sent when it is typed again"
    send(user, "--campaign=gone")
    assert advance(user, "gone").out == "gone: 2 jobs: 2 waiting or running\n", "it stays given up"


@pytest.mark.conformance  # it takes long
def test_jobs_that_are_being_sent_wait_and_are_no_error(user: Sandbox) -> None:
    def runs_while_sent(*command: str) -> None:
        user.trouble("POST /api/v1/job/submit", "delay", seconds=6.0, times=1)
        process = started(command, env=user.env, cwd=user.cwd)
        until(lambda: advance(user, "now").out == "now: 1 job: 1 waiting or running\n")
        assert process.poll() is None, "it is still being sent"
        assert process.wait(60) == 0

    runs_while_sent(*line_of(user, "--campaign=now"))
    one = int(user.rows("select max(panda_id) as last from jobs")[0]["last"])
    end(user, "failed", one, code=STAYS)
    runs_while_sent("goclient", "retry", str(one), "--all")


def test_jobs_that_are_sent_while_the_others_are_looked_at_are_not_over(
    user: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import goclient

    end(user, "finished", *send(user, "--campaign=between"))
    for name, value in user.env.items():
        monkeypatch.setenv(name, value)

    def sent_meanwhile(*asked: Any) -> Any:
        send(user, "--campaign=between")
        return describe_all(*asked)

    with monkeypatch.context() as patch:
        patch.setattr("goclient.campaigns.plain.describe_all", sent_meanwhile)
        goclient.Client().advance("between")
    told = advance(user)
    assert told.out == "between: 2 jobs: 1 waiting or running, 1 finished\n", told


def test_a_program_that_types_what_the_warning_says_is_not_warned_again(user: Sandbox) -> None:
    end(user, "finished", *send(user, "--campaign=warned"))
    warned = user.run(*line_of(user, "--campaign=warned"))
    (hint,) = [one.strip() for one in warned.err.splitlines() if "goclient advance warned;" in one]
    last = int(user.rows("select max(panda_id) as last from jobs")[0]["last"])
    end(user, "finished", last)
    assert "have noted what is over" in hint
    assert advance(user, "warned").code == 0
    assert "not known to be over" not in user.run(*line_of(user, "--campaign=warned")).err


@pytest.mark.conformance  # it takes long
def test_what_a_program_asks_for_is_the_same(user: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    import goclient

    (one,) = send(user, "--campaign=python")
    end(user, "failed", one, code=PASSES)
    for name, value in user.env.items():
        monkeypatch.setenv(name, value)
    (progress,) = goclient.Client().advance("python")
    assert [job.name.endswith(".try2") for job in progress.submitted] == [True]
    assert progress.is_plain

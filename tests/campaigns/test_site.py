"""A site whose file system a collection sees: inputs are brought before the jobs, outputs delivered after them."""

from __future__ import annotations

import os
import re
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from goclient.campaigns.batch import KeptBatch
from tests.commands import Result, started
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

SITE, SOURCE, DESTINATION = "mxp#MXP_BNL_TEST", "SITE1", "wdeng#ANLHEP_ATLAS8"
PAYLOAD = "#!/bin/sh\ncat f0.dat own.dat > out.txt\nmkdir -p made && date > made/log\n"


@dataclass
class Site:
    """A sandbox with a queue whose nodes see a directory of a collection."""

    sandbox: Sandbox
    staging: Path
    payload: str

    def send(self, campaign: str, *words: str, jobs: int = 2) -> Result:
        """Send jobs with an input that all read, one of their own, and two outputs."""
        return self.sandbox.run(*self.line(campaign, *words, jobs=jobs))

    def line(self, campaign: str, *words: str, jobs: int = 2) -> list[str]:
        """Return the command line of these jobs."""
        return [
            *("sendJob.py", "--computingSite=TEST1", f"--transformation={self.payload}", "--goVia=site"),
            *(f"--campaign={campaign}", f"--njobs={jobs}"),
            f"--StageinGOsrc={SOURCE}:/home/osg_data/panda/f0.dat,{SOURCE}:/home/osg_data/panda/${{SN}}/own.dat",
            *("--StageoutGOsrc=out.txt", f"--StageoutGOdest={DESTINATION}:/atlas/{campaign}/out.${{SN}}.txt"),
            *("--Data=made/", f"--OutputGO={DESTINATION}:/atlas/{campaign}/job${{SN}}/"),
            *words,
        ]

    def advance(self, *words: str, **more: str) -> Result:
        """Advance campaigns."""
        return self.sandbox.run("goclient", "advance", *words, **more)

    def run_jobs(self, count: int) -> None:
        """Run so many jobs."""
        for _ in range(count):
            assert self.sandbox.pilot().code == 0

    def tasks(self, campaign: str) -> list[str]:
        """Return the phases of the tasks of a campaign."""
        rows = self.sandbox.rows("select label from tasks where label like ? order by request_time", f"% {campaign} %")
        return [row["label"].split()[-1] for row in rows]

    def panda_ids(self, campaign: str) -> list[int]:
        """Return the PandaIDs of a campaign's jobs, all tries."""
        name = f"{campaign}.%"
        rows = self.sandbox.rows("select panda_id from jobs where attributes ->> 'jobName' like ? order by 1", name)
        return [row["panda_id"] for row in rows]

    def state(self, panda_id: int) -> str:
        """Return the state of a job."""
        return str(self.sandbox.rows("select status from jobs where panda_id = ?", panda_id)[0]["status"])

    def rename(self, panda_id: int, other: int) -> None:
        """Let the server know a job by another number: it does not know the first one then."""
        self.sandbox.rows("update jobs set panda_id = ? where panda_id = ?", other, panda_id)

    def fail(self, panda_id: int, code: str, value: int) -> None:
        """Let a job fail with a code, as PanDA has it."""
        changed = "json_set(attributes, ?, ?)"
        self.sandbox.rows(
            f"update jobs set status = 'failed', attributes = {changed} where panda_id = ?",
            *(f"$.{code}", value, panda_id),
        )

    def delivered(self, campaign: str) -> dict[str, str]:
        """Return the files that a campaign has delivered."""
        top = self.sandbox.path(DESTINATION, f"atlas/{campaign}")
        return {str(one.relative_to(top)): one.read_text() for one in top.rglob("*") if one.is_file()}


def expected(jobs: int) -> list[str]:
    return sorted(name for n in range(1, jobs + 1) for name in (f"out.{n}.txt", f"job{n}/made/log"))


@pytest.fixture(scope="module")
def site(shared_sandbox: Sandbox) -> Iterator[Site]:
    sandbox = shared_sandbox
    source, staging = sandbox.path(SOURCE, "home/osg_data/panda"), sandbox.path(SITE, "staging")
    staging.mkdir()
    (source / "f0.dat").write_text("common\n")
    for n in range(1, 5):
        (source / str(n)).mkdir()
        (source / str(n) / "own.dat").write_text(f"own {n}\n")
    collection = sandbox.rows("select id from collections where display_name = ?", SITE)[0]["id"]
    with (sandbox.root / "settings.toml").open("a") as file:
        for queue, directory in (("TEST1", "staging"), ("ANALY_BNL_T3", "none")):
            table = f'[site.{queue}]\ncollection = "{collection}"\ndirectory = "/{directory}"\nnode = "{staging}"\n'
            file.write(table)
    yield Site(sandbox, staging, sandbox.payload("work.sh", PAYLOAD))
    sandbox.set()


@pytest.fixture(autouse=True)
def only_own_jobs(site: Site) -> None:
    """Let no job of an earlier test wait, which a pilot of this one would take."""
    site.sandbox.rows("update jobs set status = 'cancelled' where status = 'activated'")


@pytest.fixture(autouse=True)
def as_always(site: Site) -> Iterator[None]:
    yield
    site.sandbox.set()
    site.sandbox.clear_trouble()


@pytest.mark.conformance  # it takes long
def test_each_file_is_brought_once_and_each_output_delivered_once_by_one_task_a_pair(site: Site) -> None:
    sent = site.send("whole", jobs=3)
    assert sent.code == 0, sent.err
    assert "must see the job's directory" not in sent.err
    assert f"bring: 4 items from {SOURCE} to {SITE}:/staging/whole." in sent.err
    assert [line.split(" ")[1].startswith("jobName=whole.") for line in sent.out.splitlines()] == [True] * 3
    (area,) = site.staging.glob("whole.*")
    assert sorted(one.name for one in area.rglob("*.dat")) == ["f0.dat", "own.dat", "own.dat", "own.dat"]
    assert "3 waiting or running" in site.advance("whole").out
    site.run_jobs(3)
    done = site.advance("whole", "--wait")
    assert (done.code, done.out) == (0, "whole: all is done: 3 of 3 jobs have delivered\n"), done.err
    delivered = site.delivered("whole")
    assert sorted(delivered) == expected(3)
    assert delivered["out.2.txt"] == "common\nown 2\n"
    assert site.tasks("whole") == ["bring", "deliver", "clean"]
    assert list(site.staging.glob("whole.*")) == []
    page = site.sandbox.cwd / "whole.html"
    told = site.sandbox.run("goclient", "status", "--campaign=whole", f"--html={page.name}")
    assert told.out.splitlines()[1].startswith("10 files transferred, "), "4 are brought, 6 delivered, 12 were copied"
    assert "<dt>files transferred</dt><dd>10</dd>" in page.read_text()
    assert len(re.findall(r"stage-in \(copy on the node\)", told.out)) == 3
    for job in site.sandbox.run("goclient", "status", "--campaign=whole", "--json").json:
        assert [one["phase"] for one in job["campaignTransfers"]] == ["bring", "deliver", "clean"]
        assert {one["copy"] for one in job["transfers"]} == {True}
    again = site.advance("whole")
    assert (again.code, again.out, site.tasks("whole")) == (0, "", ["bring", "deliver", "clean"])
    assert "all is done" in again.err


def test_explain_shows_what_is_brought_before_copied_in_the_job_and_delivered_after(site: Site) -> None:
    shown = site.sandbox.run("goclient", "explain", *site.line("seen"), COLUMNS="1000")
    assert shown.code == 0, shown.err
    lines = [re.split("  +", line) for line in shown.out.splitlines()]
    area = f"{SITE}:/staging/seen.XXXXXXXX"
    where, home = f"{site.staging}/seen.XXXXXXXX", "/home/osg_data/panda"
    brought = [f"{home}/f0.dat", f"{home}/1/own.dat", f"{home}/2/own.dat"]
    before = [["1", "before the jobs are sent", f"{SOURCE}:{one}", f"{area}/in/0{one}"] for one in brought]
    assert lines[1:4] == before
    assert lines[4] == ["2", "before the payload", f"the node's own files: {where}/in/0{home}/f0.dat",
                        "the job's directory: f0.dat"]  # fmt: skip
    final = f"{DESTINATION}:/atlas/seen"
    assert [line[:2] for line in lines[6:8]] == [["3", "after the payload"]] * 2
    assert lines[8:10] == [
        ["4", "when jobs have ended", f"{area}/out/${{SN/P}}.1", f"{final}/out.${{SN}}.txt"],
        ["4", "when jobs have ended", f"{area}/out/${{SN/P}}.2", f"{final}/job${{SN}}/made/"],
    ]
    assert "before the jobs are sent: 1 transfer task of yours with 3 items, for all jobs" in shown.out
    document = site.sandbox.run("goclient", "explain", *site.line("seen", "--json")).json
    assert [one["items"] for one in document["staged"]["bring"]] == [3]
    assert [task["phase"] for task in document["plan"]] == ["stage-in", "stage-out"]
    many = site.sandbox.run("goclient", "explain", *site.line("seen", jobs=30))
    assert f"... 12 more items of {SOURCE}" in many.out


@pytest.mark.conformance  # it takes long
def test_a_detached_campaign_goes_on_with_advance(site: Site) -> None:
    site.sandbox.set(running_tasks=0)
    detached = site.send("detached", "--detach", "--json")
    assert (detached.code, "jobs" in detached.json) == (0, False), detached.err
    assert detached.json["staged"]["bring"] == [{"source": detached.json["staged"]["bring"][0]["source"], "items": 3}]
    assert "goclient advance detached" in detached.err
    site.sandbox.set()
    seen = [detached]

    def is_sent() -> bool:
        seen.append(site.advance("detached"))
        return "2 waiting or running" in seen[-1].out

    until(is_sent)
    assert f"PandaID={site.panda_ids('detached')[1]} jobName=detached." in seen[-1].out
    assert "goclient status --campaign detached" in seen[-1].err
    final = f"{DESTINATION}:/atlas/detached/out.1.txt to {DESTINATION}:/atlas/detached/out.2.txt"
    assert f"the output will be at:\n    {final}" in seen[-1].err
    assert "to deliver it when jobs have ended, type: goclient advance detached" in seen[-1].err
    site.run_jobs(2)
    found = site.advance("detached", "--wait", "--json")
    (document,) = found.json
    places = [one["path"] for one in document.pop("deliver")]
    assert places == ["/atlas/detached/out.${SN}.txt", "/atlas/detached/job${SN}/made/"]
    assert document | {"key": ""} == {
        "campaign": "detached",
        "key": "",
        "jobs": 2,
        "brought": True,
        "sent": "yes",
        "running": 0,
        "finished": 2,
        "failed": 0,
        "cancelled": 0,
        "unknown": 0,
        "delivered": 2,
        "viaSite": True,
        "done": True,
        "submitted": [],
        "problems": [],
    }


@pytest.mark.conformance  # it takes long
def test_what_was_begun_last_is_meant_by_last_and_left_out_at_another_server(site: Site, tmp_path: Path) -> None:
    here, elsewhere = {"GOCLIENT_STATE": str(tmp_path)}, "http://127.0.0.1:1/x"
    run = site.sandbox.run
    assert site.sandbox.submit("--noCheck", "--campaign=before", **here).code == 0
    site.sandbox.set(running_tasks=0)
    assert run(*site.line("begun", "--detach"), **here).code == 0
    for command in ("kill", "retry"):
        told = run("goclient", command, "--last", **here)
        assert (told.code, told.out) == (10, ""), told
        assert "begun: its jobs are not sent" in told.err
    assert run("goclient", "status", "--last", "--exit-status", **here).code == 6
    assert [site.state(one) for one in site.panda_ids("before")] == ["activated"]
    other = run("goclient", "status", "--exit-status", **here, PANDA_URL_SSL=elsewhere)
    assert (other.code, other.out, "begun" in other.err) == (0, "", False), other
    named = run("goclient", "status", "--campaign=begun", **here, PANDA_URL_SSL=elsewhere)
    assert (named.code, f'"begun" was sent to another server, {site.sandbox.url}' in named.err) == (10, True), named
    site.sandbox.set()
    assert run("goclient", "advance", "begun", "--end", **here).code == 0


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(("campaign", "stop"), [("interrupted", signal.SIGINT), ("killed", signal.SIGKILL)])
def test_whatever_ends_the_wait_the_rest_is_done_once(site: Site, campaign: str, stop: signal.Signals) -> None:
    site.sandbox.set(running_tasks=0)
    process = started(site.line(campaign), env=site.sandbox.env, cwd=site.sandbox.cwd, stderr=-1, stdout=-1)
    until(lambda: site.tasks(campaign) == ["bring"])
    second = site.advance(campaign)
    assert (second.code, second.out) == (0, "")
    assert "another process" in second.err
    os.kill(process.pid, stop)
    _, err = process.communicate(timeout=20)
    if stop is signal.SIGINT:
        assert process.returncode == 130
        assert f"goclient advance {campaign}" in err
    site.sandbox.set()
    until(lambda: "2 waiting or running" in site.advance(campaign).out)
    site.run_jobs(2)
    assert site.advance(campaign, "--wait").code == 0
    assert sorted(site.delivered(campaign)) == expected(2)
    assert site.tasks(campaign) == ["bring", "deliver", "clean"]


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("route", ["POST /v0.10/transfer", "GET /v0.10/task_list", "GET /v0.10/submission_id"])
def test_a_lost_answer_of_globus_makes_no_second_task(site: Site, route: str) -> None:
    campaign = f"lost-{route.rpartition('/')[2]}"
    site.sandbox.trouble(route, "lost", times=1)
    assert site.send(campaign, jobs=1).code == 0
    assert site.tasks(campaign) == ["bring"]
    site.run_jobs(1)
    assert site.advance(campaign, "--wait").code == 0


@pytest.mark.conformance  # it takes long
def test_a_damaged_row_of_globus_hides_itself_alone(site: Site) -> None:
    site.sandbox.set(running_tasks=0)
    assert site.send("odd", "--detach").code == 0
    (task,) = site.sandbox.rows("select task_id, label from tasks where label like '% odd %'")
    site.sandbox.set()
    done = "select task_id from tasks where status = 'SUCCEEDED' and task_id = ?"
    until(lambda: site.sandbox.rows(done, task["task_id"]))
    good = {**task, "status": "SUCCEEDED", "files_transferred": 3}
    damaged = {**good, "task_id": str(uuid.UUID(int=1)), "files_transferred": "many"}
    listed = {"DATA": [damaged, 3, {"task_id": "x"}, good]}
    site.sandbox.trouble("GET /v0.10/task_list", "error", status=200, document=listed, times=100)
    told = site.sandbox.run("goclient", "status", "--campaign=odd")
    rows = [line.split() for line in told.out.splitlines() if line.startswith("odd ")]
    assert [row[:3] for row in rows] == [["odd", "bring", "UNKNOWN"], ["odd", "bring", "SUCCEEDED"]], told
    assert "what Globus tells of it cannot be read" in told.out
    assert site.advance("odd").out.count("PandaID=") == 2
    site.sandbox.clear_trouble()
    site.run_jobs(2)
    assert site.advance("odd", "--wait").code == 0


@pytest.mark.conformance  # it takes long
def test_two_processes_that_advance_all_campaigns_send_each_once(site: Site) -> None:
    here = {"GOCLIENT_STATE": str(site.sandbox.root / "two")}
    assert site.sandbox.run(*site.line("first", jobs=1), **here).code == 0
    site.sandbox.set(running_tasks=0)
    assert site.sandbox.run(*site.line("next", "--detach", jobs=1), **here).code == 0
    site.sandbox.set()
    process = started(
        ["goclient", "advance", "--wait"], env=site.sandbox.env | here, cwd=site.sandbox.cwd, stderr=-1, stdout=-1
    )
    until(lambda: len(site.panda_ids("next")) == 1)
    assert site.advance(**here).err.count("another process") == 2
    site.run_jobs(2)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.count("1 of 1 job has delivered")) == (0, 2), err
    assert len(site.panda_ids("next")) == 1


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("accepted", [True, False])
def test_jobs_whose_answer_is_lost_are_not_sent_again_unasked(site: Site, *, accepted: bool) -> None:
    campaign = f"unknown-{accepted}"
    before = site.sandbox.rows("select max(panda_id) as last from jobs")[0]["last"] or 0
    site.sandbox.trouble("POST /*submit", "lost" if accepted else "reset", times=1)
    assert site.send(campaign).code == 90
    asked = site.advance(campaign)
    known = f"{campaign}: its inputs are there, it is not known whether its jobs are sent\n"
    assert (asked.code, asked.out) == (90, known)
    assert f"goclient advance {campaign} --again" in asked.err
    if accepted:
        wrong = site.advance(campaign, "--jobs", f"{before + 1}")
        assert (wrong.code, "is not among" in wrong.err or "are not among" in wrong.err) == (10, True), wrong.err
        answer = site.advance(campaign, "--jobs", f"{before + 1}-{before + 2}")
        again = site.advance(campaign, "--jobs", f"{before + 1}-{before + 2}")
        assert (again.code, "--jobs had no effect" in again.err, "no effect" in answer.err) == (0, True, False)
    else:
        answer = site.advance(campaign, "--again")
    assert "2 waiting or running" in answer.out, answer.err
    assert f"{campaign}." not in site.sandbox.run("goclient", "journal", "list").out, "nothing is open"
    site.run_jobs(2)
    assert site.advance(campaign, "--wait").code == 0
    assert len(site.sandbox.rows("select 1 from jobs where panda_id > ?", before)) == 2


@pytest.mark.conformance  # it takes long
def test_a_failed_job_keeps_what_is_staged_until_nobody_waits_for_it(site: Site) -> None:
    fails = site.sandbox.payload("fails.sh", '#!/bin/sh\n[ "$1" = 1 ] && exit 3\n' + PAYLOAD)
    sent = site.send("mended", f"--transformation={fails}", "--jobParameters=${SN}")
    assert sent.code == 2, "an option is given twice"
    line = [word for word in site.line("mended", "--jobParameters=${SN}") if not word.startswith("--transf")]
    assert site.sandbox.run(*line, f"--transformation={fails}").code == 0
    for _ in range(2):
        site.sandbox.pilot()
    until(lambda: "1 has delivered" in site.advance("mended").out)
    assert list(site.staging.glob("mended.*"))
    ended = site.advance("mended", "--end", "--wait")
    assert ended.out == "mended: all is done: 1 of 2 jobs have delivered\n"
    assert not list(site.staging.glob("mended.*"))


def test_a_campaign_that_is_given_up_before_its_inputs_are_there_sends_nothing(site: Site) -> None:
    site.sandbox.set(running_tasks=0)
    assert site.send("given-up", "--detach").code == 0
    first = site.advance("given-up", "--end")
    assert (first.code, "none was given up" in first.err) == (0, False), first.err
    assert first.out == "given-up: given up: its jobs were not sent; what was brought is being removed\n"
    site.sandbox.set()
    ended = site.advance("given-up", "--end", "--wait")
    assert (ended.code, ended.out) == (0, "given-up: given up: its jobs were not sent\n"), ended.err
    assert (site.panda_ids("given-up"), site.delivered("given-up")) == ([], {})


@pytest.mark.parametrize("words", [["--end"], ["--again", "--goOverwrite"], ["--jobs=1-2,4"]])
def test_what_is_allowed_while_another_process_is_about_a_campaign_is_told_as_without_effect(
    site: Site, words: list[str]
) -> None:
    with _held(site, f"held-{len(words[0])}") as name:
        told = site.advance(name, *words)
        alone = site.advance(name)
        document = site.advance(name, *words, "--json")
    hint = f"goclient advance {name} {' '.join(words)} --wait"
    assert (told.code, "another process is about it, and --" in told.err, hint in told.err) == (10, True, True), told
    assert (alone.code, "another process is about it" in alone.err) == (0, True), alone
    (one,) = document.json
    assert (document.code, one["done"], [p["code"] for p in one["problems"]]) == (10, False, ["busy"])


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("words", [[], ["--end"]])
def test_a_wait_goes_on_when_the_other_process_has_ended(site: Site, words: list[str]) -> None:
    with _held(site, f"after{len(words)}") as name:
        line = ["goclient", "advance", name, "--wait", *words]
        process = started(line, env=site.sandbox.env, cwd=site.sandbox.cwd, stderr=-1, stdout=-1)
        assert process.stderr is not None
        assert f"{name}: another process is about it, and is waited for" in process.stderr.readline()
        assert process.poll() is None
    try:
        site.sandbox.set()
        until(lambda: site.panda_ids(name) or process.poll() is not None)
        assert (process.poll(), len(site.panda_ids(name))) == ((0, 0) if words else (None, 1))
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _held(site: Site, name: str) -> Iterator[str]:
    """Run the body while another process is about a new campaign whose inputs are on their way."""
    site.sandbox.set(running_tasks=0)
    assert site.send(name, "--detach", jobs=1).code == 0
    (kept,) = Path(site.sandbox.env["GOCLIENT_STATE"]).glob(f"campaigns/{name}.*.json")
    with KeptBatch(kept).lock() as is_ours:
        assert is_ours
        yield name


@pytest.mark.conformance  # it takes long
def test_jobs_that_are_given_up_are_not_told_as_kept_while_what_was_staged_is_removed(site: Site) -> None:
    assert site.send("clears", jobs=1).code == 0
    assert site.sandbox.run("goclient", "kill", "--campaign=clears").code == 0
    site.sandbox.set(running_tasks=0)
    told = site.advance("clears", "--end")
    assert (told.code, "none was given up" in told.err) == (0, False), told.err
    assert told.out == "clears: 1 job: 1 cancelled; 0 have delivered; what was staged is being removed\n"
    site.sandbox.set()
    assert site.advance("clears", "--end", "--wait").out == "clears: all is done: 0 of 1 job has delivered\n"


@pytest.mark.conformance  # it takes long
def test_a_laptop_that_sleeps_delays_its_delivery_not_the_jobs(site: Site) -> None:
    line = [word.replace(DESTINATION, "LAPTOP") for word in site.line("asleep")]
    sent = site.sandbox.run(*line)
    assert sent.code == 0, sent.err
    assert "warning" in sent.err
    assert "not connected" in sent.err
    site.run_jobs(2)
    waiting = site.advance("asleep")
    assert (waiting.code, waiting.out) == (0, "asleep: 2 jobs: 2 finished; 0 have delivered\n")
    assert "deliver: waits:" in waiting.err
    assert site.advance("asleep", "--end").code == 0


def _cut(name: str) -> Callable[[Site], list[str]]:
    return lambda site: [word for word in site.line("bad") if not word.startswith(name)]


FILES = ("--Stage", "--Data", "--OutputGO")
BAD: dict[str, tuple[Callable[[Site], list[str]], int, str]] = {
    "no setting for the queue": (
        lambda site: [w.replace("TEST1", "OFFLINE1") for w in site.line("bad")],
        10,
        "[site.OFFLINE1]",
    ),
    "no queue": (_cut("--computingSite"), 2, "--computingSite"),
    "an endpoint of the job": (lambda site: site.line("bad", "--WorkingendpointGO=x"), 10, "leave out one of the two"),
    "a server of GridFTP": (
        lambda site: site.line("bad", "--StageinGOsrc=gsiftp://h/x", "--myproxy=u@h:1"),
        10,
        "Globus",
    ),
    "a source of the jobs that is missing": (
        lambda site: [w.replace("f0.dat", "none.dat") for w in site.line("bad")],
        40,
        "none.dat",
    ),
    "a directory of the site that is missing": (
        lambda site: [word.replace("TEST1", "ANALY_BNL_T3") for word in site.line("bad")],
        40,
        "correct [site.ANALY_BNL_T3] directory",
    ),
    "no files": (lambda site: [w for w in site.line("bad") if not w.startswith(FILES)], 10, "nothing is to be brought"),
    "detached without a site": (_cut("--goVia"), 10, "--goVia site"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_come_well_is_refused_before_anything_is_brought(site: Site, what: str) -> None:
    line, code, told = BAD[what]
    words = line(site)
    done = site.sandbox.run(*words, *(["--detach"] if "detached" in what else []))
    assert (done.code, told in done.err) == (code, True), done.err
    assert site.tasks("bad") == []


def test_the_lines_of_a_hint_are_pasted_into_the_file_that_it_names(site: Site, tmp_path: Path) -> None:
    file, line = tmp_path / "mine.toml", [*site.line("pasted"), "--noSubmit"]
    here = {"GOCLIENT_SETTINGS": str(file)}
    missing = site.sandbox.run(*line, **here)
    named, *pasted, probe = missing.err[missing.err.index("    add to ") :].splitlines()
    assert f"add to {file}," in named
    assert "goclient probe TEST1 --shared" in probe
    file.write_text("\n".join(pasted) + "\n")
    unchanged = site.sandbox.run(*line, **here)
    assert (unchanged.code, 'mine.toml", line 2' in unchanged.err) == (10, True), unchanged.err
    collection = site.sandbox.rows("select id from collections where display_name = ?", SITE)[0]["id"]
    for quotes, value in (("UUID of .*", collection), ("/PATH on that collection", "/staging")):
        file.write_text(re.sub(f'"{quotes}"', f'"{value}"', file.read_text()))
    whole = file.read_text()
    file.write_text("".join(line for line in whole.splitlines(keepends=True) if "node" not in line))
    part = site.sandbox.run(*line, **here)
    named, pasted_line, *_ = part.err[part.err.index("    add to ") :].splitlines()
    assert "below its line [site.TEST1]" in named
    file.write_text(file.read_text() + pasted_line.replace("/PATH on the nodes", str(site.staging)) + "\n")
    checked = site.sandbox.run(*line, "-v", **here)
    assert (checked.code, checked.err.count(collection)) == (0, 2), "where it is said which one it is"
    assert f"files for the jobs are left at {SITE}:/staging/" in checked.err


@pytest.mark.parametrize("campaign", ["none-such", "../x", "a/b", "*"])
def test_a_campaign_that_nobody_has_begun_is_told(site: Site, campaign: str) -> None:
    told = site.advance(campaign)
    assert (told.code, "was sent from here" in told.err) == (10, True), told.err


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("words", [[], ["--detach"]])
def test_a_source_that_is_not_there_needs_a_person_and_goes_on_when_it_is_put_back(
    site: Site, words: list[str]
) -> None:
    name = f"absent{len(words)}"
    line = [one.replace("f0.dat", f"{name}.dat") for one in site.line(name, "--noCheck", jobs=1)]
    if words:
        site.sandbox.set(running_tasks=0)
    told = site.sandbox.run(*line, *words)
    if words:
        assert (told.code, told.out) == (0, "")
        site.sandbox.set()
        told = site.advance(name, "--wait")
    shown = f"{SOURCE}:/home/osg_data/panda/{name}.dat"
    assert (told.code, f'goes on, but: "{shown}" is not there; its jobs are not sent' in told.err) == (40, True), told
    assert "room" not in told.err
    assert f"mend that, and type: goclient advance {name}; or give this campaign up: goclient advance" in told.err
    again = site.advance(name, "--json")
    assert (again.code, [one["code"] for one in again.json[0]["problems"]]) == (40, ["halted"]), again
    site.sandbox.path(SOURCE, f"home/osg_data/panda/{name}.dat").write_text("back\n")
    put_back = site.advance(name)
    assert (put_back.code, "is not there" in put_back.err) == (0, False), put_back
    until(lambda: site.panda_ids(name) or site.advance(name).code)
    assert len(site.panda_ids(name)) == 1
    assert site.tasks(name) == ["bring"]


@pytest.mark.conformance  # it takes long
def test_a_source_that_may_not_be_read_needs_a_person(site: Site) -> None:
    path = site.sandbox.path(SOURCE, "home/osg_data/panda/closed.dat")
    path.write_text("closed\n")
    path.chmod(0)
    line = [one.replace("f0.dat", "closed.dat") for one in site.line("closed", "--noCheck", jobs=1)]
    told = site.sandbox.run(*line)
    assert (told.code, "goes on, but: PERMISSION_DENIED" in told.err) == (40, True), told
    path.chmod(0o644)
    until(lambda: site.advance("closed").code == 0)
    until(lambda: site.panda_ids("closed") or site.advance("closed").code)
    assert len(site.panda_ids("closed")) == 1


def test_a_campaign_of_another_server_is_left_alone(site: Site) -> None:
    site.sandbox.set(running_tasks=0)
    assert site.send("others", "--detach").code == 0
    refused = site.advance(
        "others", PANDA_URL_SSL="https://panda.example/server/panda", PANDA_URL="https://panda.example"
    )
    assert (refused.code, "was sent to" in refused.err) == (10, True), refused.err
    identity = site.advance(
        "others",
        GOCLIENT_CLIENT_ID=site.sandbox.env["SANDBOX_OTHER_CLIENT_ID"],
        GOCLIENT_CLIENT_SECRET=site.sandbox.env["SANDBOX_OTHER_CLIENT_SECRET"],
    )
    assert (identity.code, "Globus identity" in identity.err) == (10, True), identity.err


@pytest.mark.conformance  # it takes long
def test_what_a_second_try_cures_is_tried_again_once_by_itself(site: Site) -> None:
    assert site.send("cured").code == 0
    first, second = site.panda_ids("cured")
    watch = ["goclient", "status", "--campaign=cured", "--watch", "--exit-status"]
    watching = started(watch, env=site.sandbox.env, cwd=site.sandbox.cwd, stderr=-1, stdout=-1)
    assert watching.stdout is not None
    assert watching.stdout.readline() == "2 jobs of campaign cured: 2 activated\n"
    site.fail(first, "pilotErrorCode", 1201)  # the batch system stopped it
    site.fail(second, "pilotErrorCode", 1201)
    tried = site.advance("cured", "--json")
    third, fourth = site.panda_ids("cured")[2:]
    sent = tried.json[0]["submitted"]
    assert [(one["PandaID"], one["jobName"][-5:]) for one in sent] == [(third, ".try2"), (fourth, ".try2")]
    assert (tried.json[0]["running"], "2 jobs sent again" in tried.err) == (2, True), tried.err
    assert f"PandaID={third} activated\n" in (line.partition(" ")[2] for line in watching.stdout)
    site.fail(third, "pilotErrorCode", 1201)
    site.run_jobs(1)
    assert site.panda_ids("cured") == [first, second, third, fourth]
    until(lambda: "1 finished, 1 failed; 1 has delivered" in site.advance("cured").out)
    assert site.panda_ids("cured") == [first, second, third, fourth], "a second try that failed is a person's to judge"
    out, _ = watching.communicate(timeout=20)
    assert watching.returncode == 5
    assert "2 jobs of campaign cured: 1 finished, 1 failed (earlier tries beside them: 2)\n" in out
    assert site.advance("cured", "--end", "--wait").code == 0
    assert sorted(site.delivered("cured")) == ["job2/made/log", "out.2.txt"]


@pytest.mark.conformance  # it takes long
def test_a_carried_job_copies_on_the_node_without_any_credential(site: Site) -> None:
    sandbox = site.sandbox
    (sandbox.cwd / "work.sh").write_text(PAYLOAD)
    (sandbox.cwd / "work.sh").chmod(0o755)
    line = [word.replace(site.payload, "./work.sh") for word in site.line("carried", "--goCarry", jobs=2)]
    nobody = {"GOCLIENT_CARRY_CLIENT_ID": "", "GOCLIENT_CARRY_CLIENT_SECRET": ""}
    sent = sandbox.run(*line, "--detach", **nobody)
    assert sent.code == 0, sent.err
    until(
        lambda: "2 waiting or running" in site.advance("carried", **nobody).out
    )  # the archive was kept, and is uploaded now
    ids = site.panda_ids("carried")
    for job in sandbox.rows("select attributes from jobs where panda_id in (?, ?)", *ids):
        assert '"specialHandling": "us"' not in job["attributes"]

    def run() -> None:
        for panda_id in ids:
            ran = sandbox.run("goclient", "sandbox", "site", "--site=TEST1", "--once", f"--dir={sandbox.root}")
            assert (ran.code, f"PandaID={panda_id} finished" in ran.out) == (0, True), ran.err

    run()
    for attempt in (2, 3):  # what an earlier try has left at the site is not taken for a later one's
        for panda_id in ids:
            site.fail(panda_id, "pilotErrorCode", 1200)
        again = sandbox.run("goclient", "retry", *map(str, ids), **nobody)
        assert again.code == 0, again.err
        ids = site.panda_ids("carried")[-2:]
        run()
        assert len(list(site.staging.glob(f"carried.*/out/*.try{attempt}"))) == 4
    results = (
        f"import goclient; (one,) = goclient.Client().results([{ids[1]}])\n"
        "print([file.location.partition(':')[2] for file in one.files], one.warning)"
    )
    waiting = sandbox.run(sys.executable, "-c", results)
    assert waiting.out.startswith("[] what it has left at its site is not delivered yet"), waiting.err
    assert site.advance("carried", "--wait", **nobody).code == 0
    assert sorted(site.delivered("carried")) == expected(2)
    places = ["/atlas/carried/out.2.txt", "/atlas/carried/job2/made/"]
    assert sandbox.run(sys.executable, "-c", results).out == f"{places} \n"


@pytest.mark.conformance  # it takes long
def test_one_campaign_in_trouble_keeps_no_other_from_going_on(site: Site, tmp_path: Path) -> None:
    alone = {"GOCLIENT_STATE": str(tmp_path / "state")}
    site.sandbox.set(running_tasks=0)
    for campaign in ("broken", "whole-2"):
        assert site.sandbox.run(*site.line(campaign, "--detach", jobs=1), **alone).code == 0
    (broken,) = (tmp_path / "state/campaigns").glob("broken.*.json")
    written = broken.read_text()
    broken.write_text(written.replace('"jobs":[[', '"jobs":[],"more":[['))
    site.sandbox.set()
    until(lambda: site.advance(**alone).code == 1 and site.panda_ids("whole-2"))
    told = site.advance("--json", **alone)
    assert told.code == 1, told.err
    found = {one["campaign"]: one for one in told.json}
    assert set(found["broken"]) == {"campaign", "key", "done", "problems"}
    assert [one["code"] for one in found["broken"]["problems"]] == ["campaign-file"]
    assert found["whole-2"]["sent"] == "yes"
    shown = site.advance(**alone)
    assert (shown.code, "whole-2: 1 job: 1 waiting or running" in shown.out) == (1, True)
    assert "not as it was written" in shown.err
    os.utime(broken, (0, 0))  # it is the first now
    words = ["goclient", "advance", "--wait"]
    waits = started(words, env=site.sandbox.env | alone, cwd=site.sandbox.cwd, stderr=-1, stdout=-1)
    assert waits.stderr is not None
    assert "whole-2: 1 job: 1 waiting or running" in waits.stderr.readline()
    broken.write_text(written)
    ended = site.advance("broken", "--end", "--wait", **alone)
    assert (ended.code, "another process" in ended.err, waits.poll()) == (0, False, None), ended.err
    waits.kill()
    waits.communicate()


def test_a_wait_for_all_campaigns_stands_at_none(site: Site) -> None:
    assert site.send("stands", jobs=1).code == 0
    site.sandbox.set(running_tasks=0)
    assert site.send("passes", "--detach", jobs=1).code == 0
    process = started(
        ["goclient", "advance", "--wait"], env=site.sandbox.env, cwd=site.sandbox.cwd, stderr=-1, stdout=-1
    )
    try:
        site.sandbox.set()
        until(lambda: len(site.panda_ids("passes")) == 1)
    finally:
        process.kill()
        process.communicate()


def test_a_lost_answer_to_jobs_that_are_sent_again_is_not_asked_for_again(site: Site) -> None:
    site.sandbox.trouble("POST /*submit", "lost", times=2)
    assert site.send("twice", jobs=1).code == 90
    assert site.advance("twice", "--again", "--wait").code == 90
    assert len(site.panda_ids("twice")) == 2, "that was typed once more, once"


@pytest.mark.parametrize("words", [["--again"], ["--end"], ["--goOverwrite"], ["--jobs=1"], ["--end", "--again"]])
def test_what_is_allowed_is_allowed_to_one_campaign(site: Site, words: list[str]) -> None:
    told = site.advance(*words)
    assert told.code == 10, told.err
    assert f"goclient advance CAMPAIGN {' '.join(sorted(words)).split('=')[0]}" in told.err


def test_a_campaign_is_named_as_other_commands_name_it(site: Site) -> None:
    assert site.send("named", jobs=1).code == 0
    assert "named: 1 job" in site.advance("--campaign", "named").out
    assert "named: 1 job" in site.advance("named", "--campaign=named").out
    two = site.advance("named", "--campaign=other")
    assert (two.code, '"named" and "other"' in two.err) == (2, True), two.err


def test_a_program_can_tell_a_campaign_that_is_done_from_one_that_never_was(site: Site) -> None:
    site.sandbox.set(running_tasks=0)
    assert site.send("ended", "--detach").code == 0
    site.sandbox.set()
    assert site.advance("ended", "--end", "--wait").code == 0
    done = site.advance("ended", "--json")
    assert (done.code, [(one["campaign"], one["done"]) for one in done.json]) == (0, [("ended", True)])
    assert (
        site.advance("a/b", GOCLIENT_STATE=str(site.sandbox.cwd / "new")).err.count("sendJob.py --campaign NAME sends")
        == 1
    )


@pytest.mark.conformance  # it takes long
def test_a_campaign_whose_jobs_are_not_sent_is_not_over(site: Site) -> None:
    run = site.sandbox.run
    site.sandbox.set(running_tasks=0)
    assert site.send("unsent", "--detach", jobs=1).code == 0
    status = run("goclient", "status", "--campaign=unsent", "--exit-status")
    assert (status.code, "unsent: its jobs are not sent" in status.err) == (6, True), status.err
    assert "unsent: its jobs are not sent" in run("goclient", "status").err
    for command in ("kill", "retry"):
        told = run("goclient", command, "--campaign=unsent")
        assert (told.code, "goclient advance unsent --end" in told.err) == (10, True), told.err
    watch = ["goclient", "status", "--campaign=unsent", "--watch", "--exit-status"]
    waits = "import goclient; print([job.state for job in goclient.Client().wait(campaign='unsent', seconds=0.5)])"
    watching, waiting = (
        started(words, env=site.sandbox.env, cwd=site.sandbox.cwd, stderr=-1, stdout=-1)
        for words in (watch, [sys.executable, "-c", waits])
    )
    assert watching.stdout is not None
    assert watching.stdout.readline() == "0 jobs\n"
    site.sandbox.set()
    until(lambda: site.advance("unsent").code == 0 and site.panda_ids("unsent"))
    assert run("goclient", "kill", "--campaign=unsent").code == 0
    out, err = watching.communicate(timeout=20)
    assert (watching.returncode, "1 job of campaign unsent: 1 cancelled\n" in out) == (5, True), out + err
    assert err.count("unsent: its jobs are not sent") == 1
    assert waiting.communicate(timeout=20)[0] == "['cancelled']\n"
    site.advance("unsent", "--end", "--wait")


@pytest.mark.conformance  # it takes long
def test_outputs_that_are_not_delivered_are_not_over(site: Site) -> None:
    status = ("goclient", "status", "--campaign=undelivered", "--exit-status")
    assert site.send("undelivered", jobs=1).code == 0
    until(
        lambda: (
            site.sandbox.pilot().code == 0 and site.sandbox.run(*status[:3], "--json").json[0]["state"] == "finished"
        )
    )
    told = site.sandbox.run(*status)
    assert (told.code, "the outputs of 1 of 1 job are not delivered" in told.err) == (6, True), told.err
    assert site.advance("undelivered", "--wait").code == 0
    assert site.sandbox.run(*status).code == 0


def test_a_campaign_is_stopped_while_its_inputs_move(site: Site) -> None:
    site.sandbox.set(bytes_per_second=1)
    assert site.send("stopped-in", "--detach").code == 0
    until(lambda: site.sandbox.rows("select 1 from tasks where status = 'ACTIVE'"))
    refused = site.sandbox.run("goclient", "kill", "--campaign=stopped-in")
    assert (refused.code, "goclient advance stopped-in --end gives them up" in refused.err) == (10, True), refused.err
    ended = site.advance("stopped-in", "--end", "--wait")
    assert (ended.code, ended.out) == (0, "stopped-in: given up: its jobs were not sent\n"), ended.err
    query = "select status, fatal from tasks where label = 'goclient stopped-in bring'"
    (task,) = site.sandbox.rows(query)
    assert (task["status"], '"CANCELED"' in task["fatal"]) == ("FAILED", True)
    assert (site.panda_ids("stopped-in"), [*site.staging.glob("stopped-in.*")]) == ([], [])


@pytest.mark.conformance  # it takes long
def test_a_campaign_is_stopped_while_its_outputs_move(site: Site) -> None:
    """Outputs that are ready are delivered all the same, once; a job that was stopped may be sent again."""
    assert site.send("stopped-out").code == 0
    one, other = site.panda_ids("stopped-out")
    site.run_jobs(1)
    site.sandbox.set(bytes_per_second=20)
    site.advance("stopped-out")
    until(lambda: site.sandbox.rows("select 1 from tasks where status = 'ACTIVE'"))
    stopped = site.sandbox.run("goclient", "kill", "--campaign=stopped-out", "--json").json["stopped"]
    assert [(row["PandaID"], row["state"]) for row in stopped] == [(one, "finished"), (other, "cancelled")]
    left = site.advance("stopped-out", "--wait")
    assert (left.code, "retry --campaign stopped-out --all" in left.err) == (5, True), left.err
    assert sorted(site.delivered("stopped-out")) == expected(1)
    again = site.sandbox.run("goclient", "retry", "--campaign=stopped-out", "--all")
    assert again.out.startswith(f"PandaID={site.panda_ids('stopped-out')[-1]} "), again.err
    assert f"PandaID {one}: finished" in again.err
    site.run_jobs(1)
    assert site.advance("stopped-out", "--wait").code == 0
    assert sorted(site.delivered("stopped-out")) == expected(2)
    assert site.tasks("stopped-out") == ["bring", "deliver", "deliver", "clean"]


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("words", [[], ["--goCarry"]])
def test_the_same_jobs_are_not_begun_twice_unasked(site: Site, words: list[str]) -> None:
    site.sandbox.set(running_tasks=0)
    first = site.send("again", "--detach", *words)
    assert (first.code, "not known to be over" in first.err) == (0, False), first.err
    refused = site.send("again", "--detach", *words)
    assert (refused.code, refused.out) == (10, ""), refused.err
    assert 'the same 2 jobs were begun in the campaign "again" at 20' in refused.err
    assert "goclient status --campaign again; to submit them once more all the same, add --again" in refused.err
    told = 'the campaign "again" has {} jobs that are not known to be over; {} more'
    other = site.send("again", "--detach", *words, jobs=1)
    assert (other.code, told.format(2, "this is 1") in other.err) == (0, True), other.err
    asked = site.send("again", "--detach", *words, "--again")
    assert (asked.code, told.format(3, "these are 2") in asked.err) == (0, True), asked.err
    assert "goclient advance again; another --campaign NAME keeps jobs apart" in asked.err
    seen = site.advance("again").out
    assert re.findall("^again, begun 20.*: its inputs are on their way, its jobs are not sent$", seen, re.M) == (
        seen.splitlines()
    )
    assert len(seen.splitlines()) == 3
    assert site.advance("again", "--end").code == 0
    site.sandbox.set()
    assert site.advance("again", "--end", "--wait").code == 0


def test_the_same_command_started_twice_at_one_moment_starts_one(site: Site) -> None:
    site.sandbox.set(running_tasks=0)
    with ThreadPoolExecutor(2) as both:
        ended = [*both.map(lambda _: site.send("moment", "--detach"), range(2))]
    assert sorted(one.code for one in ended) == [0, 10], ended
    assert site.advance("moment", "--end").code == 0
    site.sandbox.set()
    assert site.advance("moment", "--end", "--wait").code == 0


def test_a_campaign_whose_files_are_brought_goes_on_as_said_when_the_server_could_not_be_reached(site: Site) -> None:
    dead = {"PANDA_URL_SSL": "http://127.0.0.1:9"}
    refused = site.sandbox.run(*site.line("unreached"), **dead)
    assert refused.code != 0
    assert "the network, then type: goclient advance unreached" in refused.err
    again = site.sandbox.run("goclient", "advance", "unreached", **dead)
    assert "the network, then type the command again" in again.err
    given_up = site.sandbox.run("goclient", "advance", "unreached", "--end", "--wait", **dead)
    assert "given up" in given_up.out


def test_jobs_of_a_campaign_whose_files_are_still_brought_are_told_to_those_that_bring_their_own(site: Site) -> None:
    site.sandbox.set(running_tasks=0)
    assert site.send("on-their-way", "--detach").code == 0
    line = [word for word in site.line("on-their-way", "--noCheck", jobs=1) if not word.startswith("--goVia")]
    second = site.sandbox.run(*line)
    told = 'the campaign "on-their-way" has 2 jobs that are not known to be over; this is 1 more'
    assert (second.code, told in second.err) == (0, True), second.err
    assert site.sandbox.run("goclient", "kill", *map(str, site.panda_ids("on-their-way"))).code == 0
    assert site.advance("on-their-way", "--end").code == 0
    site.sandbox.set()
    assert site.advance("on-their-way", "--end", "--wait").code == 0


@pytest.mark.conformance  # it takes long
def test_batches_of_one_campaign_are_told_apart_and_so_is_whose_file_is_in_the_way(site: Site) -> None:
    assert site.send("twins", jobs=2).code == 0
    assert site.send("twins", "--again", jobs=2).code == 0
    ids = site.panda_ids("twins")
    rows = [f"twins, PandaID {one}-{one + 1}: 2 jobs: 2 waiting or running; 0 have delivered" for one in ids[::2]]
    assert site.advance("twins").out.splitlines() == rows
    site.run_jobs(4)
    stopped = site.advance("twins", "--wait")
    assert stopped.code == 40, stopped.err
    assert f"twins, PandaID {ids[0]}-{ids[1]}: all is done: 2 of 2 jobs have delivered" in stopped.out
    for new, old in zip(ids[2:], ids[:2], strict=True):
        would = f"of PandaID {new} would overwrite it; it was delivered for PandaID {old} of the same campaign"
        assert would in stopped.err, stopped.err
    assert site.advance("twins", "--goOverwrite", "--wait").out == "twins: all is done: 2 of 2 jobs have delivered\n"
    third = site.send("twins", "--noCheck")
    assert (third.code, "not known to be over" in third.err) == (0, False), third.err
    assert site.sandbox.run("goclient", "kill", *map(str, site.panda_ids("twins")[4:])).code == 0
    assert site.advance("twins", "--end", "--wait").code == 0


def test_jobs_that_bring_their_own_files_are_more_of_a_campaign_until_all_are_over(site: Site) -> None:
    line = [word for word in site.line("more", "--noCheck", jobs=1) if not word.startswith("--goVia")]
    first, second = site.sandbox.run(*line), site.sandbox.run(*line)
    assert (first.code, second.code) == (0, 0), second.err
    assert "not known to be over" not in first.err
    told = 'the campaign "more" has 1 job that is not known to be over; this is 1 more'
    assert told in second.err
    assert site.sandbox.run("goclient", "kill", *map(str, site.panda_ids("more"))).code == 0
    assert site.advance("more", "--end").code == 0
    assert "not known to be over" not in site.sandbox.run(*line).err
    assert site.sandbox.run("goclient", "kill", *map(str, site.panda_ids("more")[-1:])).code == 0

"""Jobs that failed are sent again with their own numbers, once, after the checks of a submission."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import goclient
from tests.commands import Result, command
from tests.files.test_temporary import FULL
from tests.sandbox.panda.test_tasks import call, submit
from tests.sandboxes import Sandbox

SUBMIT = ("--StageinGOsrc=SITE1:/in/${SN}.dat", "--Data=out.dat", "--OutputGO=SITE1:/out/${SN}/")
FAILED = (
    "update jobs set status = 'failed', attributes = json_set(attributes, '$.pilotErrorCode', ?) where panda_id = ?"
)


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """A user with a journal of their own, and three inputs; no job of before is there."""
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.cwd = tmp_path
    shared_sandbox.rows("delete from jobs")
    shared_sandbox.rows("delete from secrets")
    for number in (1, 2, 3):
        path = shared_sandbox.path("SITE1", f"/in/{number}.dat")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    for path in shared_sandbox.path("SITE1", "/out").rglob("*.dat"):
        path.unlink()
    return shared_sandbox


def submitted(user: Sandbox, *words: str) -> list[int]:
    """The PandaIDs of three jobs, each with an input and an output of its own."""
    script = user.payload("copy.sh", "#!/bin/sh\ncat *.dat > out.dat\n")
    words = ("--computingSite=TEST1", f"--transformation={script}", "--njobs=3", "--json", "--goMkdir", *words)
    result = user.run("sendJob.py", *words, *SUBMIT)
    assert result.code == 0, result
    return [job["PandaID"] for job in result.json["jobs"]]


def fail(user: Sandbox, *panda_ids: int, code: str = "1151") -> None:
    for panda_id in panda_ids:
        user.rows(FAILED, code, panda_id)


def retry(user: Sandbox, *words: object, **more: str) -> Result:
    return user.run("goclient", "retry", *map(str, words), "--json", **more)


def attributes(user: Sandbox, panda_id: int) -> dict[str, Any]:
    (row,) = user.rows("select attributes from jobs where panda_id = ?", panda_id)
    return dict(json.loads(row["attributes"]))


def count(user: Sandbox) -> int:
    return int(user.rows("select count(*) as jobs from jobs")[0]["jobs"])


@pytest.mark.conformance  # it takes long
def test_a_job_that_failed_is_sent_again_with_its_number_and_runs(user: Sandbox) -> None:
    first, second, third = submitted(user)
    user.path("SITE1", "/in/2.dat").rename(user.path("SITE1", "/in/away.dat"))
    codes = [user.pilot().code for _ in range(3)]
    assert codes == [0, 40, 0]
    refused = retry(user, f"{first}-{third}")
    assert (refused.code, refused.json["error"]["exit_code"]) == (40, 40), "its input is still away"
    assert '"SITE1:/in/2.dat"' in refused.json["error"]["message"]
    user.path("SITE1", "/in/away.dat").rename(user.path("SITE1", "/in/2.dat"))
    done = retry(user, f"{first}-{third}")
    assert done.code == 0, done
    (job,), old = done.json["jobs"], attributes(user, second)
    assert job == {"PandaID": third + 1, "jobName": f"{old['jobName']}.try2", "retryOf": second}
    assert [one["PandaID"] for one in done.json["left"]] == [first, third]
    new = attributes(user, job["PandaID"])
    same = ("jobParameters", "transformation", "computingSite", "prodSourceLabel", "destinationSE", "destinationDBlock")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert new["Files"][0]["lfn"] == f"{job['jobName']}.job.log.tgz"
    assert user.pilot().code == 0
    assert user.path("SITE1", "/out/2/out.dat").read_text() == "2\n"
    again = retry(user, second)
    assert (again.code, again.json["jobs"], count(user)) == (0, [], 4)
    assert again.json["left"] == [{"PandaID": job["PandaID"], "why": "finished; --all retries such jobs, too"}]


def test_a_retry_typed_twice_makes_no_second_job(user: Sandbox) -> None:
    one, two, _ = submitted(user, "--campaign=scan")
    fail(user, one, two)
    done = user.run("goclient", "retry", "--campaign", "scan")
    assert done.code == 0, "the third job waits"
    lines = [dict(word.split("=", 1) for word in line.split()) for line in done.out.splitlines()]
    assert [line["retryOf"] for line in lines] == [str(one), str(two)]
    assert all(line["jobName"].startswith("scan.") and line["jobName"].endswith(".try2") for line in lines)
    assert "not over, but activated" in done.err
    again = retry(user, one, two)
    assert (again.code, count(user)) == (10, 5)
    assert again.json["error"]["code"] == "not-over"
    fail(user, int(lines[0]["PandaID"]))
    third = retry(user, one)
    assert [job["jobName"] for job in third.json["jobs"]] == [lines[0]["jobName"].replace(".try2", ".try3")]


OTHERS = {
    "an input of PanDA's": '\'$.Files[#]\', json(\'{"type": "input", "lfn": "x"}\')',
    "a container": "'$.container_name', 'docker://x'",
    "a package": "'$.homepackage', 'AnalysisTransforms'",
    "an input data set": "'$.prodDBlock', 'mc.x'",
}


@pytest.mark.parametrize("more", OTHERS.values(), ids=OTHERS)
def test_a_job_of_another_program_is_not_sent_without_what_it_had(user: Sandbox, more: str) -> None:
    one, *_ = submitted(user)
    fail(user, one)
    user.rows(f"update jobs set attributes = json_set(attributes, {more}) where panda_id = ?", one)
    result = retry(user, one)
    assert (result.code, result.json["error"]["code"], count(user)) == (10, "not-of-sendjob", 3)


def test_what_cannot_be_retried_is_refused_with_what_to_type(user: Sandbox) -> None:
    one, two, three = submitted(user)
    fail(user, one, two, three)
    user.rows(
        "update jobs set attributes = json_set(attributes, '$.prodUserID', '/CN=Other Person') where panda_id = ?", two
    )
    user.rows("update jobs set attributes = json_set(attributes, '$.jediTaskID', 7) where panda_id = ?", three)
    result = retry(user, two, three, 999_999)
    assert (result.code, count(user)) == (10, 3)
    assert [error["code"] for error in result.json["refused"]] == ["not-yours", "job-of-task", "unknown-job"]
    shown = user.run("goclient", "retry", str(two), str(three), "999999").err
    assert 'owned by "Other Person"' in shown
    assert "goclient retry --task 7" in shown
    assert "unknown to http" in shown
    for words, code in (((), "no-jobs"), (("--last", "--task=x"), "not-a-number"), (("9-1",), None)):
        wrong = retry(user, *words)
        assert wrong.code == 2, wrong
        assert code in (None, wrong.json["error"]["code"])


@pytest.mark.parametrize("shape", ["plain", "carried"])
def test_a_record_that_cannot_be_read_holds_up_no_other(user: Sandbox, shape: str) -> None:
    if shape == "plain":
        one, two, three = submitted(user)
    else:
        (user.cwd / "run.sh").write_text("#!/bin/sh\ncat 0064.file > hits.root\n")
        moves = (
            "--StageinGOsrc=GUEST1:/campaign/in/0064.file",
            "--Data=hits.root",
            "--OutputGO=GUEST1:/campaign/o/${SN}/",
        )
        words = ("--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--njobs=3", "--json", "--goMkdir")
        one, two, three = (job["PandaID"] for job in user.run("sendJob.py", *words, *moves).json["jobs"])
    fail(user, one, two, three, code="1305")
    (row,) = user.rows("select attributes ->> '$.jobParameters' as text from jobs where panda_id = ?", two)
    damaged = row["text"].replace("goclient=v1:", "goclient=v1:9")
    assert damaged != row["text"]
    change = "update jobs set attributes = json_set(attributes, '$.jobParameters', ?) where panda_id = ?"
    user.rows(change, damaged, two)
    shown = user.run("goclient", "retry", str(two), "--noSubmit")
    assert (shown.code, shown.out) == (10, ""), shown
    assert f"PandaID {two}: " in shown.err
    done = retry(user, f"{one}-{three}")
    assert (done.code, count(user)) == (10, 5), done
    assert [job["retryOf"] for job in done.json["jobs"]] == [one, three]
    (refused,) = done.json["refused"]
    assert (refused["subject"], done.json["error"]["message"]) == (str(two), refused["message"])
    assert retry(user, two).code == 10, "and alone it is told, too"


@pytest.mark.parametrize("kind", ["lost", "reset", "cut"])
def test_a_retry_whose_answer_is_lost_is_not_sent_again(user: Sandbox, kind: str) -> None:
    one, two, _ = submitted(user)
    fail(user, one, two)
    user.trouble("POST /api/v1/job/submit", kind, times=1)
    try:
        lost = retry(user, one, two)
    finally:
        user.clear_trouble()
    assert lost.code == 90, lost
    again = retry(user, one)
    assert (again.code, again.json["error"]["code"]) == (10, "sent-before")
    name = f"{attributes(user, one)['jobName']}.try2"
    assert name in again.json["error"]["message"]
    assert f"goclient retry {one} --jobs=PANDAID" in again.json["error"]["hint"]
    ids = {attributes(user, row["panda_id"])["jobName"]: row["panda_id"] for row in user.rows("select * from jobs")}
    if name in ids:
        named = user.run("goclient", "retry", str(one), f"--jobs={ids[name]}")
        assert (named.code, named.out) == (0, f"PandaID={ids[name]} jobName={name} retryOf={one}\n"), named.err
    else:
        wrong = retry(user, one, f"--jobs={two}")
        assert (wrong.code, wrong.json["error"]["code"]) == (10, "not-these")
    all_the_same = retry(user, two, "--again")
    assert all_the_same.code == 0, all_the_same
    assert all_the_same.json["jobs"][0]["jobName"].endswith(".try3"), "try2 may be there"


def test_a_check_that_fails_says_of_which_job(user: Sandbox) -> None:
    one, two, three = submitted(user)
    fail(user, one, two, three)
    user.path("SITE1", "/in/2.dat").unlink()
    refused = retry(user, "--last")
    assert (refused.code, count(user)) == (40, 3)
    assert refused.json["error"]["message"].startswith(f'PandaID {two}: "SITE1:/in/2.dat": ')


def test_nothing_is_sent_with_no_submit(user: Sandbox) -> None:
    one, *_ = submitted(user)
    fail(user, one)
    result = retry(user, one, "--noSubmit")
    assert (result.code, count(user)) == (0, 3)
    assert result.json["jobs"] == [
        {"PandaID": None, "jobName": f"{attributes(user, one)['jobName']}.try2", "retryOf": one}
    ]
    assert retry(user, one).json["jobs"][0]["jobName"].endswith(".try2")


@pytest.mark.conformance  # it takes long
def test_an_output_that_globus_reports_as_delivered_is_left_out(user: Sandbox) -> None:
    script = user.payload("two.sh", "#!/bin/sh\necho a > a.dat; echo b > b.dat\n")
    words = ("--StageoutGOsrc=a.dat", "--StageoutGOdest=SITE1:/out/a.dat", "--Data=b.dat", "--OutputGO=SITE1:/out/")
    user.path("SITE1", "/out").mkdir(exist_ok=True)
    made = user.run("sendJob.py", "--computingSite=TEST1", f"--transformation={script}", "--json", *words)
    (job,) = made.json["jobs"]
    assert user.pilot().code == 0
    user.path("SITE1", "/out/b.dat").unlink()
    fail(user, job["PandaID"], code="1152")
    user.path("SITE1", "/out/a.dat").write_text("replaced since\n")
    changed = retry(user, job["PandaID"])
    assert (changed.code, changed.json["error"]["code"]) == (40, "exists")
    user.path("SITE1", "/out/a.dat").write_text("a\n")
    done = retry(user, job["PandaID"])
    assert done.code == 0, done
    assert "1 output of it arrived before" in done.err
    new = attributes(user, done.json["jobs"][0]["PandaID"])["jobParameters"]
    assert "--StageoutGOsrc" not in new
    assert "--Data=b.dat" in new
    assert user.pilot().code == 0
    assert (user.path("SITE1", "/out/a.dat").read_text(), user.path("SITE1", "/out/b.dat").read_text()) == (
        "a\n",
        "b\n",
    )
    fail(user, done.json["jobs"][0]["PandaID"], code="1152")
    complete = retry(user, job["PandaID"])
    assert "all its outputs have arrived" in complete.json["left"][0]["why"]
    anew = retry(user, job["PandaID"], "--goOverwrite")
    assert anew.code == 0, anew
    assert "--OverwriteGO=yes" in attributes(user, anew.json["jobs"][0]["PandaID"])["jobParameters"]


def test_a_file_in_the_way_that_nobody_reports_stops_a_retry(user: Sandbox) -> None:
    one, *_ = submitted(user)
    fail(user, one)
    user.path("SITE1", "/out/1/out.dat").write_text("somebody's\n")
    refused = retry(user, one)
    assert (refused.code, count(user)) == (40, 3)
    assert "--goOverwrite" in refused.json["error"]["hint"]
    assert retry(user, one, "--goOverwrite").code == 0


@pytest.mark.conformance  # it takes long
def test_python_retries_jobs_too(user: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = submitted(user)
    fail(user, one)
    for name, value in user.env.items():
        monkeypatch.setenv(name, value)
    client = goclient.Client()
    done = client.retry([one, two])
    assert [job.old for job in done.jobs] == [one]
    assert [(job.panda_id, job.why) for job in done.left] == [(two, "not over, but activated")]
    with pytest.raises(goclient.RequestError, match="not over"):
        client.retry([two])
    with pytest.raises(goclient.UsageError, match="is not an option"):
        client.retry([two], everything=True)


@pytest.mark.conformance  # it takes long
def test_a_carried_job_gets_a_fresh_archive_and_credential(user: Sandbox) -> None:
    (user.cwd / "lib").mkdir()
    (user.cwd / "lib/a.py").write_text("a\n")
    (user.cwd / "lib/link").symlink_to("a.py")
    (user.cwd / "run.sh").write_text("#!/bin/sh\ncat lib/link 0064.file > hits.root\n")
    words = ("--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--goFiles=lib/", "--njobs=2", "--json")
    moves = (
        "--StageinGOsrc=GUEST1:/campaign/in/0064.file",
        "--Data=hits.root",
        "--OutputGO=GUEST1:/campaign/out/${SN}/",
    )
    made = user.run("sendJob.py", *words, *moves, "--goMkdir", "--campaign=carried")
    assert made.code == 0, made
    one, two = (job["PandaID"] for job in made.json["jobs"])
    fail(user, one, two, code="1305")
    user.rows("delete from secrets")
    archives = len(user.rows("select * from cache_files"))
    done = retry(user, two, one)
    assert done.code == 0, done
    jobs = [attributes(user, job["PandaID"]) for job in done.json["jobs"]]
    assert len({job["transformation"] for job in (*jobs, attributes(user, one))}) == 1
    assert made.json["carried"]["archive"] not in jobs[0]["jobParameters"]
    assert len(user.rows("select * from cache_files")) == archives + 1
    assert len(user.rows("select * from secrets")) == 1
    (second,) = (job for job in done.json["jobs"] if job["retryOf"] == two)
    site = user.run("goclient", "sandbox", "site", "--site", "TEST1", "--once", "--dir", str(user.root))
    assert site.code == 0, site
    site = user.run("goclient", "sandbox", "site", "--site", "TEST1", "--once", "--dir", str(user.root))
    states = user.rows("select status from jobs where panda_id > ?", two)
    assert [row["status"] for row in states] == ["finished", "finished"], site
    assert second["jobName"].endswith("_1.try2")
    text = user.path("SITE1", "/shared/campaign/out/2/hits.root").read_text()
    assert text.startswith("a\n")
    user.rows("update jobs set status = 'failed' where panda_id = ?", one)
    for file in (user.root / "cache").iterdir():
        file.unlink()
    gone = retry(user, second["PandaID"], "--all", "--goOverwrite")
    assert gone.code == 40
    assert "could not be fetched" in gone.json["error"]["message"]


def test_jedi_retries_a_task(user: Sandbox) -> None:
    task = submit(user, site="TEST1")["data"]
    ids = call(user, "task/get_job_ids", task_id=task)["data"]
    waiting = retry(user, "--task", task)
    assert (waiting.code, waiting.json["error"]["exit_code"]) == (90, 90)
    assert "not accepted if the task is in ready status" in waiting.json["error"]["message"]
    user.rows("update jobs set status = 'failed' where panda_id = ?", ids[0])
    user.rows("update jobs set status = 'finished' where panda_id = ?", ids[1])
    done = user.run("goclient", "retry", "--task", str(task))
    assert (done.code, done.out) == (
        0, f"JediTaskID={task} command=retry is registered for task ID {task}. will be executed in a few minutes\n",
    )  # fmt: skip
    assert call(user, "task/get_status", task_id=task)["data"] == "running"
    other = retry(user, "--task", 999_999)
    assert (other.code, "not the task owner" in other.json["error"]["message"]) == (90, True)


def test_a_task_that_is_retried_gets_the_credential_of_its_jobs_again(user: Sandbox) -> None:
    (user.cwd / "work").mkdir()
    user.cwd /= "work"
    (user.cwd / "run.sh").write_text("cat 0064.file > hits.root\n")
    words = ("--exec=sh run.sh", "--outDS=user.jdoe.mended", "--noBuild", "--site=TEST1", "--goCarry")
    moves = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--Data=hits.root", "--OutputGO=GUEST1:/campaign/${SN/P}/")
    made = user.run("goclient", "prun", *words, *moves)
    assert made.code == 0, made
    task = int(user.rows("select max(task_id) as task from jedi_tasks")[0]["task"])
    user.rows("update jobs set status = 'failed' where task = ?", task)
    assert user.run("goclient", "credential", "revoke").code == 0
    assert "goclient-" not in str(user.rows("select data from secrets"))
    done = user.run("goclient", "retry", "--task", str(task))
    assert done.code == 0, done
    assert "its credential is handed out again" in done.err
    assert "goclient-" in str(user.rows("select data from secrets"))
    (credential,) = user.run("goclient", "credential", "list", "--json").json
    assert (credential["tasks"], credential["state"]) == ([task], "in use")
    again = user.run("goclient", "retry", "--task", str(task))
    assert "handed out" not in again.err, "it is there"
    user.rows("update jobs set status = 'failed' where task = ?", task)
    user.run("goclient", "credential", "revoke")
    lost = user.run(
        "goclient", "retry", "--task", str(task), GOCLIENT_CARRY_CLIENT_ID="", GOCLIENT_CARRY_CLIENT_SECRET=""
    )
    assert lost.code == 10
    assert "their credential was taken back" in lost.err


def test_a_carried_job_whose_archive_has_no_place_here_says_where_it_was_sought(user: Sandbox) -> None:
    (user.cwd / "run.sh").write_text("#!/bin/sh\ntrue\n")
    words = ("--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--json")
    made = user.run("sendJob.py", *words, "--StageinGOsrc=GUEST1:/campaign/in/0064.file")
    assert made.code == 0, made
    (one,) = (job["PandaID"] for job in made.json["jobs"])
    fail(user, one, code="1305")
    full = user.run("sh", "-c", FULL, "sh", *command(("goclient", "retry", str(one))), TMPDIR="/no/such")
    assert (full.code, full.out) == (10, "")
    assert 'no temporary file can be written: not in TMPDIR="/no/such", /tmp, /var/tmp or "' in full.err
    assert "name a directory that you can write to: export TMPDIR=~\n" in full.err
    assert retry(user, one).code == 0

"""Tasks of prun and pathena whose jobs bring their own transfers, at a site that knows nothing of goclient."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.commands import TIMEOUT, Result, run_command, started
from tests.recording import tool_in
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BRING = "--StageinGOsrc=GUEST1:/campaign/in/0064.file"
TOP = "/shared/campaign"
SCRIPT = """#!/bin/sh
set -e
sort 0064.file > out.dat
printf '%s|' "$@" > more.txt
"""


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """The sandbox's user, in a directory with a script that is not executable."""
    if real := os.environ.get("GOCLIENT_TEST_RUNGEN"):  # as in tests/sandbox/panda/test_rungen.py
        for name in ("runGen-00-00-02", "runAthena-00-00-12", "buildGen-00-00-01"):
            shutil.copy(Path(real).with_name(name), shared_sandbox.root / "transformations" / name)
    (tmp_path / "run.sh").write_text(SCRIPT)
    shared_sandbox.cwd = tmp_path
    return shared_sandbox


def tool(user: Sandbox, name: str, *words: str) -> Result:
    return run_command(("goclient", name, "--site=TEST1", "--goCarry", *words), env=user.env, cwd=user.cwd)


def prun(user: Sandbox, name: str, *words: str) -> Result:
    sent = tool(user, "prun", f"--outDS=user.jdoe.{name}", "--noBuild", *words)
    assert sent.code == 0, sent
    return sent


def site(user: Sandbox, *words: str) -> dict[str, Any]:
    """Return what a site's pilot reports of the next job."""
    result = user.run("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json", *words)
    found: dict[str, Any] = json.loads(result.out)
    assert found["left"] == [], found
    return found


def there(user: Sandbox, directory: str) -> list[str]:
    """The files of a directory of the campaign, without the number of their task."""
    found = (path.name.split(".") for path in user.path("SITE1", f"{TOP}/{directory}").iterdir())
    return sorted(".".join(part for part in parts if not part.isdecimal()) for parts in found)


@pytest.mark.conformance  # it takes long
def test_the_jobs_of_a_task_bring_their_files_and_take_their_outputs_away(user: Sandbox) -> None:
    odd = 'a  b\'c"""d%41'
    typed = odd.replace("'", "'\\''")
    if "GOCLIENT_TEST_RUNGEN" in os.environ:
        odd = typed = "a  b c"  # three quotes end the text of the real one, with a carrier or without
    words = (
        BRING, f"--exec=run.sh '{typed}' $HOME %RNDM:5", "--outputs=out.dat,more.txt",
        "--Data=out.dat", "--OutputGO=GUEST1:/campaign/one/", "--nJobs=2",
    )  # fmt: skip
    sent = prun(user, "one", *words)
    assert "more.txt" in sent.err.partition(", in PanDA alone")[0].rpartition("\n")[2]
    for number in (1, 2):
        report = site(user)
        assert (report["state"], report["exeErrorDiag"]) == ("finished", ""), report
        (path,) = user.path("SITE1", TOP).glob(f"one/user.jdoe.*._{number:06}.out.dat")
        lines = user.path("SITE1", f"{TOP}/in/0064.file").read_text().splitlines(keepends=True)
        assert path.read_text() == "".join(sorted(lines))
    kept = sorted((user.root / "site/storage").glob("user.jdoe.*.more.txt"))
    assert [one.read_text().split("|")[0] for one in kept] == [odd] * 2
    assert [one.read_text().split("|")[2] for one in kept] == ["6", "7"]
    assert list(Path(user.cwd).iterdir()) == [Path(user.cwd, "run.sh")]


@pytest.mark.conformance  # it takes long
def test_another_attempt_has_a_new_number_in_all_of_its_names(user: Sandbox) -> None:
    marker = Path(user.cwd, "failed-once")
    command = f"test -e {marker} || {{ touch {marker}; exit 3; }}; sh run.sh"
    prun(
        user,
        "two",
        BRING,
        f"--exec={command}",
        "--Data=out.dat",
        "--OutputGO=GUEST1:/campaign/two/${SN/P}/",
        "--nJobs=3",
    )
    ends = [site(user)["state"] for _ in range(4)]
    assert ends == ["failed", "finished", "finished", "finished"]
    assert [there(user, f"two/00000{number}") for number in range(1, 5)] == [[], *[["out.dat"]] * 3]


@pytest.mark.conformance  # it takes long
def test_the_command_has_the_names_of_panda_s_own_input_files(user: Sandbox) -> None:
    """The sandbox's JEDI has no data sets: the job gets its files as the server's writes them."""
    script = "test $1 = first.dat,second.dat && cat first.dat second.dat 0064.file > out.dat"
    to = "--OutputGO=GUEST1:/campaign/input/${SN/P}/"
    words = (f"--exec=sh -c '{script}' x %IN", "--Data=out.dat")
    sent = tool(user, "prun", "--outDS=user.jdoe.input", "--noBuild", BRING, *words, to)
    assert sent.code == 0, sent
    (job,) = user.rows("select panda_id, attributes from jobs order by panda_id desc limit 1")
    attributes = json.loads(job["attributes"])
    names = ["first.dat", "second.dat"]
    attributes["jobParameters"] = f'-i "{names}" {attributes["jobParameters"]}'
    attributes["Files"] += [{**attributes["Files"][0], "type": "input", "lfn": name} for name in names]
    user.rows("update jobs set attributes = ? where panda_id = ?", json.dumps(attributes), job["panda_id"])
    (storage := user.root / "site/storage").mkdir(parents=True, exist_ok=True)
    for name in names:
        (storage / name).write_text(f"{name}\n")
    report = site(user)
    assert (report["state"], report["exeErrorDiag"]) == ("finished", ""), report
    (path,) = user.path("SITE1", f"{TOP}/input/000001").iterdir()
    assert path.read_text().startswith("first.dat\nsecond.dat\nThe input of the 2012 example.\n")


BUILD = ("--exec=built.sh", "--outputs=out.dat", "--Data=out.dat", "--OutputGO=GUEST1:/campaign/built/${SN/P}/")


@pytest.mark.conformance  # it takes long
def test_the_jobs_behind_a_build_start_the_carrier_in_its_library(user: Sandbox) -> None:
    marker = Path(user.cwd, "failed-once")
    once = f"test -e {marker} || {{ touch {marker}; exit 3; }}"
    build = f"(echo '#!/bin/sh'; echo '{once}'; cat run.sh) > built.sh; chmod +x built.sh; test ! -e 0064.file"
    sent = tool(user, "prun", "--outDS=user.jdoe.built", f"--bexec={build}", BRING, *BUILD, "--nJobs=2")
    assert sent.code == 0, sent
    number = int(sent.out.rpartition("jediTaskID=")[2])
    ends = [site(user) for _ in range(4)]
    assert [one["state"] for one in ends] == ["finished", "failed", "finished", "finished"], ends
    assert "built.sh" in subprocess.run(
        ["tar", "tzf", *(user.root / "site/storage").glob(f"panda.*.lib._{number:06d}.*.lib.tgz")],
        capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert [there(user, f"built/00000{n}") for n in (2, 3)] == [[f"user.jdoe._00000{n}.out.dat"] for n in (2, 3)]
    assert user.run("goclient", "credential", "revoke").code == 0
    assert user.run("goclient", "credential", "list", "--json").json == []


@pytest.mark.conformance  # it takes long
def test_a_build_that_fails_ends_its_task_and_nothing_is_left_out_there(user: Sandbox) -> None:
    user.run("goclient", "credential", "revoke")
    sent = tool(user, "prun", "--outDS=user.jdoe.unbuilt", "--bexec=exit 7", BRING, *BUILD, "--nJobs=2")
    assert sent.code == 0, sent
    (one,) = user.run("goclient", "credential", "list", "--json").json
    assert one["state"] == "in use"
    assert site(user)["state"] == "failed"
    assert "there is no job" in user.run("goclient", "sandbox", "site", "--site=TEST1", "--once").out
    ids = [str(row["panda_id"]) for row in user.rows("select panda_id from jobs order by panda_id desc limit 2")]
    told = user.run("goclient", "status", *ids, "--json")
    assert {one["state"] for one in told.json} == {"cancelled"}
    assert all("upstream job failed" in one["reason"] for one in told.json), told.out
    assert user.run("goclient", "credential", "list", "--json").json == []


@pytest.mark.conformance  # it takes long
def test_every_output_goes_below_the_directory_and_the_log_stays_panda_s(user: Sandbox) -> None:
    go = "--useGOForOutput=GUEST1:/campaign/go/"
    user.path("SITE1", f"{TOP}/go").mkdir()
    sent = prun(user, "three", BRING, "--exec=run.sh", "--outputs=A:out.dat,more.txt", go)
    assert site(user)["state"] == "finished"
    names = ["user.jdoe._000001.more.txt", "user.jdoe._000001.out.dat"]
    assert there(user, "go/jdoe/user.jdoe.three") == names
    assert "the log" not in sent.err
    (job,) = user.rows("select attributes from jobs order by panda_id desc limit 1")
    assert [one["type"] for one in json.loads(job["attributes"])["Files"]] == ["log"]


@pytest.mark.conformance  # it takes long
def test_each_of_several_tasks_has_a_plan_of_its_own_in_one_archive(user: Sandbox) -> None:
    user.path("SITE1", f"{TOP}/many").mkdir()
    Path(user.cwd, "bulk.json").write_text(json.dumps([{"inDS": "", "outDS": f"user.jdoe.{one}"} for one in "ab"]))
    archives = len(user.rows("select 1 from cache_files"))
    words = ("--exec=run.sh", "--outputs=out.dat", "--useGOForOutput=GUEST1:/campaign/many/", "--inOutDsJson=bulk.json")
    prun(user, "none", BRING, *words)
    assert len(user.rows("select 1 from cache_files")) == archives + 1
    assert [site(user)["state"] for _ in range(2)] == ["finished"] * 2
    assert [there(user, f"many/jdoe/user.jdoe.{one}") for one in "ab"] == [["user.jdoe._000001.out.dat"]] * 2


def test_a_dump_has_what_the_user_gave_as_panda_client_dumps_it(user: Sandbox) -> None:
    datasets = [{"inDS": f"mc:{one}", "outDS": f"user.jdoe.{one}"} for one in "ab"]
    Path(user.cwd, "bulk.json").write_text(json.dumps(datasets))
    words = ("--site=TEST1", "--exec=run.sh", "--noBuild", "--outputs=out.dat", "--inOutDsJson=bulk.json", "--noSubmit")
    own = ("--goCarry", BRING, "--Data=out.dat", "--OutputGO=GUEST1:/campaign/$JEDITASKID/")
    stock = (sys.executable, "-c", "from pandaclient.PrunScript import main; main()")
    dumps = []
    for command, more in ((stock, ()), (("goclient", "prun"), own)):
        done = run_command((*command, *words, *more, "--dumpJson=dump.json"), env=user.env, cwd=user.cwd)
        assert done.code == 0, done
        dumps.append(json.loads(Path(user.cwd, "dump.json").read_text()))
    given, ours = dumps
    assert [{name: one[name] for name in given[0]} for one in ours] == given
    assert set(ours[0]) - set(given[0]) == {"goCarry", "StageinGOsrc", "Data", "OutputGO"}
    assert [one["inDS"] for one in ours] == ["mc:a", "mc:b"]


@pytest.mark.conformance  # it takes long
def test_each_of_several_tasks_of_pathena_has_a_plan_of_its_own(user: Sandbox) -> None:
    Path(user.cwd, "bulk.json").write_text(json.dumps([{"inDS": "", "outDS": f"user.jdoe.p{one}"} for one in "ab"]))
    trf = "sh run.sh; cp out.dat %OUT.b.dat"
    words = ("--inOutDsJson=bulk.json", f"--trf={trf}", "--containerImage=X", "--noBuild", BRING, "--Data=b.dat")
    sent = tool(user, "pathena", *words, "--OutputGO=GUEST1:/campaign/bulk/$JEDITASKID/${SN/P}/")
    assert sent.code == 0, sent
    tasks = [row["task_id"] for row in user.rows("select task_id from jedi_tasks order by task_id desc limit 2")]
    assert [site(user)["state"] for _ in tasks] == ["finished"] * 2
    for task in tasks:
        assert there(user, f"bulk/{task}/000001") == ["user.jdoe.EXT0._000001.b.dat"]


@pytest.mark.conformance  # it takes long
def test_a_transformation_of_pathena_gets_its_credential_although_runathena_makes_no_file_of_it(user: Sandbox) -> None:
    trf = "sh run.sh; cp more.txt %OUT.a.txt; cp out.dat %OUT.b.dat"
    words = ("--outDS=user.jdoe.p", f"--trf={trf}", "--containerImage=X", "--noBuild", BRING, "--Data=b.dat")
    sent = tool(user, "pathena", *words, "--OutputGO=GUEST1:/campaign/athena/")
    assert sent.code == 0, sent
    assert "needs python3" in sent.err
    report = site(user)
    assert report["state"] == "finished", report
    assert there(user, "athena") == ["user.jdoe.EXT1._000001.b.dat"]


@pytest.mark.conformance  # it takes long
def test_why_a_job_failed_is_told_and_its_page_says_what_it_brings(user: Sandbox) -> None:
    source = user.path("SITE1", f"{TOP}/in/gone.dat")
    source.write_text("x")
    prun(user, "gone", "--exec=run.sh", "--StageinGOsrc=GUEST1:/campaign/in/gone.dat", "--maxAttempt=1")
    source.unlink()
    report = site(user)
    assert report["state"] == "failed"
    (status,) = user.run("goclient", "status", str(report["PandaID"]), "--json").json
    assert "gone.dat" in status["reason"]
    explained = user.run("goclient", "explain", "--json", "--pandaid", str(report["PandaID"])).json
    assert explained["payload"] == "/bin/sh -c run.sh"
    assert explained["carried"]["archive"].endswith(".tar.gz")
    while user.rows("select 1 from jobs where status = 'activated'"):
        site(user)


@pytest.mark.conformance  # it takes long
def test_an_archive_that_becomes_too_large_is_refused_before_anything_is_sent(user: Sandbox) -> None:
    Path(user.cwd, "big.bin").write_bytes(os.urandom(11 << 20))
    before = len(user.rows("select 1 from cache_files"))
    words = ("--outDS=user.jdoe.big", "--noBuild", "--exec=run.sh", "--extFile=big.bin", BRING)
    refused = tool(user, "prun", *words)
    assert refused.code == 10, refused
    assert '"big.bin" (11.0 MB)' in refused.err
    assert len(user.rows("select 1 from cache_files")) == before


@pytest.mark.parametrize(("words", "warned"), [((), True), (("--maxAttempt=1",), False)])
def test_a_source_that_another_attempt_would_not_find_is_warned_of(
    user: Sandbox, words: tuple[str, ...], warned: bool
) -> None:
    user.path("SITE1", f"{TOP}/in/000001.file").write_text("x")
    source = "--StageinGOsrc=GUEST1:/campaign/in/${SN/P}.file"
    sent = prun(user, "again", "--exec=run.sh", source, "--noSubmit", *words)
    assert ("another file in a further attempt" in sent.err) is warned


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("kind", ["service", "token"])
def test_the_credential_of_a_task_is_taken_back_once_it_has_ended(user: Sandbox, kind: str) -> None:
    user.run("goclient", "credential", "revoke")
    user.path("SITE1", f"{TOP}/kept").mkdir(exist_ok=True)
    words = (BRING, "--exec=run.sh", "--outputs=out.dat", "--Data=out.dat", "--OutputGO=GUEST1:/campaign/kept/")
    said = prun(user, f"cred.{kind}", *words, f"--goCredential={kind}").out
    number = int(said.rpartition("jediTaskID=")[2])

    def listed() -> list[tuple[str, list[int], str]]:
        found = user.run("goclient", "credential", "list", "--json").json
        return [(one["kind"], one["tasks"], one["state"]) for one in found]

    assert listed() == [(kind, [number], "in use")]
    assert site(user)["state"] == "finished"
    assert listed() == [(kind, [number], "ended")]
    assert user.run("goclient", "credential", "revoke").code == 0
    assert listed() == []
    assert f"user.jdoe.{number}._000001.out.dat" in {path.name for path in user.path("SITE1", f"{TOP}/kept").iterdir()}


TO_SEND = ("--noBuild", "--exec=run.sh", BRING, "--goOverwrite")


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("how", ["killed", "replaced"])
def test_what_happens_while_the_server_takes_a_task_costs_it_no_credential(user: Sandbox, how: str) -> None:
    user.run("goclient", "credential", "revoke")
    before = len(user.rows("select 1 from jedi_tasks"))
    user.trouble("POST /api/v1/task/submit", "delay", seconds=4, after=True, times=1)
    words = ("goclient", "prun", "--site=TEST1", "--goCarry", f"--outDS=user.jdoe.{how}", *TO_SEND)
    process = started(words, env=user.env, cwd=user.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(user.rows("select 1 from jedi_tasks")) > before)
        if how == "killed":
            process.kill()
        else:
            user.rows("delete from secrets")  # another machine has replaced them all
        process.wait(TIMEOUT)
    finally:
        process.kill()
        user.clear_trouble()
    (one,) = user.run("goclient", "credential", "list", "--json").json
    assert one["state"] == ("unknown" if how == "killed" else "in use")
    told = user.run("goclient", "credential", "revoke").err
    assert ("it is not known whether jobs need" in told) == (how == "killed")
    assert f"goclient credential revoke {one['id']}" in told
    assert site(user)["state"] == "finished"
    assert user.run("goclient", "credential", "revoke", one["id"]).code == 0


@pytest.mark.conformance  # it takes long
def test_a_pilot_of_goclient_leaves_the_transfers_of_a_task_to_the_carrier(user: Sandbox) -> None:
    prun(user, "own", BRING, "--exec=run.sh", "--Data=out.dat", "--OutputGO=GUEST1:/campaign/own/${SN/P}/")
    ran = user.run("goclient", "pilot", "--site=TEST1", "--once")
    assert ran.code == 0, ran
    assert there(user, "own/000001") == ["out.dat"]


def test_without_the_option_the_archive_is_as_panda_client_packs_it(tmp_path: Path) -> None:
    with tool_in(tmp_path) as tool:
        named = ("--outputs=out.dat", "--Data=out.dat", "--OutputGO=SITE1:/o/", "--noCheck")
        tool.stock("prun", "--outDS=user.jdoe.test", "--exec=run.sh", "--noBuild")
        tool.prun(*named)
        sent = [body for path, body in tool.server.requests if path.endswith("/upload_cache_file")]
        stock, ours = (_members(body) for body in sent)
        assert stock == ours
        assert "useSecrets" not in tool.server.tasks[1]


def test_an_archive_of_pathena_that_is_not_taken_stops_its_task(tmp_path: Path) -> None:
    with tool_in(tmp_path) as tool:
        answer = tool.server.answer
        full = {"success": False, "message": "no room", "data": None}
        tool.server.answer = lambda path: full if path.endswith("/upload_cache_file") else answer(path)  # type: ignore[method-assign]
        words = "globus-endpoint-out=x out-mode=local dir-out=/o/${SN/P} files-out=foo.root"
        refused = tool.pathena("--noBuild", "--goCarry", "--noCheck", f"--globusWords={words.partition(' ')[2]}")
        assert refused.code == 90, refused
        assert 'could not be uploaded: "no room"; nothing was submitted' in refused.err
        assert tool.server.tasks == []


def _members(body: bytes) -> list[tuple[str, int, int]]:
    """The members of the archive in the body of an upload."""
    with tarfile.open(fileobj=io.BytesIO(body[body.index(b"\x1f\x8b") : body.rindex(b"\r\n--")])) as archive:
        return [(one.name, one.mode, one.size) for one in archive]


REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no files": ((), "--goCarry is about files to be brought or taken away, and none is named"),
    "a split of our sources": ((BRING, "--nFilesPerJob=2"), "JEDI deals out the files that PanDA brings"),
    "a directory above": ((BRING, "--workDir=.."), "does not find the credential"),
    "no log to count jobs by": ((BRING, "--noSeparateLog"), "JEDI numbers the jobs"),
    "an archive elsewhere": ((BRING, "--tarBallViaDDM=a:b"), "has no carrier in it"),
    "old containers": ((BRING, "--containerImage=X", "--oldContMode"), "old way of containers"),
    "packed outputs": (
        ("--outputs=*.dat", "--useGOForOutput=GUEST1:/campaign/"), 'the files of the output "*.dat" are packed',
    ),
    "merged outputs": (("--outputs=a", "--mergeOutput", "--useGOForOutput=GUEST1:/campaign/"), "--mergeOutput"),
    "no outputs": (("--useGOForOutput=GUEST1:/campaign/",), "nothing to take"),
    "Globus Connect": (("--goVia=gc", BRING), "--goConnect"),
    "a number of the server's": (("--Data=a", "--OutputGO=GUEST1:/campaign/$JOBSETID/${SN}/"), "fills $JOBSETID"),
    "a number of JEDI's": (("--Data=a", "--OutputGO=GUEST1:/campaign/${ATTEMPTNR}/${SN}/"), "fills ${ATTEMPTNR}"),
    "a place of the carrier's": ((BRING, "--StageinGOdest=goclient:/goclient-carry"), "the carrier has a file"),
    "a server with a proxy": (("--outputs=a", "--useGOForOutput=gsiftp://h.example.org/a/"), "the user's proxy acts"),
    "all jobs write one file": (("--Data=a", "--OutputGO=GUEST1:/campaign/"), "all jobs of the task would write"),
    "files of sendJob": ((BRING, "--goFiles=run.sh"), "--goFiles"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "said"), [pytest.param(*case, id=name) for name, case in REFUSED.items()])
def test_what_cannot_be_is_refused_with_the_reason(user: Sandbox, words: tuple[str, ...], said: str) -> None:
    before = len(user.rows("select 1 from cache_files")), len(user.rows("select 1 from jedi_tasks"))
    refused = tool(user, "prun", "--outDS=user.jdoe.no", "--noBuild", "--exec=run.sh", *words)
    assert refused.code in (2, 10), refused
    assert said in refused.err, refused
    assert (len(user.rows("select 1 from cache_files")), len(user.rows("select 1 from jedi_tasks"))) == before


def test_tokens_that_end_before_the_jobs_of_a_task_are_refused(user: Sandbox) -> None:
    user.run("goclient", "credential", "revoke")
    before = len(user.rows("select 1 from jedi_tasks"))
    words = ("--outDS=user.jdoe.long", *TO_SEND, "--goCredential=token", "--goNeeds=47")
    refused = tool(user, "prun", *words)
    assert refused.code == 10, refused
    assert "47 of --goNeeds are more" in refused.err
    assert "ask for less: --goNeeds=" in refused.err
    assert len(user.rows("select 1 from jedi_tasks")) == before
    assert user.run("goclient", "credential", "list", "--json").json == []


def test_nobody_acts_for_a_task_without_a_client(user: Sandbox) -> None:
    env = {name: value for name, value in user.env.items() if not name.startswith("GOCLIENT_CARRY")}
    words = ("--outDS=user.jdoe.no", "--noBuild", "--exec=run.sh", "--goCarry", BRING)
    refused = run_command(("goclient", "prun", *words), env=env, cwd=user.cwd)
    assert refused.code == 10, refused
    assert "a service client must act" in refused.err

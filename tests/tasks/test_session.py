"""goclient prun in the sandbox: from the command line to the files at the endpoint, through JEDI and the pilot."""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from pathlib import Path

import pytest

from goclient.config.environment import journal_path
from goclient.journal import Journal
from tests.commands import Result, run_command
from tests.sandboxes import Sandbox

GO = "--useGOForOutput=SITE1:/home/osg_data/panda/"
EXEC = "sh -c 'echo one > out.dat; echo two > more.txt'"
FOLDER = "/atlas/dq2/test/jdoe/user.jdoe.test/"


@pytest.fixture
def work(sandbox: Sandbox) -> Path:
    if real := os.environ.get("GOCLIENT_TEST_RUNGEN"):  # as in tests/sandbox/panda/test_rungen.py
        for name in ("runGen-00-00-02", "runAthena-00-00-12"):
            shutil.copy(Path(real).with_name(name), sandbox.root / "transformations" / name)
    folder = sandbox.cwd / "work"
    folder.mkdir()
    return folder


def _prun(sandbox: Sandbox, work: Path, *words: str) -> Result:
    needed = ("--outDS=user.jdoe.test", f"--exec={EXEC}", "--noBuild", "--site=ANALY_BNL_T3")
    return run_command(("goclient", "prun", *needed, *words), env=sandbox.env, cwd=work)


@pytest.mark.conformance  # it takes long
def test_the_example_of_2012_ends_with_the_outputs_of_every_job_at_the_server(sandbox: Sandbox, work: Path) -> None:
    words = ("--nJobs=3", "--outputs=out.dat", "--useGOForOutput", "wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/")
    result = _prun(sandbox, work, *words)
    assert result.code == 0, result
    assert "prun: to follow task 1, type: goclient status --task 1\n" in result.err
    followed = sandbox.run("goclient", "status", "--task", "1", "--json")
    assert [one["task"] for one in followed.json] == [1] * 3
    for _ in range(3):
        ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
        assert ran.code == 0, ran
    there = {path.name: path for path in sandbox.path("wdeng#ANLHEP_ATLAS8", FOLDER).iterdir()}
    assert set(there) == {
        *(f"user.jdoe.1._{number:06}.out.dat" for number in (1, 2, 3)),
        *(f"user.jdoe.test.log.1.{number:06}.log.tgz" for number in (1, 2, 3)),
    }
    assert there["user.jdoe.1._000002.out.dat"].read_text() == "one\n"
    with tarfile.open(there["user.jdoe.test.log.1.000003.log.tgz"]) as log:
        assert {"job.out", "pilot.log"} <= set(log.getnames())


@pytest.mark.conformance  # it takes long
def test_an_output_and_a_file_that_is_none_go_where_the_options_say(sandbox: Sandbox, work: Path) -> None:
    folder = "SITE1:/home/osg_data/panda/"
    words = ("--Data=out.dat,more.txt", f"--OutputGO={folder},{folder}${{SN/P}}/")
    result = _prun(sandbox, work, "--nJobs=1", "--outputs=out.dat", *words)
    assert result.code == 0, result
    ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
    assert ran.code == 0, ran
    assert sandbox.path("SITE1", "/home/osg_data/panda/user.jdoe.1._000001.out.dat").read_text() == "one\n"
    assert sandbox.path("SITE1", "/home/osg_data/panda/000001/more.txt").read_text() == "two\n"


def test_a_task_without_our_words_is_in_the_journal_and_its_names_are_told(sandbox: Sandbox, work: Path) -> None:
    result = _prun(sandbox, work, "--nJobs=2", "--outputs=out.dat")
    assert result.code == 0, result
    assert "outputs of task 1, user.jdoe.test, in PanDA, where ${SN/P} is a job's number:\n" in result.err
    assert "    user.jdoe.1._${SN/P}.out.dat\n" in result.err
    entries = Journal(journal_path(sandbox.env)).latest("task")
    assert [(one.state, one.subjects) for one in entries] == [("accepted", ("1", sandbox.url))]
    (last,) = {one["task"] for one in sandbox.run("goclient", "status", "--last", "--json").json}
    assert last == 1
    unwritable = {"GOCLIENT_STATE": "/dev/null/x"}
    plain = ("goclient", "prun", "--outDS=user.jdoe.more", "--exec=true", "--noBuild", "--site=ANALY_BNL_T3")
    result = run_command(plain, env={**sandbox.env, **unwritable}, cwd=work)
    assert (result.code, "warning: the task is not in the journal: " in result.err) == (0, True), result


@pytest.mark.conformance  # it takes long
def test_a_command_of_prun_finds_its_input_and_leaves_more_than_its_outputs(sandbox: Sandbox, work: Path) -> None:
    command = "sh -c 'wc -c < 0064.file > out.dat; mkdir new; cp 0064.file new/copy; exit 0'"
    words = (
        "--Data=new/",
        "--OutputGO=SITE1:/home/osg_data/panda/${SN/P}/",
        "--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file",
    )
    result = _prun(sandbox, work, "--nJobs=1", "--outputs=out.dat", f"--exec={command}", *words)
    assert result.code == 0, result
    ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
    assert ran.code == 0, ran
    assert len(sandbox.path("SITE1", "/home/osg_data/panda/000001/new/copy").read_text()) > 1000


@pytest.mark.conformance  # it takes long
def test_why_a_command_of_prun_failed_is_told_as_it_reports(sandbox: Sandbox, work: Path) -> None:
    assert _prun(sandbox, work, "--nJobs=1", "--exec=exit 7", GO).code == 0
    ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
    assert (ran.code, "payload execution failed with 7" in ran.err) == (1, True), ran
    (row,) = sandbox.rows("select attributes from jobs order by panda_id limit 1")
    told = json.loads(row["attributes"])
    assert (told["exeErrorCode"], told["transExitCode"]) == ("5318", "18")
    assert told["exeErrorDiag"].startswith("payload execution failed with 7")


def _said(result: Result) -> list[str]:
    """Return where the files of a job go, as it was said with the task's number, of the first job."""
    block = result.err.rpartition("final names of the files of task 1,")[2]
    locations = [re.split(" {2,}", line)[-1] for line in block.split("\n") if "SITE1:/" in line]
    return [location.replace("${SN/P}", "000001") for location in locations]


WAYS = {
    "every output and the log": ("--outputs=out.dat,more.txt", GO),
    "an output of a suffix": ("--outputs=A:out.dat", GO),
    "outputs with a star": ("--outputs=*.dat,m*.txt", GO),
    "an output and a file": ("--outputs=out.dat", "--Data=out.dat,more.txt", "--OutputGO=SITE1:/home/${SN/P}/"),
    "an output that is taken away": (
        "--outputs=out.dat", "--StageoutGOsrc=out.dat", "--StageoutGOdest=SITE1:/home/new${SN/P}.dat",
    ),
    "a folder that is there": ("--outputs=out.dat", "--StageoutGOsrc=out.dat", "--StageoutGOdest=SITE1:/home/"),
    "the words of 2012": (
        "--outputs=out.dat", "--globusWords=globus-endpoint-out=SITE1 out-mode=gc dir-out=/home files-out=out.dat",
    ),
}  # fmt: skip


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("words", [pytest.param(words, id=name) for name, words in WAYS.items()])
def test_the_files_arrive_where_it_was_said(sandbox: Sandbox, work: Path, words: tuple[str, ...]) -> None:
    result = _prun(sandbox, work, "--nJobs=1", *words)
    assert result.code == 0, result
    ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
    assert ran.code == 0, ran
    locations = _said(result)
    assert locations
    for location in locations:
        assert sandbox.path("SITE1", location.removeprefix("SITE1:")).is_file(), (location, result)


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("trf", ["echo x > %OUT.a.txt;", "echo x > %OUT.a.txt; true", "echo x > '%OUT.a.txt'"])
def test_an_output_of_a_transformation_arrives_where_it_was_said(sandbox: Sandbox, work: Path, trf: str) -> None:
    words = ("--outDS=user.jdoe.p", f"--trf={trf}", "--containerImage=X", "--noBuild", "--site=ANALY_BNL_T3", GO)
    result = run_command(("goclient", "pathena", *words), env=sandbox.env, cwd=work)
    assert result.code == 0, result
    ran = run_command(("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"), env=sandbox.env, cwd=sandbox.cwd)
    assert ran.code == 0, ran
    (output, _) = locations = _said(result)
    assert output.endswith("/jdoe/user.jdoe.p/user.jdoe.1.EXT0._000001.a.txt")
    assert all(sandbox.path("SITE1", location.removeprefix("SITE1:")).is_file() for location in locations)


@pytest.mark.conformance  # it takes long
def test_a_proxy_that_is_missing_is_deposited_once_before_the_first_task(sandbox: Sandbox, work: Path) -> None:
    (work / "bulk.json").write_text('[{"inDS": "", "outDS": "user.jdoe.a"}, {"inDS": "", "outDS": "user.jdoe.b"}]')
    words = (GO, "--inOutDsJson=bulk.json", "--myproxy=wdeng", f"--pilot={sandbox.env['SANDBOX_PILOT_DN']}")
    refused = _prun(sandbox, work, *words)
    assert refused.code == 80, refused
    assert "nothing of yours is deposited" in refused.err
    assert sandbox.rows("select 1 from jedi_tasks") == []
    not_sent = _prun(sandbox, work, *words, "--deposit", "--noSubmit")
    assert (not_sent.code, sandbox.rows("select 1 from deposits")) == (0, []), not_sent
    done = _prun(sandbox, work, *words, "--deposit")
    assert done.code == 0, done
    assert done.err.count("deposited: ") == 1
    assert len(sandbox.rows("select 1 from deposits")) == 1


def test_with_v_it_is_said_what_is_right(sandbox: Sandbox, work: Path) -> None:
    result = _prun(sandbox, work, GO, "-v", "--noSubmit")
    assert result.code == 0
    assert "goclient prun: ok: SITE1 is" in result.err


@pytest.mark.parametrize("kind", ["a server of GridFTP", "a broken catalogue", "nobody has logged in"])
def test_an_endpoint_alone_whose_directory_nobody_knows(sandbox: Sandbox, work: Path, kind: str) -> None:
    catalogue = work / "mine.toml"
    text = '[OLD]\nkind = "gridftp"\nurl = "gsiftp://host.example.org"\n' if kind == "a server of GridFTP" else "broken"
    catalogue.write_text(text)
    sandbox.env["GOCLIENT_ENDPOINTS"] = str(catalogue)
    if kind == "nobody has logged in":
        catalogue.write_text("")
        del sandbox.env["GOCLIENT_CLIENT_SECRET"]
    more = ["--myproxy=wdeng", "--noCheck"] if kind == "a server of GridFTP" else []  # there is no such server
    result = _prun(sandbox, work, "--useGOForOutput=OLD", *more)
    assert result.code == {"a server of GridFTP": 0, "a broken catalogue": 10}.get(kind, 4), result
    if kind == "a server of GridFTP":
        (row,) = sandbox.rows("select * from jedi_tasks")
        assert "gsiftp://host.example.org/~/jdoe/user.jdoe.test/" in str(row)


def test_a_queue_that_the_server_does_not_have_stops_it_before_anything_is_uploaded(
    sandbox: Sandbox, work: Path
) -> None:
    refused = _prun(sandbox, work, GO, "--site=ANALY_BNL")
    assert refused.code == 10, refused
    assert 'did you mean "ANALY_BNL_T3"?' in refused.err
    assert (sandbox.rows("select 1 from jedi_tasks"), sandbox.rows("select 1 from cache_files")) == ([], [])
    warned = _prun(sandbox, work, GO, "--site=OFFLINE1", "--noSubmit")
    assert warned.code == 0, warned
    assert 'the queue "OFFLINE1" is offline' in warned.err
    quiet = _prun(sandbox, work, GO, "--site=AUTO", "--noSubmit")
    assert (quiet.code, "queue" in quiet.err) == (0, False), quiet

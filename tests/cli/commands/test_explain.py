"""Transfers and payload of a job's parameters are shown, to a person and to a program, before and after submission."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import Run
from tests.sandboxes import Sandbox

TEXT = (
    "run --goclient=v1:4 --StageinGOsrc=SITE1:/in/a.root,SITE1:/in/d/ --OutputGO=SITE1:/out/ "
    "--WorkingendpointGO=OSGDEV --Data=x.root"
)


def test_a_text_is_a_table_for_a_person(run: Run) -> None:
    shown = run("goclient", "explain", TEXT)
    assert shown.code == 0, shown.err
    assert [line.split() for line in shown.out.splitlines()] == [
        ["task", "when", "from", "to"],
        ["1", "before", "the", "payload", "SITE1:/in/a.root", "OSGDEV", "(the", "node):", "a.root"],
        ["1", "before", "the", "payload", "SITE1:/in/d/", "OSGDEV", "(the", "node):", "d/"],
        ["2", "then,", "its", "output", "OSGDEV", "(the", "node):", "x.root", "SITE1:/out/x.root"],
        ["2", "transfer", "tasks", "with", "3", "items"],
        ["through", "a", "Globus", "Connect", "endpoint", "that", "the", "job", "makes,", "OSGDEV-…"],
        ["the", "payload's", "own", "words:", "run"],
    ]


def test_a_text_is_a_document_for_a_program(run: Run) -> None:
    document = run("goclient", "explain", "--json", TEXT).json
    assert set(document) == {"spec", "plan", "payload"}
    assert document["payload"] == "run"
    assert [(task["phase"], len(task["items"])) for task in document["plan"]] == [("stage-in", 2), ("output", 1)]
    assert document["plan"][0]["items"][1] == {"source": "/in/d/", "destination": "d/", "recursive": True}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param(
            "globus-user=mxp in-mode=server globus-endpoint-local=L files-in=a",
            [
                "L:/a",
                "goclient (seen by L): a",
                "through the server L, which must see the job's directory",
                "names the Globus user mxp",
            ],
            id="a server",
        ),
        pytest.param(
            "in-mode=local dir-in=/d files-in=a",
            [
                "the node's own files: /d/a",
                "the job's directory: a",
                "0 transfer tasks and 1 copy task on the node with 1 item",
            ],
            id="a copy",
        ),
        pytest.param(
            "--goclient=v1:3 --StageinGOsrc=A:/a --WorkingendpointGO=W --MyproxyGO=me@h:1",
            ["names the MyProxy account me@h:1", "endpoint that the job makes, W-…"],
            id="an account",
        ),
        pytest.param(
            "--WorkingendpointGO=W",
            ["0 transfer tasks with 0 items", "that the job makes, W-…"],
            id="an endpoint alone",
        ),
    ],
)
def test_how_the_jobs_directory_is_reached_is_told(run: Run, text: str, lines: list[str]) -> None:
    shown = run("goclient", "explain", text)
    assert shown.code == 0, shown.err
    assert all(line in shown.out for line in lines), shown.out


@pytest.mark.parametrize(
    ("text", "payload", "tasks"),
    [
        pytest.param("", "", 0, id="no words"),
        pytest.param("run 'a b' --x", "run 'a b' --x", 0, id="a payload alone"),
        pytest.param("it's", "it's", 0, id="an unbalanced quote"),
        pytest.param("run --Data=x --OutputGO=S:/o", "run", 1, id="words of 2012"),
        pytest.param("--StageinGOsrc=S:/a", "", 1, id="dashes in front"),
        pytest.param("-- --Data=x", "-- --Data=x", 0, id="the payload's own"),
    ],
)
def test_any_text_is_explained(run: Run, text: str, payload: str, tasks: int) -> None:
    document = run("goclient", "explain", text, "--json").json
    assert (document["payload"], len(document["plan"])) == (payload, tasks)


def test_a_text_is_a_text_whatever_stands_in_front_of_it(run: Run) -> None:
    for words in (("--", "--StageinGOsrc=S:/a"), ("--StageinGOsrc=S:/a",), ("--", "--StageinGOsrc=S:/a", "--json")):
        assert "S" in run("goclient", "explain", *words).out
    assert "--pandaid=5 foo" in run("goclient", "explain", "--pandaid=5 foo").out
    assert run("goclient", "explain", "--").out.startswith("0 transfer")


def test_names_of_the_catalogue_are_resolved_and_shown(shared_sandbox: Sandbox) -> None:
    (site,) = shared_sandbox.rows("select id from collections where display_name = 'SITE1'")
    document = shared_sandbox.run("goclient", "explain", "--StageinGOsrc=SITE1:/a", "--json").json
    assert document["spec"]["stage_in"][0]["source"]["endpoint"] == site["id"]
    assert "SITE1:/a" in shared_sandbox.run("goclient", "explain", f"--StageinGOsrc={site['id']}:/a").out


def test_a_submitted_job_is_explained_by_its_number_as_its_record_says(sandbox: Sandbox) -> None:
    words = ("--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file", "--jobParameters=one two")
    tried = sandbox.submit(*words, "--noSubmit", "--json").json
    assert sandbox.submit(*words).code == 0
    document = sandbox.run("goclient", "explain", "--pandaid", "1", "--json").json
    assert document == {"spec": tried["spec"], "plan": tried["plan"], "payload": "one two"}
    unknown = sandbox.run("goclient", "explain", "--pandaid=77", "--json")
    assert (unknown.code, unknown.json["error"]["code"]) == (90, "unknown-job")


@pytest.mark.conformance  # it takes long
def test_standard_input_is_read_for_a_dash(env: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "goclient", "explain", "-"]
    for data, shown in ((b"--StageinGOsrc=S:/a\n", b"S:/a"), (b"caf\xe9", b"caf\\udce9"), (b"", b"(none)")):
        done = subprocess.run(command, env=env, cwd=tmp_path, input=data, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert shown in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param((), 2, "one text is needed", id="nothing"),
        pytest.param(("a", "b"), 2, "one text is needed, not 2 words", id="two texts"),
        pytest.param(("a", "--pandaid=1"), 2, "one text is needed", id="a text and a number"),
        pytest.param(("--pandaid", "x"), 2, '"x" is not a PandaID', id="no number"),
        pytest.param(("--pandaid",), 2, "--pandaid needs a value", id="a number is missing"),
        pytest.param(("--goclient=v1:2 --Data=x",), 10, "2 transfer words were written, 1 are left", id="damaged"),
        pytest.param(("--goclient=v2:0",), 10, "version 2", id="newer"),
        pytest.param(("--Data=x",), 10, "--Data without --OutputGO", id="a list rule"),
        pytest.param(("--Data=x,y/x --OutputGO=S:/o",), 10, "would both be written", id="one destination"),
    ],
)
def test_a_text_that_cannot_be_explained_is_a_clear_error(
    run: Run, words: tuple[str, ...], code: int, message: str
) -> None:
    result = run("goclient", "explain", *words)
    assert result.code == code
    assert message in result.err


def test_sendjob_shows_the_same_table_before_it_sends(shared_sandbox: Sandbox) -> None:
    tried = shared_sandbox.submit("--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file", "--noSubmit", "-v")
    parameters = tried.out.partition("jobParameters=")[2].strip()
    table = shared_sandbox.run("goclient", "explain", parameters).out.splitlines()[:2]
    assert table[1].startswith("1 ")
    for line in table:
        assert line in tried.err.splitlines()


OTHERS = [
    (
        "--nFilesPerJob 2 --StageinGOsrc=A:/a,B:/b",
        "--nFilesPerJob is an option of sendJob.py, which no pilot reads: here the payload gets it\n"
        "    to explain what sendJob.py would send, type: goclient explain "
        "'sendJob.py --nFilesPerJob 2 --StageinGOsrc=A:/a,B:/b'\n",
    ),
    ("--goVia=site --campaign=x run", "--goVia, --campaign are options of sendJob.py"),
    ("run --njobs=2", "type it to sendJob.py itself, outside of --jobParameters"),
    ("--last", "--last chooses jobs in goclient status"),
    ("--task=5", "type --pandaid N"),
]


@pytest.mark.parametrize(("text", "told"), OTHERS)
def test_an_option_of_a_command_is_told_in_a_text(run: Run, text: str, told: str) -> None:
    shown = run("goclient", "explain", text)
    assert (shown.code, told in shown.err) == (0, True), shown.err


@pytest.mark.parametrize("text", ["run -- --njobs=2", "run --seed=5", "run --njobs=2 --goclient=v1:0"])
def test_the_payload_s_own_options_are_not_spoken_of(run: Run, text: str) -> None:
    assert run("goclient", "explain", text).err == ""


@pytest.mark.parametrize("text", ["{}", "run {}", "{} --StageinGOsrc=A:/b"])
def test_a_list_in_a_file_is_read_as_the_hint_says(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "l.list").write_text("SITE1:/x/a\n")
    refused = run("goclient", "explain", text.format(f"--StageinGOsrc=@{tmp_path}/l.list"))
    assert (refused.code, "lists in files are not read here" in refused.err) == (10, True), refused.err
    shown = run("goclient", *shlex.split(refused.err.strip().rpartition("type: goclient ")[2]))
    assert (shown.code, "SITE1:/x/a" in shown.out) == (0, True), shown.err


def test_a_line_of_sendjob_is_explained_as_its_hint_says(run: Run) -> None:
    words = ["--nFilesPerJob", "2", "--StageinGOsrc=A:/a,A:/b,A:/c"]
    refused = run("goclient", "explain", *words)
    assert refused.code == 2
    hint = refused.err.strip().rpartition("type: ")[2]
    assert hint == f"goclient explain sendJob.py {shlex.join(words)}"
    for line in (shlex.split(hint)[1:], ["explain", f"sendJob.py {shlex.join(words)}"]):
        shown = run("goclient", *line)
        assert (shown.code, "3 files for 2 jobs" in shown.out) == (0, True), shown.err

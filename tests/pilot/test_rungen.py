"""A job of the server's own transformations: its command stands between its links and its moves."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from goclient.errors import GoclientError
from goclient.model.endpoint import JOB, GlobusEndpoint
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.payload import PayloadError
from goclient.pilot.rungen import ReportedError, report_heeded, server_program, with_transfers

FAR = GlobusEndpoint("8b5eb87a-10b2-4626-96dc-d9ab00c6942a")
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/\n"), min_size=1).filter(
    lambda name: name not in (".", "..", "workDir")
)


def bring(*names: str) -> TransferTask:
    return TransferTask("stage-in", FAR, JOB, tuple(TransferItem(f"/x/{name}", name, False) for name in names))


def take(*names: str) -> TransferTask:
    return TransferTask("stage-out", JOB, FAR, tuple(TransferItem(name, f"/x/{name}", False) for name in names))


@pytest.mark.parametrize(
    ("transformation", "name"),
    [
        ("https://pandaserver-doma.cern.ch/trf/user/runGen-00-00-02", "runGen-00-00-02"),
        ("http://h/trf/user/runAthena-00-00-12?x=1", "runAthena-00-00-12"),
        ("http://h/transformations/datatransfer.sh", ""),
        ("/opt/run.sh", ""),
    ],
)
def test_the_server_s_own_transformations_are_known_by_name(transformation: str, name: str) -> None:
    assert server_program(transformation) == name


@pytest.mark.parametrize(
    ("words", "tasks"),
    [(("-p", "true"), []), (("a", "b"), [bring("x")]), (("-p",), [bring("x")]), (("-p", "x", "--trf"), [bring("x")])],
)
def test_other_jobs_keep_their_words(words: tuple[str, ...], tasks: list[TransferTask]) -> None:
    assert with_transfers(words, tasks) == words


@given(NAMES, NAMES)
@example('q"""q', "-o.dat")
@settings(max_examples=25)
def test_a_command_finds_its_input_and_its_other_files_are_moved_up(name: str, other: str) -> None:
    words = with_transfers(("-r", ".", "-p", "echo%20x", "-j", ""), [bring(f"{name}/a"), take(f"{other}/b")])
    assert (words[:3], words[4:]) == (("-r", ".", "-p"), ("-j", ""))
    lines = unquote(words[3])
    assert '"""' not in lines, "which ends the text that runGen makes of it"
    with tempfile.TemporaryDirectory() as home:
        run = Path(home, "workDir")
        Path(home, name, "in").mkdir(parents=True)
        Path(run, other, "out").mkdir(parents=True)
        done = subprocess.run(["/bin/sh", "-c", lines], cwd=run, env={"TRF_EXEC_HOME_DIR": home}, capture_output=True)
        assert done.stdout == b"x\n"
        assert name == other or Path(run, name, "in").is_dir(), done.stderr
        assert name == other or Path(home, other, "out").is_dir(), done.stderr


def test_an_output_of_panda_is_left_to_the_transformation() -> None:
    words = ("-o", "{'out.dat': 'user.x.out.dat'}", "-p", "true")
    changed = with_transfers(words, [take("user.x.out.dat", "out", "more.txt")])
    assert [line.rpartition("mv ")[2] for line in unquote(changed[3]).splitlines() if "mv" in line] == [
        './out "$TRF_EXEC_HOME_DIR"',
        './more.txt "$TRF_EXEC_HOME_DIR"',
    ]


@pytest.mark.parametrize("command", ["X='a b' env", "'./my prog.sh' x", '"$X" y', "# none"])
def test_the_first_word_of_a_command_is_text_for_the_shell(tmp_path: Path, command: str) -> None:
    (_, changed) = with_transfers(("-p", command), [take("x")])
    done = subprocess.run(["/bin/sh", "-n", "-c", unquote(changed)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_shell_carries_it_out_and_the_exit_code_is_the_command_s(tmp_path: Path) -> None:
    run = tmp_path / "workDir"
    run.mkdir()
    (tmp_path / "in 1").write_text("brought")
    (run / "go.sh").write_text('#!/bin/sh\ncat "in 1" > "out 1"\nexit 7\n')
    (run / "in 2").write_text("its own")
    tasks = [bring("in 1"), take("out 1", "in 1", "none")]
    (_, command) = with_transfers(("-p", "./go.sh # with a comment"), tasks)
    env = {"TRF_EXEC_HOME_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", unquote(command)], cwd=run, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (7, "")
    assert (tmp_path / "out 1").read_text() == "brought"
    assert (tmp_path / "in 1").read_text() == "brought"


OWN = "https://h/trf/user/runGen-00-00-02"
REPORTS = [
    pytest.param(OWN, '{"error_code": 5901, "error_diag": "goclient: no input"}', "goclient: no input", id="its own"),
    pytest.param(OWN, '{"error_code": 5901, "error_diag": " "}', "it gave no reason", id="no reason"),
    pytest.param("https://h/run.sh", '{"error_code": 5901, "error_diag": "x"}', None, id="another program's"),
    *(
        pytest.param(OWN, text, None, id=text[:30])
        for text in (
            "", "{", "[]", "[" * 60_000, '{"error_diag": "x"}', '{"error_code": 0, "error_diag": "x"}',
            '{"error_code": "1", "error_diag": "x"}', '{"error_code": 1e999, "error_diag": "x"}',
            '{"error_code": 1, "error_diag": 2}',
            '{"error_code": 99999999999, "error_diag": "x"}',
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("transformation", "report", "said"), REPORTS)
@pytest.mark.parametrize("status", [0, 18])
def test_a_reported_failure_counts_whatever_the_exit_code_is(
    tmp_path: Path, transformation: str, report: str, said: str | None, status: int
) -> None:
    (tmp_path / "payload_error_report.json").write_text(report)
    ended = PayloadError("it ended with exit code 18", status=status)
    caught: GoclientError | None = None
    try:
        with report_heeded(transformation, tmp_path):
            if status:
                raise ended
    except GoclientError as error:
        caught = error
    if said is None:
        assert caught is (ended if status else None)
    else:
        assert isinstance(caught, ReportedError)
        assert (caught.message, caught.reported, caught.status) == (said, 5901, status)


def test_a_job_without_a_report_ends_as_its_program(tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"error_code": 1, "error_diag": "x"}')
    (tmp_path / "payload_error_report.json").symlink_to("other")
    with report_heeded(OWN, tmp_path):
        pass

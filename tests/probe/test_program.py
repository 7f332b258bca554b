"""The program of a probe tells what it finds, one defect beside another, and always tells something."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from goclient.probe import program
from tests.commands import TIMEOUT
from tests.pace import within

ASKED: dict[str, Any] = {"targets": [], "paths": [{"of": "/none"}], "seconds": 1, "shared": None}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a job, with that of its program in it, where the process is."""
    (tmp_path / "workDir").mkdir()
    monkeypatch.chdir(tmp_path / "workDir")
    monkeypatch.setenv("TRF_EXEC_HOME_DIR", str(tmp_path))
    return tmp_path


def told(path: Path) -> Any:
    document = json.loads(path.read_text())
    return document.get("user_job_metadata", document)["goclient"]["probe"]


def test_what_cannot_be_found_hides_nothing_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise MemoryError

    monkeypatch.setattr(program, "find_limits", fail)
    assert program.main(json.dumps(ASKED)) == 0
    found = told(home / "workDir/userJobMetadata.json")
    assert (found["limits"], found["errors"]) == (None, {"limits": "MemoryError"})
    assert found["directory"]["write"] == found["directory"]["run"] == found["temporary"] == ""
    assert found["paths"][0]["error"] == "No such file or directory"


@pytest.mark.parametrize("taken", [1, 2])
def test_a_report_that_cannot_be_written_goes_another_way(
    taken: int, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in (home / "workDir/userJobMetadata.json", home / "jobReport.json")[:taken]:
        path.mkdir()
    code = program.main(json.dumps(ASKED))
    if taken == 1:
        assert (code, told(home / "jobReport.json")["version"]) == (0, 1)
    else:
        critical = "CRITICAL goclient: the probe cannot write its report: Is a directory\n"
        assert (code, capfd.readouterr().out) == (program.UNWRITTEN, critical)


@pytest.mark.parametrize("top", ["", "pnfs", "pnfs/site/staging"])
def test_a_mark_is_found_below_a_directory_that_is_named(top: str, home: Path) -> None:
    tails = ("site/staging", "staging", "")
    (there := home / "pnfs/site/staging").joinpath("mark").mkdir(parents=True)
    sought = {"mark": "mark", "tails": ["pnfs/site/staging", *tails], "tops": [str(home / top)]}
    found = program.find_shared(sought, 5.0)
    assert found == {"mark": "mark", "node": str(there), "answer": found["answer"], "error": ""}
    assert (there / "mark" / found["answer"]).is_dir()


def test_a_mark_that_is_nowhere_is_told() -> None:
    found = program.find_shared({"mark": "no-such-mark", "tails": ["a/b", "b", ""], "tops": []}, 5.0)
    assert (found["node"], found["error"]) == ("", "No such file or directory")


def test_runGen_is_known_by_its_build_or_its_name(home: Path) -> None:
    (home / "runGen-00-00-02").touch()
    assert program.find_rungen() == "runGen-00-00-02"
    (home / "pandawnutil").mkdir()
    (home / "pandawnutil/build_timestamp.py").write_text('build_timestamp="2026-06-04 09:20:26 UTC"\n')
    assert program.find_rungen() == "2026-06-04 09:20:26 UTC"


def test_what_hangs_is_told_and_waited_for_no_longer() -> None:
    ended = threading.Event()

    def hang(_: dict[str, Any], __: float) -> dict[str, Any]:
        ended.wait(TIMEOUT)
        return {}

    with within(0.8):
        (found,) = program.side_by_side(hang, [{"of": "x"}], 0.1)
    ended.set()
    assert found == {"of": "x", "error": "no answer within 0.1 s", "step": "connect"}

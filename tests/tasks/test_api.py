"""goclient.prun and goclient.pathena, from Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import goclient
from goclient.errors import GoclientError
from goclient.tasks import api
from tests.commands import TIMEOUT, forked
from tests.recording import PATHENA, Tool, tool_in

WORDS = ["--outDS=user.jdoe.test", "--exec=run.sh", "--noBuild"]


@dataclass(frozen=True)
class Quickly:
    """Stand in for ``subprocess``, as a call uses it, with a process that need not import first."""

    env: dict[str, str]
    PIPE, STDOUT = subprocess.PIPE, subprocess.STDOUT

    def run(self, command: list[str], *, pass_fds: tuple[int], **more: Any) -> subprocess.CompletedProcess[bytes]:
        _, _, _, module, sent, *words = command
        assert (command[:3], sent, more["stderr"]) == ([sys.executable, "-P", "-m"], str(*pass_fds), self.STDOUT)
        with tempfile.TemporaryFile() as output, open(os.devnull, "rb") as nothing:
            files = [nothing.fileno(), output.fileno(), output.fileno(), *pass_fds]
            process = forked([module, "3", *words], env=self.env, cwd=Path.cwd(), files=files)
            if process is None:
                return subprocess.run(command, pass_fds=pass_fds, **more)
            code = process.wait(TIMEOUT)
            output.seek(0)
            return subprocess.CompletedProcess(command, code, output.read())


@pytest.fixture
def tool(started_tool: Tool, monkeypatch: pytest.MonkeyPatch) -> Tool:
    monkeypatch.setattr(api, "subprocess", Quickly(started_tool.env))
    return started_tool


@pytest.fixture
def started_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tool]:
    """The tools, in the environment of the test itself."""
    with tool_in(tmp_path) as tool:
        monkeypatch.chdir(tool.folder)
        for name, value in tool.env.items():
            monkeypatch.setenv(name, value)
        yield tool


@pytest.mark.conformance  # it takes long
def test_a_call_runs_the_program_of_tasks(started_tool: Tool) -> None:
    """For real: the others' processes are forked."""
    result = goclient.prun([*WORDS, "--noCheck", "--useGOForOutput=SITE1:/o/"])
    assert (result.exit_code, result.jediTaskID) == (0, 1)
    assert "succeeded. new jediTaskID=1" in result.output


def test_a_call_gives_the_code_the_output_and_the_id(tool: Tool) -> None:
    line = list(sys.argv)
    result = goclient.prun([*WORDS, "--noCheck", "--useGOForOutput=SITE1:/o/"])
    assert (result.exit_code, result.jediTaskID) == (0, 1)
    assert "succeeded. new jediTaskID=1" in result.output
    assert [task.name for task in result.tasks] == ["user.jdoe.test/"]
    assert "dumpJson" not in tool.server.tasks[0]["cliParams"], "the line is the caller's own"
    assert tool.words()[0] == "--goclient=v1:3"
    assert sys.argv == line
    assert tool.left == set()


def test_a_result_cannot_be_changed(tool: Tool) -> None:
    result = goclient.TaskResult(0, "")
    with pytest.raises(AttributeError):
        result.exit_code = 1  # type: ignore[misc]
    assert result.jediTaskID is None


def test_a_call_that_fails_has_no_id_and_says_why(tool: Tool) -> None:
    result = goclient.prun([*WORDS, "--useGOForOutput"])
    assert (result.exit_code, result.jediTaskID, result.tasks) == (2, None, ())
    assert "--useGOForOutput needs a value" in result.output


def test_a_call_that_the_server_refuses_has_the_tasks_and_no_id(tool: Tool) -> None:
    tool.server.refusals = [{"success": False, "message": "no such user", "data": 4}]
    result = goclient.pathena(list(PATHENA))
    assert (result.exit_code, result.jediTaskID) == (90, None)
    assert (result.tasks[0].said, result.tasks[0].jediTaskID) == ("no such user", None)
    assert "no such user" in result.output


@pytest.mark.parametrize("words", [["--dumpJson", "d.json"], ["--dumpJson=d.json"]], ids=["two words", "one word"])
def test_the_dump_of_the_caller_is_his(tool: Tool, words: list[str]) -> None:
    result = goclient.prun([*WORDS, *words])
    assert result.jediTaskID == 1
    assert json.loads((tool.folder / "d.json").read_text())[0]["jediTaskID"] == 1


@pytest.mark.parametrize("words", [["--dumpJ", "d.json"], ["--dumpJson", "/nowhere/d.json"]], ids=["short", "nowhere"])
def test_what_was_sent_is_known_whatever_becomes_of_a_dump(tool: Tool, words: list[str]) -> None:
    assert goclient.prun([*WORDS, *words]).jediTaskID == 1


def test_a_call_without_words_is_told_what_is_missing(tool: Tool) -> None:
    result = goclient.prun([])
    assert (result.exit_code != 0, result.tasks) == (True, ())
    assert "Traceback" not in result.output


@pytest.mark.parametrize("call", [goclient.prun, goclient.pathena])
@pytest.mark.parametrize("text", ["--outDS user.jdoe.test --exec run.sh", "", b"--outDS=user.jdoe.test"])
def test_one_text_instead_of_a_list_is_refused(tool: Tool, call: Callable[[Any], Any], text: str | bytes) -> None:
    with pytest.raises(GoclientError, match="takes a list of arguments, not one text") as caught:
        call(text)
    assert caught.value.hint == f"goclient.{call.__name__}(shlex.split(text))"
    assert tool.server.requests == []


def test_an_argument_that_is_no_text_is_refused(tool: Tool) -> None:
    words: Any = ["--nJobs", 3]
    with pytest.raises(GoclientError, match='takes a list of texts: "3" in it is not a text'):
        goclient.prun(words)
    assert tool.server.requests == []


def test_several_tasks_are_all_there(tool: Tool) -> None:
    result = goclient.prun([*WORDS, "--inOutDsJson=bulk.json"])
    assert [task.jediTaskID for task in result.tasks] == [1, 2]


def test_to_import_goclient_loads_nothing_for_it() -> None:
    code = "import sys; before = set(sys.modules); import goclient; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "['goclient']\n", done.stderr
    with pytest.raises(AttributeError, match="frobnicate"):
        _ = goclient.frobnicate

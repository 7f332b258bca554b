"""Words that complete a line come from the commands, their parsers and what is kept; nothing is said of a mistake."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.cli import complete as completion
from goclient.cli.main import COMMANDS
from goclient.config import environment
from goclient.jobs.sent import REQUEST, Subjects
from goclient.journal import Entry, Journal
from goclient.model.other_words import _COMMANDS, _OPTIONS, command_of, options_of
from tests.commands import Run

ENDPOINT = '["{}"]\nkind = "globus"\nid = "0a1b2c3d-0000-4000-8000-000000000001"\n'


@pytest.fixture(autouse=True)
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of each kind, as they are kept; the files of a directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOCLIENT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("GOCLIENT_ENDPOINTS", str(tmp_path / "endpoints.toml"))
    monkeypatch.setenv("PANDA_URL_SSL", "https://panda.example.org")
    Path("endpoints.toml").write_text("".join(map(ENDPOINT.format, ("SITE1", "wdeng#ANLHEP_ATLAS8"))))
    journal = Journal(environment.journal_path())
    for key, campaign in enumerate(("", "higgs", "top", "higgs")):
        journal.append(Entry(REQUEST, str(key), "done", Subjects("d", "p", "1", "a", "a", campaign=campaign)))
    queues = {name: ["online", 0] for name in ("TEST1", "ANALY_BNL_T3")}
    environment.queue_source().file.write_text(json.dumps({"queues": queues}))
    Path("data").mkdir()
    Path("data/list.txt").touch()
    Path(".hidden").touch()


def completed(line: str) -> list[str]:
    """Return what completes the last word of a line, which a blank at its end makes an empty one."""
    *words, current = line.split(" ")
    return [one.text for one in completion.complete(words, current)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("goclient ", list(COMMANDS)),
        ("goclient help stat", ["status"]),
        ("goclient help send", ["sendJob.py"]),
        ("goclient endpoint ", ["list", "show", "add", "remove"]),
        ("goclient endpoint remove S", ["SITE1"]),
        ("goclient myproxy deposit --retriever-", ["--retriever-pattern"]),
        ("goclient sandbox env --shell=fi", ["--shell=fish"]),
        ("goclient sandbox env --shell ba", ["bash"]),
        ("goclient completion ", ["bash", "zsh", "fish", "tcsh"]),
        ("goclient carrier bu", ["build"]),
        ("goclient probe ", ["ANALY_BNL_T3", "TEST1"]),
        ("goclient probe TEST1 --collection w", ["wdeng#ANLHEP_ATLAS8"]),
        ("goclient pilot --site T", ["TEST1"]),
        ("goclient login --endpoint S", ["SITE1"]),
        ("sendJob.py --computingSite=T", ["--computingSite=TEST1"]),
        ("/usr/bin/sendJob --computingSite T", ["TEST1"]),
        ("sendJob.py --OutputGO ", ["SITE1:/", "wdeng#ANLHEP_ATLAS8:/"]),
        ("sendJob.py --StageinGOsrc=SITE1:/a,S", ["--StageinGOsrc=SITE1:/a,SITE1:/"]),
        ("sendJob.py --StageinGOsrc @data/", ["@data/list.txt"]),
        ("sendJob.py --campaign ", ["higgs", "top"]),
        ("goclient advance t", ["top"]),
        ("goclient retry --campaign=h", ["--campaign=higgs"]),
        ("sendJob.py --log-file d", ["data/"]),
        ("sendJob.py --log-file .h", [".hidden"]),
        ("sendJob.py --njobs ", []),
        ("sendJob.py --goVia h", ["https"]),
        ("goclient prun --useGOFor", ["--useGOForOutput"]),
        ("goclient pathena --trfA", []),
    ],
)
def test_a_word_is_completed_by_what_may_stand_there(line: str, found: list[str]) -> None:
    offered = completed(line)
    assert offered[: len(found)] == found
    assert all(one.startswith("--") or one == "-v" for one in offered[len(found) :]), "beside the options"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_tells_its_options_each_once(name: str) -> None:
    found = completed(f"goclient {name} --")
    assert len(found) == len(set(found))
    assert {"--help", "--version"} <= set(found)


def test_what_follows_two_dashes_is_not_completed() -> None:
    assert completed("sendJob.py -- --comp") == []


def test_an_option_that_was_typed_is_not_offered_again_unless_it_may_be() -> None:
    found = completed("sendJob.py --njobs=3 --StageinGOsrc=SITE1:/a --noSubmit --")
    assert "--StageinGOsrc" in found
    assert not {"--njobs", "--noSubmit"} & set(found)


@given(st.text(max_size=40))
def test_any_line_is_split_as_the_shell_would(line: str) -> None:
    words = completion._words(line)
    assert words
    if not re.search("[;&|]", line) and words[-1] == "":
        try:
            assert words[:-1] == shlex.split(line)
        except ValueError:
            assert line


def test_bash_is_given_what_follows_the_last_letter_that_ends_its_words(run: Run) -> None:
    line = "goclient sandbox status; sendJob.py --OutputGO=SI"
    breaks = " \"'@><=;|&(:"
    said = run("goclient", "__complete", "bash", line, breaks, GOCLIENT_ENDPOINTS="endpoints.toml")
    assert (said.code, said.out, said.err) == (0, "SITE1:/\n", "")
    said = run("goclient", "__complete", "bash", f"{line}TE1:", breaks, GOCLIENT_ENDPOINTS="endpoints.toml")
    assert said.out == "/\n"


@pytest.mark.parametrize("words", [(), ("bash",), ("ksh", ""), ("zsh",), ("bash", "goclient nope -", "")])
def test_a_mistake_completes_nothing_and_says_nothing(run: Run, words: tuple[str, ...]) -> None:
    said = run("goclient", "__complete", *words)
    assert (said.code, said.err) == (0, "")


def test_a_word_of_another_tool_has_one_command_of_ours() -> None:
    words = [word for theirs in _COMMANDS.values() for word in theirs.split()]
    assert len(words) == len(set(words))
    assert not set(words) & set(COMMANDS)
    assert command_of("Submit", ["sendJob.py"]) == "sendJob.py"
    assert command_of("resubmit", []) == ""
    assert list(options_of("-n", ["--njobs", "--noSubmit"])) == ["--noSubmit", "--njobs"]


def test_a_word_of_another_tool_stands_for_an_option_of_ours() -> None:
    known = {word for name in COMMANDS for word in completion.describe(name, []).options}
    known |= set(completion.describe("sendJob.py", []).options)
    assert set(_OPTIONS) <= known | {"--version", "--exec", "--outDS"}  # the last two are prun's

"""The command of a probe passes through all that runGen and the pilot do to it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.names import PLACEHOLDERS
from goclient.model.records.registry import decode
from goclient.probe.question import Question, Target, program_text
from tests.strategies import FEW

TARGET = Target("id", 'it\'s "here" %IN', "http://127.0.0.1:9/")
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def command_of(question: Question) -> str:
    """The command after the pilot's and runGen's hands: shlex, getopt, unquote."""
    words = shlex.split(question.parameters())
    return unquote(dict(zip(words[::2], words[1::2], strict=True))["-p"])


def test_nothing_in_it_is_runGen_s_or_the_server_s_or_the_pilot_s() -> None:
    question = Question((TARGET,), ("/a%CORE_NUMBER",))
    command = command_of(question)
    assert '"""' not in command
    assert not command.endswith("\\")
    assert not re.search("%[A-Za-z]", command)
    assert "CRITICAL" not in command  # a pilot takes the first line with it for the error
    assert command.isascii()
    assert command.split()[0] == "python3"  # runGen makes it executable
    assert not any(one in question.parameters() for one in PLACEHOLDERS)
    assert not decode(question.parameters()).spec


def test_the_program_imports_nothing_of_ours() -> None:
    assert not re.search(r"^\s*(from|import) goclient", program_text(), re.MULTILINE)
    compile(program_text(), "program", "exec")


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment whose python3 writes down with which words it is started."""
    programs = tmp_path_factory.mktemp("bin")
    code = "import json, sys; json.dump(sys.argv[1:], open('argv.json', 'w'))"
    (programs / "python3").write_text(f"#!{sys.executable}\n{code}\n")
    (programs / "python3").chmod(0o755)
    return {"PATH": f"{programs}:/usr/bin:/bin"}


@given(name=texts, path=texts)
@FEW
def test_what_is_asked_arrives_as_it_is(name: str, path: str, env: dict[str, str]) -> None:
    question = Question((Target("id", name, "http://127.0.0.1:9/"),), (path,), 7)
    with TemporaryDirectory() as work:
        line = f'import os\nos._exit(os.system(r""" {command_of(question)}""") % 255)\n'  # as runGen writes it
        subprocess.run([sys.executable, "-c", line], cwd=work, env=env, check=True)
        isolated, option, text, asked = json.loads(Path(work, "argv.json").read_text())
    assert (isolated, option, text) == ("-I", "-c", program_text())
    assert json.loads(asked)["targets"][0]["name"] == name
    assert json.loads(asked)["paths"] == [{"of": path}]

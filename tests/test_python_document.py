"""The session of docs/python.md is typed as it is printed, and gives what it shows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import goclient
from tests.commands import programs
from tests.sandboxes import Sandbox

DOCUMENT = Path(__file__).parent.parent / "docs" / "python.md"

# Runs the blocks in order, in one process; a value that differs from the comment behind it is an AssertionError.
DRIVER = r"""
import ast, json, os, subprocess, sys
names = {}
for language, code in json.load(sys.stdin):
    if language == "sh":
        subprocess.run(["sh", "-eu", "-c", code], check=True)
        continue
    lines = code.splitlines()
    for statement in ast.parse(code).body:
        text = "\n".join(lines[statement.lineno - 1 : statement.end_lineno])
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), text, "eval"), names)
            shown = lines[statement.end_lineno - 1][statement.end_col_offset :].lstrip(" #")
            assert not shown or repr(value) == shown, (text, value)
        else:
            exec(compile(ast.Module([statement], []), text, "exec"), names)
"""


def blocks() -> list[tuple[str, str]]:
    """Return the language and the text of each block, without the first, which starts the sandbox."""
    found = re.findall(r"^```(python|sh)\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert "sandbox start" in found[0][1]
    return found[1:]


@pytest.mark.conformance  # it takes long
def test_the_session_gives_what_it_shows(sandbox: Sandbox, tmp_path: Path) -> None:
    path = f"{programs(tmp_path / 'bin')}:{Path(sys.executable).parent}:{sandbox.env['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(blocks()),
        env={**sandbox.env, "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_public_name_of_the_client_is_in_the_document() -> None:
    named = set(re.findall(r"`(\w+)`", DOCUMENT.read_text()))
    assert {name for name in dir(goclient.Client) if not name.startswith("_")} <= named


@pytest.mark.parametrize(
    "call",
    [
        "check",
        "submit",
        "explain",
        "status",
        "wait",
        "results",
        "open_items",
        "probe",
        "page",
        "retry",
        "kill",
        "advance",
    ],
)
def test_each_call_is_shown(call: str) -> None:
    assert any(f"client.{call}(" in text for _, text in blocks())

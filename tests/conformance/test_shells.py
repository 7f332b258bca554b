"""Every shell sets what a sandbox wants, whatever is in the values."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from goclient.sandbox.exports import Exports
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
VALUES = {
    "PLAIN": "/tmp/sandbox",
    "EMPTY": "",
    "BLANKS": "/tmp/my  sand box",
    "APOSTROPHE": "/tmp/it's",
    "QUOTES": '/tmp/"x"',
    "BACKSLASH": "/tmp/a\\b\\'c\\",
    "DOLLAR": "/tmp/$HOME/${PATH}",
    "COMMAND": "/tmp/`id`/$(id)",
    "HISTORY": "/tmp/a!b!!",
    "PATTERN": "/tmp/*?[a]{b,c}~",
    "SIGNS": "a;b|c&d<e>f#g",
    "UTF8": "/tmp/größe/林",
}
LINES = {"LINES": "one\ntwo\n"}
# How each shell reads a file and prints its environment: as a file, and as the output of a command.
READS = {
    ("sh", "file"): ["sh", "-c", '. "$0" && env -0'],
    ("bash", "file"): ["bash", "-c", '. "$0" && env -0'],
    ("sh", "eval"): ["sh", "-c", 'eval "$(cat "$0")" && env -0'],
    ("tcsh", "file"): ["tcsh", "-f", "-c", "source FILE; env -0"],
    ("tcsh", "eval"): ["tcsh", "-f", "-c", 'eval "`cat FILE`"; env -0'],
    ("fish", "file"): ["fish", "--no-config", "-c", "source FILE; env -0"],
    ("fish", "eval"): ["fish", "--no-config", "-c", "cat FILE | source; env -0"],
}
FILES = {"sh": "env.sh", "bash": "env.sh", "tcsh": "env.csh", "fish": "env.fish"}


def read(command: list[str], file: Path, **more: str) -> dict[str, str]:
    """The environment of a shell that has read a file."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: apt-get install {command[0]}")
    words = [word.replace("FILE", str(file)) for word in command]
    env = {"PATH": os.environ["PATH"], "HOME": str(file.parent), "LANG": "C.UTF-8", "GONE": "x", **more}
    done = subprocess.run([*words, str(file)], env=env, capture_output=True, timeout=BOUND, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)


@pytest.mark.parametrize(("shell", "how"), READS)
def test_a_shell_sets_each_value_as_it_is(tmp_path: Path, shell: str, how: str) -> None:
    values = VALUES if (shell, how) == ("tcsh", "eval") else {**VALUES, **LINES}  # eval has no lines in tcsh
    programs = tmp_path / "it's my bin"
    exports = Exports(values, {"PANDA_PYTHON_EXEC": "/p y", "PANDA_SYS": "/s"}, ("GONE", "NEVER"), programs)
    file = tmp_path / "exports"
    file.write_text(exports.text(FILES[shell]))
    found = read(READS[shell, how], file)
    assert {name: found.get(name) for name in values} == values
    assert "GONE" not in found
    assert found["PATH"] == f"{programs}:{os.environ['PATH']}"
    assert (found["PANDA_PYTHON_EXEC"], found["PANDA_SYS"]) == ("/p y", "/s")
    kept = read(READS[shell, how], file, PANDA_SYS="/mine")
    assert (kept.get("PANDA_PYTHON_EXEC"), kept["PANDA_SYS"]) == (None, "/mine"), "a panda-client of one's own stays"


@pytest.mark.parametrize("shell", ["sh", "bash", "tcsh", "fish"])
def test_env_prints_what_the_shell_reads(shared_sandbox: Sandbox, tmp_path: Path, shell: str) -> None:
    said = shared_sandbox.run("goclient", "sandbox", "env", "--shell", shell)
    assert said.out == (shared_sandbox.root / FILES[shell]).read_text()
    file = tmp_path / "exports"
    file.write_text(said.out)
    found = read(READS[shell, "file"], file)
    document = shared_sandbox.run("goclient", "sandbox", "env", "--json").json
    assert {name: found[name] for name in document} == document
    assert found["PATH"].startswith(f"{shared_sandbox.root}/bin:")


def test_the_journal_of_a_sandbox_is_in_it(shared_sandbox: Sandbox) -> None:
    assert shared_sandbox.env["GOCLIENT_STATE"] == str(shared_sandbox.root / "state")
    assert shared_sandbox.submit("--noCheck").code == 0
    assert (shared_sandbox.root / "state" / "journal.jsonl").exists()
    assert not list(shared_sandbox.cwd.rglob("*.jsonl"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("env", "--shell", "ksh93"), 2, id="a shell that is not known"),
        pytest.param(("status", "--shell", "sh"), 2, id="not env"),
        pytest.param(("env", "--shell", "sh", "--json"), 2, id="JSON for a shell"),
    ],
)
def test_a_shell_is_for_env_alone(shared_sandbox: Sandbox, words: tuple[str, ...], code: int) -> None:
    assert shared_sandbox.run("goclient", "sandbox", *words).code == code

"""Ctrl-C at any time says "interrupted" and exits with 130: no traceback, from a command's first line to its last."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import goclient
from tests.commands import Result

BIN = Path(sys.executable).parent
PACKAGE = str(Path(goclient.__file__).parent)
UUID = "00000000-0000-4000-8000-000000000000"
TASK = ("--outDS", "user.x.y", "--noSubmit")
COMMANDS = {
    "sendJob.py": ("sendJob.py", "--computingSite=T", "--transformation=http://e/x", f"--StageinGOsrc={UUID}:/a",
                   "--noSubmit", "--noCheck"),
    "sendJob": ("sendJob", "--help"),
    "check": ("goclient", "check", f"--StageinGOsrc={UUID}:/a", "--goTimeout=2"),
    "explain": ("goclient", "explain", f"--StageinGOsrc={UUID}:/a"),
    "prun": ("goclient", "prun", "--exec", "x", *TASK),
    "pathena": ("goclient", "pathena", "--trf", "x", *TASK),
    "no subcommand": ("goclient",),
    "-m": (sys.executable, "-m", "goclient", "status", "1"),
}  # fmt: skip

# Runs a program, and sends itself SIGINT when a module is about to be imported.
AT_IMPORT = """
import os, sys
module, program, *words = sys.argv[1:]
import goclient.cli.start
class Sender:
    def find_spec(self, name, path=None, target=None):
        if name == module:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), 2)
sys.meta_path.insert(0, Sender())
sys.argv = [program, *words]
raise SystemExit(getattr(goclient.cli.start, program)())
"""

# Begins a program that gets SIGINT when it is about to block it, or has just done so.
AT_ITS_START = """
import _signal, runpy, sys
block, when, program = _signal.pthread_sigmask, *sys.argv[1:]
def interrupted(how, signals):
    if when == "before":
        _signal.raise_signal(2)
    block(how, signals)
    raise KeyboardInterrupt
_signal.pthread_sigmask = interrupted
sys.argv = [program]
runpy.run_module(program, run_name="__main__")
"""


@pytest.fixture
def offline(env: dict[str, str]) -> dict[str, str]:
    """An environment in which every service is asked in vain."""
    nowhere = "http://127.0.0.1:9/"
    services = {f"GLOBUS_SDK_SERVICE_URL_{name}": nowhere for name in ("AUTH", "TRANSFER")}
    client = {"GOCLIENT_CLIENT_ID": UUID, "GOCLIENT_CLIENT_SECRET": "x"}
    token = {"PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "sandbox", "PANDA_AUTH_ID_TOKEN": "a-token-of-nobody"}
    return {**env, **services, **client, **token, "PANDA_URL_SSL": nowhere, "PANDA_URL": nowhere}


def interrupted(words: tuple[str, ...], seconds: float, *, env: dict[str, str], cwd: Path) -> tuple[int, str]:
    """Return the exit code and stderr of a command that gets SIGINT after some time."""
    program = (str(BIN / words[0]), *words[1:])
    with subprocess.Popen(
        program,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_told_after_any_number_of_milliseconds(name: str, offline: dict[str, str], tmp_path: Path) -> None:
    def told(number: float) -> bool:
        code, err = interrupted(COMMANDS[name], number, env=offline, cwd=tmp_path)
        ours = PACKAGE in err.replace(f"{PACKAGE}/__init__.py", "")  # which python -m loads before it runs the program
        assert not ours, f"a traceback after {number} s:\n{err}"  # one of Python's own start is Python's
        assert (code == 130) == ("interrupted" in err), (number, code, err)
        return code == 130

    numbers = (0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.12, 0.15, 0.18, 0.22, 0.26, 0.3)
    if not sum(map(told, numbers)):  # a short command was over, or Python had not begun it
        assert any(told(number / 1000) for _ in range(10) for number in range(10, 80))


@pytest.mark.parametrize("program", ["_goclient", "goclient"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_it_is_told_at_the_first_line(program: str, when: str, offline: dict[str, str]) -> None:
    command = [sys.executable, "-c", AT_ITS_START, when, program]
    done = subprocess.run(command, env=offline, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, f"{program}: error: interrupted\n")


@pytest.mark.parametrize(
    ("program", "words", "module"),
    [
        pytest.param("goclient", ("--help",), "goclient.cli.main", id="the first import"),
        pytest.param("goclient", ("--help",), "enum", id="the standard library"),
        pytest.param("goclient", ("status", "1"), "goclient.cli.commands.status", id="a subcommand"),
        pytest.param("goclient", ("status", "1"), "dataclasses", id="what a subcommand needs"),
        pytest.param("goclient", ("explain", "a"), "pydantic", id="models"),
        pytest.param("goclient", ("explain", "a"), "pydantic_core", id="below models"),
        pytest.param("goclient", ("explain", "a"), "goclient.model.spec", id="our own module in a command"),
        pytest.param("send_job", COMMANDS["sendJob.py"][1:], "goclient.submission", id="a submission"),
        pytest.param("send_job", COMMANDS["sendJob.py"][1:], "goclient.model.records.panda_job", id="the last import"),
        pytest.param("goclient", ("check", f"{UUID}:/a"), "goclient.preflight.run", id="a check"),
        pytest.param("goclient", COMMANDS["prun"][1:], "pandaclient.PrunScript", id="panda-client's prun"),
        pytest.param("goclient", COMMANDS["pathena"][1:], "pandaclient.Client", id="below panda-client's pathena"),
    ],
)
def test_it_is_told_in_the_middle_of_an_import(
    program: str, words: tuple[str, ...], module: str, offline: dict[str, str], tmp_path: Path
) -> None:
    command = [sys.executable, "-c", AT_IMPORT, module, program, *words]
    done = subprocess.run(command, env=offline, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "Traceback" in done.stderr) == (130, False), done.stderr
    assert "interrupted" in done.stderr.splitlines()[-2:][0]


@pytest.mark.parametrize("module", ["goclient.cli.commands.explain", "goclient.jobs.explain"])
def test_it_is_told_as_json_too(module: str, offline: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-c", AT_IMPORT, module, "goclient", "explain", "a", "--json"]
    done = subprocess.run(command, env=offline, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"], error["exit_code"]) == (130, "interrupted", 130)


def test_it_is_ignored_where_it_was_ignored_before(offline: dict[str, str], tmp_path: Path) -> None:
    """As for what a shell without job control runs in the background."""
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", str(BIN / "goclient"), "explain", f"--Data={UUID}:/a"]
    with subprocess.Popen(command, env=offline, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        _, err = process.communicate(timeout=60)
    assert process.returncode != 130
    assert "interrupted" not in err


def test_what_is_done_at_exit_is_done(offline: dict[str, str], tmp_path: Path) -> None:
    """The process is not taken apart at its end, but what others registered is called, and output is complete."""
    code = (
        "import atexit, sys, threading, time, goclient.cli.start as start\n"
        "def late():\n    time.sleep(0.3)\n    print('a thread')\n"
        "def main(argv):\n"
        "    atexit.register(print, 'registered')\n"
        "    threading.Thread(target=late).start()\n"
        "    sys.stderr.write('said'); print('x' * 100_000)\n"
        "    return 7\n"
        "sys.exit(start._program(main))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=offline, capture_output=True, text=True, timeout=60)
    result = Result(done.returncode, done.stdout, done.stderr)
    assert (result.code, result.err) == (7, "said")
    assert result.out.split() == ["x" * 100_000, "a", "thread", "registered"]

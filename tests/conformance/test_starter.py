"""Commands and sandboxes that tests fork are those that users start: the same output, exit codes and files."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.commands import TIMEOUT, Result, command, completed, run_command, started
from tests.sandboxes import Sandbox

JOB = ("--computingSite=TEST1", "--transformation=/bin/true")
INPUT = "--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file"
COMMANDS: dict[str, tuple[str, ...]] = {
    "the version": ("goclient", "--version"),
    "the help": ("sendJob.py", "--help"),
    "no subcommand": ("goclient",),
    "several usage errors": ("sendJob.py", "--njobs=x", "--noSuchOption", "--json"),
    "a record": ("sendJob.py", *JOB, INPUT, "--noSubmit", "--json"),
    "a check": ("goclient", "check", INPUT, "--StageinGOsrc=SITE1:/none", "--json"),
    "a traceback": ("goclient", "check", "--StageinGOsrc=NOWHERE:/a", "-vv"),
    "an explanation of what is typed": ("goclient", "explain", "-"),
    "the endpoints": ("goclient", "endpoint", "list"),
    "who asks": ("goclient", "whoami", "--json"),
    "the proxies of an account": ("goclient", "myproxy", "info", "--user", "nobody"),
    "the settings": ("goclient", "settings", "show"),
    "a job that there is not": ("goclient", "status", "17"),
    "prun": ("goclient", "prun", "--help"),
    "a pilot without a job": ("goclient", "pilot", "--site=ANALY_BNL_T3", "--once"),
}


def really(words: tuple[str, ...], *, env: Mapping[str, str], cwd: Path, typed: str = "") -> Result:
    """Run a command line in a process of its own that starts from nothing."""
    done = subprocess.run(
        command(words), env=env, cwd=cwd, input=typed, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def without_frames(text: str) -> list[str]:
    """The lines of a text but for those of the frames that run a program, which differ, and of paths to job names."""
    return [line for line in text.splitlines() if not line.startswith("  ")]


@pytest.mark.parametrize(
    "more", [{}, {"COLUMNS": "60", "GOCLIENT_TIMEOUT": "x"}], ids=["as it is", "another environment"]
)
@pytest.mark.parametrize("case", COMMANDS)
def test_a_forked_command_does_what_a_started_one_does(
    shared_sandbox: Sandbox, case: str, more: dict[str, str]
) -> None:
    env = {**shared_sandbox.env, **more}
    typed = f"{INPUT} a b"
    forked, real = (run(COMMANDS[case], env=env, cwd=shared_sandbox.cwd, typed=typed) for run in (completed, really))
    assert forked.code == real.code
    if case == "a record":
        assert forked.json.get("spec") == real.json.get("spec")  # a job's name is new each time
    else:
        assert forked.out == real.out
    assert without_frames(forked.err) == without_frames(real.err)


def test_what_a_forked_command_writes_has_the_rights_of_a_started_one(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    found = {}
    for name, run in {"forked": completed, "real": really}.items():
        env = {**shared_sandbox.env, "GOCLIENT_STATE": str(tmp_path / name)}
        assert run(("sendJob.py", *JOB), env=env, cwd=shared_sandbox.cwd).code == 0
        found[name] = modes(tmp_path / name)
    assert found["forked"] == found["real"]


def modes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): stat.filemode(path.lstat().st_mode) for path in folder.rglob("*")}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_forked_command_as_a_started_one(shared_sandbox: Sandbox, number: signal.Signals) -> None:
    payload = shared_sandbox.payload("wait.sh", "#!/bin/sh\nsleep 300 & wait\n")
    codes = []
    for start in (started, lambda words, **more: subprocess.Popen(command(words), text=True, **more)):
        sent = shared_sandbox.run("sendJob.py", "--computingSite=TEST3", f"--transformation={payload}")
        assert sent.code == 0, sent.err
        words = ("goclient", "pilot", "--site=TEST3", "--once")
        process = start(words, env=shared_sandbox.env, cwd=shared_sandbox.cwd, stdout=-3, stderr=-1)
        assert process.stderr is not None
        assert any("the payload runs" in line for line in process.stderr)
        process.send_signal(number)
        process.communicate(timeout=TIMEOUT)
        codes.append(process.returncode)
    assert codes[0] == codes[1]


def test_a_forked_sandbox_is_like_a_started_one(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    forked = Sandbox(tmp_path / "forked", tmp_path / "home")
    started = run_command(
        ("goclient", "sandbox", "start", "--dir", str(tmp_path / "real")), env=forked.env, cwd=tmp_path / "home"
    )
    assert started.code == 0, started.err
    running = {
        path: os.readlink(f"/proc/{(path / 'lock').read_text()}/cwd")
        for path in map(tmp_path.joinpath, ("forked", "real"))
    }
    assert set(running.values()) == {str(tmp_path / "home")}
    assert modes(tmp_path / "forked") == modes(tmp_path / "real")
    real = (tmp_path / "real" / "env.sh").read_text().splitlines()
    ours = (tmp_path / "forked" / "env.sh").read_text().splitlines()
    assert [line.partition("=")[0] for line in ours] == [line.partition("=")[0] for line in real]
    forked.stop()
    stopped = run_command(
        ("goclient", "sandbox", "stop", "--dir", str(tmp_path / "real")), env=forked.env, cwd=tmp_path / "home"
    )
    assert stopped.code == 0, stopped.err

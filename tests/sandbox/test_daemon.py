"""A sandbox starts, answers on loopback only, and stops, whatever happens in between."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.commands import Run
from tests.processes import running_below
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds


def listening(process: int) -> set[str]:
    """The addresses on which a process listens, as the kernel writes them."""
    sockets = set()
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(fields[1].partition(":")[0])
    return found


def test_it_listens_on_loopback_and_nowhere_else(shared_sandbox: Sandbox) -> None:
    process = int((shared_sandbox.root / "lock").read_text())
    assert listening(process) == {"0100007F"}


def test_start_returns_once_every_service_answers_and_says_so_again(shared_sandbox: Sandbox) -> None:
    assert requests.get(f"{shared_sandbox.url}/transformations/datatransfer.sh", timeout=BOUND).ok
    again = shared_sandbox.run("goclient", "sandbox", "start", "--dir", str(shared_sandbox.root), "--json")
    assert again.json["url"] == shared_sandbox.url


def test_env_prints_the_exports_and_status_says_where_it_answers(shared_sandbox: Sandbox) -> None:
    where = ("--dir", str(shared_sandbox.root))
    assert shared_sandbox.run("goclient", "sandbox", "env", *where).out == (shared_sandbox.root / "env.sh").read_text()
    status = shared_sandbox.run("goclient", "sandbox", "status", *where, "--json").json
    assert (status["running"], status["url"]) == (True, shared_sandbox.url)
    assert shared_sandbox.url in shared_sandbox.run("goclient", "sandbox", "status", *where).out


def test_files_with_secrets_are_the_owner_s_alone(shared_sandbox: Sandbox) -> None:
    for name in ("env.sh", "user.token", "pilot.token", "sandbox.sqlite"):
        assert (shared_sandbox.root / name).stat().st_mode & 0o777 == 0o600, name


def test_a_stopped_sandbox_keeps_its_state_and_answers_at_its_place_again(sandbox: Sandbox) -> None:
    assert sandbox.submit().code == 0
    where = ("--dir", str(sandbox.root))
    assert "is stopped" in sandbox.run("goclient", "sandbox", "stop", *where).out
    with pytest.raises(requests.ConnectionError):
        requests.get(sandbox.url, timeout=BOUND)
    assert "no sandbox runs" in sandbox.run("goclient", "sandbox", "stop", *where).out
    assert sandbox.run("goclient", "sandbox", "start", *where, "--json").json["url"] == sandbox.url
    assert sandbox.run("goclient", "status", "1", "--json").json[0]["state"] == "activated"


def test_a_killed_sandbox_is_known_to_be_dead_and_starts_again(sandbox: Sandbox) -> None:
    where = ("--dir", str(sandbox.root))
    os.kill(int((sandbox.root / "lock").read_text()), signal.SIGKILL)
    end = time.monotonic() + BOUND
    while sandbox.run("goclient", "sandbox", "status", *where, "--json").json["running"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert sandbox.run("goclient", "sandbox", "start", *where).code == 0


@pytest.mark.parametrize("how", ["interrupt", "orphan"])
def test_in_the_foreground_it_ends_with_ctrl_c_or_its_parent(env: dict[str, str], tmp_path: Path, how: str) -> None:
    folder = tmp_path / "front"
    words = [sys.executable, "-m", "goclient", "sandbox", "start", "--foreground", "--dir", str(folder)]
    wrapper = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"
    parent = subprocess.Popen([sys.executable, "-c", wrapper, *words], env=env, stderr=subprocess.DEVNULL)
    end = time.monotonic() + BOUND
    while not (folder / "answers").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    process = int((folder / "lock").read_text())
    if how == "interrupt":
        os.kill(process, signal.SIGINT)
    else:
        parent.kill()
    while (folder / "answers").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    parent.kill()
    parent.wait()


def test_a_folder_without_a_sandbox_is_said_to_have_none(run: Run, tmp_path: Path) -> None:
    for action in ("status", "env"):
        result = run("goclient", "sandbox", action, "--dir", str(tmp_path / "none"))
        assert result.code == 10
        assert f'there is no sandbox in "{tmp_path}/none"' in result.err
    assert run("goclient", "sandbox", "stop", "--dir", str(tmp_path / "none")).code == 0


@pytest.mark.conformance  # it takes long
def test_without_dir_it_is_the_one_of_the_environment_or_the_usual_one_here(run: Run, tmp_path: Path) -> None:
    here, other = tmp_path / "goclient-sandbox", tmp_path / "other"
    assert "goclient-sandbox/env.sh" in run("goclient", "sandbox", "start").out
    assert run("goclient", "sandbox", "start", SANDBOX_DIR=str(other)).code == 0
    for folder, more in ((here, {}), (other, {"SANDBOX_DIR": str(other)})):
        assert run("goclient", "sandbox", "status", "--json", **more).json["running"]
        assert run("goclient", "sandbox", "env", "--json", **more).json["SANDBOX_DIR"] == str(folder)
        assert run("goclient", "sandbox", "stop", "--json", **more).json == {"stopped": True}
        assert not run("goclient", "sandbox", "status", "--json", **more).json["running"]
    assert run("goclient", "sandbox", "stop", "--json", "--dir", str(other), SANDBOX_DIR="/none").code == 0


FOREIGN = [
    pytest.param("thesis.tex", id="a file"),
    pytest.param(".hidden", id="a hidden file"),
    pytest.param("src/main.c", id="a directory"),
    pytest.param("collections.tar", id="a name that begins like a sandbox's"),
]


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("action", ["start", "demo"])
def test_a_directory_with_something_else_in_it_is_left_as_it_is(
    run: Run, tmp_path: Path, action: str, name: str
) -> None:
    folder = tmp_path / "mine"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("x")
    folder.chmod(0o755)
    refused = run("goclient", "sandbox", action, "--dir", str(folder))
    assert refused.code == 10
    assert f"""is not a sandbox's: it has "{name.partition("/")[0]}" in it""" in refused.err
    assert (folder.stat().st_mode & 0o777, len(list(folder.iterdir()))) == (0o755, 1)


@pytest.mark.parametrize("name", ["a$b", "~", "a\tb"])
def test_a_directory_that_no_settings_can_name_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    refused = run("goclient", "sandbox", "start", "--dir", str(tmp_path / name / "sandbox"))
    assert refused.code == 10
    assert "cannot be used: it has a" in refused.err
    assert not (tmp_path / name).exists()


def test_what_an_interrupted_start_has_left_is_a_sandbox_s(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "half"
    (folder / "grid.part").mkdir(parents=True)
    (folder / "sandbox.log").write_text("an older line\n")
    assert run("goclient", "sandbox", "start", "--dir", str(folder / ".." / "half")).code == 0
    assert ".." not in (folder / "settings.toml").read_text()
    (folder / "notes.txt").write_text("one's own file in a sandbox")
    assert run("goclient", "sandbox", "stop", "--dir", str(folder)).code == 0
    assert run("goclient", "sandbox", "start", "--dir", str(folder)).code == 0
    assert run("goclient", "sandbox", "stop", "--dir", str(folder)).code == 0


def no_database(folder: Path) -> None:
    (folder / "sandbox.sqlite").mkdir()


def no_grid(folder: Path) -> None:
    (folder / "grid.part").write_text("no directory")


def no_environment(folder: Path) -> None:
    (folder / "env.sh").mkdir()
    (folder / "sandbox.sqlite").touch()


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(
    ("breaks", "reason"),
    [(no_database, "Is a directory"), (no_grid, "File exists"), (no_environment, "Is a directory")],
)
def test_a_start_that_fails_says_why(run: Run, tmp_path: Path, breaks: Callable[[Path], None], reason: str) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    breaks(folder)
    (folder / "sandbox.log").write_text("a line of an earlier run\n")
    failed = run("goclient", "sandbox", "start", "--dir", str(folder))
    assert failed.code == 1
    assert "the sandbox did not start: " in failed.err
    assert reason in failed.err
    assert "earlier run" not in failed.err


def test_a_folder_that_cannot_be_made_is_a_clear_error(run: Run) -> None:
    result = run("goclient", "sandbox", "start", "--dir", "/proc/none")
    assert result.code == 10
    assert '"/proc/none" cannot be used' in result.err
    a_file = run("goclient", "sandbox", "start", "--dir", __file__)
    assert (a_file.code, "cannot be used: it is a file" in a_file.err) == (10, True)


@pytest.mark.conformance  # it takes long
def test_starts_at_once_on_one_folder_are_one_sandbox(env: dict[str, str], tmp_path: Path) -> None:
    words = [sys.executable, "-m", "goclient", "sandbox", "start", "--json", "--dir", str(tmp_path / "one")]
    several = [subprocess.Popen(words, env=env, cwd=tmp_path, text=True, stdout=-1, stderr=-1) for _ in range(4)]
    told = [process.communicate(timeout=60) for process in several]
    assert [process.returncode for process in several] == [0] * 4, told
    assert len({json.loads(out)["url"] for out, _ in told}) == 1
    subprocess.run([*words[:3], "sandbox", "stop", "--dir", str(tmp_path / "one")], env=env, check=True, stdout=-3)


def test_a_copied_sandbox_has_files_of_its_own(sandbox: Sandbox, tmp_path: Path) -> None:
    where = ("--dir", str(sandbox.root))
    sandbox.run("goclient", "sandbox", "stop", *where)
    copied = tmp_path / "copy"
    shutil.copytree(sandbox.root, copied)
    (copied / "collections" / "SITE1" / "home" / "only-here").write_text("x")
    assert sandbox.run("goclient", "sandbox", "start", "--dir", str(copied)).code == 0
    try:
        environment = sandbox.run("goclient", "sandbox", "env", "--dir", str(copied), "--json").json
        tried = sandbox.submit("--StageinGOsrc=SITE1:/home/only-here", "--noSubmit", **environment)
        assert tried.code == 0, tried.err
    finally:
        assert sandbox.run("goclient", "sandbox", "stop", "--dir", str(copied)).code == 0


def test_a_port_that_somebody_else_has_by_now_is_exchanged(sandbox: Sandbox) -> None:
    where = ("--dir", str(sandbox.root))
    sandbox.run("goclient", "sandbox", "stop", *where)
    with socket.create_server(("127.0.0.1", int(sandbox.url.rpartition(":")[2]))):
        again = sandbox.run("goclient", "sandbox", "start", *where, "--json").json["url"]
        assert again != sandbox.url
        assert requests.get(f"{again}/transformations/datatransfer.sh", timeout=BOUND).ok


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_a_damaged_state_is_said_and_made_anew_by_a_start(sandbox: Sandbox, content: bytes) -> None:
    where = ("--dir", str(sandbox.root))
    sandbox.run("goclient", "sandbox", "stop", *where)
    for path in sandbox.root.glob("sandbox.sqlite*"):
        path.unlink()
    (sandbox.root / "sandbox.sqlite").write_bytes(content)
    told = sandbox.run("goclient", "sandbox", "status", *where)
    assert told.code == 1
    assert "cannot be read" in told.err
    assert "goclient sandbox start" in told.err
    assert sandbox.run("goclient", "sandbox", "start", *where).code == 0


def test_the_sandbox_of_a_demo_that_is_killed_ends_with_it(env: dict[str, str], tmp_path: Path) -> None:
    words = [sys.executable, "-m", "goclient", "sandbox", "demo"]
    demo = subprocess.Popen(words, env={**env, "TMPDIR": str(tmp_path)}, stdout=-3, stderr=-3)
    end = time.monotonic() + BOUND
    while not (answers := list(tmp_path.glob("goclient-demo-*/answers"))):
        assert time.monotonic() < end
        time.sleep(0.05)
    demo.kill()
    demo.wait(BOUND)
    while answers[0].exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def ctrl_c(demo: subprocess.Popen[bytes]) -> None:
    """Tell all that run in a terminal, as it does."""
    os.killpg(demo.pid, signal.SIGINT)


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("stop", [ctrl_c, subprocess.Popen.terminate], ids=["Ctrl-C", "SIGTERM"])
def test_the_demo_draws_on_a_terminal_and_leaves_nothing_when_it_is_stopped(
    env: dict[str, str], tmp_path: Path, stop: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "goclient", "sandbox", "demo"]
    demo = subprocess.Popen(
        words,
        env={**env, "TMPDIR": str(tmp_path), "TERM": "xterm"},
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown = b""
    while b"the payload runs" not in shown:
        shown += os.read(leader, 4096)
    assert b"\x1b[" in shown, "in colour"
    stop(demo)
    with suppress(OSError):
        while os.read(leader, 4096):
            pass
    assert demo.wait(BOUND) == 130
    os.close(leader)
    assert not list(tmp_path.glob("goclient-demo-*"))
    assert running_below(tmp_path) == []

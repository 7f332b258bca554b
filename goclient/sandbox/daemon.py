"""Starts and stops a sandbox: a process of its own that holds a lock on its folder while it runs."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from goclient.errors import GoclientError, quoted
from goclient.sandbox import seed
from goclient.sandbox.state import Folders, State

START_WITHIN = 20.0  # seconds
STOP_WITHIN = 10.0


def start(folder: Path) -> str:
    """The URL of the sandbox in a folder, which now runs in a session of its own; raises GoclientError."""
    folders = Folders(folder.absolute())
    if running(folder):
        return State(folders).fact("url")
    _make(folders)
    reader, writer = os.pipe()
    with open(folders.log, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "goclient.sandbox.daemon", str(folders.root), str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[writer],
        )
    os.close(writer)
    with open(reader, "rb", buffering=0) as pipe:
        heard, _, _ = select.select([pipe], [], [], START_WITHIN)
        if heard and pipe.read(1):
            return State(folders).fact("url")
    process.kill()
    raise GoclientError("the sandbox did not start", hint=f"look at {quoted(folders.log)}", code="sandbox")


def stop(folder: Path) -> bool:
    """True if the sandbox ran and is stopped now, False if it did not run; raises GoclientError."""
    process = running(folder)
    if not process:
        return False
    os.kill(process, signal.SIGTERM)
    end = time.monotonic() + STOP_WITHIN
    while running(folder):
        if time.monotonic() > end:
            raise GoclientError(
                f"the sandbox (process {process}) does not stop", hint=f"kill {process}", code="sandbox"
            )
        time.sleep(0.02)
    return True


def running(folder: Path) -> int:
    """The process of the sandbox in a folder, or 0 if none runs."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    with open(descriptor, encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return int(file.read() or 0)
    return 0


def run(folder: Path, *, parent: int | None = None, ready: int | None = None) -> None:
    """Runs the sandbox in this process until it is told to stop, or until the process ``parent`` is gone.

    Once every service answers a byte is written to the descriptor ``ready``, and the file ``answers`` is there.
    """
    from goclient.sandbox.server import serve  # the parent of the process that serves does not need it

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folders = Folders(folder.absolute())
    _make(folders)
    descriptor = os.open(folders.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise GoclientError(
            f"a sandbox runs in {quoted(folder)} already", code="sandbox", hint=f"goclient sandbox stop --dir {folder}"
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    state = State(folders)
    answers = folders.root / "answers"
    answers.unlink(missing_ok=True)

    def answer() -> None:
        seed.write_environment(state)
        answers.touch()
        if ready is not None:
            os.write(ready, b"1")
            os.close(ready)

    try:
        serve(state, answer, parent=parent)
    finally:
        answers.unlink(missing_ok=True)


def _make(folders: Folders) -> None:
    """None, once the folder has a database with the seed in it."""
    if folders.database.exists() and State(folders).fact("seeded"):
        return
    try:
        folders.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        state = State(folders)
        state.create()
        with state.transaction():
            seed.fill(state)
            state.set_fact("seeded", "yes")
    except OSError as error:
        raise GoclientError(
            f"the folder {quoted(folders.root)} cannot be used: {error.strerror}",
            code="sandbox",
            hint="name another one with --dir",
        ) from error


if __name__ == "__main__":
    run(Path(sys.argv[1]), ready=int(sys.argv[2]))

"""Starts and stops a sandbox: a process of its own that holds a lock on its folder while it runs."""

from __future__ import annotations

import logging
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from goclient.errors import GoclientError, RequestError, quoted
from goclient.sandbox import lock, seed
from goclient.sandbox.state import LAYOUT, Folders, State

START_WITHIN = 20.0  # seconds
STOP_WITHIN = 10.0
ALREADY, RUNS_ALREADY = "runs-already", 3


def start(folder: Path) -> str:
    """The URL of the sandbox in a folder, which runs in a session of its own by now; raises GoclientError."""
    folders = _folder(folder)
    reader, writer = os.pipe()
    with open(folders.log, "ab") as log:
        os.fchmod(log.fileno(), 0o600)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "goclient.sandbox.daemon", str(folders.root), str(writer)],
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
    if not heard:
        process.kill()
    process.wait()
    if process.returncode == RUNS_ALREADY:
        return _url_of_running(folders)
    lines = folders.log.read_text(errors="replace").strip().splitlines()
    raise GoclientError(
        f"the sandbox did not start: {lines[-1] if lines else 'it said nothing'}",
        hint=f"look at {folders.log}, or name another folder with --dir",
        code="sandbox",
    )


def _url_of_running(folders: Folders) -> str:
    """The URL of a sandbox that another command has started, once it answers."""
    end = time.monotonic() + START_WITHIN
    while not (folders.root / "answers").exists():
        if time.monotonic() > end:
            raise GoclientError("another sandbox in the folder does not answer", hint=f"look at {folders.log}")
        time.sleep(0.02)
    return State(folders).fact("url")


def _folder(folder: Path) -> Folders:
    """The sandbox's folder, made if it is not there; raises RequestError if it cannot be used."""
    os.umask(0o077)  # whatever is written from here on is its user's alone
    folders = Folders(folder.absolute())
    try:
        folders.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        folders.root.chmod(0o700)
        problem = "" if os.access(folders.root, os.W_OK | os.X_OK) else "it cannot be written to"
    except OSError as error:
        problem = str(error.strerror)
    if problem:
        raise RequestError(
            f"the folder {quoted(folders.root)} cannot be used: {problem}",
            hint="name another one with --dir",
            code="folder",
        )
    return folders


def stop(folder: Path) -> bool:
    """True if the sandbox ran and is stopped now, False if it did not run; raises GoclientError."""
    process = running(folder)
    if not process:
        return False
    with suppress(ProcessLookupError):
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
    return lock.holder(folder / "lock")


def run(folder: Path, *, parent: int | None = None, ready: int | None = None) -> None:
    """Runs the sandbox in this process until it is told to stop, or until the process ``parent`` is gone.

    Once every service answers a byte is written to the descriptor ``ready``, and the file ``answers`` is there.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folders = _folder(folder)
    if not lock.take(folders.root / "lock"):
        raise GoclientError(f"a sandbox runs in {quoted(folder)} already", code=ALREADY, hint="stop it first")
    answers = folders.root / "answers"
    answers.unlink(missing_ok=True)
    from goclient.sandbox import grid  # the parent of the process that serves needs neither

    try:
        with ThreadPoolExecutor(1) as beside:  # keys take time, and so does loading the services
            certificates = beside.submit(grid.ready, folders.grid)
            from goclient.sandbox.server import serve

            state = _seeded(folders)
        made = certificates.result()
    except (OSError, sqlite3.Error) as error:
        raise GoclientError(f"the sandbox's files cannot be made: {error}", hint="make room", code="sandbox") from error

    def answer() -> None:
        seed.write_environment(state)
        answers.touch()
        if ready is not None:
            os.write(ready, b"1")
            os.close(ready)

    try:
        serve(state, made, answer, parent=parent)
    finally:
        answers.unlink(missing_ok=True)


def _seeded(folders: Folders) -> State:
    """The state of a folder whose lock is ours; what is not whole is made anew."""
    state = State(folders)
    try:
        whole = folders.database.exists() and state.fact("seeded") == LAYOUT
    except sqlite3.Error:
        whole = False
    if not whole:
        state.close()
        for path in folders.root.glob(f"{folders.database.name}*"):
            path.unlink()
        state.create()
        with state.transaction():
            seed.fill(state)
            state.set_fact("seeded", LAYOUT)
    return state


def main() -> int:
    """Runs the sandbox in the background: the exit code tells :func:`start` what became of it."""
    try:
        run(Path(sys.argv[1]), ready=int(sys.argv[2]))
    except GoclientError as error:
        print(error.message, file=sys.stderr)
        return RUNS_ALREADY if error.code == ALREADY else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

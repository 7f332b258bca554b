"""Starts and stops a sandbox: a process of its own that holds a lock on its folder while it runs."""

from __future__ import annotations

import functools
import logging
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from goclient.errors import GoclientError, quoted
from goclient.files.private import FILE, private
from goclient.sandbox import directory, lock, seed
from goclient.sandbox.state import LAYOUT, Folders, State

PROGRAM = (sys.executable, "-P", "-X", "utf8", "-m", "goclient.sandbox.daemon")  # names of files are UTF-8, as Globus's
START_WITHIN = 20.0  # seconds
STOP_WITHIN = 10.0
ALREADY, RUNS_ALREADY = "runs-already", 3


def start(folder: Path, *, tied: bool = False) -> str:
    """Start the sandbox of a directory in a session of its own; return its URL once it answers; raise GoclientError.

    ``tied``: it ends when this process does, whatever ends that.
    """
    folders = directory.prepared(folder)
    reader, writer = os.pipe()
    life = os.pipe()[:1] if tied else ()  # this process alone has the other end, and never closes it
    with open(folders.log, "ab", opener=private) as log:
        before = os.fstat(log.fileno()).st_size
        process = subprocess.Popen(
            [*PROGRAM, str(folders.root), str(writer), *map(str, life)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[writer, *life],
        )
    for descriptor in (writer, *life):
        os.close(descriptor)
    try:
        heard, answers = _heard(reader)
    except BaseException:  # Ctrl-C
        process.kill()
        raise
    if answers:
        return State(folders).fact("url")
    if not heard:
        process.kill()
    if process.wait() == RUNS_ALREADY:
        return _url_of_running(folders)
    reason = _last_line(folders.log, before) if heard else f"it does not answer within {START_WITHIN:.0f} s"
    raise GoclientError(
        f"the sandbox did not start: {reason or f'its process ended with code {process.returncode}'}",
        hint=f"read {folders.log}",
        code="sandbox",
    )


def _heard(reader: int) -> tuple[bool, bool]:
    """Return whether a sandbox that starts has said something, or has ended, in time; and whether it answers."""
    with open(reader, "rb", buffering=0) as pipe:
        heard, _, _ = select.select([pipe], [], [], START_WITHIN)
        return bool(heard), bool(heard and pipe.read(1))


def _last_line(log: Path, before: int) -> str:
    """Return the last line of a log that had ``before`` bytes; empty if none was written since."""
    with open(log, "rb") as file:
        file.seek(before)
        lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _url_of_running(folders: Folders) -> str:
    """The URL of a sandbox that another command has started, once it answers."""
    end = time.monotonic() + START_WITHIN
    while not (folders.root / "answers").exists():
        if time.monotonic() > end:
            hint = f"read {folders.log}"
            raise GoclientError("another sandbox in the directory does not answer", hint=hint, code="sandbox")
        time.sleep(0.02)
    return State(folders).fact("url")


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


def run(folder: Path, *, until: Callable[[], None] | None = None, ready: int | None = None) -> None:
    """Run the sandbox in this process until it is told to stop, or until the function ``until`` returns.

    Once every service answers a byte is written to the descriptor ``ready``, and the file ``answers`` is there.
    """
    os.umask(0o022)  # a site's: the rights of what is in its collections do not depend on the user's umask
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folders = directory.prepared(folder)
    if not lock.take(folders.root / "lock"):
        raise GoclientError(f"a sandbox runs in {quoted(folder)} already", code=ALREADY, hint="stop it first")
    answers = folders.root / "answers"
    answers.unlink(missing_ok=True)
    from goclient.sandbox.myproxy import grid  # the parent of the process that serves needs neither

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
        answers.touch(mode=FILE)
        if ready is not None:
            os.write(ready, b"1")
            os.close(ready)

    try:
        serve(state, made, answer, until)
    finally:
        answers.unlink(missing_ok=True)


def wait_for_end(life: int) -> None:
    """Return once nobody can write to the descriptor any more."""
    while os.read(life, 1):
        pass


def wait_for_orphan(parent: int) -> None:
    """Return once this process has another parent."""
    while os.getppid() == parent:
        time.sleep(0.2)


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
        folder, ready, *life = sys.argv[1:]
        run(Path(folder), until=functools.partial(wait_for_end, int(life[0])) if life else None, ready=int(ready))
    except GoclientError as error:
        print(error.message, file=sys.stderr)
        return RUNS_ALREADY if error.code == ALREADY else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

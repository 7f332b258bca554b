"""Start and stop a sandbox: a process of its own that holds a lock on its directory while it runs."""

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

from goclient.errors import GoclientError
from goclient.errors.conditions import SandboxRuns
from goclient.errors.wording import quote
from goclient.files.private import FILE, private
from goclient.sandbox import lock, seed
from goclient.sandbox.directory import Directory, prepare
from goclient.sandbox.myproxy.grid import Grid
from goclient.sandbox.state import LAYOUT, State

PROGRAM = (sys.executable, "-P", "-X", "utf8", "-m", "goclient.sandbox.daemon")  # names of files are UTF-8, as Globus's
START_WITHIN = 20.0  # seconds
STOP_WITHIN = 10.0
RUNS_ALREADY = 3  # the exit code of a process that found another sandbox in its directory


def start(path: Path, *, tied: bool = False) -> str:
    """Start the sandbox of a directory in a session of its own; return its URL once it answers; raise GoclientError.

    ``tied``: it ends when this process does, whatever ends that.
    """
    directory = prepare(path)
    reader, writer = os.pipe()
    life = os.pipe()[:1] if tied else ()  # this process alone has the other end, and never closes it
    with open(directory.log, "ab", opener=private) as log:
        before = os.fstat(log.fileno()).st_size
        process = subprocess.Popen(
            [*PROGRAM, str(directory.root), str(writer), *map(str, life)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[writer, *life],
        )
    for descriptor in (writer, *life):
        os.close(descriptor)
    try:
        with open(reader, "rb", buffering=0) as pipe:  # it ends with the process, and has a byte once that answers
            heard, _, _ = select.select([pipe], [], [], START_WITHIN)
            answers = bool(heard and pipe.read(1))
    except BaseException:  # Ctrl-C
        process.kill()
        raise
    if answers:
        return State(directory).fact("url")
    if not heard:
        process.kill()
    if process.wait() == RUNS_ALREADY:
        return _url_of_running(directory)
    with open(directory.log, "rb") as log:
        log.seek(before)
        lines = log.read().decode(errors="replace").strip().splitlines()
    reason = lines[-1] if lines else f"its process ended with code {process.returncode}"
    if not heard:
        reason = f"it does not answer within {START_WITHIN:.0f} s"
    raise GoclientError(f"the sandbox did not start: {reason}", hint=f"read {directory.log}", code="sandbox")


def _url_of_running(directory: Directory) -> str:
    """Return the URL of a sandbox that another command has started, once it answers."""
    end = time.monotonic() + START_WITHIN
    while not directory.answers.exists():
        if time.monotonic() > end:
            hint = f"read {directory.log}"
            raise GoclientError("another sandbox in the directory does not answer", hint=hint, code="sandbox")
        time.sleep(0.02)
    return State(directory).fact("url")


def stop(path: Path) -> bool:
    """Stop a sandbox; return False if it did not run; raise GoclientError."""
    process = running(path)
    if not process:
        return False
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
    end = time.monotonic() + STOP_WITHIN
    while running(path):
        if time.monotonic() > end:
            hint = f"kill {process}"
            raise GoclientError(f"the sandbox (process {process}) does not stop", hint=hint, code="sandbox")
        time.sleep(0.02)
    return True


def running(path: Path) -> int:
    """Return the process of the sandbox in a directory, or 0 if none runs."""
    return lock.holder(Directory(path).lock)


def run(path: Path, *, until: Callable[[], None] | None = None, ready: int | None = None) -> None:
    """Run the sandbox in this process until it is told to stop, or until the function ``until`` returns.

    Once every service answers a byte is written to the descriptor ``ready``, and the file ``answers`` is there.
    """
    os.umask(0o022)  # a site's: the rights of files in its collections do not depend on the user's umask
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    directory = prepare(path)
    if not lock.take(directory.lock):
        raise SandboxRuns(f"a sandbox runs in {quote(path)} already", hint="stop it first")
    directory.answers.unlink(missing_ok=True)
    # start, stop and status need not load cryptography (0.08 s) and the services (0.26 s with it).
    from goclient.sandbox.myproxy.authority import make_grid

    grid = Grid(directory.grid)
    try:
        with ThreadPoolExecutor(1) as beside:  # keys take time, and so does loading the services
            made = beside.submit(make_grid, grid)
            from goclient.sandbox.server import serve  # 0.26 s, as above

            state = _open_state(directory)
        made.result()
    except (OSError, sqlite3.Error) as error:
        raise GoclientError(f"the sandbox's files cannot be made: {error}", hint="make room", code="sandbox") from error

    def answer() -> None:
        seed.write_environment(state)
        directory.answers.touch(mode=FILE)
        if ready is not None:
            os.write(ready, b"1")
            os.close(ready)

    try:
        serve(state, grid, ready=answer, until=until)
    finally:
        directory.answers.unlink(missing_ok=True)


def wait_for_end(life: int) -> None:
    """Return once nobody can write to the descriptor any more."""
    while os.read(life, 1):
        pass


def wait_for_orphan(parent: int) -> None:
    """Return once this process has another parent."""
    while os.getppid() == parent:
        time.sleep(0.2)


def _open_state(directory: Directory) -> State:
    """Return the state of a directory whose lock is ours; make it anew unless it is whole."""
    state = State(directory)
    try:
        whole = directory.database.exists() and state.fact("seeded") == LAYOUT
    except sqlite3.Error:
        whole = False
    if not whole:
        state.close()
        for path in directory.root.glob(f"{directory.database.name}*"):
            path.unlink()
        state.create()
        with state.transaction():
            seed.fill(state)
            state.set_fact("seeded", LAYOUT)
    return state


def main() -> int:
    """Run the sandbox in the background; the exit code tells :func:`start` what became of it."""
    try:
        path, ready, *life = sys.argv[1:]
        run(Path(path), until=functools.partial(wait_for_end, int(life[0])) if life else None, ready=int(ready))
    except GoclientError as error:
        print(error.message, file=sys.stderr)
        return RUNS_ALREADY if isinstance(error, SandboxRuns) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

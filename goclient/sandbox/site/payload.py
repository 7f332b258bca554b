"""Run the payload of a job as pilot 3 does, and end it as that does: not all that is below it hears of it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from goclient.sandbox.site.judge import STDERR, STDOUT, Ending, Killer

KILL_AFTER, BATCH_KILL_AFTER = 3.0, 10.0  # seconds between SIGTERM and SIGKILL
KILLED = "tobekilled"  # the server's command
LINGER = 5.0  # seconds that what is left has to end by itself; the real pilot stays for a minute


class Waiter:
    """Wakes the caller when a child ends, or when this process is told to end."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        for descriptor in (self._reader, self._writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def wait(self, seconds: float) -> bool:
        """Return after some seconds at the latest, True if the batch system has told this process to end."""
        select.select([self._reader], [], [], max(seconds, 0))
        heard = b""
        with suppress(BlockingIOError):
            heard = os.read(self._reader, 1024)
        return signal.SIGTERM in heard


def start(command: str, directory: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a command line in a session of its own, its output in files of the job's directory."""
    with open(directory / STDOUT, "wb") as out, open(directory / STDERR, "wb") as err:
        return subprocess.Popen(
            ["/bin/bash", "-c", command],
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def follow(process: subprocess.Popen[bytes], tell: Callable[[], str], *, every: float, waiter: Waiter) -> Ending:
    """Return how a process ended; ``tell`` reports that it runs, now and then, and returns the server's command."""
    due = time.monotonic()
    while process.poll() is None:
        if time.monotonic() >= due:
            if tell() == KILLED:
                process.terminate()  # that process, and none below it
                return Ending(_end(process, KILL_AFTER), Killer.SERVER)
            due = time.monotonic() + every
        if waiter.wait(due - time.monotonic()):
            os.killpg(process.pid, signal.SIGTERM)
            return Ending(_end(process, BATCH_KILL_AFTER), Killer.BATCH)
    return Ending(process.returncode)


def _end(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Return the exit code of a process that was told to end, killed if it does not in time."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def sweep(session: int, home: Path) -> list[str]:
    """Kill what is left of a job, as the batch system does; return the command lines of what did not end by itself."""
    end = time.monotonic() + LINGER
    while (found := _find_processes(session, home)) and time.monotonic() < end:
        time.sleep(0.05)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return list(found.values())


def _find_processes(session: int, home: Path) -> dict[int, str]:
    """Return the processes of a session, and those that have the pilot's environment, with their command lines."""
    mark = f"PILOT_HOME={home}".encode()
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            _, _, rest = (directory / "stat").read_text().rpartition(")")
            state, _, _, its_session, *_ = rest.split()
            ours = int(its_session) == session or mark in (directory / "environ").read_bytes().split(b"\0")
            if ours and state != "Z":
                words = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(directory.name)] = words.strip()
    return found

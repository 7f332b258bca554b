"""Processes that tests have started, and their end: run as a program, it ends what is left once the tests have ended.

A test run that is killed cannot stop its servers.  So each process that runs tests starts this program and holds the
other end of its standard input: once that is closed, whatever closed it, all processes that name the run's temporary
directory or work in it are killed.  Servers that have left their session or their parent are found, too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

GONE_WITHIN = 60.0  # seconds


def running_in(prefix: str, *, since: int = 0) -> dict[int, str]:
    """Return the processes, and their command lines, that name a path that begins so, or work there.

    ``since``: only those that began no earlier, in the kernel's ticks.
    """
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            ours = process.stat().st_uid == os.getuid() and _began(process) >= since
            if ours and prefix in f"{command} {(process / 'cwd').readlink()}/":
                found[int(process.name)] = command
        except OSError:  # it has ended
            continue
    found.pop(os.getpid(), None)
    return found


def running_below(folder: Path) -> list[str]:
    """Return the command lines of processes that name a folder of goclient below another one, or work in it."""
    return list(running_in(f"{folder}/goclient-").values())


def _began(process: Path) -> int:
    """Return when a process began, from its line in /proc (proc(5): starttime)."""
    return int((process / "stat").read_text().rpartition(")")[2].split()[19])


@contextmanager
def ended_with_us(folder: Path) -> Iterator[None]:
    """Run its body; whatever is in the folder is ended afterwards, also if this process is killed before."""
    watcher = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # Ctrl-C is not for it
    )
    assert watcher.stdin is not None
    watcher.stdin.write(f"{folder}\n".encode())
    watcher.stdin.flush()
    try:
        yield
    finally:
        watcher.stdin.close()
        watcher.wait(GONE_WITHIN + 5)


def main() -> None:
    """End what was started in the folder that the first line names, once there are no more lines."""
    began = _began(Path("/proc/self"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder, *_ = sys.stdin.read().splitlines()
    end = time.monotonic() + GONE_WITHIN
    while (left := running_in(f"{folder}/", since=began)) and time.monotonic() < end:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


if __name__ == "__main__":
    main()

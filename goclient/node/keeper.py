"""Processes of a job, each held by a keeper (``keeper_program.py``): none of them outlives the pilot.

Each is in the job's journal, before and after it runs, with its number and the time at which it began.
"""

from __future__ import annotations

import errno
import fcntl
import marshal
import os
import pkgutil
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from goclient.journal import Entry, Journal
from goclient.node.keeper_program import began
from goclient.node.signals import defer_signals
from goclient.services.retry import turns

END_WITHIN = 3.0  # seconds that a process has to end itself: a site may kill all of a job after ten
_FORCED = 10.0  # seconds until nothing is left once it is killed, which a busy disk may delay
_PROGRAM = "goclient.node", "keeper_program.py"
# What ``ps`` shows of a keeper: its code is read from stdin, as its order is.
_RUN = "import marshal, sys; exec(marshal.load(sys.stdin.buffer))"


@dataclass(frozen=True)
class Command:
    """A program to run: its words as they are, with nothing but these descriptors open; stdin is empty without one."""

    words: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    output: int
    stdin: int | None = None


@contextmanager
def keep(command: Command, name: str, journal: Journal) -> Iterator[KeptProcess]:
    """Run the body while a program runs; afterwards nothing of it is left, daemons included.

    The same holds within a second if this process dies.  ``name`` is the key in the journal.  Raises OSError if the
    program cannot be run, ValueError if a word of it cannot be passed.
    """
    entry = Entry("process", name, "intended")
    journal.append(entry)
    process = None
    try:
        with defer_signals():
            process = _start(command)
        journal.append(entry.then("accepted", str(process.pid), str(process.start), process.cgroup))
        yield process
    finally:
        with defer_signals():
            if process is None or process.end():
                journal.append(entry.then("done"))


def kill_recorded(entry: Entry) -> None:
    """Kill the process that an entry of this node names, if its keeper could not; another one by now is left alone."""
    pid, start, cgroup = entry.subjects
    with suppress(OSError):
        if began(int(pid)) == int(start):
            os.killpg(int(pid), signal.SIGKILL)
    with suppress(OSError), open(f"{cgroup}/cgroup.kill", "w") as file:
        file.write("1")
    for waited in turns(0.005, 0.1):
        with suppress(OSError):
            os.rmdir(cgroup)  # once nothing is left in it
        if waited > _FORCED or not os.path.exists(cgroup):
            return


class KeptProcess:
    """A process that a keeper holds: ``pid``, and ``start``, the time at which it began, tell it from all others."""

    def __init__(self, keeper: subprocess.Popen[bytes], pid: int, start: int, cgroup: str) -> None:
        self.pid = pid
        self.start = start
        self.cgroup = cgroup
        self._keeper = keeper
        self._status: int | None = None

    def wait(self, seconds: float) -> int | None:
        """Return its exit code, negative for a signal, once nothing is left of it; None if that takes longer."""
        assert self._keeper.stdout is not None
        if self._status is None and select.select([self._keeper.stdout], [], [], max(seconds, 0.0))[0]:
            line = self._keeper.stdout.readline()
            self._status = int(line) if line else -signal.SIGKILL
            if not line:  # the keeper was killed, and so was the process: PR_SET_PDEATHSIG
                kill_recorded(Entry("process", "", "accepted", (str(self.pid), str(self.start), self.cgroup)))
            self._close()
        return self._status

    def end(self, *, within: float = END_WITHIN) -> bool:
        """End it, first in order, then by force, and all that is below it; return False if something is left."""
        assert self._keeper.stdin is not None
        if self._status is None and self.wait(0) is None:
            with suppress(BrokenPipeError):
                self._keeper.stdin.write(f"{within}\n".encode())
            self.wait(within + _FORCED)
        self._close()
        return self._status is not None

    def _close(self) -> None:
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            assert pipe is not None
            pipe.close()
        if self._status is not None:
            self._keeper.wait()


@cache
def program() -> bytes:
    """Return the code of the keeper, which is read once: a payload may change the archive that it is in."""
    source = pkgutil.get_data(*_PROGRAM)
    assert source is not None
    return marshal.dumps(compile(source, _PROGRAM[-1], "exec", dont_inherit=True))


def _start(command: Command) -> KeptProcess:
    order, descriptors = _order(command)
    code = program()
    try:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _RUN, "goclient-keeper"],
            bufsize=0,
            cwd="/",
            env=command.env,  # a Python of a site may need its LD_LIBRARY_PATH
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            start_new_session=True,
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    with suppress(BrokenPipeError), open(keeper.stdin.fileno(), "wb", closefd=False) as pipe:
        pipe.write(code + order)
    line = keeper.stdout.readline()
    try:
        reason, pid, start, cgroup = line.decode(errors="surrogateescape").rstrip("\n").split(" ", 3)
        if not int(reason):
            return KeptProcess(keeper, int(pid), int(start), cgroup)
        failure = OSError(int(reason), os.strerror(int(reason)))
    except ValueError:
        said = (line + keeper.stdout.read()).decode(errors="replace").strip()
        failure = OSError(errno.ECHILD, f"its keeper did not start: {said[-200:]}")
    KeptProcess(keeper, 0, 0, "").end()
    raise failure


def _order(command: Command) -> tuple[bytes, list[int]]:
    """Return the order of a command, and copies of its descriptors that none of the keeper's own can replace."""
    words = [_bytes(command.words[0]), *(word.encode("utf-8", "surrogateescape") for word in command.words[1:])]
    env = {_bytes(name): _bytes(value) for name, value in command.env.items()}
    if b"\0" in b"".join((*words, *env, *env.values())):
        raise ValueError("embedded null byte")
    with open(os.devnull, "rb") as nothing:
        stdin = nothing.fileno() if command.stdin is None else command.stdin
        descriptors = [fcntl.fcntl(one, fcntl.F_DUPFD, 3) for one in (stdin, command.output)]
    order = {
        "argv": words,
        "env": env,
        "cwd": os.fsencode(command.cwd),
        "descriptors": [*descriptors, descriptors[-1]],
    }
    return marshal.dumps(order), descriptors


def _bytes(text: str) -> bytes:
    """Return the bytes of a path or of a variable: as they were read, whatever the node's locale, or as UTF-8."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")

"""Keeper: the program that holds one process of a job, and ends all of it when the pilot dies, however it dies.

``keeper.py`` runs it with ``python -I -S -c`` and its code, so that it works from an archive, too: it needs the
standard library of Python 3.9, and nothing of goclient.  Its standard input is an order, as ``marshal`` writes it; then
a number of seconds, to end the process in order within them; its end is the death of the pilot.  It writes two lines:
what it has started, and how that ended, once nothing is left of it.

Each job starts some keepers: what would take longer to load than all else, such as json, is not used.
"""

from __future__ import annotations

import _signal as signal  # signal itself makes enumerations first
import ctypes
import errno
import marshal
import os
import select
import sys
import time
from contextlib import suppress

TYPE_CHECKING = False  # as type checkers have it
if TYPE_CHECKING:
    from typing import Any

# prctl(2): signal for a child whose parent dies; orphans below a process become its children.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
# Signals for a batch job reach all of its processes: what they mean for the job is the pilot's to decide.
OTHERS = ("TERM", "INT", "HUP", "QUIT", "XCPU", "USR1", "USR2", "CHLD")


def main() -> None:
    """Start what the order names, wait for its end or the pilot's, and leave nothing of it."""
    order = marshal.load(sys.stdin.buffer)  # noqa: S302  # by the same Python: the pilot's
    adopt_orphans()
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for name in OTHERS:
        signal.signal(getattr(signal, f"SIG{name}"), lambda *_: None)  # not SIG_IGN, which the program would inherit
    cgroup = _make_cgroup()
    pid, failure = _start(order, cgroup)
    _tell(f"{failure} {pid} {began(pid)} {cgroup}")
    status = _wait(pid, awake)
    end_all(cgroup)
    _tell(f"{status}")


def adopt_orphans() -> None:
    """Become the parent of each process below this one whose own parent ends."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _tell(line: str) -> None:
    with suppress(BrokenPipeError):
        os.write(1, f"{line}\n".encode(errors="surrogateescape"))


def _start(order: dict[str, Any], cgroup: str) -> tuple[int, int]:
    """Start the program in a session of its own; return its process id, and the reason if it cannot be run."""
    reason, say = os.pipe()  # the program closes it: nothing is said if it runs
    keeper, pid = os.getpid(), os.fork()
    if not pid:
        try:
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == keeper:
                _become(order, cgroup)
        except OSError as error:
            os.write(say, str(error.errno).encode())
        finally:
            os._exit(127)
    for descriptor in {*order["descriptors"], say}:
        os.close(descriptor)
    with open(reason, "rb") as reading:
        return pid, int(reading.read() or 0)


def _become(order: dict[str, Any], cgroup: str) -> None:
    """Replace this process with the program; a script without ``#!`` is run by /bin/sh, as execvp does."""
    os.setsid()
    if cgroup:
        with suppress(OSError), open(f"{cgroup}/cgroup.procs", "w") as processes:
            processes.write("0")
    for number, descriptor in enumerate(order["descriptors"]):
        os.dup2(descriptor, number)
        os.set_inheritable(descriptor, False)
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python
        signal.signal(ignored, signal.SIG_DFL)
    argv, env = order["argv"], order["env"]
    os.chdir(order["cwd"])
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        os.execve("/bin/sh", [b"/bin/sh", *argv], env)  # noqa: S606


def _wait(pid: int, awake: int) -> int:
    """Return how the process has ended, in order if the pilot asks for it; at once if the pilot is dead."""
    deadline: float | None = None
    while True:
        for ended, status in _reap():
            if ended == pid:
                return os.waitstatus_to_exitcode(status)
        left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
        ready, _, _ = select.select([0, awake], [], [], left)
        if awake in ready:
            os.read(awake, 1 << 10)
        elif ready:
            patience = os.read(0, 1 << 10)
            if not patience:
                return -int(signal.SIGKILL)
            deadline = time.monotonic() + float(patience)
            _signal(signal.SIGTERM)
        elif left is not None:
            return -int(signal.SIGKILL)


def _reap() -> list[tuple[int, int]]:
    """Return the children that have ended, and how."""
    found = []
    with suppress(ChildProcessError):
        while (one := os.waitpid(-1, os.WNOHANG))[0]:
            found.append(one)
    return found


def end_all(cgroup: str = "") -> None:
    """Kill all processes below this one, until there are none; orphans become its children, so it sees all of them."""
    while True:
        if cgroup:
            with suppress(OSError), open(f"{cgroup}/cgroup.kill", "w") as kill:
                kill.write("1")
        _signal(signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
        _reap()
    if cgroup:
        with suppress(OSError):
            os.rmdir(cgroup)


def _signal(number: int) -> None:
    """Send a signal to all processes below this one."""
    parents = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):
            parents[int(name)] = int(_stat(name)[1])
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
        found |= more
    for pid in found - {os.getpid()}:
        with suppress(OSError):
            os.kill(pid, number)


def _stat(pid: str) -> list[bytes]:
    """Return the fields that the kernel tells of a process, from its state on (proc(5))."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2].split()


def began(pid: int) -> int:
    """Return when a process began, in ticks since the node did: no other one with its number began then."""
    return int(_stat(str(pid))[19])


def _make_cgroup() -> str:
    """Return the directory of a new cgroup below our own, from which no process escapes; empty if there can be none."""
    try:
        with open("/proc/self/mountinfo") as mounts:
            top = next(line.split()[4] for line in mounts if " - cgroup2 " in line)
        with open("/proc/self/cgroup") as groups:
            own = next(line.strip()[3:] for line in groups if line.startswith("0::"))
        made = f"{top}{own.rstrip('/')}/goclient-{os.getpid()}"
        os.mkdir(made)
    except (OSError, StopIteration):
        return ""
    if os.path.exists(f"{made}/cgroup.kill"):  # since Linux 5.14
        return made
    os.rmdir(made)
    return ""


if __name__ == "__main__":
    main()

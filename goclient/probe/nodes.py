"""Read what a probe has told of one worker node, and find the defects that a carried job cannot do with.

A node can tell anything: what is not of the kind that the program writes counts as not told.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from goclient.errors.wording import cite, quote

AUTH, TRANSFER, FILES = "Globus Auth", "Globus Transfer", "PanDA's file server"
# What a carrier needs: its Python (carrier/start.py), room at once (program.py), and the clock (credential.py).
NEEDED, ROOM, CLOCK_WITHIN = (3, 9), 1 << 20, 300.0  # bytes, seconds
SMALL = 1 << 30  # bytes of disk: less is worth a word
FEW_FILES = 1_000
NOT_FOUND = 127  # exit code of a shell without the program, and of a program without its libraries
UNAUTHORIZED = 401  # how Globus answers a request without a token
_MB = 1 << 20
_WRONG = "tell the site"
# The least that a carried job should have of each limit, and what the limit is.
_LIMITS = {
    "AS": (1 << 29, "bytes of memory"),
    "CPU": (600, "seconds of CPU time"),
    "FSIZE": (SMALL, "bytes a file"),
    "NOFILE": (64, "open files"),
    "NPROC": (32, "processes"),
}
# Types of file systems that several machines see (Linux; fuse.* are those of users' programs, such as cvmfs's).
_SHARED = frozenset(
    "9p afs beegfs ceph cifs cvmfs2 fuse glusterfs gpfs lustre nfs nfs4 panfs pvfs2 smb3 virtiofs wekafs".split()
)
T = TypeVar("T")


@dataclass(frozen=True)
class Problem:
    """A defect of a node: ``phrase`` goes on after "was seen"; with one that ``stops``, no carried job goes well."""

    code: str
    phrase: str
    hint: str = _WRONG
    stops: bool = True


@dataclass(frozen=True)
class Sharing:
    """Path of a directory with a mark as a node has it, the answer that was left there, or the error of that.

    The path is empty where the mark was not found.
    """

    path: str
    answer: str
    error: str


@dataclass(frozen=True)
class Node:
    """A node at a time (seconds since 1970), and its report; without one, ``reason`` says why the job failed.

    ``panda_id`` is that of the job.
    """

    panda_id: int
    seen: float
    report: Mapping[str, Any]
    reason: str = ""

    @property
    def name(self) -> str:
        """Return the name of the node, as it calls itself."""
        return cite(_take(self.report, "node", str, ""), 60)

    def problems(self, *, wanted: Container[str] | None = None, needs: int = 0) -> Iterator[Problem]:
        """Yield what is wrong with it; of servers with those that are ``wanted``, None for all that were asked for.

        ``needs``: bytes that a job brings.
        """
        if not self.report:
            yield Problem("node-failed", f"where the probe failed: {cite(self.reason or 'nobody says why')}")
        elif "status" in self.report:
            yield self._no_program()
        else:
            yield from self._of_python()
            yield from self._of_directory(needs)
            yield from self._of_limits()
            yield from self._of_network(wanted)
            for one in _dicts(self.report, "paths"):
                if error := _take(one, "error", str, ""):
                    yield Problem("node-path", f"without {quote(one.get('of'))}: {cite(error)}", stops=False)

    def facts(self) -> dict[str, str]:
        """Return what a user sees of it, by short names."""
        report, room = self.report, _dict(self.report, "directory")
        system = _dict(report, "system")
        shown = {
            "python": _take(report, "python", str, ""),
            "system": _take(system, "name", str, ""),
            "pilot": _take(report, "pilot", str, ""),
            "runGen": _take(report, "rungen", str, ""),
            "disk": f"{_take(room, 'free', int, 0) / 1e9:.1f} GB {_take(room, 'type', str, '')}" if room else "",
            "memory": f"{_take(system, 'memory', int, 0) / 1e9:.1f} GB" if system else "",
            "proxy": _take(_dict(report, "proxy"), "of", str, ""),
        }
        for one in _dicts(report, "paths"):
            if not _take(one, "error", str, ""):
                shown[cite(one.get("of"), 100)] = _describe_path(one)
        for one in _dicts(report, "targets"):
            if not _take(one, "error", str, ""):
                shown[cite(one.get("name"), 60)] = f"reached in {_take(one, 'seconds', float, 0.0):.2f} s"
        if (ahead := self._ahead()) is not None:
            shown["clock"] = f"{ahead:+.1f} s"
        return {name: cite(value, 100) for name, value in shown.items() if value}

    def marks(self) -> Iterator[tuple[str, str]]:
        """Yield each path that was asked for and is there, with the mark of its directory."""
        for one in _dicts(self.report, "paths"):
            if mark := _take(one, "mark", str, ""):
                yield cite(one.get("of"), 100), mark

    def find_sharing(self, mark: str) -> Sharing | None:
        """Return what it tells of the directory that has a mark; None if it tells nothing of that."""
        found = _dict(self.report, "shared")
        if _take(found, "mark", str, "") != mark:
            return None
        path, answer = _take(found, "node", str, ""), _take(found, "answer", str, "")
        is_path = path.startswith("/") and path.isprintable() and ".." not in path.split("/")
        if not is_path or re.fullmatch("[0-9a-f]{16}", answer) is None:
            return Sharing("", "", "")
        return Sharing(path, answer, cite(_take(found, "error", str, "")))

    # --- the parts of a report --------------------------------------------------------------------------------------

    def _no_program(self) -> Problem:
        """Return the problem of a node whose python3 does not run the program."""
        status, says = _take(self.report, "status", int, 0), _take(self.report, "says", str, "")
        hint = "ask the site for Python 3.9 or later: a carried job needs it"
        version = re.fullmatch(r"Python (\d{1,3})\.(\d{1,3})\S*", says)
        if version is not None and tuple(map(int, version.groups())) < NEEDED:
            return Problem("node-python", f"with {says}, and a carried job needs Python 3.9 or later", hint)
        if status == NOT_FOUND:
            return Problem("node-python", f"without python3: {cite(says, 100)}", hint)
        number = status - 128
        known = {one.value: one.name for one in signal.Signals}
        ended = f"it is ended by {known[number]}" if number in known else f"exit code {status}"
        return Problem("node-python", f"with a python3 that does not work ({ended}): {cite(says, 100)}", hint)

    def _of_python(self) -> Iterator[Problem]:
        version = re.match(r"(\d{1,3})\.(\d{1,3})", _take(self.report, "python", str, ""))
        if version is None or tuple(map(int, version.groups())) < NEEDED:
            shown = version[0] if version else "an unknown version"
            yield Problem("node-python", f"with Python {shown}, and a carried job needs Python 3.9 or later")
        if missing := _texts(self.report, "modules"):
            yield Problem("node-modules", f"with a Python that lacks {', '.join(missing)}")
        if missing := _texts(self.report, "files"):
            yield Problem("node-files", f"without {', '.join(missing)}")
        if ignored := _texts(self.report, "signals"):
            yield Problem("node-signals", f"with {', '.join(ignored)} ignored: how a program ends is not known")
        if _take(self.report, "umask", int, 0) & 0o700:
            yield Problem("node-umask", f"with the umask {_take(self.report, 'umask', int, 0):04o}", stops=False)

    def _of_directory(self, needs: int) -> Iterator[Problem]:
        found = _dict(self.report, "directory")
        free, files = _take(found, "free", int, SMALL), _take(found, "files", int, FEW_FILES)
        if write := _take(found, "write", str, ""):
            yield Problem("node-disk", f"with a job directory that cannot be written: {cite(write)}")
        elif free < max(SMALL, needs):
            least = f", and a job brings {needs / _MB:.0f} MB" if needs > free else ""
            yield Problem("node-disk", f"with {free / _MB:.0f} MB of disk{least}", stops=free < max(ROOM, needs))
        elif files < FEW_FILES:
            yield Problem("node-disk", f"with room for {files} more files", stops=False)
        if run := _take(found, "run", str, ""):
            yield Problem("node-exec", f"with a job directory in which no program can be started: {cite(run)}")
        if why := _take(self.report, "temporary", str, ""):
            yield Problem("node-tmp", f"without room for temporary files: {cite(why)}", stops=False)

    def _of_limits(self) -> Iterator[Problem]:
        limits = _dict(self.report, "limits")
        for name, (least, what) in _LIMITS.items():
            if (value := _take(limits, name, int, least)) < least:
                yield Problem("node-limit", f"with a limit of {value} {what}", stops=False)

    def _targets(self, wanted: Container[str] | None = None) -> list[Mapping[str, Any]]:
        return [one for one in _dicts(self.report, "targets") if wanted is None or one.get("of") in wanted]

    def _ahead(self, wanted: Container[str] | None = None) -> float | None:
        """Return the seconds that the clock is ahead of that of most servers; None if none has told its time."""
        told = (one for one in self._targets(wanted) if one.get("clock") is not None)
        clocks = sorted(_take(one, "clock", float, 0.0) for one in told)
        return clocks[len(clocks) // 2] if clocks else None

    def _of_network(self, wanted: Container[str] | None) -> Iterator[Problem]:
        targets = self._targets(wanted)
        failed = [one for one in targets if _take(one, "error", str, "")]
        proxy = _dict(self.report, "proxy")
        if error := _take(proxy, "error", str, ""):
            phrase = f"with a web proxy that cannot be reached: {cite(proxy.get('of'))}: {cite(error)}"
            yield Problem("node-proxy", phrase)
        if _take(self.report, "authorities", int, 1) == 0:
            yield Problem("node-authorities", "without the certificates of any authority (CA)")
        steps = {_take(one, "step", str, "") for one in failed}
        if failed and len(failed) == len(targets) and steps <= {"name"}:
            yield Problem("node-names", "without a name service (DNS)")
        elif len(failed) > 1 and len(failed) == len(targets) and steps <= {"name", "connect"}:
            yield Problem("node-network", f"without outbound network: {cite(failed[0]['error'])}")
        else:
            yield from map(_access_problem, failed)
        for one in targets:
            status = _take(one, "status", int, 0)
            if one.get("of") in (AUTH, TRANSFER) and status not in (0, UNAUTHORIZED):
                phrase = f"where something answers in place of {one['of']}, with the status {status}"
                yield Problem("node-interposed", phrase, "look at the web proxy of the site", stops=False)
        ahead = self._ahead(wanted)
        if ahead is not None and abs(ahead) > CLOCK_WITHIN:
            yield Problem("node-clock", f"with a clock that is {abs(ahead):.0f} s {'ahead' if ahead > 0 else 'behind'}")


def _access_problem(target: Mapping[str, Any]) -> Problem:
    """Return the problem of a node that does not reach a server, or does not believe it."""
    error, name = cite(target["error"]), cite(target.get("name"))
    if target.get("step") == "certificate":
        hint = "ask the site: its CAs may be missing, or something reads the traffic of its nodes"
        return Problem("node-certificate", f"where the certificate of {name} is not trusted: {error}", hint)
    return Problem("node-target", f"without access to {name}: {error}")


def _describe_path(one: Mapping[str, Any]) -> str:
    """Return what is known of a path: of which kind its file system is, whether machines share it, and its room."""
    kind = _take(one, "type", str, "")
    shared = "shared" if kind.partition(".")[0] in _SHARED else "of the node alone"
    writable = "writable" if _take(one, "writable", bool, False) else "read-only"
    return f"{shared} ({kind}), {writable}, {_take(one, 'free', int, 0) / 1e9:.1f} GB free"


# --- what a node has told ---------------------------------------------------------------------------------------------


def _take(found: Mapping[str, Any], key: str, kind: type[T], otherwise: T) -> T:
    """Return what is told under a key, if it is of the right kind."""
    value = found.get(key)
    return value if type(value) is kind else otherwise


def _dict(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return _take(found, key, dict, {})


def _dicts(found: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return [one for one in _take(found, key, list, []) if isinstance(one, dict)]


def _texts(found: Mapping[str, Any], key: str) -> list[str]:
    return [cite(one, 60) for one in _take(found, key, list, []) if isinstance(one, str)]

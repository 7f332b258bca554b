"""Faults of servers, networks, credentials, paths and disks: one table for all engines, and what each must come to.

A file is to come in place of an older one.  Whatever is wrong, the engine says so in time, or goes on; the older file,
or all of the new one, has the name, and nothing else has one.
"""

from __future__ import annotations

import errno
import itertools
import os
import random
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

from goclient.errors import EndpointError, GoclientError, MyproxyError
from goclient.errors.conditions import (
    ChecksumDiffers,
    NotADirectory,
    PathExists,
    PathNotFound,
    PermissionDenied,
    ServerFailed,
    SourceChanged,
)
from goclient.model.plan import TransferItem
from goclient.node import delivery
from goclient.node.engines import globus_task
from goclient.services import retry
from tests.node.engines.benches import Bench, lock
from tests.servers import between
from tests.servers.between import ALWAYS, Between, Kind

Make = Callable[[], Bench]
Way = Literal["bring", "take"]
Wrong = Literal["without an error that says it", "over time", "old file changed", "partial under a final name"]
WAYS: tuple[Way, ...] = ("bring", "take")
SIZE = 100_000
NEW, OLD = random.Random(14).randbytes(SIZE), b"old" * 1000
LARGE = 4 << 20  # bytes: more than a full disk has
IN_TIME = 30.0  # seconds, on a machine that is very busy; what never gets on is given up after one or two
EARLY = tuple(range(0, 7_500, 500))  # bytes: in the handshakes and the first requests
LATER = tuple(number / 15 for number in range(1, 16))  # of all bytes
NAMES = (
    "a b", " before", "behind ", "p%41q", "a#b", "a?b", "a;b", "a*b", "[a]", 'a"b', "a\\b", "~a", "-a", "a\tb", "ä",
    "\udcff",
)  # fmt: skip


class Case:
    """One file that is to be brought from a bench, or taken there, in place of an older one."""

    def __init__(self, make: Make, way: Way) -> None:
        self.make, self.way = make, way
        self.bench = bench = make()
        self.stack = bench.stack
        self.source = self.near if way == "take" else self.far
        self.recursive, self.overwrite = False, True
        self.must_meet = False  # its fault
        self.never_again = False  # what fails once fails from then on
        self.later = 0  # bytes
        self.wanted: tuple[bytes, ...] = (NEW,)
        self.item = TransferItem("new", "old", recursive=False)
        (self.source / "new").write_bytes(NEW)
        (self.target / "old").write_bytes(OLD)

    @property
    def near(self) -> Path:
        return self.bench.job

    @property
    def far(self) -> Path:
        return self.bench.there

    @property
    def target(self) -> Path:
        return self.far if self.way == "take" else self.near

    def goes(self, source: str = "new", target: str = "old", *, recursive: bool = False) -> None:
        """Have another item carried out."""
        self.item = TransferItem(source, target, recursive=recursive)

    def goes_to(self, path: str) -> None:
        """Have the other end be anywhere at the server, by its whole path."""

        def whole_path(name: str) -> str:
            return path

        self.bench.path = whole_path  # type: ignore[method-assign]
        self.goes("new", "old")

    def meets(self, after: float, kind: Kind, *, times: int = 1, call: Callable[[], object] = lambda: None) -> None:
        """Have all bytes go through relays that fail: after so many bytes, or behind a part of all that there are."""
        count = round(after * whole(self)) if isinstance(after, float) else after
        self.relayed(between.Fault(count + self.later, kind, times, call))

    def meanwhile(self, after: float, call: Callable[[], object]) -> None:
        """Have something happen once: when this part of all bytes has passed; on the node, before or after a read."""
        if "network" in self.bench.has:
            self.meets(after, "call", call=call)
            return
        left = [call]

        def does(read: Callable[[], object]) -> object:
            found = read() if after > 0.5 else None
            if left:
                left.pop()()
            return read() if found is None else found

        self.bench.fails("read", does)

    def relayed(self, fault: between.Fault | None) -> Between:
        relays = self.stack.enter_context(Between(fault))
        self.bench.through(relays)
        return relays

    def is_kept_aside(self) -> bool:
        """Return whether the older file is in the attempt's own directory, from where it cannot be put back."""
        aside = [one.read_bytes() for one in self.target.glob(".goclient-*/old/old")]
        return self.never_again and aside == [OLD]

    def run(self) -> GoclientError | None:
        """The error with which it ends, None if it ends well."""
        carry_out = self.bench.bring if self.way == "bring" else self.bench.take
        try:
            carry_out(self.item, overwrite=self.overwrite)
        except GoclientError as error:
            return error
        return None


_whole: dict[tuple[type[Bench], Way], int] = {}


def whole(case: Case) -> int:
    """How many bytes pass for a case in which nothing is wrong: the fewest of three, as a busy server has it again."""
    key = type(case.bench), case.way
    if key not in _whole:
        _whole[key] = min(_passed(case) for _ in range(3))
    return _whole[key]


def _passed(case: Case) -> int:
    clean = Case(case.make, case.way)
    with clean.stack:
        relays = clean.relayed(None)
        assert clean.run() is None
        return relays.passed


class Problem(NamedTuple):
    """Something that is not as it must be."""

    kind: Wrong
    text: str


@dataclass(frozen=True)
class Fault:
    """Something that is wrong: ``does`` makes it so.  It ends in an error of these ``kinds``; or ``well``, if it may.

    ``needs``: what a bench must have for it.  ``says``: words of the error.
    """

    group: str
    about: str
    way: Way
    does: Callable[[Case], object]
    kinds: tuple[type[GoclientError], ...] = ()
    well: bool = False
    needs: frozenset[str] = frozenset()
    says: str = ""

    def problems(self, make: Make, *, later: int = 0) -> list[Problem]:
        """Return what is not as it must be when a new bench meets it; one of the network comes so many bytes later."""
        case = Case(make, self.way)
        case.later = later
        with case.stack:
            self.does(case)
            before = names(case)
            started = time.monotonic()
            error = case.run()
            seconds = time.monotonic() - started
            found = [Problem("over time", f"it took {seconds:.1f} s")] if seconds > IN_TIME else []
            found += [Problem("without an error that says it", one) for one in self._untold(case, error)]
            found += self._harm(case, error, before)
            return [Problem(kind, f"{self.way}, {self.about}: {text}") for kind, text in found]

    def _untold(self, case: Case, error: GoclientError | None) -> Iterator[str]:
        if case.must_meet and not case.bench.met:
            yield "its fault was not met"
        if error is None:
            if not (self.well or not self.kinds):
                yield "it ended well"
            if not case.item.recursive and not (case.target / case.item.destination).is_file():
                yield "it did not arrive"
            return
        kinds = (*self.kinds, EndpointError) if self.kinds and case.bench.tells_by_tasks else self.kinds
        if not isinstance(error, kinds):
            yield f"{type(error).__name__}, not {kinds}: {error.message}"
        if self.group in ("break", "never") and not error.transient:
            yield f"it is not said to pass: {error.message}"
        if not error.message or not error.hint:
            yield f"it says too little: {error.message!r}, {error.hint!r}"
        if self.says not in error.message:
            yield f"it does not say {self.says}: {error.message}"

    def _harm(self, case: Case, error: GoclientError | None, before: set[str]) -> Iterator[Problem]:
        old = case.target / "old"
        if case.item.destination == "old" and old.is_file():
            content = old.read_bytes()
            if content not in (*case.wanted, *((OLD,) if error is not None else ())):
                text = f"{len(content)} bytes have the name, which are neither the old nor the new file"
                yield Problem("partial under a final name", text)
        elif case.item.destination == "old" and not old.exists() and not (error and case.is_kept_aside()):
            yield Problem("old file changed", "the old file is gone")
        if error is not None and (more := names(case) - before - {"old"}):
            yield Problem("partial under a final name", f"there is more than before: {more}")


def names(case: Case) -> set[str]:
    """All files that a user sees at the target, or a job in its directory."""
    shown = {str(one.relative_to(case.target)) for one in case.target.rglob("*") if not one.is_dir()}
    return {one for one in shown if not one.startswith(".goclient-") or case.way == "bring"}


# --- the network ----------------------------------------------------------------------------------------------------

NETWORK = frozenset({"network"})


def breaks(way: Way) -> Iterator[Fault]:
    """A connection that breaks once, at any offset: it goes on."""
    kinds: tuple[Kind, ...] = ("close", "reset")
    for kind in kinds:
        for after in (*EARLY, *LATER):
            does = partial(Case.meets, after=after, kind=kind)
            yield Fault(
                "break", f"{kind} once after {after:.4g}", way, does, (EndpointError,), well=True, needs=NETWORK
            )


def gives_up(way: Way) -> Iterator[Fault]:
    """A server that never gets on: an error in time."""
    kinds: tuple[Kind, ...] = ("close", "reset", "silent", "drip")
    for kind in kinds:
        for after in (0, 1_000, 0.5):

            def does(case: Case, after: float = after, kind: Kind = kind) -> None:
                case.bench.hurry()
                case.meets(after, kind, times=ALWAYS)

            yield Fault("never", f"{kind} always after {after:.4g}", way, does, (EndpointError,), needs=NETWORK)


# --- whom we ask, and as whom ---------------------------------------------------------------------------------------


def addresses(way: Way) -> Iterator[Fault]:
    """A server that is not there, or is not what it is said to be."""

    def at(port: Callable[[Case], int], host: str = "localhost") -> Callable[[Case], None]:
        def does(case: Case) -> None:
            case.bench.hurry()
            case.bench.ask(host, port(case))

        return does

    yield Fault("address", "a dead server", way, at(dead_port), (EndpointError,), needs=NETWORK)
    yield Fault(
        "address", "an unknown host", way, at(lambda _: 443, "no-such-host.invalid"), (EndpointError,), needs=NETWORK
    )
    yield Fault("address", "something else answers", way, at(babbling), (EndpointError,), needs=NETWORK)
    yield Fault("address", "a server that says nothing", way, at(mute), (EndpointError,), needs=NETWORK)
    tls = frozenset({"tls"})
    yield Fault("address", "a certificate for another name", way, at(lambda case: case.bench.port, "127.0.0.1"),
                (EndpointError,), needs=tls)  # fmt: skip
    yield Fault("address", "a certificate of a CA that nobody knows", way, lambda case: case.bench.trusts_nobody(),
                (EndpointError, MyproxyError), needs=tls)  # fmt: skip


def dead_port(_: Case) -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def babbling(case: Case) -> int:
    """A server that says something, and hangs up."""
    return speaking(case, b"hello, who is there?\r\n" * 3)


def mute(case: Case) -> int:
    return speaking(case, b"")


def speaking(case: Case, words: bytes) -> int:
    listener = socket.create_server(("127.0.0.1", 0))
    opened = [listener]

    def accept() -> None:
        with suppress(OSError):
            while True:
                opened.append(listener.accept()[0])
                if words:
                    opened[-1].sendall(words)
                    opened[-1].shutdown(socket.SHUT_WR)

    def end() -> None:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for one in opened:
            one.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    case.stack.callback(end)
    found: int = listener.getsockname()[1]
    return found


def credentials(way: Way) -> Iterator[Fault]:
    """A credential that is not good, or not for this."""
    denied = (EndpointError, MyproxyError)
    for about, kinds in (
        ("missing", denied), ("expired", denied), ("foreign", denied), ("unmapped", denied), ("damaged", denied),
        ("limited", ()), ("somebody else's", (EndpointError,)),
    ):  # fmt: skip

        def does(case: Case, about: str = about) -> None:
            case.bench.acts_as(about)

        yield Fault("credential", about, way, does, kinds, well=not kinds or about == "somebody else's",
                    needs=frozenset({f"credential {about}"}))  # fmt: skip

    def ends(case: Case) -> None:
        count = whole(case)
        until = case.bench.acts_as("short")
        case.meets(count // 2, "call", call=lambda: time.sleep(max(until - time.time(), 0.0) + 0.05))

    yield Fault(
        "credential", "it ends in the middle", way, ends, denied, well=True, needs=frozenset({"credential ends"})
    )


# --- paths, rights and disks ----------------------------------------------------------------------------------------


def set_to(
    source: str = "new", target: str = "old", *, recursive: bool = False, overwrite: bool = True
) -> Callable[[Case], None]:
    def does(case: Case) -> None:
        case.overwrite = overwrite
        case.goes(source, target, recursive=recursive)

    return does


def paths(way: Way) -> Iterator[Fault]:
    """Paths that are wrong, taken, or not the job's."""
    missing, taken = (PathNotFound,), (PathExists,)
    for about, does, kinds in (
        ("nothing is there", set_to("gone"), missing),
        ("its directory is not there", set_to("gone/new"), missing),
        ("it is below a file", set_to("new/below"), (EndpointError,)),
        ("a file that is typed as a directory", set_to("new/", recursive=True), (NotADirectory, ServerFailed)),
        ("a name that is too long", set_to("n" * 300), (GoclientError,)),
        ("a path that is too long", set_to("/".join(["n" * 200] * 30)), (GoclientError,)),
        ("the target is there", set_to(overwrite=False), taken),
        ("the target is below a file", set_to(target="old/below"), (GoclientError,)),
        ("the target's name is too long", set_to(target="n" * 300), (GoclientError,)),
        ("the target's path is too long", set_to(target="/".join(["n" * 200] * 30)), (GoclientError,)),
        ("the target is a directory", _directory_in_the_way, (GoclientError,)),
        ("the target is a directory with files", _full_directory_in_the_way, (GoclientError,)),
        ("the target's directory is not there yet", set_to(target="a/b/new"), ()),
        ("the target has a blank, a quote and a percent sign", set_to(target="a b'%41"), ()),
    ):
        yield Fault("path", about, way, does, kinds)
    if way == "take":
        for about, prepare in (
            ("a link that leads out", lambda case: (case.near / "odd").symlink_to("/etc/passwd")),
            ("a link that leads nowhere", lambda case: (case.near / "odd").symlink_to("nowhere")),
            ("a link to itself", lambda case: (case.near / "odd").symlink_to("odd")),
            ("the pilot's own file under another name", _own_file),
            ("a link to the pilot's own file", lambda case: (case.near / "odd").symlink_to(case.bench.own)),
            ("a path above the job's directory", lambda case: case.goes("../" + case.bench.own.name)),
            ("a pipe", lambda case: os.mkfifo(case.near / "odd")),
        ):

            def odd(case: Case, prepare: Callable[[Case], object] = prepare) -> None:
                case.goes("odd")
                prepare(case)

            needs = frozenset({"reads"} if "pipe" in about else ())
            yield Fault("path", about, way, odd, (GoclientError,), needs=needs)
    else:
        for about, link in (("out", ".."), ("to itself", "round")):

            def round_(case: Case, link: str = link) -> None:
                (case.near / "round").symlink_to(link)
                case.goes(target="round/below")

            yield Fault("path", f"the target is behind a link that leads {about}", way, round_, (GoclientError,))


def _own_file(case: Case) -> None:
    os.link(case.bench.own, case.near / "odd")


def _directory_in_the_way(case: Case) -> None:
    (case.target / "directory").mkdir()
    case.goes(target="directory")


def _full_directory_in_the_way(case: Case) -> None:
    _directory_in_the_way(case)
    (case.target / "directory" / "precious").write_bytes(OLD)


def odd_names(way: Way) -> Iterator[Fault]:
    """Names that arrive as typed, or are refused by a server that cannot have them."""
    for name in NAMES:

        def does(case: Case, name: str = name) -> None:
            if name not in case.bench.refused:
                (case.source / name).write_bytes(NEW)
            case.goes(name, name)

        yield Fault("name", f"the name {name!r}", way, does, (GoclientError,), well=True)


def rights(way: Way) -> Iterator[Fault]:
    """Places where nobody may read or write, and disks that are full."""
    yield Fault("right", "no right", way, lambda case: case.goes_to(case.bench.denied(case.way)), (PermissionDenied,),
                needs=frozenset({"rights"}))  # fmt: skip
    yield Fault("right", "no right on the node", way, _node_denied, (EndpointError,), needs=frozenset({"locks"}))
    if way == "take":
        yield Fault("full", "the server's disk is full", way, _full, (EndpointError,), needs=frozenset({"full"}))
    else:
        yield Fault("full", "the disk of the server that sees the job is full", way, _job_full, (EndpointError,),
                    needs=frozenset({"full", "sees"}))  # fmt: skip
    writes = frozenset({"reads"} if way == "bring" else {"system"})
    yield Fault("full", "the node's disk is full", way, _node_full, (EndpointError,), needs=writes)


def _node_denied(case: Case) -> None:
    (case.target / "denied").mkdir()
    case.stack.callback(lock(case.target / "denied"))
    case.goes(target="denied/new")


def _job_full(case: Case) -> None:
    case.bench.patience = 1.0
    (case.source / "new").write_bytes(bytes(LARGE))
    case.goes(target=f"{case.bench.full_job()}/new")


def _full(case: Case) -> None:
    case.bench.patience = 1.0  # a server may say no more than that the connection is closed, which may pass
    (case.source / "new").write_bytes(bytes(LARGE))
    case.goes_to(f"{case.bench.full()}/{os.urandom(8).hex()}")


def _node_full(case: Case) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    case.stack.callback(resource.setrlimit, resource.RLIMIT_FSIZE, before)
    (case.source / "new").write_bytes(bytes(LARGE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGE // 2, before[1]))  # what is written beyond is an error


# --- what changes meanwhile -----------------------------------------------------------------------------------------

CHANGES = frozenset({"changes"})
CHANGED = (SourceChanged, ChecksumDiffers, PathNotFound, EndpointError)


def changes(way: Way) -> Iterator[Fault]:
    """Files that somebody else changes while they are copied."""

    for about, change in (
        ("shrinks", lambda case: (case.source / "new").write_bytes(NEW[:1000])),
        ("grows", lambda case: (case.source / "new").write_bytes(NEW * 3)),
        ("gets another content", lambda case: (case.source / "new").write_bytes(NEW[::-1])),
        ("is replaced by another one", _replace),
        ("is removed", lambda case: (case.source / "new").unlink()),
    ):
        for after in (0.3, 0.6):

            def does(case: Case, change: Callable[[Case], object] = change, after: float = after) -> None:
                case.wanted = (NEW, NEW[:1000], NEW * 3, NEW[::-1])
                case.meanwhile(after, lambda: change(case))

            yield Fault("change", f"it {about} after {after}", way, does, CHANGED, well=True, needs=CHANGES)

    def appears(case: Case) -> None:
        (case.target / "old").unlink()
        case.overwrite, case.wanted = False, (OLD,)
        case.meanwhile(0.5, lambda: (case.target / "old").write_bytes(OLD))

    yield Fault("change", "somebody makes the target", way, appears, (PathExists,), needs=CHANGES)


def _replace(case: Case) -> None:
    (case.source / "other").write_bytes(NEW[::-1])
    (case.source / "other").replace(case.source / "new")


# --- calls that fail ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CallFault:
    """Something that a call does in place of what it should; it is given the call."""

    about: str
    does: Callable[[Callable[[], object]], object]
    times: int = 1


def raising(error: Callable[[], BaseException], *, after: bool = False) -> Callable[[Callable[[], object]], object]:
    def does(call: Callable[[], object]) -> object:
        if after:
            call()
        raise error()

    return does


def busy() -> EndpointError:
    return EndpointError("the service is busy", hint="wait", transient=True)


def of_kind(kind: type[GoclientError]) -> Callable[[Callable[[], object]], object]:
    return raising(lambda: kind("the service says so", hint="ask it"))


def told(call: Callable[[], object], status: str, reason: str = "it says so") -> object:
    """Return what the service tells of its tasks when they have another state."""
    states = call()
    assert isinstance(states, dict)
    return {name: replace(one, status=status, reason=reason, faults=1) for name, one in states.items()}


SERVICE = (
    CallFault("is busy once", raising(busy)),
    CallFault("is busy three times", raising(busy), 3),
    CallFault("is always busy", raising(busy), ALWAYS),
    CallFault("does it, and its answer is lost", raising(busy, after=True)),
    CallFault("does it, and its answers are lost", raising(busy, after=True), ALWAYS),
    *(CallFault(f"raises {kind.__name__}", of_kind(kind), times)
      for kind in (EndpointError, GoclientError, PathExists, PermissionDenied)
      for times in (1, 2, ALWAYS) if times != 2 or kind is not GoclientError),  # such an error is never tried again
)  # fmt: skip
TASKS = tuple(
    CallFault(f"tells {status or 'nothing'} of a task", partial(told, status=status) if status else lambda _: {}, times)
    for status in ("FAILED", "INACTIVE", "")
    for times in (1, ALWAYS)
)
ERRORS = tuple(
    CallFault(os.strerror(number), raising(partial(OSError, number, os.strerror(number))))
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS, errno.EACCES, errno.EMFILE,
                   errno.ENOENT)
)  # fmt: skip
ASKED: dict[Way, dict[str, int]] = {  # calls of the service that a transfer makes, and how many of each are tried
    "bring": {"listing": 1, "submission_id": 1, "submit": 1, "tasks": 1},
    "take": {"listing": 4, "mkdir": 2, "rename": 2, "submission_id": 1, "submit": 1, "tasks": 1},
}
CALLED: dict[Way, dict[str, int]] = {  # and of the system
    "bring": {"open": 2, "readlink": 2, "fstat": 3, "fchmod": 1, "replace": 1, "read": 1, "write": 1},
    "take": {"open": 2, "readlink": 2, "fstat": 3, "fsync": 1, "fchmod": 1, "replace": 1, "read": 1, "write": 1,
             "stat": 2, "link": 2, "unlink": 2},
}  # fmt: skip


def calls(way: Way) -> Iterator[Fault]:
    """Calls of a transfer service, and of the node's system, that fail at any place."""
    for made, kinds, needs in ((ASKED, SERVICE, "service"), (CALLED, ERRORS, "system")):
        for name, count in made[way].items():
            for first in range(1, count + 1):
                for kind in (*kinds, *(TASKS if name == "tasks" else ())):

                    def does(case: Case, name: str = name, first: int = first, kind: CallFault = kind) -> None:
                        case.never_again = kind.times == ALWAYS
                        if case.never_again:
                            case.bench.hurry()
                        case.bench.fails(name, kind.does, first=first, times=kind.times)
                        case.must_meet = True

                    about = f"{kind.about}, at {name} {first}"
                    yield Fault("call", about, way, does, (GoclientError,), well=True, needs=frozenset({needs}))


def tasks(way: Way) -> Iterator[Fault]:
    """Tasks that fail, or show nothing but faults: what is wrong with their servers a service alone sees."""
    for about, status, reason in (
        ("no right", "FAILED", "PERMISSION_DENIED"), ("a full disk", "FAILED", "QUOTA_EXCEEDED"),
        ("a dead server", "FAILED", "CONNECT_FAILED"), ("a silent server", "ACTIVE", "TIMEOUT"),
        ("a server that resets", "ACTIVE", "CONNECTION_RESET"), ("a server that drips", "ACTIVE", "TIMEOUT"),
        ("a wrong certificate", "FAILED", "AUTH"), ("an expired credential", "INACTIVE", "CREDENTIALS_EXPIRED"),
        ("a credential that ends in the middle", "INACTIVE", "PAUSED_BY_ADMIN"),
        ("a changed file", "FAILED", "VERIFY_CHECKSUM"),
    ):  # fmt: skip

        def does(case: Case, status: str = status, reason: str = reason) -> None:
            case.bench.hurry()
            case.bench.fails("tasks", partial(told, status=status, reason=reason), times=ALWAYS)
            case.bench.fails("faults", lambda _: [reason], times=ALWAYS)
            case.must_meet = True

        yield Fault("task", about, way, does, (EndpointError,), needs=frozenset({"service"}), says=reason)


TABLE: tuple[Fault, ...] = tuple(
    fault
    for make in (breaks, gives_up, addresses, credentials, paths, odd_names, rights, changes, calls, tasks)
    for way in WAYS
    for fault in make(way)
)
GROUPS = tuple(dict.fromkeys((fault.group, fault.way) for fault in TABLE))


def met_by(bench: type[Bench]) -> list[Fault]:
    """The faults that an engine can meet."""
    return [fault for fault in TABLE if fault.needs <= bench.has]


def of(bench: type[Bench], group: str, way: Way) -> list[Fault]:
    """Those of a group."""
    return [fault for fault in met_by(bench) if (fault.group, fault.way) == (group, way)]


def in_folders_of(bench: type[Bench], top: Path) -> Make:
    """Return what makes benches, each in a folder of its own."""
    numbers = itertools.count()

    def make() -> Bench:
        folder = top / str(next(numbers))
        folder.mkdir()
        return bench(folder)

    return make


def hurry(patched: pytest.MonkeyPatch) -> None:
    """Shorten the pauses of engines."""
    for module, name in ((retry, "_AGAIN"), (globus_task, "POLL"), (delivery, "_AGAIN")):
        patched.setattr(module, name, (0.01, 0.2 if module is delivery else 1.0))

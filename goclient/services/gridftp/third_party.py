"""Copies from one GridFTP server to another: one channel for many files, and the node sees their replies only."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from goclient.errors import EndpointError, GoclientError
from goclient.errors.wording import quote
from goclient.services.deadline import LONGEST_WAIT, Background
from goclient.services.gridftp.data import BLOCKS, LAST_WORDS, Watch, connect_to, passive, prepare
from goclient.services.gridftp.files import wire_path
from goclient.services.gridftp.key import new_key
from goclient.services.gridftp.replies import Reply, refusal
from goclient.services.gridftp.session import Session
from goclient.services.gsi.dial import silent as silent_error

AHEAD = 40  # files whose copies are ordered before the first of them is done
_MARKERS = (111, 112)  # GFD.20: ranges that have arrived, and how many bytes
_RANGES = re.compile(r"Range Marker:? *([0-9]+-[0-9]+(?:,[0-9]+-[0-9]+)*)", re.IGNORECASE)
_BYTES = re.compile(r"Stripe Bytes Transferred: *([0-9]+)")


@dataclass
class Copy:
    """A file to be copied from one server to another: the paths, and what came of it.

    ``arrived`` are the ranges of bytes that the destination has, as it said: a copy goes on from there.
    """

    source: str
    destination: str
    arrived: str = ""
    error: GoclientError | None = None
    done: bool = False

    @property
    def is_over(self) -> bool:
        """Return True if it was copied, or cannot be."""
        return self.done or self.error is not None


class _End:
    """One of the two servers: what it has said so far of the copies that are under way, in their order."""

    def __init__(self, session: Session, command: str) -> None:
        self.session = session
        self.command = command
        self.finals: deque[Reply] = deque()
        self.bytes = 0  # of the copy that it works on, as its last marker said

    def order(self, copy: Copy, path: str) -> None:
        """Put the commands of a copy behind those that are not sent yet."""
        self.session.send(*([f"REST {copy.arrived}"] if copy.arrived else []), f"{self.command} {wire_path(path)}")

    def read(self, flying: Sequence[Copy], watch: Watch) -> None:
        """Take what it says: replies that end a copy, and markers of the one that it works on."""
        while (reply := self.session.next_reply()) is not None:
            if reply.is_preliminary:
                if reply.code in _MARKERS:
                    self._mark(reply, flying, watch)
            elif not 300 <= reply.code < 400:  # which is said of REST
                self.finals.append(reply)
                self.bytes = 0
                watch.progress(0)

    def _mark(self, reply: Reply, flying: Sequence[Copy], watch: Watch) -> None:
        text = reply.text
        if (found := _RANGES.search(text)) and len(self.finals) < len(flying):
            flying[len(self.finals)].arrived = found[1]
        if (count := _BYTES.search(text)) and int(count[1]) > self.bytes:
            before, self.bytes = self.bytes, int(count[1])
            watch.progress(self.bytes - before)


def third_party(
    source: Session, destination: Session, copies: Sequence[Copy], *, watch: Watch, markers: bool = True
) -> None:
    """Copy files from one server to another, without the node between; each copy gets what came of it.

    Returns when all are over, or one was refused: both sessions are closed then, because the other server waits for
    data that never come.  What breaks all of them is raised, and then it goes on with two new sessions.  A server of
    which no marker comes while ``watch`` waits is given up; files that are progress only as a whole need no
    ``markers``, of which each makes three.  A copy that is not done may have left anything at its destination, also
    bytes of the next file.
    """
    waiting = deque(copy for copy in copies if not copy.is_over)
    resumed = [copy for copy in waiting if copy.arrived]
    flying: deque[Copy] = deque()
    ends = _End(source, "RETR"), _End(destination, "STOR")
    try:
        _link(source, destination, watch, markers=markers)
        while waiting or flying:
            for copy in [waiting.popleft() for _ in range(min(len(waiting), _room(flying)))]:
                flying.append(copy)
                ends[0].order(copy, copy.source)
                ends[1].order(copy, copy.destination)
            _read(ends, flying, watch)
            while all(end.finals and end.finals[0].is_good for end in ends):
                for end in ends:
                    end.finals.popleft()
                flying.popleft().done = True
                watch.progress(1)  # as nothing else tells of a file without markers
            if any(end.finals and not end.finals[0].is_good for end in ends):
                _refuse(ends, flying, resumed=flying[0] in resumed)
                return
    except BaseException:
        # Only the first one has begun for certain.
        for copy in list(flying)[1:]:
            copy.arrived = ""
        source.close()
        destination.close()
        raise


def _room(flying: Sequence[Copy]) -> int:
    """Return how many copies are ordered now: many at once, as one by one each would be a packet of its own."""
    return AHEAD - len(flying) if len(flying) <= AHEAD // 2 else 0


def _link(source: Session, destination: Session, watch: Watch, *, markers: bool) -> None:
    """Give both servers a key, side by side, and the source the address at which the destination waits."""
    key = new_key()
    first = Background(lambda: prepare(source, key, mode=BLOCKS, watch=watch))
    try:
        prepare(destination, key, mode=BLOCKS, watch=watch)
    finally:
        first.result(LONGEST_WAIT)  # it ends by its own deadline
    # Each second, or never, at servers that have the command; others send them from time to time.
    destination.commands([f"TREV {one} {int(markers)}" for one in ("PERF", "RESTART")], lambda: watch.deadline)
    host, port = passive(destination, watch)
    connect_to(source, host, port, watch=watch)


def _read(ends: tuple[_End, _End], flying: Sequence[Copy], watch: Watch) -> None:
    """Wait until a server says something, or takes more commands."""
    sessions = [end.session for end in ends]
    try:
        ready = watch.wait(sessions, [one for one in sessions if one.has_unsent])
    except TimeoutError as error:
        slow = next((end.session for end in ends if not end.finals), ends[0].session)
        raise silent_error(slow.server, watch.deadline, step=f"while {quote(flying[0].source)} was copied") from error
    for end in ends:
        if end.session in ready:
            end.session.work(watch.deadline, step="during a transfer")
            end.read(flying, watch)


def _refuse(ends: tuple[_End, _End], flying: deque[Copy], *, resumed: bool) -> None:
    """Note why the first copy was refused, and close both sessions; raise the error if it may pass."""
    last = Watch(lambda _: None, LAST_WORDS)
    with suppress(EndpointError):
        while not all(end.finals for end in ends):  # which of the two has closed the data channel, and why
            _read(ends, flying, last)
    copy = flying[0]
    errors = [
        refusal(end.finals[0], end.session.endpoint.show(path))
        for end, path in zip(ends, (copy.source, copy.destination), strict=True)
        if end.finals and not end.finals[0].is_good
    ]
    for end in ends:
        end.session.close()
    error = min(errors, key=lambda one: one.transient)
    if error.transient:
        raise error
    for one in flying:  # the bytes of the next file may have gone under the name of the one before
        one.arrived = ""
    if not resumed:  # else it is tried from its beginning
        copy.error = error

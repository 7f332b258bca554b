"""State of a batch, and what is due in it: a pure function of the journal, and of how the jobs stand.

A transfer task is an entry of the batch's journal: ``intended`` with the submission id under which Globus carries it
out once, however often it is asked; ``accepted`` with the task's id, too; then ``done`` or ``failed``.  Another try is
another entry.  So whatever ends a process, the next one finds out what is due, and does nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from goclient.errors import RequestError
from goclient.jobs.panda_ids import as_ranges
from goclient.journal import Entry
from goclient.model.staging import MAX_ITEMS

TRANSFER = "transfer"  # what entries are about
BRING, DELIVER, CLEAN = "bring", "deliver", "clean"  # how their keys begin, and the phases in the labels of tasks
MISSING = "missing"  # what entries are about that name the jobs whose outputs for a destination are not at the site
TRIES = 3  # of a transfer task that fails, before somebody has to look


class Sent(Enum):
    """Tell whether the jobs of a batch were sent."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"  # a call was made, and its answer is lost


class Standing(Enum):
    """Tell how a job of a batch stands, all its tries taken together."""

    RUNNING = "running"  # or waiting: one of its tries is not over
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"  # somebody has stopped its latest try
    UNKNOWN = "unknown"  # the server does not know its latest try now, or nobody knows whether there is a later one


@dataclass(frozen=True)
class Allowed:
    """Actions that a user allows: ``again`` what has failed too often, ``ends`` without failed jobs, ``overwrites``.

    ``jobs`` are the PandaIDs of jobs that were accepted, though the answer was lost; with ``ends``, of jobs that are
    given up because nothing is known of them, or an output of theirs is not at the site; no others are.
    """

    again: bool = False
    ends: bool = False
    overwrites: bool = False
    jobs: tuple[int, ...] = ()

    @property
    def words(self) -> list[str]:
        """Return the options that allow it."""
        allowed = {"--again": self.again, "--end": self.ends, "--goOverwrite": self.overwrites, "--jobs": self.jobs}
        return [word for word, is_given in allowed.items() if is_given]

    @property
    def typed(self) -> str:
        """Return the options that allow it as they are typed."""
        return " ".join(f"{one}={as_ranges(self.jobs)}" if one == "--jobs" else one for one in self.words)

    @property
    def given_up(self) -> tuple[int, ...]:
        """Return the PandaIDs of the jobs that may be given up."""
        return self.jobs if self.ends else ()

    def check_campaign_is_named(self, campaign: str) -> None:
        """Raise RequestError if anything is allowed, which concerns one campaign, and none is named."""
        if not campaign and (words := self.words):
            message = f"{' and '.join(words)}: that is said of one campaign, and none is named"
            hint = f"name it: goclient advance CAMPAIGN {self.typed}"
            raise RequestError(message, hint=hint, code="combination", subject=words[0])


NOTHING_MORE = Allowed()


class Slot(NamedTuple):
    """One transfer task of a batch: which, for which of its parts, and which try, or which round, it is."""

    what: str
    part: int
    turn: int

    @property
    def key(self) -> str:
        """Return the key of its entries."""
        return f"{self.what}.{self.part}.{self.turn}"

    @classmethod
    def read(cls, key: str) -> Slot:
        """Return the slot of a key."""
        what, part, turn = key.split(".")
        return cls(what, int(part), int(turn))


class Deed(Enum):
    """Kinds of steps."""

    SUBMIT = "submit"  # a transfer task, under the id that the journal has, or a new one
    WATCH = "watch"  # a transfer task that Globus carries out
    CANCEL = "cancel"  # a transfer task: the campaign is given up
    SEND = "send"  # the jobs
    RETRY = "retry"  # jobs whose first try has failed in a way that a second one cures
    CLOSE = "close"  # everything is done
    STUCK = "stuck"  # a transfer task has failed too often: somebody has to look
    ASK = "ask"  # whether the jobs were accepted, which nobody knows
    MISS = "miss"  # jobs of which it is not known how they stand: nothing that they may need is removed
    MEND = "mend"  # jobs that failed or were cancelled, or give them up: somebody has to decide


class Step(NamedTuple):
    """One thing that is due; ``serials`` are the jobs that are tried again, or whose outputs are delivered."""

    deed: Deed
    slot: Slot | None = None
    serials: tuple[int, ...] = ()


@dataclass(frozen=True)
class Shape:
    """Parts of a batch: as many tasks bring its inputs, and so many outputs of each job go to each destination."""

    brings: int
    outputs: tuple[int, ...]
    jobs: int


@dataclass(frozen=True)
class Known:
    """Facts about a batch: the last entry of each of its transfer tasks, and how its jobs stand, by number.

    ``blocked`` are the jobs for which something is in the way at a destination, by its number; ``lost`` are those of
    which an output for it is not at the site, and that are given up.
    ``curable`` are those that failed in a way that a second try cures, and had none.
    ``again``: what has failed too often is tried once more.  ``gives_up``: jobs that failed are not waited for, and
    those that were not sent are not sent.
    """

    entries: Mapping[str, Entry]
    sent: Sent = Sent.NO
    jobs: Mapping[int, Standing] = field(default_factory=dict)
    curable: tuple[int, ...] = ()
    blocked: Mapping[int, frozenset[int]] = field(default_factory=dict)
    lost: Mapping[int, frozenset[int]] = field(default_factory=dict)
    again: bool = False
    gives_up: bool = False

    def turns(self, what: str, part: int) -> list[Entry]:
        """Return the entries of all turns of a part, in order."""
        slots = sorted(slot for slot in map(Slot.read, self.entries) if slot[:2] == (what, part))
        return [self.entries[slot.key] for slot in slots]

    def having(self, standing: Standing) -> tuple[int, ...]:
        """Return the numbers of the jobs that stand so."""
        return tuple(sorted(serial for serial, one in self.jobs.items() if one is standing))


def due(shape: Shape, known: Known) -> list[Step]:
    """Return the steps that may be taken now, none of which waits for another; none if only jobs are waited for.

    What was staged is removed only when all is known of every job, and none of its tries runs.  Once
    somebody has stopped a job, none is sent again unasked.
    """
    if known.turns(CLEAN, 0):
        return _once(CLEAN, 0, known) or [Step(Deed.CLOSE)]  # nothing else was due when it was begun
    if known.gives_up and known.sent is Sent.NO:
        stops = [step for part in range(shape.brings) for step in _stop(part, known)]
        return stops or _once(CLEAN, 0, known) or [Step(Deed.CLOSE)]
    if steps := [step for part in range(shape.brings) for step in _once(BRING, part, known)]:
        return steps
    if known.sent is not Sent.YES:
        return [Step(Deed.SEND if known.sent is Sent.NO else Deed.ASK)]
    steps = [step for part in range(len(shape.outputs)) for step in _deliveries(part, shape, known)]
    cancelled = known.having(Standing.CANCELLED)
    if known.curable and not (known.gives_up or cancelled):
        steps.append(Step(Deed.RETRY, serials=known.curable))
    if steps or known.having(Standing.RUNNING):
        return steps
    if missed := known.having(Standing.UNKNOWN):
        steps.append(Step(Deed.MISS, serials=missed))
    if (over := (*known.having(Standing.FAILED), *cancelled)) and not known.gives_up:
        steps.append(Step(Deed.MEND, serials=over))
    if steps or any(known.blocked.values()):
        return steps
    return _once(CLEAN, 0, known) or [Step(Deed.CLOSE)]


def _once(what: str, part: int, known: Known) -> list[Step]:
    """Return the step of a task that is done once; none if it is done."""
    turns = known.turns(what, part)
    last = turns[-1] if turns else None
    if last is not None and last.state == "done":
        return []
    return [_go_on(last) or _another(Slot(what, part, len(turns)), turns, known)]


def _stop(part: int, known: Known) -> Iterator[Step]:
    """Yield the step that ends a task which brings inputs; one that may have been submitted gets its id first."""
    for entry in known.turns(BRING, part)[-1:]:
        if (step := _go_on(entry)) is not None:
            yield step._replace(deed=Deed.CANCEL) if step.deed is Deed.WATCH else step


def _go_on(last: Entry | None) -> Step | None:
    """Return the step of a task that was begun; None if there is none, or it has failed."""
    if last is None or last.state in ("failed", "done"):
        return None
    deed = Deed.WATCH if last.state == "accepted" else Deed.SUBMIT
    return Step(deed, Slot.read(last.key), serials_of(last))


def _another(slot: Slot, turns: Sequence[Entry], known: Known, serials: tuple[int, ...] = ()) -> Step:
    """Return the step of a new turn, unless too many have failed in succession."""
    failed = 0
    for entry in reversed(turns):
        if entry.state != "failed":
            break
        failed += 1
    stuck = failed >= TRIES and not known.again
    return Step(Deed.STUCK if stuck else Deed.SUBMIT, slot, serials)


def _deliveries(part: int, shape: Shape, known: Known) -> Iterator[Step]:
    """Yield the steps of the deliveries to one destination.

    To have few tasks, outputs wait until half of all jobs have them, or no job runs any more.
    """
    turns = known.turns(DELIVER, part)
    under_way = [step for entry in turns if (step := _go_on(entry)) is not None]
    yield from under_way
    taken = {serial for entry in turns if entry.state != "failed" for serial in serials_of(entry)}
    taken |= known.blocked.get(part, frozenset()) | known.lost.get(part, frozenset())
    ready = tuple(serial for serial in known.having(Standing.FINISHED) if serial not in taken)
    is_enough = 2 * len(ready) >= shape.jobs or not known.having(Standing.RUNNING)
    if ready and is_enough and not under_way:
        most = max(1, MAX_ITEMS // shape.outputs[part])
        yield _another(Slot(DELIVER, part, len(turns)), turns, known, ready[:most])


def serials_of(entry: Entry) -> tuple[int, ...]:
    """Return the numbers of the jobs whose outputs a task delivers: the second of its entries' subjects."""
    text = entry.subjects[1] if len(entry.subjects) > 1 else ""
    return tuple(_read_ranges(text))


def _read_ranges(text: str) -> Iterator[int]:
    """Yield the numbers that ``as_ranges`` has written; a batch may have more jobs than a user may name."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)

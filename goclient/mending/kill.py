"""Stop jobs, and say of each what became of it; who looks for its transfers finds them cancelled by its pilot."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.errors.sent import UnreadableJob
from goclient.services.panda.owner import person_name

if TYPE_CHECKING:
    from goclient.model.records.answers import KnownJob
    from goclient.services.panda.client import PandaServer

RUNNING = "running"  # the only state in which the server leaves it to the pilot (killJob of server 1.0.4)


class Fate(Enum):
    """Fate of a job that is to be stopped."""

    CANCELLED = "it is cancelled"
    TOLD = "its pilot is told to stop it: files that move are cancelled with it"
    OVER = "it was over before"
    UNKNOWN = "the server does not know it"
    ASKED = "the server was told to stop it, and its record of it cannot be read"
    UNREADABLE = "the server did not stop it, and its record of it cannot be read"
    OTHERS = "it is somebody else's"
    REFUSED = "the server did not stop it"

    @property
    def is_stopped(self) -> bool:
        """Return True unless the job goes on, or nobody knows of it."""
        return self in (Fate.CANCELLED, Fate.TOLD, Fate.OVER, Fate.ASKED)


class Stopped(NamedTuple):
    """A job that was to be stopped: its state now, empty if it is not known, and its fate."""

    panda_id: int
    state: str
    fate: Fate
    name: str = ""  # empty if it is not known

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        stopped = self.fate.is_stopped
        return {"PandaID": self.panda_id, "state": self.state or None, "stopped": stopped, "why": self.fate.value}


def kill_jobs(panda_ids: Sequence[int], server: PandaServer) -> list[Stopped]:
    """Stop jobs, and return in order what became of each; to stop a job twice is to stop it once."""
    before = dict(zip(panda_ids, server.records(panda_ids), strict=True))
    alive = [
        panda_id
        for panda_id, job in before.items()
        if isinstance(job, UnreadableJob) or (job is not None and not job.state.is_over)
    ]
    me = person_name(server.rights().name) if alive else ""
    done = dict(zip(alive, server.kill(alive), strict=True))
    after = {**before, **dict(zip(alive, server.records(alive), strict=True))}
    found = []
    for panda_id, job in before.items():
        now = after[panda_id] or job
        fate = Fate.UNKNOWN if job is None else Fate.OVER if panda_id not in done else _fate(now, done[panda_id], me)
        if now is None or isinstance(now, UnreadableJob):
            found.append(Stopped(panda_id, "", fate))
        else:
            found.append(Stopped(panda_id, now.state.state, fate, now.record.jobName))
    return found


def _fate(now: KnownJob | UnreadableJob | None, accepted: bool, me: str) -> Fate:
    """Return the fate of a job that the server was asked to stop; it says no again of one whose pilot is told."""
    if isinstance(now, UnreadableJob):
        return Fate.ASKED if accepted else Fate.UNREADABLE
    if now is None or now.state.is_over:
        return Fate.CANCELLED if accepted else Fate.OVER
    if person_name(now.owner) != me:
        return Fate.OTHERS
    return Fate.TOLD if accepted or now.state.state == RUNNING else Fate.REFUSED

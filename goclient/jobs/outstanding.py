"""A credential of carried jobs that is out there, as users see it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from goclient.carrier.others import Other, read_opened
from goclient.carrier.secret import SERVICE_DOMAIN, Use, id_of, tokens_in
from goclient.jobs.grants import read_grant
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.sent import request_of
from goclient.journal import Entry
from goclient.model.request import Who


class State(Enum):
    """State of a credential that is out there."""

    IN_USE = "in use"
    ENDED = "ended"  # no job needs it any more
    UNKNOWN = "unknown"  # whether a job needs it
    ELSEWHERE = "elsewhere"  # PanDA has it, and this journal does not know of it


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A credential that is out there; ``uses`` are the submissions for whose jobs it is.

    ``jobs`` and ``tasks`` are those that the server is known to have, ``grants`` the permissions given for it.
    ``opens`` is all that it opens, whatever the jobs need, as far as that is known; ``not_asked`` are the collections
    that may be opened, too, and do not tell.
    """

    key: str  # of PanDA's secret
    uses: tuple[Use, ...] = ()
    entries: tuple[Entry, ...] = ()
    jobs: tuple[int, ...] = ()
    tasks: tuple[int, ...] = ()
    grants: tuple[Entry, ...] = ()
    state: State = State.UNKNOWN
    opens: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Return the id by which users know it."""
        return id_of(self.key)

    @property
    def holders(self) -> tuple[tuple[Entry, ...], ...]:
        """Return the entries of those who hold it: another submission has others."""
        return self.entries, self.grants

    @property
    def who(self) -> Who | None:
        """Return what kind of credential it is; None if that is not known."""
        kinds = [use.who for use in self.uses] or [Who.SERVICE.value] * len(self.grants)
        return next((one for one in Who if one.value in kinds[:1]), None)

    @property
    def client(self) -> str:
        """Return the id of the service client that acts; empty for tokens."""
        principals = [read_grant(one).principal for one in self.grants]
        clients = [use.identity.partition("@")[0] for use in self.uses if self.who is Who.SERVICE]
        return next(iter((*clients, *principals)), "")

    @property
    def access(self) -> list[str]:
        """Return what its jobs need, in words."""
        return list(dict.fromkeys(one for use in self.uses for one in use.access))

    def worst(self, said: Collection[State]) -> State:
        """Return its state, if the server said these of its jobs and tasks: what is over needs nobody."""
        if State.IN_USE not in said and State.UNKNOWN in said and self.uses and all(use.is_over for use in self.uses):
            return self.state
        return next((one for one in (State.IN_USE, State.UNKNOWN) if one in said), self.state)

    def describe(self, other: Other, same: Collection[str]) -> Other:
        """Return what PanDA keeps as this, with who has it and for what; ``same`` are requests that count as one."""
        pairs = zip(self.uses, self.entries, strict=True)
        access = dict.fromkeys(one for use, entry in pairs if request_of(entry) not in same for one in use.access)
        holders = [f"{name} {as_ranges(ids)}" for name, ids in (("job", self.jobs), ("task", self.tasks)) if ids]
        what = ", ".join(wholes(names_in(self.access)) if self.who is Who.TOKEN else self.access)
        return replace(
            other,
            access=tuple(access),
            holders=" and ".join(holders) or "a submission without jobs yet",
            what=f"at least {what}" if what and self.who is Who.SERVICE else what,  # its client may have more
            until=self.document()["until"] or "",
        )

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        uses, grants = self.uses, [read_grant(one) for one in self.grants]
        return {
            "id": self.id,
            "kind": self.who and self.who.value,
            "identity": (uses[0].identity if uses else self.client) or None,
            "for": self.access,
            "until": max((one.until for one in uses or grants), default="") or None,
            "granted": [f"{one.collection}:{one.path} ({one.permissions})" for one in grants],
            "opens": list(self.opens),
            "not_asked": list(self.not_asked),
            "jobs": list(self.jobs),
            "tasks": list(self.tasks),
            "state": self.state.value,
        }


def elsewhere(key: str, value: str) -> Outstanding:
    """Return a credential that PanDA keeps, and the journal does not know: what its value tells."""
    ids = sorted(read_opened(value))
    if not ids:  # it cannot be read
        return Outstanding(key, state=State.ELSEWHERE)
    who = Who.TOKEN if tokens_in(value) else Who.SERVICE
    use = Use(key, who.value, "" if who is Who.TOKEN else f"{ids[0]}{SERVICE_DOMAIN}", "", "", "", ())
    return Outstanding(key, (use,), state=State.ELSEWHERE, opens=wholes(ids) if who is Who.TOKEN else ())


def names_in(access: Collection[str]) -> list[str]:
    """Return the collections of directories in words, each once, as they were typed."""
    return list(dict.fromkeys(one.partition(":/")[0] for one in access))


def wholes(names: Collection[str]) -> tuple[str, ...]:
    """Return in words what a token opens for each of these collections."""
    return tuple(f"all that you may do in {name}" for name in names)

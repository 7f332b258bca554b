"""The checks for whoever the pilot transfers as: may that identity do later what the user may do now?"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from goclient.check.parallel import Asker
from goclient.errors import EndpointError, GoclientError, quoted
from goclient.model.finding import Finding
from goclient.model.spec import Place, TransferSpec

if TYPE_CHECKING:
    from goclient.services.collection import AccessRule, Collection
    from goclient.services.globus import Globus


@dataclass(frozen=True, slots=True)
class Need:
    """A path of a collection that has to be read, or written."""

    place: Place
    writes: bool


class Acting:
    """The checks of one preflight for an identity that is not the user's.

    ``hours``: how long what it may do has to last.  ``collections`` are those that were found, by id, ``names`` what
    the user calls them.
    """

    def __init__(
        self,
        globus: Globus,
        asker: Asker,
        *,
        identity: str,
        hours: int,
        collections: Mapping[str, Collection],
        names: Mapping[str, str],
    ) -> None:
        self._globus = globus
        self._asker = asker
        self._identity = identity
        self._hours = hours
        self._collections = collections
        self._names = names

    def findings(self, spec: TransferSpec) -> list[Finding]:
        """A finding for each path of a guest collection, whose rules tell, and one for each other collection."""
        from goclient.services.collection import GUEST_KINDS, RULE_READERS  # only who asks for it pays for it

        needs = _needs(spec, self._collections)
        guests = [one for one in needs if self._collections[one].entity_type in GUEST_KINDS]
        readable = [one for one in guests if RULE_READERS.intersection(self._collections[one].roles)]
        rules = self._asker.ask(self._globus.access_rules, readable)
        found: list[Finding] = []
        for collection, wanted in needs.items():
            known = rules.get(collection)
            if isinstance(known, GoclientError):
                found.append(Finding.failed(known))
            elif known is not None:
                found += [self._judged(known, need) for need in wanted]
            else:
                found.append(self._unknown(collection, guest=collection in guests))
        return found

    def _judged(self, rules: Sequence[AccessRule], need: Need) -> Finding:
        shown = self._shown(need.place)
        verb = "write" if need.writes else "read"
        holding = [rule for rule in rules if _covers(rule, need) and self._lasts(rule)]
        if any(_is_for(rule, self._identity) for rule in holding):
            return Finding("ok", "pilot", shown, f"the pilot's identity {self._identity} may {verb} {shown}")
        if any(rule.principal_type == "group" for rule in holding):
            message = f"a group may {verb} {quoted(shown)}: it is not known whether {self._identity} is in it"
            return Finding("warning", "pilot-unknown", shown, message, "ask the group's manager")
        hint = f"type: {self._grant(rules, need)}"
        message = (
            f"the pilot's identity {self._identity} may not {verb} {quoted(shown)} for {self._hours} hours from now"
        )
        return Finding.failed(EndpointError(message, hint=hint, code="pilot-permission", subject=shown))

    def _lasts(self, rule: AccessRule) -> bool:
        """True if a rule holds as long as the job may need it."""
        if not rule.expires:
            return True
        try:
            end = datetime.fromisoformat(rule.expires)
        except ValueError:
            return False
        return (end if end.tzinfo else end.replace(tzinfo=UTC)) > datetime.now(UTC) + timedelta(hours=self._hours)

    def _grant(self, rules: Sequence[AccessRule], need: Need) -> str:
        """The command that gives the identity what it lacks: a new rule, or more by the one that it has."""
        collection, path = need.place.endpoint, need.place.path
        allowed = "rw" if need.writes else "r"
        own = [rule for rule in rules if rule.path == path and rule.principal == self._identity]
        if own:
            words = ["update", "--permissions", allowed, str(collection), own[0].id]
        else:
            words = ["create", "--identity", self._identity, "--permissions", allowed, f"{collection}:{path}"]
        return shlex.join(["globus", "endpoint", "permission", *words])

    def _unknown(self, collection: str, *, guest: bool) -> Finding:
        name, owner = self._names[collection], self._collections[collection].owner or "its owner"
        if guest:
            message, hint = f"only its managers see who may use {quoted(name)}", f"ask {owner}"
        else:
            message, hint = f"its storage decides who may use {quoted(name)}", f"ask {owner}, or use a guest collection"
        message += f": whether the pilot's identity {self._identity} may is not known from here"
        return Finding("warning", "pilot-unknown", name, message, hint)

    def _shown(self, place: Place) -> str:
        return str(Place(endpoint=self._names[str(place.endpoint)], path=place.path))


def _needs(spec: TransferSpec, known: Mapping[str, Collection]) -> dict[str, list[Need]]:
    """What has to be read and written at each known collection, each folder once, in the order of the spec."""
    needs: dict[str, dict[Need, None]] = {}
    for need in _all_needs(spec):
        if need.place.endpoint in known:
            needs.setdefault(str(need.place.endpoint), {})[need] = None
    return {collection: list(found) for collection, found in needs.items()}


def _all_needs(spec: TransferSpec) -> Iterator[Need]:
    for move in spec.moves:
        for place, writes in ((move.source, False), (move.target, True)):
            # Rules are for folders: a file needs what its folder has.
            path = place.path if place.is_directory else place.folder
            yield Need(Place(endpoint=place.endpoint, path=path), writes)


def _covers(rule: AccessRule, need: Need) -> bool:
    """True if a rule allows what is needed, to whomever it is for."""
    return need.place.path.startswith(rule.path) and (
        "w" in rule.permissions if need.writes else "r" in rule.permissions
    )


def _is_for(rule: AccessRule, identity: str) -> bool:
    """True if a rule is for an identity, or for everybody."""
    return rule.principal == identity or rule.principal_type in ("all_authenticated_users", "anonymous")


def unsure_writes(spec: TransferSpec, known: Mapping[str, Collection], names: Mapping[str, str]) -> Iterator[Finding]:
    """A warning for each guest collection that is written to by somebody who cannot see its rules."""
    from goclient.services.collection import GUEST_KINDS, RULE_READERS

    for collection, needs in _needs(spec, known).items():
        one = known[collection]
        seen = one.entity_type not in GUEST_KINDS or RULE_READERS.intersection(one.roles)
        if not seen and any(need.writes for need in needs):
            name = names[collection]
            message = f"whether you may write to {quoted(name)} is not known: only its managers see who may"
            yield Finding("warning", "write-unknown", name, message, f"--goProbe tells, or {one.owner or 'its owner'}")

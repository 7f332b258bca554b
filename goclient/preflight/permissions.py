"""The checks of who acts: may the user write, and may whoever the pilot transfers as do later what has to be done?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from goclient.errors import EndpointError, Finding, GoclientError, LoginNeeded, quoted
from goclient.model.endpoint import GlobusEndpoint, is_uuid, read_endpoint
from goclient.model.location import Location
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import shell_word
from goclient.services.globus.collection import GUEST_KINDS, RULE_READERS
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.services.globus.collection import AccessRule, Collection
    from goclient.services.globus.sdk import Globus


@dataclass(frozen=True, slots=True)
class Need:
    """A path of a collection that has to be read, or written."""

    place: Location
    writes: bool


@dataclass(frozen=True, slots=True)
class Who:
    """An identity whose rights are judged: its id, and what it is called in findings."""

    id: str
    called: str


class Acting:
    """The checks of one preflight for what identities may do.

    ``hours``: how long it has to last.  ``collections`` are those that were found, by id, ``names`` what the user calls
    them.  The rules of a collection are asked for once.
    """

    def __init__(
        self,
        globus: Globus,
        parallel: Parallel,
        *,
        hours: int,
        collections: Mapping[str, Collection],
        names: Mapping[str, str],
    ) -> None:
        self._globus = globus
        self._parallel = parallel
        self._hours = hours
        self._collections = collections
        self._names = names
        self._rules: dict[str, list[AccessRule] | GoclientError] = {}

    def pilot(self, spec: TransferSpec, typed: str) -> list[Finding]:
        """What the identity of a pilot may do, by its id or user name as typed.

        A finding for each path of a guest collection, whose rules tell, and one for each other collection.
        """
        who = self._identity(typed)
        if isinstance(who, GoclientError):
            return [who.finding]
        needs = _needs(spec, self._collections)
        guests = [one for one in needs if self._collections[one].entity_type in GUEST_KINDS]
        self._fetch(guests)
        found: list[Finding] = []
        for collection, wanted in needs.items():
            rules = self._rules.get(collection)
            if collection in guests and self._collections[collection].owner_id == who.id:
                name = self._names[collection]
                found.append(Finding("ok", "pilot", name, f"{who.called} owns {name}"))
            elif isinstance(rules, GoclientError):
                found.append(rules.finding)
            elif rules is not None:
                found += [self._judged(rules, need, who) for need in wanted]
            else:
                found.append(self._unknown(collection, who, guest=collection in guests))
        return found

    def user(self, spec: TransferSpec) -> list[Finding]:
        """A warning for each guest collection to which it is not known that whoever asks may write."""
        needs = _needs(spec, self._collections)
        writes = {one: [need for need in wanted if need.writes] for one, wanted in needs.items()}
        guests = [one for one, wanted in writes.items() if wanted and self._collections[one].entity_type in GUEST_KINDS]
        me = Who(self._globus.identity, "you")
        others = [one for one in guests if not me.id or self._collections[one].owner_id != me.id]
        self._fetch(others if me.id else [])
        return [finding for one in others for finding in self._own_writes(one, writes[one], me)]

    def _identity(self, typed: str) -> Who | GoclientError:
        typed = typed.lower() if is_uuid(typed) else typed
        found = self._parallel.map(self._globus.identity_called, [typed])[typed]
        return found if isinstance(found, GoclientError) else Who(found, f"the pilot's identity {typed}")

    def _fetch(self, guests: Sequence[str]) -> None:
        """Asks for the rules of these collections that one may read and were not asked for yet."""
        readable = [one for one in guests if RULE_READERS.intersection(self._collections[one].roles)]
        wanted = [one for one in readable if one not in self._rules]
        self._rules |= self._parallel.map(
            lambda one: self._globus.access_rules(GlobusEndpoint(one, self._names[one])), wanted
        )

    def _own_writes(self, collection: str, writes: Sequence[Need], me: Who) -> Iterator[Finding]:
        rules = self._rules.get(collection)
        name, owner = self._names[collection], self._collections[collection].owner or "its owner"
        if isinstance(rules, LoginNeeded):
            yield rules.finding
            return
        if isinstance(rules, GoclientError):
            message = f"whether you may write to {quoted(name)} is not known: {rules.message}"
            yield Finding("warning", "write-unknown", name, message, f"--goProbe tells, or {owner}")
            return
        if rules is None:
            message = f"whether you may write to {quoted(name)} is not known: only its managers see who may"
            yield Finding("warning", "write-unknown", name, message, f"--goProbe tells, or {owner}")
            return
        for need in writes:
            # Who has a role may have rights that no rule shows: it is not known, and --goProbe tells.
            if not any(_is_for(rule, me.id) for rule in rules if _covers(rule, need)):
                shown = self._shown(need.place)
                message = f"no rule lets you write to {quoted(shown)} (--goProbe tells whether you may all the same)"
                hint = f"type: {self._grant(rules, need, me.id)}"
                yield Finding("warning", "write-unknown", shown, message, hint)

    def _judged(self, rules: Sequence[AccessRule], need: Need, who: Who) -> Finding:
        shown = self._shown(need.place)
        verb = "write" if need.writes else "read"
        holding = [rule for rule in rules if _covers(rule, need) and self._lasts(rule)]
        if any(_is_for(rule, who.id) for rule in holding):
            return Finding("ok", "pilot", shown, f"{who.called} may {verb} {shown}")
        if any(rule.principal_type == "group" for rule in holding):
            message = f"a group may {verb} {quoted(shown)}: it is not known whether {who.called} is in it"
            return Finding("warning", "pilot-unknown", shown, message, "ask the group's manager")
        hint = f"type: {self._grant(rules, need, who.id)}"
        message = f"{who.called} may not {verb} {quoted(shown)}"
        ending = [rule for rule in rules if _covers(rule, need) and _is_for(rule, who.id) and rule.expires]
        if ending:
            message += f" for {self._hours} hours from now: its rule for {ending[-1].path} ends at {ending[-1].expires}"
        return EndpointError(message, hint=hint, code="pilot-permission", subject=shown).finding

    def _lasts(self, rule: AccessRule) -> bool:
        """True if a rule holds as long as the job may need it."""
        if not rule.expires:
            return True
        try:
            end = datetime.fromisoformat(rule.expires)
        except ValueError:
            return False
        return (end if end.tzinfo else end.replace(tzinfo=UTC)) > datetime.now(UTC) + timedelta(hours=self._hours)

    def _grant(self, rules: Sequence[AccessRule], need: Need, identity: str) -> str:
        """The command that gives an identity what it lacks: a new rule, or more by the one that it has."""
        collection, path = need.place.endpoint.text, need.place.path
        allowed = "rw" if need.writes else "r"
        own = [rule for rule in rules if rule.path == path and rule.principal == identity]
        if own:
            # The command keeps an end unless it is given another.
            later = datetime.now(UTC) + timedelta(hours=self._hours, days=1)
            ends = ["--expiration-date", f"{later:%Y-%m-%d %H:%M:%S}"] if own[0].expires else []
            words = ["update", "--permissions", allowed, *ends, str(collection), own[0].id]
        else:
            words = ["create", "--identity", identity, "--permissions", allowed, f"{collection}:{path}"]
        return " ".join(map(shell_word, ("globus", "endpoint", "permission", *words)))

    def _unknown(self, collection: str, who: Who, *, guest: bool) -> Finding:
        name, found = self._names[collection], self._collections[collection]
        if guest:
            message, hint = f"only its managers see who may use {quoted(name)}", f"ask {found.owner or 'its owner'}"
        else:
            owner = found.owner or "its owner"
            whom = (
                f"it is your own ({owner}): see which accounts its storage has"
                if found.is_of(self._globus.identity)
                else f"ask {owner}"
            )
            message, hint = f"its storage decides who may use {quoted(name)}", f"{whom}, or use a guest collection"
        message += f": whether {who.called} may is not known from here"
        return Finding("warning", "pilot-unknown", name, message, hint)

    def _shown(self, place: Location) -> str:
        return str(Location(read_endpoint(self._names[place.endpoint.text]), place.path))


def _needs(spec: TransferSpec, known: Mapping[str, Collection]) -> dict[str, list[Need]]:
    """What has to be read and written at each known collection, each folder once, in the order of the spec."""
    needs: dict[str, dict[Need, None]] = {}
    for need in _all_needs(spec):
        if need.place.endpoint.text in known:
            needs.setdefault(need.place.endpoint.text, {})[need] = None
    # Who may write a folder by a rule may read it.
    return {
        collection: [need for need in found if need.writes or Need(need.place, writes=True) not in found]
        for collection, found in needs.items()
    }


def _all_needs(spec: TransferSpec) -> Iterator[Need]:
    for transfer in spec.transfers:
        for place, writes in ((transfer.source, False), (transfer.target, True)):
            # Rules are for folders: a file needs what its folder has, and numbered ones what the folder of all has.
            path = place.path if place.is_directory else place.directory
            if "${" in path:
                path = path.partition("${")[0].rpartition("/")[0] + "/"
            yield Need(place.with_path(path), writes)


def _covers(rule: AccessRule, need: Need) -> bool:
    """True if a rule allows what is needed, to whomever it is for."""
    return need.place.path.startswith(rule.path) and (
        "w" in rule.permissions if need.writes else "r" in rule.permissions
    )


def _is_for(rule: AccessRule, identity: str) -> bool:
    """True if a rule is for an identity, or for everybody."""
    return rule.principal == identity or rule.principal_type in ("all_authenticated_users", "anonymous")

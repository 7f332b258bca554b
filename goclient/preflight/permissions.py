"""Checks of permissions: can the user write, and can the pilot's Globus identity do later what has to be done?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import EndpointError, GoclientError, LoginNeeded
from goclient.errors.conditions import PathNotFound
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.endpoint import Endpoint, is_uuid
from goclient.model.location import Location
from goclient.model.request import Grant, Rights
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import shell_word
from goclient.preflight.base import Check, Connection, Context
from goclient.preflight.listings import Directory
from goclient.preflight.misspelt import GLOBUS_COMMAND
from goclient.preflight.staging import ask_site
from goclient.services.globus.collection import GUEST_KINDS, RULE_READERS, AccessRule

if TYPE_CHECKING:
    from goclient.services.globus.collection import Collection


class Need(NamedTuple):
    """A path of a collection that has to be read, or written."""

    location: Location
    writes: bool

    def is_met_by(self, rule: AccessRule) -> bool:
        """Return True if a rule allows what is needed, to the identity that it is for."""
        return self.location.path.startswith(rule.path) and ("w" if self.writes else "r") in rule.permissions


class Identity(NamedTuple):
    """An identity whose permissions are judged: its id, and what it is called in findings.

    ``is_passing``: a new permission of it has an end, as its secret travels with jobs.
    """

    id: str
    called: str
    is_passing: bool = False

    def has(self, rule: AccessRule) -> bool:
        """Return True if a rule is for this identity, or for everybody."""
        return rule.principal == self.id or rule.principal_type in ("all_authenticated_users", "anonymous")


class Access(NamedTuple):
    """A collection that was found, and what a job needs there: each directory once."""

    collection: Collection
    needs: list[Need]

    @property
    def endpoint(self) -> Endpoint:
        """Endpoint of the collection, as the user knows it."""
        return self.needs[0].location.endpoint

    @property
    def is_guest(self) -> bool:
        """True for a guest collection, whose rules say who may use it."""
        return self.collection.entity_type in GUEST_KINDS


def find_access(spec: TransferSpec, connection: Connection, *, staging: Location | None = None) -> list[Access]:
    """Return what has to be read and written at each known collection, in the order of the spec."""
    found: dict[str, Access] = {}
    needed: dict[Need, None] = {} if staging is None else {Need(staging, writes=True): None}
    for transfer in spec.transfers:
        for location, writes in ((transfer.source, False), (transfer.target, True)):
            # Rules are for directories: a file needs what its own has, numbered ones what the one of all has.
            path = location.path if location.is_directory else location.directory
            if "${" in path:
                path = path.partition("${")[0].rpartition("/")[0] + "/"
            needed[Need(location.with_path(path), writes)] = None
    for need in needed:
        collection = connection.collections.get(need.location.endpoint.text)
        # Who may write a directory by a rule may read it.
        if collection is not None and (need.writes or Need(need.location, writes=True) not in needed):
            found.setdefault(collection.id, Access(collection, [])).needs.append(need)
    return list(found.values())


def fetch_rules(guests: Sequence[Access], connection: Connection) -> None:
    """Ask for the rules of these collections that the user may read and were not asked for yet."""
    readable = [one.endpoint for one in guests if RULE_READERS.intersection(one.collection.roles)]
    wanted = [one for one in readable if one not in connection.rules]
    if connection.globus is not None:
        connection.rules.update(connection.parallel.map(connection.globus.access_rules, wanted))


class UserPermissions(Check):
    """Warn of each guest collection to which it is not known that the user may write, unless a probe has shown it."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for each collection whose rules are not known, and each path that they do not allow."""
        if context.writes_proven:
            return
        connection = context.connection
        me = Identity(connection.identity, "you")
        guests = [
            access
            for access in find_access(context.resolved, connection, staging=context.options.staging)
            if access.is_guest and not access.collection.is_of(me.id) and any(need.writes for need in access.needs)
        ]
        fetch_rules(guests if me.id else [], connection)
        for access in guests:
            yield from self._judge(access, me, context)

    def _judge(self, access: Access, me: Identity, context: Context) -> Iterator[Finding]:
        rules, hours = context.connection.rules.get(access.endpoint), context.options.hours
        if isinstance(rules, LoginNeeded):
            yield rules.finding
        elif isinstance(rules, GoclientError | None):
            why = "only its managers see who may" if rules is None else rules.message
            message = f"whether you may write to {quote(access.endpoint.display)} is not known: {why}"
            is_site = any(need.location == context.options.staging for need in access.needs)
            hint = f"--goProbe tells, or {ask_site(context) if is_site else access.collection.owner or 'its owner'}"
            yield Finding("warning", "write-unknown", access.endpoint.display, message, hint)
        else:
            for need in access.needs:
                # Who has a role may have rights that no rule shows: it is not known, and --goProbe tells.
                if need.writes and not any(me.has(rule) for rule in rules if need.is_met_by(rule)):
                    shown = need.location.display
                    message = f"no rule lets you write to {quote(shown)} (--goProbe tells whether you may all the same)"
                    hint = f"type: {_grant(rules, need, me, hours)}"
                    yield Finding("warning", "write-unknown", shown, message, hint)


class PilotPermissions(Check):
    """Judge what the pilot's Globus identity may do, if the user names it.

    The rules of a guest collection tell it for each path; of another collection it is not known.
    """

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a finding for each path of a guest collection, and one for each other collection."""
        connection, typed = context.connection, context.options.pilot_identity
        if typed is None or connection.globus is None:
            return
        typed = typed.lower() if is_uuid(typed) else typed
        found: str | GoclientError = typed
        if typed != context.options.acting:
            found = connection.parallel.map(connection.globus.identity_called, [typed])[typed]
        if isinstance(found, GoclientError):
            yield found.finding
            return
        is_service = typed == context.options.acting
        called = "the service client" if is_service else "the pilot's identity"
        pilot = Identity(found, f"{called} {typed}", is_passing=is_service)
        needed = find_access(context.resolved, connection)
        fetch_rules([access for access in needed if access.is_guest], connection)
        grants: list[Grant] = []
        ends: list[str] = []
        for access in needed:
            rules = connection.rules.get(access.endpoint) if access.is_guest else None
            if access.is_guest and access.collection.is_of(pilot.id):
                yield Finding("ok", "pilot", access.endpoint.display, f"{pilot.called} owns {access.endpoint.display}")
            elif isinstance(rules, GoclientError):
                yield rules.finding
            elif rules is None and context.options.service is not None:
                continue  # ServiceAccess asks as that client
            elif rules is None:
                yield self._warn_unknown(access, pilot, connection.identity)
            else:
                hours = context.options.hours
                if is_service and context.options.grants:
                    grants += find_grants(access, rules, pilot.id, hours)
                promised = [_rule_of(one) for one in grants if one.collection == access.collection.id]
                yield from (self._judge([*rules, *promised], need, pilot, hours) for need in access.needs)
                own = [rule for rule in (*rules, *promised) if pilot.id == rule.principal]
                yield from _find_unmade(access, own, pilot, context)
                met = (rule for rule in own if any(need.is_met_by(rule) for need in access.needs))
                ends += [rule.expires for rule in met if rule.expires]
        context.rights = Rights(until=max(ends, default=""), grants=tuple(grants))
        for grant in grants:
            text = f"{pilot.called} gets the permission {grant.permissions} for {grant.path} until {grant.until}"
            yield Finding("ok", "grant", grant.collection, f"{text}, when the jobs are sent")

    def _judge(self, rules: Sequence[AccessRule], need: Need, pilot: Identity, hours: int) -> Finding:
        shown, verb = need.location.display, "write" if need.writes else "read"
        meeting = [rule for rule in rules if need.is_met_by(rule)]
        lasting = [rule for rule in meeting if _lasts(rule, hours)]
        if any(pilot.has(rule) for rule in lasting):
            return Finding("ok", "pilot", shown, f"{pilot.called} may {verb} {shown}")
        if any(rule.principal_type == "group" for rule in lasting):
            message = f"a group may {verb} {quote(shown)}: it is not known whether {pilot.called} is in it"
            return Finding("warning", "pilot-unknown", shown, message, "ask the group's manager")
        message = f"{pilot.called} may not {verb} {quote(shown)}"
        ending = [rule for rule in meeting if pilot.has(rule) and rule.expires]
        if ending:
            message += f" for {hours} hours from now: its rule for {ending[-1].path} ends at {ending[-1].expires}"
        other = any(rule.principal == pilot.id and rule.path == need.location.path for rule in rules)
        hint = "add --goGrant, or " if pilot.is_passing and not other else ""  # which changes no rule of others
        hint += f"type: {_grant(ending or rules, need, pilot, hours)}; {GLOBUS_COMMAND}"
        return EndpointError(message, hint=hint, code="pilot-permission", subject=shown).finding

    def _warn_unknown(self, access: Access, pilot: Identity, user: str) -> Finding:
        owner = access.collection.owner or "its owner"
        if access.is_guest:
            message, hint = f"only its managers see who may use {quote(access.endpoint.display)}", f"ask {owner}"
        else:
            own = f"it is your own ({owner}): see which accounts its storage has"
            message = f"its storage decides who may use {quote(access.endpoint.display)}"
            hint = f"{own if access.collection.is_of(user) else f'ask {owner}'}, or use a guest collection"
        message += f": whether {pilot.called} may is not known from here"
        return Finding("warning", "pilot-unknown", access.endpoint.display, message, hint)


def _find_unmade(access: Access, own: Sequence[AccessRule], pilot: Identity, context: Context) -> Iterator[Finding]:
    """Yield an error for each directory that is missing, the first missing part of which the pilot may not make."""
    listings = context.connection.locations.listings
    made = {part for one in context.new for part in listings.chain(one)}  # by the user, in the end
    for need in access.needs:
        chain = listings.chain(Directory.at(need.location)) if need.writes else []
        rules = [rule for rule in own if need.is_met_by(rule)]
        if not chain or not rules or chain[-1] in made:
            continue
        first = Need(need.location.with_path(chain[0].path), writes=True)
        if not any(first.is_met_by(rule) for rule in rules):
            shown = need.location.display
            message = f"the directory {quote(shown)} does not exist, and {pilot.called} may not make it: "
            message += f"its permission is for {quote(access.endpoint.show(rules[0].path))} only"
            hint = "add --goMkdir, which makes it now, as you"
            yield PathNotFound(message, hint=hint, code="no-folder", subject=shown).finding  # plain: a code of the JSON


def find_grants(access: Access, rules: Sequence[AccessRule], principal: str, hours: int) -> list[Grant]:
    """Return the permissions that a principal lacks on a guest collection: one to read and one to write, if possible.

    Each is for the directory above all that is needed; where that is the whole collection, for each directory.
    """
    lasting = [rule for rule in rules if rule.principal == principal and _lasts(rule, hours)]
    missing = [need for need in access.needs if not any(need.is_met_by(rule) for rule in lasting)]
    wanted = dict.fromkeys(_common([need.location.path for need in missing if need.writes]), "rw")
    for path in _common([need.location.path for need in missing if not need.writes]):
        if not any(path.startswith(one) for one in wanted):
            wanted[path] = "r"
    until = f"{_later(hours):%Y-%m-%dT%H:%M:%S}+00:00"
    known = {rule.path: rule.id for rule in rules if rule.principal == principal}
    wanted.pop("/", None)  # nobody gets all of a collection
    return [Grant(access.collection.id, path, allowed, principal, until, known.get(path, ""))
            for path, allowed in wanted.items()]  # fmt: skip


def _common(paths: Sequence[str]) -> list[str]:
    """Return the directory above all of these, or each of them if there is none below the top."""
    above = f"{os.path.commonpath(paths).rstrip('/')}/" if paths else "/"
    return list(dict.fromkeys(paths)) if above == "/" else [above]


def _rule_of(grant: Grant) -> AccessRule:
    return AccessRule(grant.path, grant.permissions, "identity", grant.principal, grant.until)


def _later(hours: int) -> datetime:
    """Return the end of a new permission."""
    return datetime.now(UTC) + timedelta(hours=hours, days=1)


def _lasts(rule: AccessRule, hours: int) -> bool:
    """Return True if a rule holds as long as the job may need it."""
    if not rule.expires:
        return True
    try:
        end = datetime.fromisoformat(rule.expires)
    except ValueError:
        return False
    return (end if end.tzinfo else end.replace(tzinfo=UTC)) > datetime.now(UTC) + timedelta(hours=hours)


def _grant(rules: Sequence[AccessRule], need: Need, identity: Identity, hours: int) -> str:
    """Return the command that gives an identity what it lacks: a new rule, or more by the one that it has."""
    collection, path = need.location.endpoint.text, need.location.path
    allowed = "rw" if need.writes else "r"
    own = [rule for rule in rules if rule.principal == identity.id and (rule.path == path or need.is_met_by(rule))]
    # The command keeps an end unless it is given another.
    ends = ["--expiration-date", f"{_later(hours):%Y-%m-%d %H:%M:%S}"]
    if own:
        kept = own[0].permissions if need.is_met_by(own[0]) else allowed
        words = ["update", "--permissions", kept, *(ends if own[0].expires else []), collection, own[0].id]
    else:
        passing = ends if identity.is_passing else []
        words = ["create", "--identity", identity.id, "--permissions", allowed, *passing, f"{collection}:{path}"]
    return " ".join(map(shell_word, ("globus", "endpoint", "permission", *words)))

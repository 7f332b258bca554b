"""List all that credentials open which are out: with a service client all its permissions, for whatever campaign.

The log of a job may have its credential, so that is what somebody gets who reads it, and not only what the job needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from goclient.carrier.secret import Use
from goclient.carrier.sending import SECRET
from goclient.errors import GoclientError
from goclient.jobs.grants import GRANT, read_grant
from goclient.jobs.outstanding import Outstanding, names_in, wholes
from goclient.jobs.sent import OPEN
from goclient.model.endpoint import Catalogue, GlobusEndpoint, is_uuid
from goclient.model.request import Grant, Who
from goclient.services.deadline import Deadline
from goclient.services.parallel import Parallel

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.journal import Journal
    from goclient.services.globus.collection import AccessRule
    from goclient.services.globus.sdk import Globus

SECONDS = 30.0  # for the answers of all collections


class Listed(NamedTuple):
    """Answer of a collection: its id, and its rules."""

    id: str
    rules: Sequence[AccessRule]


Answers = dict[str, Listed | GoclientError]  # by the names of collections


def complete(found: Sequence[Outstanding], journal: Journal, connections: Connections) -> list[Outstanding]:
    """Return credentials with all that they open, as the journal knows it and as collections tell the user.

    Each collection is asked for which the journal has ever had the same service client.  Those that do not tell are a
    warning.
    """
    grants = [read_grant(one) for one in journal.latest(GRANT) if one.state in OPEN]
    places = {one.client: _places(one.client, journal) for one in found if one.client}
    names = list(dict.fromkeys(name for some in places.values() for name in some))
    answers = _ask(names, connections) if names else {}
    failed = {name: answer for name, answer in answers.items() if isinstance(answer, GoclientError)}
    if failed:
        first = next(iter(failed.values()))
        message = f"what else a service client may do in {', '.join(failed)} is not known: {first.message}"
        connections.reporter.warning(message, first.hint or "the managers of a collection see it")
    return [_complete(one, {name: answers[name] for name in places.get(one.client, ())}, grants) for one in found]


def _places(client: str, journal: Journal) -> list[str]:
    """Return the collections, by names or ids, that the journal knows of a service client, whatever came of it."""
    uses = map(Use.read, journal.latest(SECRET))
    needed = [one for use in uses if use.identity.partition("@")[0] == client for one in use.access]
    granted = [one.collection for one in map(read_grant, journal.latest(GRANT)) if one.principal == client]
    return list(dict.fromkeys((*names_in(needed), *granted)))


def _ask(names: Sequence[str], connections: Connections) -> Answers:
    try:
        known, globus = connections.catalogue(), connections.globus()
    except GoclientError as error:
        return dict.fromkeys(names, error)
    parallel = Parallel(Deadline(SECONDS), connections.reporter)
    return parallel.map(partial(_rules, globus, known), names)


def _rules(globus: Globus, known: Catalogue, name: str) -> Listed:
    """Return the rules of a collection; raise GoclientError if there is none, or the user may not see them."""
    text = known[name].text if name in known else name
    found = text if is_uuid(text) else globus.resolve(text).id
    return Listed(found, globus.access_rules(GlobusEndpoint(found, name)))


def _complete(one: Outstanding, answers: Answers, grants: Sequence[Grant]) -> Outstanding:
    if one.who is Who.TOKEN:
        return replace(one, opens=one.opens or wholes(names_in(one.access)))
    told = {
        answer.id: (name, answer.rules)
        for name, answer in reversed(list(answers.items()))
        if isinstance(answer, Listed)
    }
    opens = [
        _describe(name, rule.path, rule.permissions, rule.expires)
        for name, rules in told.values()
        for rule in rules
        if rule.principal == one.client
    ]
    own = [grant for grant in grants if grant.principal == one.client and grant.collection not in told]
    opens += [_describe(grant.collection, grant.path, grant.permissions, grant.until) for grant in own]
    not_asked = tuple(name for name, answer in answers.items() if not isinstance(answer, Listed))
    return replace(one, opens=tuple(sorted(opens)), not_asked=not_asked)


def _describe(name: str, path: str, permissions: str, until: str) -> str:
    return f"{name}:{path} ({permissions}, {f'until {until}' if until else 'without an end'})"

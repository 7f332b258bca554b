"""Preparation of a secret before it is handed out: fresh tokens of the user's, or what its client lacks.

Permissions are in the journal before they are given, so that they can be taken back whatever happens.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from goclient.carrier.secret import Secret, Use, check_lasts
from goclient.carrier.sending import SECRET, turn
from goclient.config.environment import journal_path
from goclient.errors import EndpointError, GoclientError
from goclient.errors.wording import quote
from goclient.jobs.sent import OPEN
from goclient.journal import Entry, Journal, this_process
from goclient.model.request import Grant, Who

if TYPE_CHECKING:
    from goclient.config.connections import Connections

GRANT = "grant"  # what entries are about
_FIELDS = 9
_LOOKING = 60.0  # seconds that may lie between the checks and what follows them


def make_ready(secret: Secret, connections: Connections, needs: int, *, server: str) -> Secret:
    """Return a secret that can be handed out: with new tokens, or once its client has every permission.

    The tokens last for so many hours, and for a job's wait in its queue.  ``server`` is PanDA's, which will keep it.
    Raises LoginNeeded if a consent or a login is missing, RequestError if the tokens end too early, EndpointError if a
    permission cannot be given.
    """
    if secret.who is Who.TOKEN:
        fresh = connections.fresh_tokens(secret.collections)
        check_lasts(fresh.until, needs=needs, wait=connections.settings.wait)
        return secret.with_tokens(fresh.tokens, until=f"{fresh.until:%Y-%m-%dT%H:%M:%SZ}", identity=fresh.identity)
    journal = Journal(journal_path(connections.env))
    with turn(journal):
        _hold(secret, journal)
        for grant in secret.grants:
            _give(grant, secret.key, connections, journal=journal, server=server)
    return secret


def _hold(secret: Secret, journal: Journal) -> None:
    """Hold the permissions that were given before for the client of a secret: the checks may have found them enough.

    Raises EndpointError if one was taken back while they looked.
    """
    ours = [one for one in journal.latest(GRANT) if secret_of(one) == secret.key]
    uses = [one for one in journal.latest(SECRET) if one.state in OPEN and Use.read(one).key == secret.key]
    for entry in (one for one in ours if one.state == "accepted"):
        journal.append(_set_holders(entry, [*holders(entry, uses), this_process()]))
    gone = next((one for one in ours if one.state == "done" and time.time() - one.time < _LOOKING), None)
    if gone is not None and not secret.grants:
        path = read_grant(gone).path
        message = f"a permission for {quote(path)} was taken back while the checks looked"
        hint = f"type the command again in {_LOOKING:.0f} seconds"
        raise EndpointError(message, hint=hint, code="grant", subject=path, transient=True)


def let_go(secret: Secret, journal: Journal) -> None:
    """Hold the permissions for the client of a secret no more: this process will not hand it out."""
    mine = this_process()
    with turn(journal):
        for entry in Journal(journal.path).latest(GRANT):
            held = holders(entry)
            if secret_of(entry) == secret.key and entry.state in OPEN and mine in held:
                journal.append(_set_holders(entry, [one for one in held if one != mine]))


def holders(entry: Entry, uses: Iterable[Entry] = ()) -> list[str]:
    """Return the processes that give, or rely on, a permission, still run, and are to hand out the secret.

    ``uses`` are the open entries of that secret: who has handed it out since the permission was given needs no hold.
    """
    handed_out = {Use.read(one).process for one in uses if one.time >= entry.time}
    return [one for one in _fields(entry)[2].split() if entry.is_of(one) and one not in handed_out]


def _set_holders(entry: Entry, processes: Iterable[str]) -> Entry:
    key, server, _, *more = _fields(entry)
    return entry.then(entry.state, key, server, " ".join(dict.fromkeys(processes)), *more)


def _give(grant: Grant, key: str, connections: Connections, *, journal: Journal, server: str) -> None:
    """Give a permission; of one that is there and that nobody of goclient's has given, nothing is changed."""
    own = [one for one in journal.latest(GRANT) if one.state == "accepted" and read_grant(one).rule == grant.rule]
    if grant.rule and not own:
        where = f"{grant.collection}:{grant.path}"
        message = f"the permission for {quote(where)} ends too early, or allows too little, and is not goclient's"
        hint = "change or remove it at app.globus.org, then type the command again"
        raise EndpointError(message, hint=hint, code="grant", subject=grant.path)
    entry_key, others = (own[0].key, holders(own[0])) if grant.rule else (str(uuid.uuid4()), [])
    values = (grant.collection, grant.path, grant.permissions, grant.principal, grant.until)
    processes = " ".join(dict.fromkeys((*others, this_process())))
    entry = Entry(GRANT, entry_key, "intended", (key, server, processes, *values, grant.rule))
    journal.append(entry)
    try:
        rule = connections.globus().grant(grant)
    except GoclientError as error:
        journal.append(entry.then("unknown" if error.transient else "refused", detail=error.message))
        raise
    journal.append(entry.then("accepted", *entry.subjects[:-1], rule))
    text = f"the permission {grant.permissions} for {quote(grant.path)} of {grant.collection} was given to the service"
    connections.reporter.progress(f"{text} client {grant.principal}, until {grant.until}")


def read_grant(entry: Entry) -> Grant:
    """Return the permission that an entry is about."""
    _, _, _, collection, path, permissions, principal, until, rule = _fields(entry)
    return Grant(collection, path, permissions, principal, until, rule)


def secret_of(entry: Entry) -> str:
    """Return the key of the secret whose client has a permission."""
    return _fields(entry)[0]


def find_server(entry: Entry) -> str:
    """Return the PanDA server that keeps that secret."""
    return _fields(entry)[1]


def _fields(entry: Entry) -> tuple[str, ...]:
    return (*entry.subjects, *[""] * (_FIELDS - len(entry.subjects)))[:_FIELDS]

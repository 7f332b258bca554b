"""Credentials of carried jobs that are out there: for what, until when, and whether a job may still need them.

A submission's entry of its secret is open until the secret is taken back.  Several submissions may share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from goclient.carrier.others import Kept, read_others
from goclient.carrier.secret import Secret, Use, id_of, tokens_in
from goclient.carrier.sending import SECRET, TASK, remove_secret, turn
from goclient.errors import Collector, GoclientError, RequestError, raise_all
from goclient.errors.sent import UnreadableJob
from goclient.errors.wording import quote
from goclient.jobs.grants import GRANT, find_server, holders, let_go, read_grant, secret_of
from goclient.jobs.opened import complete
from goclient.jobs.outstanding import Outstanding, State, elsewhere
from goclient.jobs.sent import CALL, OPEN, REQUEST, request_of
from goclient.journal import Entry, Journal
from goclient.model.nearest import hint_of_known
from goclient.model.records.answers import TASK_DONE, JobState
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.config.connections import Connections

A_CALL = 1000  # jobs that are asked for in one call


class Credentials:
    """Credentials that a journal knows of at the PanDA server, which is asked what became of their jobs."""

    def __init__(self, journal: Journal, connections: Connections) -> None:
        self._path, self._connections, self._server = journal.path, connections, connections.panda()

    def list_known(self) -> list[Outstanding]:
        """Return those that are open in the journal, without asking anybody."""
        return list(_read(Journal(self._path), self._server.name))

    def list_open(self) -> list[Outstanding]:
        """Return those that are open, each with its state, and those that PanDA has and the journal does not know."""
        found = self._judge(self.list_known())
        keys = {one.key for one in found}
        others = sorted(self._server.secrets().items())
        return [*found, *(elsewhere(key, value) for key, value in others if id_of(key) and key not in keys)]

    def describe(self) -> list[Outstanding]:
        """Return those that are listed, with all that they open, for which Globus is asked."""
        return complete(self.list_open(), Journal(self._path), self._connections)

    def list_kept(self, campaign: str | None) -> Kept:
        """Return all secrets of the user, and what is known of the credentials among them; None: their keys alone.

        The directories of submissions of the same campaign do not count as those of others.
        """
        secrets, known = self._server.secrets(), {one.key: one for one in self.list_known()}
        if campaign is None:
            return Kept(tuple(secrets))
        requests = Journal(self._path).latest(REQUEST) if known else ()
        same = {one.key for one in requests if campaign and one.subjects[5:6] == (campaign,)}
        others = [known[one.key].describe(one, same) if one.key in known else one for one in read_others(secrets)]
        return Kept(tuple(secrets), tuple(others))

    def revoke(self, ids: Sequence[str]) -> list[Outstanding]:
        """Take back those with these ids, whatever their jobs do, or all that no job needs; return them.

        Raises RequestError for an id that is not known; what cannot be taken back is raised once all others are.
        """
        listed = {one.id: one for one in self.list_open()}
        unknown = [one for one in ids if one not in listed]
        raise_all(_name_error(one, listed) for one in unknown)
        wanted = [listed[one] for one in dict.fromkeys(ids)] if ids else list(listed.values())
        return self._revoke([one for one in wanted if ids or one.state is State.ENDED], always=bool(ids))

    def revoke_ended(self, busy: Iterable[int], reporter: Reporter) -> None:
        """Take back all that no job needs any more; those of ``busy`` jobs are not asked for.

        What goes wrong is a warning.
        """
        running = set(busy)
        self._revoke_ended([one for one in self.list_known() if not running.intersection(one.jobs)], reporter)

    def _revoke_ended(self, concerned: Sequence[Outstanding], reporter: Reporter) -> None:
        try:
            ended = [one for one in self._judge(concerned) if one.state is State.ENDED]
            for one in self._revoke(ended, always=False):
                reporter.progress(f"the credential {one.id} was taken back: no job needs it any more")
        except GoclientError as error:
            hint = "to try it again, type: goclient credential revoke"
            reporter.warning(f"a credential was not taken back: {error.message}", hint)

    def give_up(self, secret: Secret, reporter: Reporter) -> None:
        """Take back the secret of a submission that failed, unless a job may have been sent that needs it.

        Its tokens are made void also if PanDA has not kept them.  What goes wrong is a warning.
        """
        journal = Journal(self._path)
        states = {one.state for one in journal.latest(SECRET) if Use.read(one).key == secret.key}
        tokens = tokens_in(secret.value)
        try:
            if tokens and "accepted" not in states:
                self._connections.revoke_tokens(tokens)
        except GoclientError as error:
            reporter.warning(
                f"the tokens for these jobs were not made void: {error.message}", f"they end {secret.until}"
            )
        let_go(secret, journal)
        self._revoke_ended([one for one in self.list_known() if one.tasks or not one.jobs], reporter)

    def _revoke(self, wanted: Sequence[Outstanding], *, always: bool) -> list[Outstanding]:
        collector, done = Collector(), []
        for one in wanted:
            with collector:
                if self._take_back(one, always=always):
                    done.append(one)
        raise_all(collector.errors)
        return done

    def _take_back(self, one: Outstanding, *, always: bool) -> bool:
        """Make the tokens of a credential void, and remove PanDA's secret; return False if jobs use it by now.

        A submission is in the journal before it waits for its turn to set the secret.  Permissions stay while another
        machine has a secret at PanDA, whose jobs may need them, unless the user names this credential.
        """
        journal = Journal(self._path)
        with turn(journal):
            now = {known.key: known for known in self.list_known()}
            if not always and now.get(one.key, one).holders != one.holders:
                return False
            kept = self._server.secrets()
            if tokens := tokens_in(kept.get(one.key, "")):
                self._connections.revoke_tokens(tokens)
            remove_secret(one.key, self._server)
            for entry in one.entries:
                journal.append(entry.then("done"))
            elsewhere = [key for key in kept if id_of(key) and key not in now]
            for entry in one.grants if always or not elsewhere else ():
                self._connections.globus().take_back(read_grant(entry))
                journal.append(entry.then("done"))
        return True

    def _judge(self, found: Sequence[Outstanding]) -> list[Outstanding]:
        """Return credentials, each with its state, as the server says it of their jobs and tasks."""
        ended = [one for one in found if one.state is State.ENDED]
        said: dict[str, set[State]] = {one.key: set() for one in ended}
        jobs = {panda_id: one.key for one in ended for panda_id in one.jobs}
        ids = list(jobs)
        for start in range(0, len(ids), A_CALL):
            asked = ids[start : start + A_CALL]
            for panda_id, job in zip(asked, self._server.describe(asked), strict=True):
                said[jobs[panda_id]].add(_need_of(job))
        for one in ended:
            if State.IN_USE not in said[one.key]:
                states = map(self._server.task_state, one.tasks)
                said[one.key] |= {State.ENDED if state in TASK_DONE else State.IN_USE for state in states}
        return [replace(one, state=one.worst(said.get(one.key, ()))) for one in found]


def _need_of(job: JobState | UnreadableJob | None) -> State:
    """Return whether a job that was accepted needs its credential; the server may move it between two tables."""
    return State.UNKNOWN if not isinstance(job, JobState) else State.ENDED if job.is_over else State.IN_USE


def _read(journal: Journal, server: str) -> Iterator[Outstanding]:
    """Yield the credentials that are open in a journal; those of no job that is alive count as ended."""
    found: dict[str, list[Entry]] = {}
    granted: dict[str, list[Entry]] = {}
    for entry in journal.latest(SECRET):
        if entry.state in OPEN and Use.read(entry).server == server:
            found.setdefault(Use.read(entry).key, []).append(entry)
    for entry in journal.latest(GRANT):
        if entry.state in OPEN and find_server(entry) == server:
            granted.setdefault(secret_of(entry), []).append(entry)
    if not (found or granted):
        return
    sent: dict[str, list[Entry]] = {}
    for call in (*journal.latest(CALL), *journal.latest(TASK)):
        sent.setdefault(request_of(call), []).append(call)
    ends = {request.key: request.state for request in journal.latest(REQUEST)}
    for key in dict.fromkeys((*found, *granted)):
        entries, grants = found.get(key, []), tuple(granted.get(key, []))
        calls = [call for entry in entries for call in sent.get(request_of(entry), [])]
        jobs, tasks = (
            tuple(
                int(one)
                for call in calls
                if (call.what, call.state) == (kind, "accepted")
                for one in call.subjects[:most]
                if one.isdigit()
            )
            for kind, most in ((CALL, None), (TASK, 1))  # a task has its number first
        )
        states = [_state(one, sent.get(request_of(one), []), ends.get(request_of(one))) for one in entries]
        if any(holders(one, entries) for one in grants):
            states.append(State.IN_USE)
        one = Outstanding(key, tuple(map(Use.read, entries)), tuple(entries), jobs, tasks, grants, State.ENDED)
        yield replace(one, state=one.worst(states))


def _state(entry: Entry, calls: Sequence[Entry], request: str | None) -> State:
    """Return the state of a use as far as the journal tells: ended, unless the server says that its jobs are not.

    ``request`` is the state of the request to which it belongs; a task's has none.
    """
    is_sending = request == "intended" or (request is None and not calls)
    if is_sending and entry.is_of(Use.read(entry).process):
        return State.IN_USE
    if any(call.state in ("intended", "unknown") for call in calls) or (is_sending and not entry.is_here):
        return State.UNKNOWN
    return State.ENDED


def _name_error(typed: str, known: Iterable[str]) -> RequestError:
    names = list(known)
    started = [one for one in names if typed and one.startswith(typed)] or names
    hint = hint_of_known(typed, started) if names else "goclient credential list shows all"
    message = f"there is no credential {quote(typed)} out there"
    return RequestError(message, hint=hint, code="unknown-credential", subject=typed)

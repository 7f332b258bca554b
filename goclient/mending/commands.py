"""Commands to jobs and to tasks: jobs are retried and stopped one by one, tasks by JEDI, as pbook has it do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from goclient.carrier.secret import Secret, Use
from goclient.carrier.sending import SECRET, TASK, hand_out
from goclient.config import environment
from goclient.config.carried import carry_access
from goclient.config.connections import Connections
from goclient.errors import GoclientError, RequestError, ServerError, raise_all
from goclient.errors.findings import Finding
from goclient.errors.sent import CHECK_NUMBER
from goclient.jobs.grants import GRANT, secret_of
from goclient.jobs.panda_ids import as_ranges
from goclient.jobs.selection import Selection
from goclient.jobs.sent import request_of
from goclient.jobs.tries import read_tries, with_tries
from goclient.journal import HOST, Journal
from goclient.mending.kill import Fate, Stopped, kill_jobs
from goclient.mending.preparation import Left
from goclient.mending.retries import RetriedJob, retry_jobs
from goclient.model.records.answers import TASK_DONE, TASK_ENDING, KnownJob
from goclient.model.request import Credential
from goclient.model.retry_options import RetryOptions
from goclient.services.panda.calls import Refused
from goclient.services.panda.client import PandaServer


class TaskAnswer(NamedTuple):
    """Answer of the server to a command for a task."""

    task_id: int
    answer: str

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        return {"task": self.task_id, "answer": self.answer}


@dataclass(frozen=True)
class Mended:
    """Outcome of a command to jobs and tasks; ``refused`` is what could not be done, for some of them.

    ``jobs`` were sent again, ``left`` need no other try, ``stopped`` were to be stopped.
    """

    jobs: tuple[RetriedJob, ...] = ()
    left: tuple[Left, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    tasks: tuple[TaskAnswer, ...] = ()
    refused: tuple[GoclientError, ...] = ()
    findings: tuple[Finding, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        return {
            "jobs": [one.document() for one in self.jobs],
            "left": [one.document() for one in self.left],
            "stopped": [one.document() for one in self.stopped],
            "tasks": [one.document() for one in self.tasks],
            "refused": [one.finding.document() for one in self.refused],
            "findings": [one.document() for one in self.findings],
        }

    def check(self) -> None:
        """Raise all that was refused as one error, whose document has the rest of what was done."""
        try:
            raise_all(self.refused)
        except GoclientError as error:
            raise error.replace(extra=self.document()) from error.__cause__

    @property
    def is_something(self) -> bool:
        """Return True if anything was done, or need not be."""
        return bool(self.jobs or self.left or self.tasks or any(one.fate.is_stopped for one in self.stopped))


def mend(
    chosen: Selection,
    options: RetryOptions,
    connections: Connections,
    show: Callable[[Sequence[RetriedJob]], None],
) -> Mended:
    """Send jobs again, and have JEDI retry tasks; raises as :func:`retry_jobs`."""
    retried = retry_jobs(chosen.panda_ids, options, connections, show)
    answers, refused = [], [*retried.refused]
    for task_id in chosen.tasks:
        try:
            if not options.noSubmit:
                _renew_credential(task_id, connections, shares=options.goShareSecrets)
                answers.append(TaskAnswer(task_id, connections.panda().retry_task(task_id)))
        except (ServerError, RequestError) as error:
            refused.append(_of_task(task_id, error))
    return Mended(retried.jobs, retried.left, (), tuple(answers), tuple(refused), retried.findings)


def _of_task(task_id: int, error: GoclientError) -> GoclientError:
    """Return the error of a command to a task; of what the server has refused, its hint says where to look."""
    hint = f"look at its number and its state: goclient status --task {task_id}"
    message = f"task {task_id}: {error.message}"
    return error.replace(message=message, hint=hint if isinstance(error, Refused) else error.hint)


def _renew_credential(task_id: int, connections: Connections, *, shares: bool) -> None:
    """Have PanDA hand out the credential of a task again, if it was taken back when the task had ended.

    Raises RequestError where there is none to hand out: tokens of the user, or permissions that were taken back, too.
    """
    journal = Journal(environment.journal_path(connections.env))
    keys = {request_of(one) for one in journal.latest(TASK) if one.subjects[:1] == (str(task_id),)}
    ours = [one for one in journal.latest(SECRET) if request_of(one) in keys]
    if not ours or any(one.state != "done" for one in ours):
        return
    use, access = Use.read(ours[-1]), carry_access(connections.env)
    place = f"{HOST} {environment.journal_path(connections.env)}"
    secret = None if access is None else Secret.of(Credential(access.client_id, access.client_secret or ""), place)
    granted = any(secret_of(one) == use.key for one in journal.latest(GRANT))
    if secret is None or secret.key != use.key or granted:
        what = "permissions" if granted else "credential"
        message = f"its jobs bring their own transfers, and their {what} was taken back when it had ended"
        raise RequestError(message, hint="submit it again, with goclient prun", code="no-credential")
    secret = replace(secret, until=use.until, access=use.access, shares=shares)
    hand_out(secret, request_of(ours[-1]), server=connections.panda(), journal=journal, note=journal.append)
    connections.reporter.progress(f"task {task_id}: its credential is handed out again")


def stop(chosen: Selection, connections: Connections) -> Mended:
    """Stop jobs, and tasks with theirs; return what became of each, and which later tries of the jobs go on."""
    server = connections.panda()
    stopped = kill_jobs(chosen.panda_ids, server) if chosen.panda_ids else []
    refused = list(_refusals(stopped))
    answers = []
    for task_id in chosen.tasks:
        try:
            answers.append(TaskAnswer(task_id, _kill_task(task_id, server)))
        except ServerError as error:
            refused.append(_of_task(task_id, error))
    findings = _find_later(chosen, connections) if chosen.panda_ids else ()
    return Mended(stopped=tuple(stopped), tasks=tuple(answers), refused=tuple(refused), findings=tuple(findings))


def _kill_task(task_id: int, server: PandaServer) -> str:
    """Return what the server says to the end of a task; to end a task twice is to end it once."""
    try:
        return server.kill_task(task_id)
    except Refused:
        state = server.task_state(task_id)
        if state not in TASK_DONE | TASK_ENDING:
            raise
        return Fate.OVER.value if state in TASK_DONE else "it was told to end before"


def _find_later(chosen: Selection, connections: Connections) -> Iterator[Finding]:
    """Yield a warning of later tries of jobs that were to be stopped, if these go on."""
    server, journal = connections.panda(), Journal(environment.journal_path(connections.env))
    tries = read_tries(journal, server.name)
    later = sorted(set(with_tries(chosen.panda_ids, tries)).difference(chosen.panda_ids))
    known = zip(later, server.records(later), strict=True) if later else ()
    if ids := as_ranges(one for one, job in known if isinstance(job, KnownJob) and not job.state.is_over):
        message = f"PandaID {ids} goes on: what was to be stopped was tried again, and has this number"
        yield Finding("warning", "later-try", ids, message, f"to stop it, too, type: goclient kill {ids}")


def _refusals(stopped: Sequence[Stopped]) -> Iterator[GoclientError]:
    """Yield an error for each reason why jobs were not stopped."""
    for fate in dict.fromkeys(one.fate for one in stopped if not one.fate.is_stopped):
        ids = as_ranges(one.panda_id for one in stopped if one.fate is fate)
        hint = CHECK_NUMBER
        if fate is not Fate.UNKNOWN:
            hint = "name jobs of your own" if fate is Fate.OTHERS else "type the command again later"
        code = "unknown-job" if fate is Fate.UNKNOWN else "not-stopped"
        yield ServerError(f"PandaID {ids} was not stopped: {fate.value}", hint=hint, code=code, subject=ids)

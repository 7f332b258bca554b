"""Sending: each call is in the journal before and after it is made, and is made once."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from goclient.errors import GoclientError, Interrupted, ServerError
from goclient.journal import Entry, Journal
from goclient.model.record import JobRecord, encode_jobs

if TYPE_CHECKING:
    from goclient.services.panda import PandaServer
    from goclient.submit import Submission

JOBS_A_CALL = 1000  # the server cuts a list of more than 5000 without a word


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that the server has taken."""

    panda_id: int
    name: str

    def document(self) -> dict[str, Any]:
        """The contract's JSON object of a submitted job."""
        return {"PandaID": self.panda_id, "jobName": self.name}


def send(submission: Submission, *, server: PandaServer, journal: Journal) -> list[Accepted]:
    """The accepted jobs, all of them; each call is in the journal before and after it is made.

    Raises ServerError if any job was not accepted or that is not known; nothing is ever sent twice.  The jobs
    that were accepted before are in the error's message and in its document.
    """
    accepted: list[Accepted] = []
    records = submission.records
    for start in range(0, len(records), JOBS_A_CALL):
        batch = records[start : start + JOBS_A_CALL]
        try:
            accepted += _send_batch(batch, server=server, journal=journal)
        except _NotAll as error:
            raise _report(error.failure, [*accepted, *error.accepted], len(records)) from error.__cause__
        except GoclientError as error:
            raise _report(error, accepted, len(records)) from error
        except KeyboardInterrupt as stop:
            interrupted = Interrupted("interrupted", hint="the journal says what was sent")
            raise _report(interrupted, accepted, len(records)) from stop
    return accepted


class _NotAll(Exception):
    """Some jobs of one call were refused."""

    def __init__(self, accepted: list[Accepted], failure: ServerError) -> None:
        super().__init__(failure.message)
        self.accepted = accepted
        self.failure = failure


def _send_batch(batch: Sequence[JobRecord], *, server: PandaServer, journal: Journal) -> list[Accepted]:
    names = tuple(dict.fromkeys((batch[0].jobName, batch[-1].jobName)))
    intent = Entry("submission", str(uuid.uuid4()), "intended", names, f"{len(batch)} jobs to {server.name}")
    journal.append(intent)
    try:
        ids = server.submit(encode_jobs(batch), len(batch))
        taken = [
            Accepted(panda_id, job.jobName) for panda_id, job in zip(ids, batch, strict=True) if panda_id is not None
        ]
        _note(journal, intent.then("accepted" if taken else "refused", *(str(one.panda_id) for one in taken)))
    except GoclientError as error:
        lost = error.code == "reply-lost"
        _note(journal, intent.then("unknown" if lost else "refused", detail=error.message))
        raise _unknown(error, names, journal) if lost else error from error
    except BaseException as stop:  # a signal: the request may have arrived
        _note(journal, intent.then("unknown", detail=type(stop).__name__))
        if isinstance(stop, KeyboardInterrupt):
            raise _unknown(Interrupted("interrupted while the jobs were being sent"), names, journal) from stop
        raise
    if len(taken) < len(batch):
        raise _NotAll(taken, _refused_rows(ids, batch))
    return taken


def _note(journal: Journal, entry: Entry) -> None:
    """Appends what came of a call; a journal that cannot be written now must not hide it."""
    try:
        journal.append(entry)
    except GoclientError as error:
        sys.stderr.write(f"warning: {error.message}\n")


def _refused_rows(ids: Sequence[int | None], batch: Sequence[JobRecord]) -> ServerError:
    refused = [job.jobName for panda_id, job in zip(ids, batch, strict=True) if panda_id is None]
    shown = ", ".join(refused[:5]) + (f", and {len(refused) - 5} more" if len(refused) > 5 else "")
    return ServerError(
        f"the server's database refused {len(refused)} of {len(batch)} jobs: {shown}",
        hint="a value is longer than its column, or of another type: look at the options, submit those jobs again",
        code="row-refused",
    )


def _unknown(error: GoclientError, names: Sequence[str], journal: Journal) -> GoclientError:
    """The error, with what is known of the jobs and how to find out."""
    error.hint = (
        f"it is not known whether the jobs were accepted: do not submit again before you have looked. Their jobName is "
        f"{' to '.join(names)}: search the PanDA monitor for it (/jobs/?jobname=…); the call is in {journal.path}"
    )
    return error


def _report(error: GoclientError, accepted: Sequence[Accepted], total: int) -> GoclientError:
    error.extra = {"jobs": [one.document() for one in accepted]}
    if accepted:
        ids = f"{accepted[0].panda_id}" + (f" to {accepted[-1].panda_id}" if len(accepted) > 1 else "")
        error.message += f"; {len(accepted)} of {total} jobs were accepted before: PandaID {ids}"
        error.args = (error.message,)
    return error

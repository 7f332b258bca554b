"""A job that a pilot has taken: what is on disk of it, so that another pilot can go on with it."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from goclient.errors import GoclientError
from goclient.errors.wording import quote
from goclient.files import private
from goclient.job_journal import JobJournal
from goclient.journal import HOST, Entry
from goclient.model.records.answers import AssignedJob
from goclient.node.engines.base import Attempt
from goclient.node.job_log import JobLog
from goclient.reporter.recording import RecordingReporter

DIRECTORY = "job"  # the name of the job's directory, beside the other temporary ones of the job
DOCUMENT = "job.json"  # the job as the server gave it, in its own temporary directory


@dataclass(frozen=True)
class TakenJob:
    """One attempt of a job of a queue, with its journal, and the node that has taken it.

    ``scratch`` is its temporary directory, if it is on this node; ``assigned`` is the job itself, if it is still known.
    """

    journal: JobJournal
    site: str
    attempt: Attempt
    host: str = HOST
    assigned: AssignedJob | None = None
    scratch: Path | None = None

    @property
    def panda_id(self) -> int:
        """Return the job's number."""
        return self.journal.panda_id

    @property
    def attempt_number(self) -> int:
        """Return the number of the attempt as the server counts it."""
        return self.journal.attempt

    def begin(self) -> TakenJob:
        """Put on disk that this process runs the job; return it."""
        subjects = self.attempt.origin, str(self.attempt.number)
        self.journal.append(Entry("job", self.journal.job, "accepted", subjects, self.site))
        return self

    def with_scratch(self, work: Path) -> TakenJob:
        """Return the job with a temporary directory, made below ``work`` unless it has one; raise GoclientError."""
        if self.scratch is not None:
            return self
        assert self.assigned is not None, "a job without a directory was just taken"
        document = json.dumps(asdict(replace(self.assigned, secrets=""))).encode()  # they are for its payload alone
        return replace(self, scratch=self.new_directory(work, document))

    def new_directory(self, work: Path, document: bytes = b"{}") -> Path:
        """Return a new directory below ``work``, which the journal names first; raise GoclientError."""
        directory = work / f"goclient-{self.panda_id}-{secrets.token_hex(4)}"
        entry = Entry("directory", str(directory), "intended")
        self.journal.append(entry)
        try:
            directory.mkdir(mode=private.DIRECTORY)
            private.replace(directory / DOCUMENT, document)
        except OSError as error:
            message = f"no directory for the job in {quote(work)}: {error.strerror}"
            raise GoclientError(message, hint="make room there, or set TMPDIR to another directory") from error
        self.journal.append(entry.then("accepted"))
        return directory

    def open_log(self, reporter: RecordingReporter) -> JobLog | None:
        """Return the job's log, to which the reporter's messages go, too; None without a temporary directory."""
        return JobLog(self.scratch, self.scratch / DIRECTORY, reporter) if self.scratch is not None else None


def reload(journal: JobJournal) -> TakenJob | None:
    """Return the job of a journal with what is left of it; None if it is done, or was not even taken."""
    entry = journal.last("job", journal.job)
    if entry is None or entry.state == "done":
        return None
    origin, number = entry.subjects
    job = TakenJob(journal, entry.detail, Attempt(origin, int(number)), entry.host)
    for directory in journal.latest("directory"):
        if directory.state == "accepted" and directory.host == HOST:
            try:
                document = json.loads(Path(directory.key, DOCUMENT).read_bytes())
                return replace(job, assigned=AssignedJob(**document), scratch=Path(directory.key))
            except (OSError, ValueError, TypeError):
                continue
    return job

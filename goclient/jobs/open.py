"""Open items of the journals: requests for jobs whose end nobody was told, and jobs of pilots that are not closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.job_journal import JobFile, job_files
from goclient.jobs.sent import CALL, OPEN, REQUEST, find_subjects, open_requests, request_of
from goclient.journal import Entry, Journal


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A request, or a job of a pilot, that is open: its state ``since`` a time, where it was written, and its jobs.

    ``detail`` says what is known.  ``names`` and ``panda_ids`` are those of its jobs, of many the first and the last.
    """

    what: str
    key: str
    state: str
    since: float
    host: str
    detail: str
    names: tuple[str, ...] = ()
    panda_ids: tuple[int, ...] = ()
    is_running: bool | None = None  # None: that is not known

    def document(self) -> dict[str, Any]:
        """Return the JSON object of it."""
        document = asdict(self)
        document |= {"PandaIDs": document.pop("panda_ids"), "running": document.pop("is_running")}
        return document


def open_items(journal: Journal) -> Iterator[OpenItem]:
    """Yield what is open in a journal, and in those of the jobs beside it; the oldest first."""
    for request in open_requests(journal):
        entry, subjects = request.entry, request.subjects
        names = tuple(dict.fromkeys((subjects.first, subjects.last)))
        ids = tuple(map(int, dict.fromkeys((*request.panda_ids[:1], *request.panda_ids[-1:]))))
        detail = "it is being sent" if request.is_running else request.outcome
        yield OpenItem(
            REQUEST, entry.key, entry.state, entry.time, entry.host, detail, names, ids, request.is_running
        )  # fmt: skip
    requests = {entry.key for entry in journal.latest(REQUEST)}
    for call in journal.latest(CALL):  # of goclient 0.1.0, which wrote no requests
        if call.state in OPEN[:2] and request_of(call) not in requests:
            yield OpenItem(CALL, call.key, call.state, call.time, call.host, call.detail, call.subjects)
    for file in job_files(journal.path.parent):
        if file.is_open:
            yield _open_job(file)


def _open_job(file: JobFile) -> OpenItem:
    """Return what is known of a job that is not closed: the last entry of its journal."""
    last = Entry("job", "", "", time=file.path.stat().st_mtime)
    for last in Journal(file.path).entries():  # noqa: B007  # the last one counts
        pass
    detail = f"{last.what} {last.key}: {last.state}" if last.state else "its journal has no entry"
    key, is_running = f"{file.panda_id}.{file.attempt}", _is_held(file.path) if last.is_here else None
    if is_running is not None:
        detail = f"its pilot {'runs' if is_running else 'is gone'}; {detail}"
    return OpenItem(
        "job", key, last.state, last.time, last.host, detail, panda_ids=(file.panda_id,), is_running=is_running
    )  # fmt: skip


def _is_held(path: Path) -> bool | None:
    """Return whether a process of this machine holds a journal (proc(5)); taking its lock would be in a pilot's way."""
    try:
        inode = f":{path.stat().st_ino} "
        return any(inode in line for line in Path("/proc/locks").read_text().splitlines() if "FLOCK" in line)
    except OSError:
        return None


def entries_about(journal: Journal, name: str) -> list[Entry]:
    """Return the entries about a request, a job's name or a PandaID; raise RequestError if there are none.

    A request's calls are among them.  ``name`` may be any key that the entries have.
    """
    entries, name = list(journal.entries()), name.removeprefix("PandaID=")  # as it is printed
    keys = {request_of(one) for one in entries if name in (one.key, request_of(one), *find_subjects(one))}
    found = [one for one in entries if request_of(one) in keys]
    for file in job_files(journal.path.parent):
        if name in (str(file.panda_id), f"{file.panda_id}.{file.attempt}"):
            found += Journal(file.path).entries()
    if not found:
        message = f"the journal {quote(journal.path)} has nothing about {quote(name)}"
        hint = "goclient journal list shows what is open; GOCLIENT_STATE names another journal's directory"
        raise RequestError(message, hint=hint, code="not-in-journal", subject=name)
    return found

"""Following: what a client tells of jobs that were sent, and of the credentials that they have.

What only some of the calls need is imported in them, as in ``client.py``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike, fspath
from typing import TYPE_CHECKING

from goclient.config import environment
from goclient.errors import UsageError, raise_all
from goclient.errors.wording import quote
from goclient.lookups import Lookups
from goclient.model.select import SelectOptions
from goclient.model.typed import check_kind, check_seconds, check_text, read_keywords, read_texts

if TYPE_CHECKING:
    from pathlib import Path

    from goclient.errors import RequestError
    from goclient.jobs.credentials import Credentials
    from goclient.jobs.follow import Followed
    from goclient.jobs.open import OpenItem
    from goclient.jobs.outstanding import Outstanding
    from goclient.jobs.results import JobResults
    from goclient.jobs.selection import NamedJob, Selection, Unfinished
    from goclient.jobs.status import JobStatus
    from goclient.jobs.watch import Chosen, Turn
    from goclient.journal import Entry, Journal

OURS = "goclient-"  # is in the name of each secret of ours
Ids = Iterable[int | str]
Tasks = Ids | int | str | None


class Following(Lookups):
    """Follow jobs until they are over, and see what they leave.

    Jobs are chosen as by ``goclient status``: by their numbers, which may be texts such as ``"42-141"`` or ``"@FILE"``,
    by the ``task`` of prun or pathena that made them, by their ``campaign``, or as those that were sent ``last``.
    """

    def parameters(self, panda_id: int | str) -> str:
        """Return the jobParameters of a submitted job; raises ServerError if the server does not know it."""
        from goclient.jobs.panda_ids import read_panda_ids
        from goclient.jobs.status import fetch_jobs

        numbers = read_panda_ids([panda_id])
        if len(numbers) != 1:
            message = f"{quote(panda_id)} is not the number of one job"
            raise UsageError(message, hint="name one job, such as 42", code="not-a-number", subject="--pandaid")
        return fetch_jobs(numbers, server=self._connections.panda())[0].parameters

    def status(
        self, ids: Ids | None = None, *, task: Tasks = (), campaign: str | None = None, last: bool = False
    ) -> list[JobStatus]:
        """Return the status of each job and of its transfers, in order; raises ServerError for an unknown job.

        Without anything: of the jobs that were sent in the last days.  A credential that no job needs any more, now
        that these are done, is taken back.
        """
        followed = self.follow(self.select(ids, task=task, campaign=campaign, last=last))
        raise_all(followed.errors)
        return list(followed.jobs)

    def select(
        self, ids: Ids | None = None, *, task: Tasks = (), campaign: str | None = None, last: bool = False
    ) -> Selection:
        """Return the jobs and tasks that are chosen, which may be none; the server is not asked."""
        from goclient.jobs.panda_ids import read_panda_ids
        from goclient.jobs.selection import Selection

        numbers = read_panda_ids(ids) if ids is not None else []
        tasks = task if isinstance(task, Iterable) and not isinstance(task, str) else () if task is None else (task,)
        chosen = {"PandaID": [*map(str, numbers)], "task": [*map(str, tasks)], "campaign": campaign, "last": last}
        options, errors = read_keywords(SelectOptions, chosen, dict, requires=False)
        raise_all(errors)
        return Selection() if ids is not None and options.is_empty else self.select_typed(options)

    def select_typed(self, options: SelectOptions, *, told: type[RequestError] | None = None) -> Selection:
        """Return the jobs and tasks that a command line chooses; the server is not asked.

        Warns of a task's number in the place of a job's, and of lost answers, but for errors that are ``told`` later.
        """
        from goclient.campaigns.unfinished import find_open
        from goclient.jobs.selection import find_tasks, select

        server, state = self._connections.panda, self.journal_path.parent
        found = select(
            options,
            self._journal,
            lambda: server().name,
            staged=self.staged_campaigns(),
            open_batches=lambda: find_open(state),
        )
        for number in find_tasks(found.panda_ids, self._journal) if options.PandaID else ():
            message = f"{number} is read as a PandaID, but a task with this number was sent from here"
            self._reporter.warning(message, f"for the jobs of the task, type --task {number}")
        for lost in found.lost:
            if told is None or not isinstance(lost, told):
                self._reporter.warning(lost.message, lost.hint)
        return found

    def staged_campaigns(self) -> frozenset[str]:
        """Return the campaigns that go through a site and were begun from here."""
        from goclient.campaigns.batch import load_batches

        return frozenset(one.campaign for one in load_batches(self.journal_path.parent))

    def unfinished(self, selection: Selection, jobs: Sequence[NamedJob] = (), /) -> tuple[Unfinished, ...]:
        """Return what is left to do in the campaigns that are chosen, as their files and these jobs tell it."""
        from goclient.campaigns.unfinished import find_unfinished

        server = self._connections.panda().name
        return tuple(find_unfinished(selection.campaigns, self._journal, server, jobs=jobs))

    def follow(self, selection: Selection) -> Followed:
        """Return what became of jobs and tasks, with the errors of those that the server does not know."""
        from goclient.jobs.follow import follow

        followed = follow(selection, self._connections, self._journal)
        followed = replace(followed, unfinished=self.unfinished(selection, followed.jobs))
        if self._journal.mentions(OURS):
            self._credentials().revoke_ended([one.panda_id for one in followed.jobs if not one.done], self._reporter)
        return followed

    def page(
        self,
        path: str | PathLike[str],
        ids: Ids | None = None,
        *,
        task: Tasks = (),
        campaign: str | None = None,
        last: bool = False,
    ) -> list[JobStatus]:
        """Write a page about jobs, one file that any browser shows, and return their status.

        Jobs are chosen as for ``status``.  An earlier page is replaced; raises RequestError for another file there.  Of
        jobs that the server does not know, if there are no others, there is no page.
        """
        path = fspath(path) if isinstance(path, PathLike) else path
        check_text("path", path)
        self.check_page(path)
        followed = self.follow(self.select(ids, task=task, campaign=campaign, last=last))
        if followed.jobs or not followed.errors:
            self.write_page(path, followed)
        raise_all(followed.errors)
        return list(followed.jobs)

    def check_page(self, path: str) -> None:
        """Raise RequestError for a path at which no page can be written, as for ``page``."""
        from goclient.jobs.page import check_place

        check_place(path)

    def write_page(self, path: str, followed: Followed) -> None:
        """Write a page about jobs that were followed already."""
        from goclient.jobs.page import write_page

        write_page(path, followed, now=time.time())

    def watch(self, selection: Selection) -> Iterator[Turn]:
        """Yield what became of jobs and tasks, again and again, until all are over; Globus is not asked.

        A job is over if its last try is, which may be sent meanwhile, as all jobs of a campaign that is named.
        """
        from goclient.jobs.selection import Selection
        from goclient.jobs.watch import watch

        check_kind(Selection, "selection", selection, "write client.watch(client.select([42]))")
        return watch(self._choose_from(selection), self._connections)

    def with_later(self, selection: Selection) -> Selection:
        """Return a selection as it is now: with what was sent in its campaign since, and with later tries of jobs."""
        from goclient.jobs.selection import with_later

        return with_later(selection, self._journal, self._connections.panda().name)

    def _choose_from(self, selection: Selection) -> Callable[[], Chosen]:
        """Return what tells which jobs are to be watched now, and which campaigns have none yet."""
        from goclient.errors.sent import BeingSent
        from goclient.jobs.selection import Unfinished
        from goclient.jobs.watch import Chosen

        def choose() -> Chosen:
            now = self.with_later(selection)
            sending = [one for one in now.lost if isinstance(one, BeingSent) and now.campaign]
            unsent = [one for one in self.unfinished(selection) if not one.are_sent]
            unsent += [Unfinished(now.campaign, one.message, "it is waited for", are_sent=False) for one in sending]
            return Chosen(now, tuple(unsent))

        return choose

    def wait(  # noqa: PLR0913  # what can be typed
        self,
        ids: Ids | None = None,
        *,
        task: Tasks = (),
        campaign: str | None = None,
        last: bool = False,
        seconds: float = 30.0,
        timeout: float | None = None,
    ) -> list[JobStatus]:
        """Wait until all jobs are done, and return their status; the server is asked every so many ``seconds``.

        A job is done if it is finished, failed, cancelled or closed, a task's jobs if the task is over.  Of jobs that
        go by their numbers just these count; any others are waited for as ``goclient status --watch`` does: until they
        are sent, and their later tries are done, which are among those returned.  Raises StillRunning after
        ``timeout`` seconds; a server that cannot be reached for a while is asked again, with a warning.
        """
        from goclient.jobs.watch import wait, wait_for_all

        check_seconds("seconds", seconds)
        if timeout is not None:
            check_seconds("timeout", timeout)
        selection = self.select(ids, task=task, campaign=campaign, last=last)
        if ids is not None and not (task or campaign or last):
            server, reporter = self._connections.panda(), self._reporter
            wait(selection.panda_ids, server, seconds=seconds, timeout=timeout, reporter=reporter)
        else:
            end = None if timeout is None else time.monotonic() + timeout
            wait_for_all(self._choose_from(selection), self._connections, seconds=seconds, end=end)
            selection = self.with_later(selection)
        followed = self.follow(selection)
        raise_all(followed.errors)
        return list(followed.jobs)

    def results(self, ids: Ids) -> list[JobResults]:
        """Return where the files of each job's stage-out and output are, with size and checksum as far as is known.

        Files that were copied on the node are known by the job's record alone: they have neither size nor checksum.
        Those that went through a site are where the campaign has delivered them; until then there are none, which the
        warning says.
        """
        from goclient.campaigns.unfinished import find_delivered_outputs
        from goclient.jobs.panda_ids import read_panda_ids
        from goclient.jobs.results import job_results

        delivered = find_delivered_outputs(self.journal_path.parent)
        return job_results(read_panda_ids(ids), self._connections, delivered)

    # --- credentials that jobs have ---

    def credentials(self) -> list[Outstanding]:
        """Return the credentials of carried jobs that are out there, each with its state and all that it opens."""
        return self._credentials().describe()

    def revoke(self, ids: Iterable[str] = ()) -> list[Outstanding]:
        """Take back the credentials with these ids, whatever their jobs do; without ids all that no job needs."""
        wanted = read_texts("ids", ids)
        return self._credentials().revoke(wanted)

    def _credentials(self) -> Credentials:
        from goclient.jobs.credentials import Credentials  # requests, which most calls need not

        return Credentials(self._journal, self._connections)

    # --- the journal ---

    def open_items(self) -> list[OpenItem]:
        """Return the requests for jobs, and the jobs of pilots, of which the journal does not know the end."""
        from goclient.jobs.open import open_items

        return list(open_items(self._journal))

    def journal_entries(self, name: str | int) -> list[Entry]:
        """Return what the journal says of a request, a job's name or a PandaID; raises RequestError if nothing."""
        from goclient.jobs.open import entries_about

        name = str(name) if isinstance(name, int) else name
        check_text("name", name)
        return entries_about(self._journal, name)

    @property
    def journal_path(self) -> Path:
        """Return the file in which what is sent is written down first; the journals of a pilot's jobs lie beside it."""
        return environment.journal_path(self._connections.env)

    @property
    def _journal(self) -> Journal:
        from goclient.journal import Journal  # as in status

        return Journal(self.journal_path)

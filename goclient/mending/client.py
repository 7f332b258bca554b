"""Part of the client that mends what went wrong: jobs and tasks are tried again, or stopped.

What only some of the calls need is imported in them, as in ``client.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from goclient.errors import UsageError, raise_all
from goclient.following import Following, Ids, Tasks
from goclient.model.typed import in_keywords, read_keywords

if TYPE_CHECKING:
    from goclient.errors import RequestError
    from goclient.jobs.selection import Selection
    from goclient.mending.commands import Mended
    from goclient.mending.retries import RetriedJob
    from goclient.model.retry_options import RetryOptions
    from goclient.model.select import SelectOptions


class Mending(Following):
    """Try jobs and tasks again, and stop them: those that are chosen as by :meth:`status`, but never without a word."""

    def retry(
        self,
        ids: Ids | None = None,
        *,
        task: Tasks = (),
        campaign: str | None = None,
        last: bool = False,
        **options: Any,
    ) -> Mended:
        """Send jobs again that have failed, with their own numbers, and let JEDI retry tasks; return what came of it.

        The latest try of each job counts.  Further options are those of ``goclient retry``, such as ``all=True``.
        Raises what was refused only if nothing else was done; else it is in the result.
        """
        from goclient.model.retry_options import RetryOptions

        with in_keywords():
            typed = read_keywords(RetryOptions, options, dict, requires=False)
            raise_all(typed.errors)
            selection = self._select_named("retry", ids, task=task, campaign=campaign, last=last)
            return _unless_refused(self.retry_selected(selection, typed.options))

    def retry_selected(
        self,
        selection: Selection,
        options: RetryOptions,
        show: Callable[[Sequence[RetriedJob]], None] = lambda _: None,
    ) -> Mended:
        """Send jobs again as a command does, which shows its user the new ones; what was refused is in the result."""
        from goclient.mending.commands import mend  # what asks PanDA takes 0.1 s to load

        done = mend(selection, options, self._connections, show)  # which tells of tries whose answer is lost
        return replace(done, refused=(*done.refused, *self._find_unsent(selection, with_retries=False)))

    def kill(
        self, ids: Ids | None = None, *, task: Tasks = (), campaign: str | None = None, last: bool = False
    ) -> Mended:
        """Stop jobs, and tasks with their jobs; return what became of each.

        Raises what was refused only if nothing else was done; else it is in the result.
        """
        with in_keywords():
            selection = self._select_named("kill", ids, task=task, campaign=campaign, last=last)
            return _unless_refused(self.kill_selected(selection))

    def kill_selected(self, selection: Selection) -> Mended:
        """Stop jobs as a command does; what was refused, and what is not known, is in the result."""
        from goclient.mending.commands import stop  # as in retry_selected

        done = stop(selection, self._connections)
        unsent = self._find_unsent(selection, with_retries=True)
        return replace(done, refused=(*done.refused, *unsent, *selection.lost))

    def _find_unsent(self, selection: Selection, *, with_retries: bool) -> Iterator[RequestError]:
        """Yield an error for each campaign whose jobs may be sent later, or of which others may be at the server."""
        for one in self.unfinished(selection):
            if not one.are_sent and (with_retries or not one.is_retry):
                yield one.error

    def named_typed(self, options: SelectOptions, *, told: type[RequestError] | None = None) -> Selection:
        """Return the jobs and tasks that a command line names; raise UsageError if it names none.

        Warns of lost answers, but for errors that are ``told`` later.
        """
        if options.is_empty:
            hint = "name jobs (42-141), or type --campaign NAME, --task JEDITASKID or --last"
            raise UsageError("no job is named", hint=hint, code="no-jobs", subject="PandaID")
        return self.select_typed(options, told=told)

    def _select_named(self, call: str, ids: Ids | None, **others: Any) -> Selection:
        """Return the jobs and tasks that a call chooses, as :meth:`select`; raise UsageError if it names none."""
        if ids is None and not any(others.values()):
            hint = f'name jobs ({call}([42])), or give campaign="NAME", task=JEDITASKID or last=True'
            raise UsageError("no job is named", hint=hint, code="no-jobs", subject="ids")
        return self.select(ids, **others)


def _unless_refused(mended: Mended) -> Mended:
    if not mended.is_something:
        mended.check()
    return mended

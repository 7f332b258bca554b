"""Part of the client that mends what went wrong: jobs and tasks are tried again, or stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from goclient.config import environment
from goclient.errors import UsageError, raise_all
from goclient.errors.wording import quoted
from goclient.lookups import Lookups
from goclient.model.retry_options import RetryOptions
from goclient.model.select import SelectOptions
from goclient.model.typed import in_keywords, read_keywords

if TYPE_CHECKING:
    from goclient.jobs.selection import Selection
    from goclient.mending.commands import Mended
    from goclient.mending.retries import RetriedJob


class Mending(Lookups):
    """Try jobs and tasks again, and stop them.

    Jobs are chosen as on the command line: by numbers, ``task=`` (a list), ``campaign=`` and ``last=True`` add up.
    """

    def retry(self, ids: Iterable[int | str] = (), /, **options: Any) -> Mended:
        """Send jobs again that have failed, with their own numbers, and let JEDI retry tasks; return what came of it.

        The latest try of each job counts.  Further options are those of ``goclient retry``, such as ``all=True``.
        Raises what was refused only if nothing else was done.
        """
        with in_keywords():
            chosen = _chosen(ids, options)
            typed = read_keywords(RetryOptions, options, dict, requires=False)
            raise_all(typed.errors)
            return self._unless_refused(self.retry_typed(chosen, typed.options))

    def retry_typed(
        self,
        chosen: SelectOptions,
        options: RetryOptions,
        show: Callable[[Sequence[RetriedJob]], None] = lambda _: None,
    ) -> Mended:
        """Send jobs again as a command does, which shows its user the new ones; what was refused is in the result."""
        from goclient.mending.commands import mend  # what asks PanDA takes 0.1 s to load

        return mend(self._selection(chosen), options, self._connections, show)

    def kill(self, ids: Iterable[int | str] = (), /, **options: Any) -> Mended:
        """Stop jobs, and tasks with their jobs; return what became of each.

        Raises what was refused only if nothing else was done.
        """
        with in_keywords():
            chosen = _chosen(ids, options)
            if options:
                raise_all(read_keywords(SelectOptions, options, dict, requires=False).errors)
            return self._unless_refused(self.kill_typed(chosen))

    def kill_typed(self, chosen: SelectOptions) -> Mended:
        """Stop jobs as a command does; what was refused is in the result."""
        from goclient.mending.commands import stop  # as in retry_typed

        return stop(self._selection(chosen), self._connections)

    def _selection(self, chosen: SelectOptions) -> Selection:
        """Return the jobs and tasks that are meant; raise UsageError if nothing is typed: all would be too many."""
        from goclient.jobs.selection import select  # as in retry_typed
        from goclient.journal import Journal

        if chosen.is_empty:
            hint = "name jobs (42-141), or type --campaign NAME, --task JEDITASKID or --last"
            raise UsageError("no job is named", hint=hint, code="no-jobs", subject="PandaID")
        journal = Journal(environment.journal_path(self._connections.env))
        return select(chosen, journal, self._connections.panda().name)

    @staticmethod
    def _unless_refused(mended: Mended) -> Mended:
        if not mended.is_something:
            mended.check()
        return mended


def _chosen(ids: Iterable[int | str], options: dict[str, Any]) -> SelectOptions:
    """Return which jobs are meant; what says that is taken out of the options."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):
        message = f"PandaIDs must be a list, not {quoted(ids)}"
        raise UsageError(message, hint="write them in brackets, such as [1, 2]", code="wrong-type", subject="ids")
    given: dict[str, Any] = {name: options.pop(name) for name in ("task", "campaign", "last") if name in options}
    if "task" in given and not isinstance(given["task"], str):
        given["task"] = [str(one) for one in given["task"]]
    typed = read_keywords(SelectOptions, {"PandaID": [str(one) for one in ids], **given}, dict, requires=False)
    raise_all(typed.errors)
    return typed.options

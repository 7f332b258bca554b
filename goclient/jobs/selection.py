"""Selection of jobs: from what a user types, and from what the journal knows, to PandaIDs and tasks."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn, Protocol

from goclient.carrier.sending import TASK
from goclient.errors import Collector, GoclientError, RequestError, UsageError, raise_all
from goclient.errors.sent import BeingSent, TriesLost
from goclient.errors.wording import quote, utc
from goclient.jobs.panda_ids import TASK_NUMBER, as_ranges, check_count, read_panda_ids
from goclient.jobs.sent import SentRequest, read_requests
from goclient.jobs.tries import TRY, read_tries, with_tries
from goclient.model.nearest import nearest
from goclient.model.select import SelectOptions

if TYPE_CHECKING:
    from goclient.journal import Journal

RECENT_DAYS = 7  # in which jobs were sent that are meant by nothing


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs, tasks whose jobs the server knows, and campaigns of which the user has transfer tasks.

    ``campaign`` is the one that was named: what is sent in it later belongs to it, too.  ``lost`` tell of requests
    among these of which it is not known whether the server took all their jobs.  ``is_named`` is False of what was sent
    in the last days, if nothing was typed.
    """

    panda_ids: tuple[int, ...] = ()
    tasks: tuple[int, ...] = ()
    campaigns: tuple[str, ...] = ()
    campaign: str = ""
    lost: tuple[RequestError, ...] = ()
    is_named: bool = True


class NamedJob(Protocol):
    """A job as the server knows it."""

    @property
    def name(self) -> str:
        """Return its name, which tells the campaign, and which try it is."""

    @property
    def state(self) -> str:
        """Return its state, empty if that is not known."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Part of a campaign that is left to do, in words, and what does it."""

    campaign: str
    text: str
    hint: str
    are_sent: bool  # its jobs, and all tries of them
    is_retry: bool = False  # whose answer is lost

    @property
    def error(self) -> RequestError:
        """Return the error of a command that is about its jobs."""
        return RequestError(self.text, hint=self.hint, code="not-sent", subject=self.campaign)


@dataclass(frozen=True, slots=True)
class Sent:
    """One thing that has jobs: a request, a task, or a batch, whose jobs may not be sent; an unknown server is empty.

    Of a request whose answer is lost, ``lost`` says so; it may have no jobs that are known.
    """

    time: float
    server: str
    campaign: str
    selection: Selection
    lost: RequestError | None = None


def select(
    options: SelectOptions,
    journal: Journal,
    server: Callable[[], str],
    *,
    staged: Collection[str] = (),
    open_batches: Callable[[], Iterable[Sent]] = tuple,
) -> Selection:
    """Return what the options choose, of what was sent to a server; raises all that is wrong with them.

    Nothing typed: what was sent in the last days, which may be nothing, and what was begun and is not done.  ``server``
    tells the server's name, ``staged`` are the campaigns whose files go through a site: they may have no jobs yet, and
    ``open_batches`` tells which submissions of these are not done.
    """
    panda_ids, tasks, chosen, collector = list[int](), list[int](), list[Sent](), Collector()
    campaign = options.campaign or ""
    with collector:
        panda_ids += read_panda_ids(options.PandaID)
    with collector:
        tasks += read_task_ids(options.task)
    if collector.errors:
        campaigns_known = {*staged, *(one.campaign for one in read_sent(journal))}
        raise_all(_name_campaigns(collector.errors, campaigns_known))
    if options.campaign or options.last or options.is_empty:
        batches, name = [*open_batches()], server()
        known = sorted((*read_sent(journal), *batches), key=lambda one: one.time)
        here = [one for one in known if one.server in ("", name)]
        if options.campaign:
            own = [one for one in here if one.campaign == options.campaign]
            if not own and (options.campaign not in staged or any(one.campaign == options.campaign for one in known)):
                _no_campaign(options.campaign, here, known)
            if options.campaign not in staged:
                _check_known(own)
            chosen += own
        if options.last:
            _check_known(here[-1:])
            chosen += here[-1:] or _nothing_sent(journal, name)
            campaign = campaign or (here[-1].campaign if here[-1] in batches else "")  # whose jobs are yet to come
        if options.is_empty:
            chosen += [one for one in here if one.time > time.time() - RECENT_DAYS * 86400 or one in batches]
    panda_ids += [panda_id for one in chosen for panda_id in one.selection.panda_ids]
    tasks += [task for one in chosen for task in one.selection.tasks]
    campaigns = dict.fromkeys([*(one.campaign for one in chosen), campaign])
    named = tuple(one for one in campaigns if one in staged)
    # Of a campaign through a site its own files tell what is not known.
    lost = tuple(one.lost for one in chosen if one.lost is not None and one.campaign not in staged)
    ids = tuple(dict.fromkeys(panda_ids))
    check_count(len(ids), ids)
    return Selection(ids, tuple(dict.fromkeys(tasks)), named, campaign, lost, is_named=not options.is_empty)


def with_later(selection: Selection, journal: Journal, server: str) -> Selection:
    """Return a selection as it is now: with what was sent in its campaign since, and with all later tries of jobs."""
    sent = [one for one in read_sent(journal) if one.server in ("", server)]
    new = [one for one in sent if selection.campaign and one.campaign == selection.campaign]
    panda_ids = [*selection.panda_ids, *(panda_id for one in new for panda_id in one.selection.panda_ids)]
    found = dict.fromkeys(with_tries(panda_ids, read_tries(journal, server)))
    check_count(len(found), found)
    before = {one.subject for one in selection.lost}
    own = new if selection.campaign not in selection.campaigns else []
    lost = (one.lost for one in sent if one.lost is not None and (one.lost.subject in before or one in own))
    return replace(selection, panda_ids=tuple(found), lost=tuple(lost))


def read_task_ids(typed: Iterable[str]) -> list[int]:
    """Return the numbers of tasks, as they are written or printed; raises every one that cannot be one."""
    words = [part for one in typed for part in one.split(",")]
    found = {word: TASK_NUMBER.fullmatch(word) for word in words}
    hint = "a task is named by its number, jediTaskID; several are written 42,43"
    raise_all(
        UsageError(f"{quote(word)} is not the number of a task", hint=hint, code="not-a-number", subject="--task")
        for word, number in found.items()
        if number is None
    )
    return [int(number[1]) for number in found.values() if number is not None]


def find_tasks(panda_ids: Iterable[int], journal: Journal) -> list[int]:
    """Return the numbers that are not those of jobs that were sent from here, but of tasks that were."""
    known = [one.selection for one in read_sent(journal)]
    tasks = {task for one in known for task in one.tasks} - {panda_id for one in known for panda_id in one.panda_ids}
    return [panda_id for panda_id in panda_ids if panda_id in tasks]


def read_sent(journal: Journal) -> list[Sent]:
    """Return the requests and tasks in the journal that have jobs, or may have some, the oldest first."""
    found, retries = [], {entry.key for entry in journal.latest(TRY)}
    for one in read_requests(journal):
        lost: RequestError | None = None
        if one.has_calls and one.entry.state in ("intended", "unknown"):
            is_retry = one.entry.key in retries and not one.is_running
            lost = _find_lost(one, journal) if is_retry else explain_lost_answer(one)
        if one.panda_ids or lost is not None or one.entry.state == "failed":  # the last: its jobs are given up
            selection = Selection(tuple(map(int, one.panda_ids)))
            found.append(Sent(one.entry.time, one.subjects.server, one.subjects.campaign, selection, lost))
    for entry in journal.latest(TASK):
        task, server, *_ = (*entry.subjects, "", "")
        if task.isascii() and task.isdigit():
            found.append(Sent(entry.time, server, "", Selection(tasks=(int(task),))))
    return sorted(found, key=lambda one: one.time)


def _find_lost(request: SentRequest, journal: Journal) -> RequestError | None:
    """Return what is not known of jobs that were sent again; None once they are named, or sent once more."""
    tries = read_tries(journal, request.subjects.server).items()
    key = request.entry.key
    names = {old: one.name for old, one in tries if one.panda_id is None and one.request.entry.key == key}
    return TriesLost(key, ids=as_ranges(names), names=[*names.values()]) if names else None


def explain_lost_answer(request: SentRequest) -> RequestError:
    """Return what is not known of a request, with how to find out."""
    key, campaign = request.entry.key, f" of campaign {request.subjects.campaign}" if request.subjects.campaign else ""
    what = f"the submission{campaign} at {utc(request.entry.time)}"
    if request.is_running:
        hint = "wait until it is sent, and type the command again"
        return BeingSent(f"{what}: it is being sent now", hint=hint, subject=key)
    hint = f"goclient journal show {key} has the names of its jobs; name by number those that there are"
    return RequestError(f"{what}: {request.outcome}", hint=hint, code="not-known", subject=key)


def _check_known(chosen: Sequence[Sent]) -> None:
    """Raise RequestError if no job is known of all that is chosen, though there may be some."""
    if not any(one.lost is None or one.selection.panda_ids for one in chosen):
        raise_all(one.lost for one in chosen if one.lost is not None)


def campaigns_of(journal: Journal) -> dict[int, str]:
    """Return the campaign of each job that was sent in one."""
    return {
        panda_id: one.campaign for one in read_sent(journal) if one.campaign for panda_id in one.selection.panda_ids
    }


def _name_campaigns(errors: Iterable[GoclientError], campaigns: Collection[str]) -> Iterator[GoclientError]:
    """Yield errors about words; of one that is a campaign, with how that is named."""
    for error in (part for one in errors for part in one.parts):
        hint = f"it is a campaign: type --campaign {error.subject}"
        yield error.replace(hint=hint) if error.subject and error.subject in campaigns else error


def _no_campaign(name: str, here: Sequence[Sent], known: Sequence[Sent]) -> NoReturn:
    """Raise RequestError for a campaign that is not known, with where it was sent, or what it may be."""
    elsewhere = next((one.server for one in known if one.campaign == name), "")
    message, hint = (
        f"the journal has no campaign {quote(name)}",
        "goclient status alone shows the jobs of the last days",
    )
    if elsewhere:
        message = f"the campaign {quote(name)} was sent to another server, {elsewhere}"
        hint = f"export PANDA_URL_SSL={elsewhere}"
    elif near := nearest(name, {one.campaign for one in here if one.campaign}, most=1):
        hint = f"did you mean {near[0]}?"
    raise RequestError(message, hint=hint, code="unknown-campaign", subject="--campaign")


def _nothing_sent(journal: Journal, server: str) -> NoReturn:
    message = f"the journal {quote(journal.path)} has no jobs that were sent to {server}"
    hint = "type the jobs' numbers, as sendJob prints them"
    raise RequestError(message, hint=hint, code="nothing-sent", subject="--last")

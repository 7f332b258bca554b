"""Jobs are chosen by numbers as people write and copy them, and by what the journal knows of them."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from goclient.carrier.sending import TASK
from goclient.errors import GoclientError, RequestError, UsageError
from goclient.jobs.selection import RECENT_DAYS, Selection, Sent, campaigns_of, select, with_later
from goclient.jobs.sent import CALL, REQUEST, Subjects
from goclient.jobs.tries import new_tries
from goclient.journal import Entry, Journal
from goclient.model.select import SelectOptions

SERVER = "https://panda.example"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl")


def send(journal: Journal, key: str, *ids: int, campaign: str = "", server: str = SERVER, ago: float = 0.0) -> None:
    subjects = Subjects("digest", "1.0", str(len(ids)), "first", "last", campaign, server)
    when = time.time() - ago
    journal.append(Entry(REQUEST, key, "intended", subjects, time=when))
    journal.append(Entry(CALL, f"{key}.0", "accepted", tuple(map(str, ids)), time=when))
    journal.append(Entry(REQUEST, key, "done", subjects, time=when))


def test_everything_that_is_wrong_is_said_at_once(journal: Journal) -> None:
    with pytest.raises(GoclientError) as caught:
        select(SelectOptions(PandaID=("x", "7-5"), task=("y",)), journal, lambda: SERVER)
    assert len(caught.value.findings) == 3


def test_a_campaign_has_the_jobs_of_all_its_requests(journal: Journal) -> None:
    send(journal, "r1", 1, 2, campaign="muons", ago=90 * 86400.0)
    send(journal, "r2", 3, campaign="other")
    send(journal, "r3", 7, campaign="muons")
    assert select(SelectOptions(campaign="muons"), journal, lambda: SERVER) == Selection((1, 2, 7), campaign="muons")
    assert select(SelectOptions(PandaID=("2", "9"), campaign="muons"), journal, lambda: SERVER) == Selection(
        (2, 9, 1, 7), campaign="muons"
    )
    assert select(SelectOptions(last=True), journal, lambda: SERVER) == Selection((7,))
    assert campaigns_of(journal) == {1: "muons", 2: "muons", 3: "other", 7: "muons"}


def test_a_campaign_of_another_server_is_said_to_be_there(journal: Journal) -> None:
    send(journal, "r1", 1, campaign="muons", server="https://another.example")
    with pytest.raises(GoclientError, match="was sent to another server"):
        select(SelectOptions(campaign="muons"), journal, lambda: SERVER, staged=("muons",))


def test_nothing_means_the_jobs_and_tasks_of_the_last_days(journal: Journal) -> None:
    send(journal, "r1", 1, ago=(RECENT_DAYS + 1) * 86400.0)
    send(journal, "r2", 2, ago=(RECENT_DAYS - 1) * 86400.0)
    send(journal, "r3", 3, server="https://another.example")
    journal.append(Entry(TASK, "r4.task", "intended"))
    journal.append(Entry(TASK, "r4.task", "accepted", ("12",)))
    assert select(SelectOptions(), journal, lambda: SERVER) == Selection((2,), (12,), is_named=False)
    assert select(SelectOptions(last=True), journal, lambda: SERVER) == Selection((), (12,))


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("muon", 'the journal has no campaign "muon"', "did you mean muons?"),
        ("a/b", 'the journal has no campaign "a/b"', "goclient status alone shows the jobs of the last days"),
        (
            "far",
            'the campaign "far" was sent to another server, https://another.example',
            "export PANDA_URL_SSL=https://another.example",
        ),
    ],
)
def test_an_unknown_campaign_is_said_with_the_nearest(journal: Journal, name: str, message: str, hint: str) -> None:
    send(journal, "r1", 1, campaign="muons")
    send(journal, "r2", 2, campaign="far", server="https://another.example")
    with pytest.raises(GoclientError) as caught:
        select(SelectOptions(campaign=name), journal, lambda: SERVER)
    assert (caught.value.message, caught.value.exit_code) == (message, 10)
    assert caught.value.hint.startswith(hint)


def test_a_campaign_through_a_site_may_have_no_jobs_yet(journal: Journal) -> None:
    staged = {"muons", "electrons"}
    chosen = select(SelectOptions(campaign="muons"), journal, lambda: SERVER, staged=staged)
    assert chosen == Selection(campaigns=("muons",), campaign="muons")
    begun = [Sent(0.0, SERVER, "electrons", Selection()), Sent(9.0, "https://another.example", "taus", Selection())]
    alone = select(SelectOptions(), journal, lambda: SERVER, staged=staged, open_batches=lambda: begun)
    assert alone == Selection(campaigns=("electrons",), is_named=False)
    last = select(SelectOptions(last=True), journal, lambda: SERVER, staged=staged, open_batches=lambda: begun)
    assert last == Selection(campaigns=("electrons",), campaign="electrons")
    send(journal, "r1", 1, campaign="muons")
    send(journal, "r2", 2, campaign="other")
    everything = select(SelectOptions(), journal, lambda: SERVER, staged=staged)
    assert everything == Selection((1, 2), (), ("muons",), is_named=False)


def test_an_empty_journal_has_no_last_jobs(journal: Journal) -> None:
    assert select(SelectOptions(), journal, lambda: SERVER) == Selection(is_named=False)
    with pytest.raises(GoclientError) as caught:
        select(SelectOptions(last=True), journal, lambda: SERVER)
    assert caught.value.exit_code == 10


def test_tasks_are_named_as_they_are_written_or_printed(journal: Journal) -> None:
    chosen = select(SelectOptions(task=("2,3", "jediTaskID=4", "JediTaskID=3")), journal, lambda: SERVER)
    assert chosen.tasks == (2, 3, 4)


@pytest.mark.parametrize("typed", ["x", "0", "2,", "jediTaskID=", "-5", "1" * 19])
def test_a_task_is_a_number(journal: Journal, typed: str) -> None:
    with pytest.raises(UsageError, match="is not the number of a task"):
        select(SelectOptions(task=(typed,)), journal, lambda: SERVER)


def test_a_selection_grows_by_what_its_campaign_gets_and_by_later_tries(journal: Journal) -> None:
    send(journal, "r1", 1, 2, campaign="muons")
    campaign = select(SelectOptions(campaign="muons"), journal, lambda: SERVER)
    first = select(SelectOptions(PandaID=("2",)), journal, lambda: SERVER)
    send(journal, "r2", 5, campaign="muons")
    send(journal, "r3", 8, campaign="muons", server="https://another.example")
    journal.append(new_tries("r4", SERVER, {2: "NAME.try2"}))
    send(journal, "r4", 9)
    journal.append(new_tries("r5", SERVER, {9: "NAME.try3"}))
    send(journal, "r5", 11)
    assert with_later(campaign, journal, SERVER).panda_ids == (1, 2, 9, 11, 5)
    assert with_later(first, journal, SERVER).panda_ids == (2, 9, 11)
    assert with_later(Selection(), journal, SERVER) == Selection()


def test_jobs_of_which_nobody_knows_are_not_passed_over(journal: Journal) -> None:
    send(journal, "r1", 1, campaign="good")
    lost = Subjects("digest", "1.0", "2", "first", "last", "bad", SERVER)
    journal.append(Entry(REQUEST, "r2", "unknown", lost))
    journal.append(Entry(CALL, "r2.0", "unknown", ("first", "last")))
    for options in (SelectOptions(last=True), SelectOptions(campaign="bad")):
        with pytest.raises(RequestError, match="not known whether the server accepted its 2 jobs") as caught:
            select(options, journal, lambda: SERVER)
        assert caught.value.hint.startswith("goclient journal show r2 ")
    everything = select(SelectOptions(), journal, lambda: SERVER)
    assert (everything.panda_ids, len(everything.lost)) == ((1,), 1)
    assert select(SelectOptions(campaign="bad"), journal, lambda: SERVER, staged=("bad",)).lost == ()

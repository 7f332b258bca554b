"""Whatever ends a process that advances a batch, and wherever: the next one does what is due, and nothing twice."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goclient.campaigns.batch import Batch, KeptBatch, keep, load_batches, prune
from goclient.campaigns.jobs import PandaJobs, Sender
from goclient.campaigns.state import Allowed, Sent, Standing
from goclient.errors import GoclientError
from goclient.errors.conditions import PathExists
from goclient.journal import KEPT, Journal
from goclient.reporter.base import SILENT
from goclient.reporter.recording import RecordingReporter
from tests.campaigns.world import (
    DESTINATION,
    KEY,
    SOURCE,
    Killed,
    Panda,
    World,
    advance,
    batch_of,
    begin,
    retry,
    serial_of,
)

EVENTS = (
    *("end tasks", "tasks fail", "finish", "fail", "stop", "kill", "sleep", "wake", "hide", "show"),
    *("retry", "retry all"),
)


Run = tuple[
    int | None, bool, list[str]
]  # how many calls a process lives, whether it ends the campaign, and what follows


def _happen(world: World, event: str, kept: KeptBatch) -> None:
    """Let something happen outside; a retry may be killed, too."""
    running = [one.panda_id for one in world.jobs.values() if not one.is_over]
    if event in ("end tasks", "tasks fail"):
        world.end_tasks(fails=event == "tasks fail")
    elif event in ("sleep", "wake"):
        world.asleep = event == "sleep"
    elif event in ("hide", "show"):
        world.hidden = {*world.rows} if event == "hide" else set()
    elif event.startswith("retry") and world.rows:
        with suppress(Killed):
            retry(world, _state(kept), *world.first, all=event == "retry all")
    elif running and event in ("finish", "fail", "stop", "kill"):
        ends = {"finish": "finished", "fail": "failed", "stop": "failed", "kill": "cancelled"}
        world.end_job(running[0], ends[event], code=1201 if event == "stop" else 0)


def _state(kept: KeptBatch) -> Path:
    return kept.path.parent.parent


def _settle(world: World, kept: KeptBatch) -> None:
    """Go on as a user does: until all is done, with what the monitor shows of jobs whose calls' answers are lost."""
    world.calls, world.asleep, world.hidden = None, False, set()
    main = Journal(_state(kept) / "journal.jsonl")
    for _ in range(30):
        if not kept.path.exists():
            return
        progress = advance(world, kept)
        if any("another try" in one.message for one in progress.problems):  # which nobody knows to be accepted
            retry(world, _state(kept), *world.first, again=True)
        elif kept.path.exists() and progress.sent is Sent.YES:
            progress = advance(world, kept, Allowed(ends=True))
        if progress.sent is Sent.UNKNOWN and world.jobs:
            PandaJobs(kept.read(), Sender(Panda(world), main, SILENT)).adopt(list(world.jobs))  # type: ignore[arg-type]
        elif progress.problems or progress.sent is Sent.UNKNOWN:
            advance(world, kept, Allowed(again=True))
        world.end_tasks()
        for panda_id in [one.panda_id for one in world.jobs.values() if not one.is_over]:
            world.end_job(panda_id, "finished")
    raise AssertionError("it does not come to an end")


@pytest.fixture
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here loses what was written: only the process ends, and its number is not in use any more."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr("goclient.jobs.sent.this_process", lambda: "1.1")


@pytest.mark.usefixtures("quick_disk")
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    jobs=st.integers(1, 3),
    is_sent=st.booleans(),
    runs=st.lists(
        st.tuples(
            st.none() | st.integers(0, 9),
            st.sampled_from((False, False, False, True)),
            st.lists(st.sampled_from(EVENTS), max_size=4),
        ),
        max_size=8,
    ),
)
def test_nothing_is_lost_or_done_twice_wherever_processes_are_killed(
    jobs: int, runs: list[Run], *, is_sent: bool
) -> None:
    _play(jobs, runs, is_sent=is_sent)


@pytest.mark.usefixtures("quick_disk")
@pytest.mark.parametrize("lives", range(10))
@pytest.mark.parametrize("first", [[], [(None, False, ["end tasks"])]], ids=["transfers", "jobs"])
def test_what_is_sent_when_a_process_is_killed_is_sent_once(first: list[Run], lives: int) -> None:
    _play(1, [*first, (lives, False, []), (None, False, ["end tasks"]), (None, False, [])], is_sent=False)


def _play(jobs: int, runs: list[Run], *, is_sent: bool) -> None:
    """Have processes run that live so many calls, and after each of them events; look what has become of all jobs."""
    with tempfile.TemporaryDirectory() as state:
        world = World()
        kept = begin(Path(state), batch_of(jobs), world)
        start: list[Run] = [(None, False, ["end tasks"])] * 2 if is_sent else []
        for lives, ends, events in start + runs:
            world.calls = lives
            with suppress(Killed):
                if kept.path.exists():
                    advance(world, kept, Allowed(ends=ends))
            for event in events:
                _happen(world, event, kept)
        _settle(world, kept)
        assert [one.is_open for one in load_batches(Path(state))] == [False]
        sent = len(world.rows)
        retry(world, Path(state), *world.first, all=True)
        assert len(world.rows) == sent, "nothing is sent when it is over"

    names = [one.name for one in world.jobs.values()]
    assert len(names) == len(set(names)), "each try was sent once"
    assert len({serial_of(one) for one in world.jobs.values()}) in (jobs, 0), "all were sent, or it was given up before"
    finished = {serial_of(one) for one in world.jobs.values() if one.state == "finished"}
    delivered = {path: text for (end, path), text in world.files.items() if end == DESTINATION.text}
    assert {*delivered} == {f"/out/{serial}.1" for serial in finished}, "all outputs, and no others"
    assert all(times == 1 for times in world.written.values()), "each file was transferred once"
    assert not [path for end, path in world.files if path.startswith("/staging")], "what was staged is removed"


def test_a_destination_that_sleeps_delays_its_delivery_alone(tmp_path: Path) -> None:
    world = World(asleep=True)
    kept = begin(tmp_path, batch_of(2), world)
    advance(world, kept)
    world.end_tasks()
    assert advance(world, kept).sent is Sent.YES
    for panda_id in (1, 2):
        world.end_job(panda_id, "finished")
    asleep = advance(world, kept)
    assert (asleep.delivered, asleep.problems) == (0, ())
    world.asleep = False
    advance(world, kept)
    world.end_tasks()
    assert advance(world, kept).delivered == 2


def test_what_exists_at_the_destination_is_told_and_stays_until_that_is_allowed(tmp_path: Path) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(2), world)
    world.files[DESTINATION.text, "/out/1.1"] = "somebody else's"
    advance(world, kept)
    world.end_tasks()
    advance(world, kept)
    for panda_id in (1, 2):
        world.end_job(panda_id, "finished")
    told = advance(world, kept)
    world.end_tasks()
    assert [type(one) for one in told.problems] == [PathExists]
    after = advance(world, kept)
    assert (after.delivered, after.closed, len(after.problems)) == (1, False, 1)
    assert world.files[DESTINATION.text, "/out/1.1"] == "somebody else's"
    advance(world, kept, Allowed(overwrites=True))
    world.end_tasks()
    assert advance(world, kept).delivered == 2
    assert world.files[DESTINATION.text, "/out/1.1"] == "of job 1"


def test_the_other_batches_are_read_once_however_much_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, seen, world = KeptBatch.read, list[str](), World()

    def counted_read(kept: KeptBatch) -> Batch:
        seen.append(kept.key)
        return read(kept)

    batch, other = batch_of(3), KEY.replace("1111", "9999")
    records = tuple(one._replace(jobName=one.jobName.replace(KEY, other)) for one in batch.records)
    first = begin(tmp_path, batch, world)
    _run_jobs(world, first, 1, 2, 3)
    second = begin(tmp_path, replace(batch, key=other, records=records), world)
    monkeypatch.setattr(KeptBatch, "read", counted_read)
    told = _run_jobs(world, second, 4, 5, 6)
    of_first = [f"it was delivered for PandaID {one} of the same campaign" in str(told) for one in (1, 2, 3)]
    assert (len(told), of_first) == (3, [True] * 3), told
    assert seen.count(first.key) == 1


def test_what_is_on_its_way_for_another_batch_is_said_to_be_of_its_job(tmp_path: Path) -> None:
    world, batch, other = World(), batch_of(2), KEY.replace("1111", "9999")
    records = tuple(one._replace(jobName=one.jobName.replace(KEY, other)) for one in batch.records)
    first = begin(tmp_path, batch, world)
    _run_jobs(world, first, 1, 2, delivers=False)
    second = begin(tmp_path, replace(batch, key=other, records=records), world)
    told = str(_run_jobs(world, second, 3, 4))
    assert [f"it was delivered for PandaID {one} of the same campaign" in told for one in (1, 2)] == [True, True], told


def _run_jobs(world: World, kept: KeptBatch, *panda_ids: int, delivers: bool = True) -> list[str]:
    """Let jobs run, and their outputs be delivered, or no more than be on their way; return what is in the way."""
    advance(world, kept)
    world.end_tasks()
    advance(world, kept)
    for panda_id in panda_ids:
        world.end_job(panda_id, "finished")
    told = advance(world, kept)
    if delivers:
        world.end_tasks()
    if delivers and not told.problems:
        advance(world, kept)
    return [one.message for one in told.problems]


def test_a_number_that_is_given_up_removes_nothing_that_a_job_has_made(tmp_path: Path) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(1), world)
    world.files[DESTINATION.text, "/out/1.1"] = "somebody else's"
    advance(world, kept)
    world.end_tasks()
    advance(world, kept)
    world.end_job(1, "finished")
    told = advance(world, kept, Allowed(ends=True, jobs=(1,)))
    assert ([type(one) for one in told.problems], told.standing) == ([PathExists], {Standing.FINISHED: 1})


def test_a_task_that_fails_again_and_again_is_left_to_a_person(tmp_path: Path) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(1), world)
    for _ in range(3):
        assert not advance(world, kept).problems
        world.end_tasks(fails=True)
    stuck = advance(world, kept)
    assert [one.code for one in stuck.problems] == ["stuck"]
    assert "goclient advance C --again" in stuck.problems[0].hint
    advance(world, kept, Allowed(again=True))
    world.end_tasks()
    assert advance(world, kept).brought


@pytest.mark.parametrize("running", [0, 1])
def test_outputs_are_delivered_in_few_tasks(tmp_path: Path, running: int) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(10), world)
    advance(world, kept)
    world.end_tasks()
    advance(world, kept)
    for panda_id in range(1, 11 - running):
        world.end_job(panda_id, "finished")
        advance(world, kept)
        world.end_tasks()
    advance(world, kept)
    deliveries = [
        task for task in world.tasks.values() if task.request and task.request.destination == DESTINATION.text
    ]
    assert [len(task.request.items) for task in deliveries if task.request] == ([5] if running else [5, 5])


@pytest.mark.parametrize("lives", [None, 1, 2, 3, 4])
def test_a_campaign_that_is_given_up_before_its_jobs_are_sent_leaves_nothing(tmp_path: Path, lives: int | None) -> None:
    world = World(calls=lives)
    kept = begin(tmp_path, batch_of(2), world)
    with suppress(Killed):
        advance(world, kept)
    world.calls = None
    for _ in range(4):
        if kept.path.exists():
            told = advance(world, kept, Allowed(ends=True))
        world.end_tasks()
    assert (told.closed, told.text) == (True, "C: given up: its jobs were not sent")
    assert (world.jobs, [one for one in world.files if one[0] != SOURCE.text]) == ({}, [])


def test_a_staging_directory_without_room_is_told_with_what_to_do(tmp_path: Path) -> None:
    world = World(wrong=("NO_SPACE_LEFT: no room",))
    kept = begin(tmp_path, batch_of(1), world)
    advance(world, kept, reporter=(told := RecordingReporter()))
    text = "\n".join(map(str, told.messages))
    assert "goes on, but: NO_SPACE_LEFT: no room" in text
    assert "make some, or give this campaign up: goclient advance C --end" in text


def test_a_transfer_that_is_paused_needs_a_person_and_goes_on(tmp_path: Path) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(1), world)
    advance(world, kept)
    (task,) = world.tasks.values()
    task.status = "INACTIVE"
    (told,) = advance(world, kept).problems
    assert f"bring: task {task.id} is paused" in told.message
    assert f"see https://app.globus.org/activity/{task.id}, and type: goclient advance C; or give" in told.hint
    task.status = "ACTIVE"
    assert advance(world, kept).problems == ()
    world.end_tasks()
    assert advance(world, kept).sent is Sent.YES


def test_files_of_a_batch_that_was_closed_long_ago_are_removed(tmp_path: Path) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(1), world)
    prune(tmp_path, now=time.time() + 2 * KEPT)
    assert kept.path.exists(), "it is not done"
    _settle(world, kept)
    prune(tmp_path, now=time.time() + KEPT / 2)
    assert len(load_batches(tmp_path)) == 1
    prune(tmp_path, now=time.time() + 2 * KEPT)
    assert list((tmp_path / "campaigns").iterdir()) == []


def test_a_new_batch_is_never_seen_by_others_before_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        with KeptBatch(path).lock() as is_free:
            assert not is_free

    monkeypatch.setattr("goclient.campaigns.batch.replace", seen)
    with keep(batch_of(1), tmp_path) as kept, kept.lock() as second:
        assert not second
    with kept.lock() as is_free:
        assert is_free


def test_the_second_process_leaves_a_batch_alone(tmp_path: Path) -> None:
    kept = begin(tmp_path, batch_of(1), World())
    with kept.lock() as first, kept.lock() as second:
        assert (first, second) == (True, False)


def _without_jobs(kept: KeptBatch) -> None:
    kept.path.write_text(json.dumps({**json.loads(kept.path.read_text()), "jobs": []}))


def _all_of_the_site(kept: KeptBatch) -> None:
    kept.path.write_text(kept.path.read_text().replace("/staging/C.00000000", "/staging"))


def _without_digest(kept: KeptBatch) -> None:
    document = json.loads(kept.path.read_text())
    del document["digest"]
    kept.path.write_text(json.dumps(document))


def _half(kept: KeptBatch) -> None:
    kept.path.write_bytes(kept.path.read_bytes()[:-40])


def _of_another_campaign(kept: KeptBatch) -> None:
    kept.path.write_bytes(replace(batch_of(2), campaign="D").encode())


def _with_an_archive(kept: KeptBatch) -> None:
    kept.path.with_name(kept.path.name.replace(".json", ".tar.gz")).write_bytes(b"another")


@pytest.mark.parametrize(
    "change", [_without_jobs, _all_of_the_site, _without_digest, _half, _of_another_campaign, _with_an_archive]
)
def test_a_file_that_is_not_as_it_was_written_removes_nothing(
    tmp_path: Path, change: Callable[[KeptBatch], None]
) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(2), world)
    for _ in range(2):
        advance(world, kept)
        world.end_tasks()
    for panda_id in (1, 2):
        world.end_job(panda_id, "finished")
    files, tasks = dict(world.files), len(world.tasks)
    change(kept)
    with pytest.raises(GoclientError, match="cannot be read") as told:
        advance(world, kept, Allowed(ends=True))
    world.end_tasks()
    assert told.value.code == "campaign-file"
    assert "C.00000000 in the directory of [site.QUEUE]" in told.value.hint
    assert change is not _without_digest or '"digest" is missing' in told.value.message
    assert (world.files, len(world.tasks), kept.path.exists()) == (files, tasks, True)


@pytest.mark.usefixtures("quick_disk")
def test_a_lost_try_of_a_cancelled_job_is_sent_by_what_the_hint_types(tmp_path: Path) -> None:
    world = World()
    kept = begin(tmp_path, batch_of(1), world)
    for _ in range(2):
        advance(world, kept)
        world.end_tasks()
    world.end_job(1, "cancelled")
    world.calls = 0
    with suppress(Killed):
        retry(world, tmp_path, 1, all=True)
    world.calls = None
    (told,) = advance(world, kept).problems
    assert "goclient retry 1" in told.hint
    assert "--again" in told.hint
    retry(world, tmp_path, 1, again=True)
    assert sorted(world.jobs) == [1, 2]

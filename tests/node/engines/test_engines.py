"""Every engine does the same: it brings files, overwrites nothing that it may not, and tells what went wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.errors import EndpointError, GoclientError, TransferFailed
from goclient.errors.conditions import PathExists, PathNotFound
from goclient.model.endpoint import JOB, GridftpEndpoint, WebdavEndpoint
from goclient.model.plan import TransferTask
from goclient.node.engines.base import Transferred, choose
from goclient.node.left import remove_left
from goclient.node.transfers import Transfers
from tests.node.engines.benches import Bench, GlobusBench, GridftpBench, item


def test_a_file_is_brought_and_another_is_taken_away(bench: Bench) -> None:
    (bench.there / "input").write_text("in")
    (bench.job / "result").write_text("out!")
    assert bench.bring(item("input", "brought")) == Transferred(1, 2)
    assert bench.take(item("result", "new/result")) == Transferred(1, 4)
    assert (bench.job / "brought").read_text() == "in"
    assert (bench.there / "new" / "result").read_text() == "out!"


def test_a_directory_is_transferred_with_all_below_it(bench: Bench) -> None:
    (bench.there / "run7" / "deep").mkdir(parents=True)
    (bench.there / "run7" / "a").write_text("1")
    (bench.there / "run7" / "deep" / "b").write_text("22")
    assert bench.bring(item("run7/", "run7", recursive=True)) == Transferred(2, 3)
    assert (bench.job / "run7" / "deep" / "b").read_text() == "22"


def test_a_directory_is_one_also_if_nobody_typed_a_slash(bench: Bench) -> None:
    (bench.there / "run7").mkdir()
    (bench.there / "run7" / "a").write_text("1")
    assert bench.bring(item("run7", "run7")).files == 1


def test_a_new_name_that_is_a_directory_by_now_is_gone_into(bench: Bench) -> None:
    (bench.job / "result").write_text("out")
    (bench.there / "runs").mkdir()
    bench.take(item("result", "runs", renames=True))
    assert (bench.there / "runs" / "result").read_text() == "out"


def test_what_exists_is_not_overwritten_unless_the_user_wants_it(bench: Bench) -> None:
    (bench.job / "result").write_text("new")
    (bench.there / "result").write_text("old")
    with pytest.raises(PathExists, match="would be overwritten"):
        bench.take(item("result", "result"))
    assert (bench.there / "result").read_text() == "old"
    bench.take(item("result", "result"), overwrite=True)
    assert (bench.there / "result").read_text() == "new"


def test_another_attempt_replaces_what_the_first_one_delivered(bench: Bench) -> None:
    for number, text in enumerate(("old", "newer"), start=1):
        (bench.job / "result").write_text(text)
        (bench.job / "run").mkdir(exist_ok=True)
        (bench.job / "run" / f"part{number}").write_text(text)
        bench.take(item("result", "result"), item("run", "run"), attempt=number)
        (bench.job / "run" / f"part{number}").unlink()
    assert (bench.there / "result").read_text() == "newer"
    assert [one.name for one in (bench.there / "run").iterdir()] == ["part2"]
    (bench.there / "run" / "other").touch()
    with pytest.raises(PathExists, match="run"):
        bench.take(item("result", "result"), item("run", "run"), attempt=3)


def test_what_attempts_have_left_is_removed_once_it_is_not_needed(bench: Bench) -> None:
    (bench.job / "result").write_text("out")
    bench.take(item("result", "result"))
    (bench.there / ".goclient-7-2").mkdir()
    journal, attempt = bench.used.journal, bench.used.attempt
    remove_left(journal, attempt, bench.transfer_service, delivered=True, server=bench.store)
    assert sorted(one.name for one in bench.there.iterdir()) == [".goclient-7-2", "result"]
    assert [entry.state for entry in journal.latest("delivery")] == ["done"]


def test_two_items_with_one_destination_are_refused_before_any_is_transferred(bench: Bench) -> None:
    for name in ("a", "b"):
        (bench.job / name).write_text(name)
    with pytest.raises(GoclientError) as caught:
        bench.take(item("a", "one"), item("b", "one"), overwrite=True)
    assert caught.value.code == "one-destination"
    assert bench.delivered() == []


def test_what_is_missing_is_an_error_of_the_endpoint(bench: Bench) -> None:
    with pytest.raises(PathNotFound) as caught:
        bench.bring(item("gone", "gone"))
    assert caught.value.subject.endswith(bench.path("gone"))
    with pytest.raises(PathNotFound, match="the job did not create this file"):
        bench.take(item("gone", "gone"))


def test_nothing_leaves_the_job_s_directory_through_a_link(bench: Bench) -> None:
    (bench.top / "secret").write_text("secret")
    (bench.job / "link").symlink_to(bench.top / "secret")
    with pytest.raises(EndpointError, match="leads outside the job's directory"):
        bench.take(item("link", "link"))
    assert bench.delivered() == []


def test_what_the_heartbeat_raises_ends_a_transfer_and_leaves_nothing(bench: Bench) -> None:
    if type(bench) is GlobusBench:
        bench.service.stuck = True
    bench.make_long(bench.there / "large")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.bring(item("large", "large"), beat=stop)
    assert list(bench.job.iterdir()) == []
    if type(bench) is GlobusBench:
        assert bench.service.cancelled == list(bench.service.tasks_sent)


def test_an_error_says_in_which_phase_it_happened(bench: Bench) -> None:
    task = TransferTask(
        "stage-in", bench.far, JOB, (item(bench.path("gone"), "gone"),), server=bench.near, mode=bench.mode
    )
    with pytest.raises(TransferFailed) as caught:
        Transfers([task], bench.context, [bench.engine(bench.context)]).bring()
    assert (caught.value.phase, type(caught.value.error)) == ("stage-in", PathNotFound)
    assert caught.value.code == "stage-in:path-not-found"
    assert caught.value.message == f"stage-in: {caught.value.error.message}"
    assert caught.value.exit_code == 40


def test_a_task_that_no_engine_knows_is_refused(bench: Bench) -> None:
    other = WebdavEndpoint("davs://host") if isinstance(bench, GridftpBench) else GridftpEndpoint("gsiftp://host")
    task = TransferTask("output", JOB, other, (item("a", "/a"),))
    with pytest.raises(EndpointError, match=f'from the node to "{other}"') as caught:
        choose([bench.engine(bench.context)], task)
    assert (caught.value.code, caught.value.subject) == ("no-engine", str(other))


def test_a_failed_task_has_the_reason_of_the_service(tmp_path: Path) -> None:
    bench = GlobusBench(tmp_path)
    bench.service.failing = "the disk is full"
    (bench.there / "input").write_text("in")
    with pytest.raises(EndpointError, match="failed: the disk is full") as caught:
        bench.bring(item("input", "input"))
    assert caught.value.code == "transfer-failed"


def test_files_of_an_attempt_with_many_are_replaced_by_the_next_and_one_of_somebody_else_s_is_not(
    bench: Bench,
) -> None:
    items = [item(f"f{number}", f"f{number}") for number in range(20)]
    for number, text in enumerate(("old", "newer"), start=1):
        for one in items:
            (bench.job / one.source).write_text(text)
        bench.take(*items, attempt=number)
    assert {(bench.there / one.source).read_text() for one in items} == {"newer"}
    (bench.there / "f7").write_text("somebody else's")
    with pytest.raises(PathExists, match="f7"):
        bench.take(*items, attempt=3)
    assert (bench.there / "f7").read_text() == "somebody else's"

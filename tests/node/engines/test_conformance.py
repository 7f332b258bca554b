"""Every engine brings what was typed, whole, once; what is cut, damaged or ended early has no final name."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from goclient.errors import GoclientError
from goclient.errors.conditions import PathNotFound
from goclient.journal import Journal
from goclient.node.engines.base import Transferred
from goclient.node.left import remove_left
from tests.node.engines.benches import Bench, CollectionBench, GlobusBench, LocalBench, SandboxBench, item
from tests.pace import within

ODD = (
    "a b", " before", "behind ", "p%41q", "a#b", "a?b", "a;b", "a*b", "[a]", 'a"b', "a\\b", "~a", "-a", "a\tb", "ä",
    "\udcff",
)  # fmt: skip
SIZE = 3_000_000
ENDED_WITHIN = 8.0  # seconds


class Killed(BaseException):
    """End of a pilot."""


def below(top: Path) -> dict[str, bytes | None]:
    """All below a directory that a user sees: the content of each file, None for a directory."""
    found = {str(one.relative_to(top)): None if one.is_dir() else one.read_bytes() for one in top.rglob("*")}
    return {name: content for name, content in found.items() if not name.startswith(".goclient-")}


def journal_of(bench: Bench) -> Journal:
    return Journal(bench.top / "journal.jsonl")


def test_odd_names_arrive_as_typed(bench: Bench) -> None:
    names = [name for name in ODD if name not in bench.refused]
    (bench.there / "in").mkdir()
    for name in names:
        (bench.there / "in" / name).write_bytes(os.fsencode(name))
    wanted = below(bench.there / "in")
    bench.bring(*(item(f"in/{name}", f"one/{name}") for name in names), item("in/", "all", recursive=True))
    assert below(bench.job / "one") == below(bench.job / "all") == wanted
    moved = [name for name in names if name not in bench.unmoved]
    bench.take(*(item(f"one/{name}", f"one/{name}") for name in moved), item("all/", "all", recursive=True))
    assert below(bench.there / "all") == wanted
    assert sorted(one.name for one in (bench.there / "one").iterdir() if one.is_file()) == sorted(moved)


def test_names_that_a_server_cannot_have_are_refused(bench: Bench) -> None:
    for name in (*bench.refused, *bench.unmoved):
        (bench.job / name).touch()
        with pytest.raises(GoclientError):
            bench.take(item(name, name))
        assert bench.delivered() == []


def test_empty_files_and_directories_are_files_and_directories(bench: Bench) -> None:
    (bench.there / "in" / "nothing" / "below").mkdir(parents=True)
    (bench.there / "in" / "empty").touch()
    wanted = below(bench.there / "in")
    assert bench.bring(item("in/", "in", recursive=True), item("in/empty", "empty")) == Transferred(2, 0)
    assert below(bench.job / "in") == wanted
    assert bench.take(item("in/", "out", recursive=True), item("empty", "empty")) == Transferred(2, 0)
    assert below(bench.there / "out") == wanted
    assert (bench.there / "empty").read_bytes() == b""


def test_many_bytes_arrive_as_they_were(bench: Bench) -> None:
    content = random.Random(7).randbytes(SIZE)
    (bench.there / "in").write_bytes(content)
    assert bench.bring(item("in", "in")) == Transferred(1, SIZE)
    assert (bench.job / "in").read_bytes() == content
    assert bench.take(item("in", "out")) == Transferred(1, SIZE)
    assert (bench.there / "out").read_bytes() == content


def test_what_the_journal_calls_done_is_not_done_again(bench: Bench) -> None:
    journal = journal_of(bench)
    (bench.there / "in").write_text("in")
    (bench.job / "result").write_text("out")
    for _ in range(2):
        assert bench.bring(item("in", "in"), journal=journal) == Transferred(1, 2)
        (bench.there / "in").unlink(missing_ok=True)
        assert bench.take(item("result", "result"), journal=journal) == Transferred(1, 3)
        (bench.job / "result").write_text("another")
    assert (bench.there / "result").read_text() == "out"


def test_a_pilot_that_dies_before_it_gives_names_delivers_once(bench: Bench) -> None:
    journal = journal_of(bench)
    (bench.job / "result").write_text("out")
    bench.take(item("result", "result"), journal=journal, delivers=False)
    assert bench.delivered() == []
    (bench.job / "result").unlink()
    bench.take(item("result", "result"), journal=journal)
    assert (bench.there / "result").read_text() == "out"
    assert len(list(bench.there.rglob("result"))) == 1


def test_a_pilot_that_dies_while_it_transfers_begins_anew(bench: Bench) -> None:
    journal = journal_of(bench)
    (bench.job / "result").write_text("out")
    bench.take(item("result", "result"), journal=journal, delivers=False)
    lines = journal.path.read_text().splitlines(keepends=True)
    journal.path.write_text("".join(line for line in lines if '"files=' not in line))
    (arrived,) = bench.there.rglob("result")
    if type(bench) not in (GlobusBench, SandboxBench):  # Globus has the whole file, and its task is found
        arrived.write_text("o")
    assert bench.take(item("result", "result"), journal=journal_of(bench)) == Transferred(1, 3)
    assert (bench.there / "result").read_text() == "out"


def test_a_source_that_is_missing_costs_nobody_the_old_file(bench: Bench) -> None:
    for old in (bench.there / "old", bench.job / "old"):
        old.write_text("old")
    with pytest.raises(PathNotFound):
        bench.take(item("gone", "old"), overwrite=True)
    with pytest.raises(PathNotFound):
        bench.bring(item("gone", "old"), overwrite=True)
    assert (bench.there / "old").read_text() == (bench.job / "old").read_text() == "old"


def test_a_pilot_that_is_ended_while_it_delivers_leaves_nothing(bench: Bench) -> None:
    if type(bench) is GlobusBench:
        bench.service.stuck = True
    bench.make_long(bench.job / "large")
    started: list[float] = []

    def stop() -> None:
        if started and time.monotonic() > started[0] + 0.3:
            raise Killed
        started.append(time.monotonic())

    with within(ENDED_WITHIN), pytest.raises(Killed):
        bench.take(item("large", "large"), beat=stop)
    assert bench.delivered() == []
    remove_left(bench.used.journal, bench.used.attempt, bench.transfer_service, delivered=False, server=bench.store)
    assert [one for one in bench.there.rglob("*") if one.is_file()] == []


def test_a_pilot_that_is_ended_leaves_no_part_in_a_directory_that_was_there(bench: Bench) -> None:
    if type(bench) in (LocalBench, GlobusBench, SandboxBench, CollectionBench):
        return  # a child, or the service, takes it away; and our server of a collection writes when all is there
    for top in (bench.job, bench.there):
        (top / "run").mkdir()
        (top / "run" / "old").write_text("old")
    bench.make_long(bench.job / "run" / "long")

    def stop() -> None:
        if any(one.name.endswith(".part") and one.stat().st_size for one in (bench.there / "run").iterdir()):
            raise Killed

    with pytest.raises(Killed):
        bench.take(item("run", "run", recursive=True), overwrite=True, beat=stop)
    assert [one.name for one in (bench.there / "run").iterdir()] == ["old"]

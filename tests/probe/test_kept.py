"""Results of probes are kept, with their age; what several nodes have in common is said once."""

from __future__ import annotations

import time
from pathlib import Path, PurePosixPath

import pytest

from goclient.config.settings import SiteDirectory
from goclient.probe.kept import Kept, judge, load, store
from goclient.probe.nodes import Node
from tests.probe.test_marks import MARK
from tests.probe.test_nodes import DISK, GOOD

FULL = {**GOOD, "directory": {**DISK, "write": "No space left on device"}}
NOW = 1_800_000_000.0
PHRASE = "nodes of Q were last seen with a job directory that cannot be written: No space left on device"


def node(report: dict[str, object], *, age: float = 0) -> Node:
    return Node(7, NOW - age, report)


NOT_A_SITE = '{"nodes": [], "jobs": [], "sent": 0, "site": ["id", "/a"]}'


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    site = SiteDirectory("id", PurePosixPath("/staging"), PurePosixPath("/pnfs/staging"), 7.5)
    kept = Kept((node(GOOD), Node(8, 1.0, {}, "no reason")), (9, 10), 5.0, MARK, site)
    store(tmp_path / "state/nodes", kept)
    assert load(tmp_path / "state/nodes") == kept


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nodes": [1], "jobs": [], "sent": 0}', NOT_A_SITE, "[" * 100_000])
def test_a_damaged_file_has_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "nodes").write_text(text)
    assert load(tmp_path / "nodes") == load(tmp_path / "none") == Kept()


@pytest.mark.parametrize(
    ("ages", "level", "said"),
    [
        pytest.param([30], "error", "(just now)", id="now"),
        pytest.param([86_400 * 3.5], "error", "(3 days ago)", id="days"),
        pytest.param([7000, 3700], "error", "(1 hour ago)", id="the latest"),
        pytest.param([120, None], "warning", "(1 of 2, 2 minutes ago)", id="one of two"),
    ],
)
def test_a_defect_is_told_with_its_age(ages: list[float | None], level: str, said: str) -> None:
    nodes = [node(GOOD) if age is None else node(FULL, age=age) for age in ages]
    assert [(one.level, one.message) for one in judge("Q", nodes)] == [(level, f"{PHRASE} {said}")]


def test_fit_nodes_are_told_and_unknown_ones_are_not() -> None:
    assert [one.message for one in judge("Q", [node(GOOD)])] == [
        "nodes of Q were last seen fit for carried jobs (just now)"
    ]
    assert list(judge("Q", [])) == []


def test_a_directory_is_shared_if_several_nodes_have_the_same() -> None:
    places = [("wn1", "/data", "7.1"), ("wn2", "/data", "7.1"), ("wn2", "/data", "7.1"), ("wn3", "/data", "9.1")]
    nodes = [node({**GOOD, "node": name, "paths": [{"of": of, "mark": mark}]}) for name, of, mark in places]
    told = [one.message for one in judge("Q", nodes) if one.code == "node-shared"]
    assert told == ["/data is one directory, which 2 nodes of Q share"]
    assert [one.code for one in judge("Q", nodes, wanted=())] == ["nodes"]
    assert [one.code for one in judge("Q", nodes[1:])] == ["nodes"]

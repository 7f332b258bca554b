"""Pilots that die at any point lose nothing; ``make figures`` has many times as many cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pilot.kills import Choice, Finding, cases, run_case
from tests.sandboxes import sandbox_in

SEED = 13
SHARES = 4  # that run side by side


@pytest.fixture(scope="module", params=range(SHARES))
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Finding]]:
    """Yield what became of a share of the cases."""
    with sandbox_in(Path(tmp_path_factory.mktemp("kills"))) as sandbox:
        chosen = list(cases(sandbox, Choice(points=20, seeds=1, random=6, signals=1), seed=SEED))
        yield [run_case(sandbox, case) for case in chosen[request.param :: SHARES]]


def test_whenever_a_pilot_dies_nothing_is_lost_done_twice_or_left_behind(found: list[Finding]) -> None:
    assert [(one.case.name, one.wrong) for one in found if one.wrong] == []


def test_most_signals_came_before_the_end_of_their_pilot(found: list[Finding]) -> None:
    assert sum(one.met for one in found) > len(found) * 0.7, [one.case.name for one in found if not one.met]

"""Carried jobs that die or go wrong leave nothing, and no secret; ``make figures`` has ten times as many."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.carrier.faulty import Known, kills, meet
from tests.carrier.trial import BATCH, Case, Trial
from tests.sandboxes import Sandbox, sandbox_in

SEED = 15


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox_in(Path(tmp_path_factory.mktemp("carried"))) as started:
        yield started


@pytest.fixture(scope="module")
def known(sandbox: Sandbox) -> Known:
    return Known.of(sandbox)


def test_whenever_a_carried_job_is_killed_nothing_is_left(sandbox: Sandbox, known: Known) -> None:
    wrong, killed = [], 0
    for case in kills(known, 8, 1, seed=SEED):
        trial = Trial(sandbox, case)
        trial.submit()
        trial.run()
        wrong += [f"{case.name}: {one}" for one in (*trial.wrong(), *trial.leaks())]
        killed += trial.is_killed
    assert wrong == []
    assert killed > 4


def test_a_signal_while_secrets_are_removed_leaves_none(sandbox: Sandbox, known: Known) -> None:
    assert known.points
    trial = Trial(sandbox, Case(SEED, BATCH, 2))  # the first of them is gone
    trial.submit()
    trial.run()
    assert trial.is_killed
    assert [*trial.wrong(), *trial.leaks()] == []


def test_whatever_goes_wrong_no_secret_is_seen(sandbox: Sandbox, known: Known) -> None:
    assert [one for seed in range(SEED, SEED + 8) for one in meet(sandbox, known, seed)] == []

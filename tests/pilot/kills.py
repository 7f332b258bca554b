"""Pilots that are killed or stopped at any point, and what the next one makes of it; used by tests and by figures.

Each case is one job in a sandbox.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from goclient.errors.findings import ExitCode
from goclient.model.mode import Mode
from goclient.node.signals import SIGNALS
from tests.pilot.trial import GONE_WITHIN, WITHIN, Case, Trial
from tests.sandboxes import Sandbox

MODES = tuple(map(str, Mode))
MOST_PILOTS = 4  # that come after the one that was killed


@dataclass(frozen=True)
class Finding:
    """Problem after a case, in words, if there is one; ``met``: the signal came before its pilot's end."""

    case: Case
    wrong: tuple[str, ...]
    met: bool
    seconds: float


def run_case(sandbox: Sandbox, case: Case) -> Finding:
    """Run a case to its end, with pilots until none of them has anything to do."""
    started = time.monotonic()
    trial = Trial(sandbox, case)
    trial.submit()
    met = trial.run_first()
    wrong = list(_outlive(trial)) if met and case.number == signal.SIGKILL else []
    if case.number != signal.SIGKILL:
        wrong += trial.wrong(may_wait=True)  # it has ended in order: nothing is left to another pilot
    trial.let_time_pass()
    for _ in range(MOST_PILOTS):
        result = trial.run_next()
        if result.code == ExitCode.NO_JOB:
            break
    else:
        wrong.append(f"{MOST_PILOTS} pilots have not come to an end, the last with {result.code}: {result.err[-300:]}")
    wrong += trial.wrong()
    _forget(trial)
    return Finding(case, tuple(wrong), met, time.monotonic() - started)


def _outlive(trial: Trial) -> Iterator[str]:
    """Yield what still runs of a job so long after its pilot was killed."""
    died = time.monotonic()
    while left := trial.processes():
        if time.monotonic() > died + GONE_WITHIN:
            yield f"{GONE_WITHIN:.0f} s after the pilot's end there are {left}"
            return
        time.sleep(0.02)


def _forget(trial: Trial) -> None:
    """Take the job out of the way of the next case, whatever became of it."""
    trial.sandbox.rows(
        "update jobs set status = 'failed' where panda_id = ? and status not in ('finished', 'failed')", trial.panda_id
    )


def run_together(sandbox: Sandbox, count: int) -> list[str]:
    """Run so many pilots at once, with as many jobs; return what is wrong."""
    trials = [Trial(sandbox, Case(number, MODES[number % len(MODES)])) for number in range(count)]
    for trial in trials:
        trial.submit()
    shared = {"GOCLIENT_STATE": str(trials[0].state)}
    pilots = []
    for trial in trials:  # whoever comes first takes the first job, so that all must be able to run any
        words = [sys.executable, "-m", "goclient", *trial.words(f"--sharedFolder={sandbox.path('SITE1')}=/")]
        env = {**sandbox.env, **shared, "TMPDIR": str(sandbox.path("SITE1", "/scratch"))}
        pilots.append(subprocess.Popen(words, env=env, cwd=trial.folder, stdout=subprocess.DEVNULL, stderr=-1))
    said = [one.communicate(timeout=WITHIN * 5)[1].decode() for one in pilots]
    wrong = [f"pilot: {text[-200:]}" for one, text in zip(pilots, said, strict=True) if one.returncode != 0]
    return wrong + [problem for trial in trials for problem in trial.wrong()]


def count_points(sandbox: Sandbox, mode: str, seed: int) -> tuple[int, float]:
    """Return how many points a job has that nobody disturbs, and its seconds; AssertionError if it is not all well."""
    trial = Trial(sandbox, Case(seed, mode, point=10**9))
    trial.submit()
    started = time.monotonic()
    trial.run_first()
    seconds = time.monotonic() - started
    wrong = list(trial.wrong())
    assert not wrong, wrong
    return int((trial.folder / "points").read_text()), seconds


@dataclass(frozen=True)
class Choice:
    """Numbers of cases: ``points`` of each mode with ``seeds`` each, at ``random`` times, ``signals`` times of each."""

    points: int
    seeds: int
    random: int
    signals: int


def cases(sandbox: Sandbox, choice: Choice, *, seed: int) -> Iterator[Case]:
    """Yield the cases of a choice: the seeds of a point share out the modes."""
    pick = random.Random(seed)
    known = {mode: count_points(sandbox, mode, 10**6 + seed) for mode in MODES}
    for number in range(choice.points):
        for one in range(choice.seeds):
            mode = MODES[(number + one) % len(MODES)]
            at = pick.uniform(number, number + 1) / choice.points
            yield Case(pick.randrange(10**6), mode, point=1 + int(at * known[mode][0]))
    for number in range(choice.random):
        mode = MODES[number % len(MODES)]
        yield Case(pick.randrange(10**6), mode, after=pick.uniform(0.3, 1.0) * known[mode][1])
    for number, signum in enumerate(SIGNALS):
        for at in range(choice.signals):
            mode = MODES[(number + at) % len(MODES)]
            share = (at + pick.random()) / choice.signals
            yield Case(pick.randrange(10**6), mode, point=1 + int(share * known[mode][0]), number=signum)

"""Carried jobs that go wrong in every way: killed, with calls that meet faults, with programs that fail."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

from tests.carrier.trial import BATCH, CONNECT, HTTPS, MONITOR, VALID, Case, Trial, keep_tokens
from tests.sandboxes import Sandbox
from tests.trouble import FAULTS, CallPoint, call_points, forget_calls

SITE_S_OWN = ("/server/panda/", "/api/v1/", "/cache/", "/trf/", "/transformations/", "/sandbox/")  # calls of no carrier
PATIENT = {"hang", "slow"}  # faults that a carrier waits out, for as long as its time-outs are


@dataclass(frozen=True)
class Known:
    """Course of a job that nobody disturbs, for each way of its files: its points, and its calls."""

    points: dict[str, int]
    calls: dict[str, tuple[CallPoint, ...]]

    @classmethod
    def of(cls, sandbox: Sandbox) -> Known:
        """Run such jobs."""
        keep_tokens(sandbox)
        known = cls({}, {})
        for number, via in enumerate((HTTPS, CONNECT)):
            trial = Trial(sandbox, Case(10**6 + number, via=via))
            trial.submit()
            forget_calls(sandbox)
            trial.run()
            wrong = [*trial.wrong(), *trial.leaks()]
            assert not wrong, (wrong, (trial.folder / "site.log").read_text())
            assert trial.job["status"] == "finished", trial.job
            calls = (one for one in call_points(sandbox) if not one.route.split()[1].startswith(SITE_S_OWN))
            known.points[via], known.calls[via] = int(trial.points.read_text()), tuple(calls)
        return known


def kills(known: Known, points: int, times: int, *, seed: int) -> Iterator[Case]:
    """Yield jobs that are killed at so many points, each so often, by their user and by the batch system in turn."""
    pick = random.Random(seed)
    for number in range(points):
        for one in range(times):
            at, via = pick.uniform(number, number + 1) / points, (HTTPS, CONNECT)[(number + one // 2) % 2]
            yield Case(
                pick.randrange(10**6),
                (MONITOR, BATCH)[(number // 2 + one) % 2],
                1 + int(at * known.points[via]),
                via=via,
            )


def meet(sandbox: Sandbox, known: Known, seed: int) -> list[str]:
    """Run a job that goes wrong in a way of its own; return what is wrong, and where secrets are."""
    pick, via = random.Random(seed), (HTTPS, CONNECT)[seed % 2]
    call, kind = pick.choice(known.calls[via]), pick.choice([one for one in FAULTS if one not in PATIENT])
    fault = call.trouble(sandbox, kind, skip=pick.choice(call.positions))
    killed = Case(seed, pick.choice((MONITOR, BATCH)), pick.randint(1, known.points[via]), via=via)
    failing = Case(seed, code=pick.randint(1, 255), via=via)
    case, trouble = pick.choice(((Case(seed, via=via), fault), (killed, nullcontext()), (failing, fault)))
    trial = Trial(sandbox, case)
    trial.submit()
    with trouble:
        trial.run()
    found = [*trial.wrong(), *trial.leaks()]
    if "/oauth2/token" in call.route:  # a token whose answer is lost is not known; one that is not revoked ends itself
        found = [one for one in found if one != VALID]
    return [f"{case.name}, {call.route} {kind}: {one}" for one in found]

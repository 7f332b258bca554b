"""Pilots whose calls meet trouble: each fault, at the first, the middle and the last call of each route."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from goclient.errors.findings import ExitCode
from goclient.sandbox.faults import NAMED
from tests.pilot.kills import MOST_PILOTS
from tests.pilot.trial import Case, Trial
from tests.sandboxes import Sandbox
from tests.trouble import FAULTS, CallPoint, call_points, forget_calls

ENDS = {ExitCode.DONE, ExitCode.UNEXPECTED, ExitCode.NO_JOB, ExitCode.LOGIN, ExitCode.ENDPOINT, ExitCode.SERVER}


@dataclass(frozen=True)
class CallFault:
    """One call of a pilot, and the fault that it meets."""

    point: CallPoint
    skip: int
    kind: str

    @property
    def name(self) -> str:
        """Return a name that differs from those of all others."""
        return f"{self.kind} at call {self.skip + 1} of {self.point.times} of {self.point.route}"


def call_faults(sandbox: Sandbox, mode: str) -> list[CallFault]:
    """Return each fault at each call of a job that runs well."""
    trial = Trial(sandbox, Case(0, mode))
    trial.submit()
    forget_calls(sandbox)
    assert trial.run_next().code == 0
    found = [one for one in call_points(sandbox) if "/sandbox/" not in one.route and "/connect/" not in one.route]
    return [CallFault(one, skip, kind) for one in found for skip in one.positions for kind in FAULTS]


def chosen(faults: list[CallFault], share: int, *, seed: int) -> Iterator[CallFault]:
    """Yield one of so many, each route at least once."""
    pick = random.Random(seed)
    for route in dict.fromkeys(one.point.route for one in faults):
        own = [one for one in faults if one.point.route == route]
        yield from pick.sample(own, max(1, len(own) // share))


def meet(sandbox: Sandbox, fault: CallFault, *, number: int, mode: str) -> list[str]:
    """Run a job whose pilot meets a fault, then pilots until nothing is left; return what is wrong.

    The job may fail, and say why; nothing may hang, break with a traceback or be left behind.
    """
    trial = Trial(sandbox, Case(number, mode))
    trial.submit()
    trial.env["GOCLIENT_TIMEOUT"] = "3"
    with fault.point.trouble(sandbox, fault.kind, skip=fault.skip):
        first = trial.run_next()  # which raises for a traceback, and for a pilot that hangs
        if fault.kind == "refused":
            time.sleep(NAMED["refused"]["seconds"])  # or the sandbox is not even told that it is over
    wrong = [] if first.code in ENDS else [f"exit code {first.code}: {first.err[-300:]}"]
    trial.let_time_pass()
    for _ in range(MOST_PILOTS):
        if trial.run_next().code == ExitCode.NO_JOB:
            break
    else:
        wrong.append(f"{MOST_PILOTS} pilots have not come to an end")
    # That a job fails, with the reason of a service that failed, is no defect.
    wrong += [one for one in trial.wrong() if not one.startswith("the job failed: ")]
    sandbox.rows("update jobs set status = 'failed' where status not in ('finished', 'failed')")
    return [f"{fault.name}: {one}" for one in wrong]

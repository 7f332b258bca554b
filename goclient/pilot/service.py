"""A pilot that runs on: job after job, with pauses when there is none, until it is stopped or its node is to blame."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from goclient.errors import GoclientError, Interrupted, LoginNeeded, RequestError, ServerError, TransferFailed
from goclient.errors.conditions import PathExists, PathNotFound, StaleAttempt
from goclient.errors.myproxy import NoUserProxy
from goclient.errors.wording import pluralize
from goclient.node.payload import PayloadError
from goclient.pilot.pilot import Pilot
from goclient.pilot.recovery import recover
from goclient.pilot.report import Killed, Outcome

PAUSES = (5.0, 180.0)  # seconds without a job: at first, and at most; each is up to a quarter shorter or longer
_NOT_OWN = (PayloadError, Killed, StaleAttempt, Interrupted, RequestError, PathExists, PathNotFound, NoUserProxy)


class TooManyFailures(GoclientError):
    """Jobs have failed one after the other for reasons of this node."""

    code = "max-failures"


def serve(pilot: Pilot, *, max_failures: int, told: Callable[[Outcome], None]) -> None:
    """Run jobs until a signal stops the pilot; ``told`` is called with each outcome.

    Raises TooManyFailures after so many jobs in a row that failed here and may not fail on another node.
    """
    failures, pause = 0, PAUSES[0]
    while True:
        recover(pilot)
        try:
            outcome = pilot.run_one()
        except (ServerError, LoginNeeded, RequestError) as error:  # it takes no job now; or its end is told later
            pilot.reporter.warning(error.message, error.hint)
            outcome = None
        if outcome is None:
            _rest(pause * random.uniform(0.75, 1.25))  # noqa: S311  # so that a thousand pilots do not ask at once
            pause = min(pause * 1.5, PAUSES[1])
            continue
        told(outcome)
        if isinstance(outcome.error, Interrupted):
            raise KeyboardInterrupt
        pause = PAUSES[0]
        failures = failures + 1 if _is_own(outcome.error) else 0
        if failures >= max_failures:
            assert outcome.error is not None
            raise TooManyFailures(
                f"{pluralize(failures, 'job')} in a row failed on this node, the last because {outcome.error.message}",
                hint="look at the jobs' logs, and at this node",
            )


def _rest(seconds: float) -> None:
    """Sleep between two questions for a job; raise Interrupted if a signal stops the pilot meanwhile."""
    try:
        time.sleep(seconds)
    except KeyboardInterrupt as stop:
        message = "the pilot was stopped by a signal while it had no job"
        raise Interrupted(message, hint="nothing was left to do: no job is concerned") from stop


def _is_own(error: GoclientError | None) -> bool:
    """Return True if a job failed neither by its own fault nor by somebody's wish."""
    if error is None:
        return False
    cause = error.error if isinstance(error, TransferFailed) else error
    return not all(isinstance(part, _NOT_OWN) for part in cause.parts)

"""Check of the secrets that PanDA keeps for the user: it hands all of them to a job that has a credential."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from goclient.carrier.others import SUBJECT, Kept, judge_others
from goclient.carrier.secret import OthersShared, access_of, check_alone
from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.model.plan import needs_token
from goclient.model.planner import group_tasks
from goclient.preflight.base import Check, Context
from goclient.services.deadline import Background


class UserSecrets(Check):
    """Ask the PanDA server, beside other checks, which secrets a carried job would get."""

    def __init__(self) -> None:
        self._asked: Background[Kept] | None = None

    def start(self, context: Context) -> None:
        """Ask for them, if the jobs get a credential."""
        if context.options.secrets is None:
            return
        if needs_token(group_tasks(context.spec, items=False)):
            self._asked = Background(context.options.secrets)

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield an error that names secrets which are not goclient's, or open other things than the jobs' own.

        Where the user shares secrets with the jobs, the first are not told, and the others are warnings, as it is if
        nothing is known.
        """
        if self._asked is None:
            return
        try:
            kept = self._asked.result(context.deadline.left)
            if not context.options.shares_secrets:
                check_alone(kept.keys)
        except OthersShared as error:
            yield error.finding
        except (TimeoutError, GoclientError) as error:
            why = error.message if isinstance(error, GoclientError) else "the PanDA server has not answered in time"
            message = f"which secrets PanDA hands to the jobs is not known: {why}"
            yield Finding("warning", "secrets-unchecked", SUBJECT, message, "it is asked again before a job is sent")
            return
        if kept.others:
            yield from _judge(kept, context)


def _judge(kept: Kept, context: Context) -> Iterator[Finding]:
    """Yield what the logs of these jobs and of others open beyond their own; nothing for a spec that is wrong."""
    with suppress(GoclientError):  # which other checks tell
        tasks = group_tasks(context.resolved)
        opens = {task.far.text.lower() for task in tasks if task.asks_https}
        if context.options.token_wait is None:
            opens = {context.options.acting}
        if any(opens):
            yield from judge_others(kept.others, opens, access_of(tasks), shares=context.options.shares_secrets)

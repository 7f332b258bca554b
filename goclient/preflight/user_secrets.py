"""Check of the secrets that PanDA keeps for the user: it hands all of them to a job that has a credential."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.carrier.secret import OthersShared, check_alone
from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.model.plan import needs_token
from goclient.model.planner import group_tasks
from goclient.preflight.base import Check, Context
from goclient.services.deadline import Background

SUBJECT = "--goShareSecrets"


class UserSecrets(Check):
    """Ask the PanDA server, beside other checks, which secrets a carried job would get."""

    def __init__(self) -> None:
        self._asked: Background[list[str]] | None = None

    def start(self, context: Context) -> None:
        """Ask for their keys, if the jobs get a credential, and the user does not share the others with them."""
        if context.options.secrets is None:
            return
        if needs_token(group_tasks(context.spec, items=False)):
            self._asked = Background(context.options.secrets)

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield an error that names secrets which are not goclient's; a warning if it is not known."""
        if self._asked is None:
            return
        try:
            check_alone(self._asked.result(context.deadline.left))
        except OthersShared as error:
            yield error.finding
        except (TimeoutError, GoclientError) as error:
            why = error.message if isinstance(error, GoclientError) else "the PanDA server has not answered in time"
            message = f"which secrets PanDA hands to the jobs is not known: {why}"
            yield Finding("warning", "secrets-unchecked", SUBJECT, message, "it is asked again before a job is sent")

"""Check of the secrets that PanDA keeps for the user: it hands all of them to a job that has a credential."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.carrier.secret import OthersShared, Use, check_alone, id_of
from goclient.carrier.sending import SECRET
from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.errors.wording import quoted
from goclient.journal import Journal
from goclient.model.plan import needs_token
from goclient.model.planner import group_tasks
from goclient.model.request import Who
from goclient.preflight.base import Check, Context
from goclient.preflight.locations import few
from goclient.services.deadline import Background

SUBJECT = "--goShareSecrets"
GONE = ("done", "refused")  # states of the journal's entries of secrets that are not out


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
        """Yield an error that names secrets which are not goclient's; a warning if it is not known.

        Of goclient's own, each that opens something else for other jobs is a warning.
        """
        if self._asked is None:
            return
        try:
            keys = self._asked.result(context.deadline.left)
            yield from _warn_of_others(keys, context)
            check_alone(keys)
        except OthersShared as error:
            yield error.finding
        except (TimeoutError, GoclientError) as error:
            why = error.message if isinstance(error, GoclientError) else "the PanDA server has not answered in time"
            message = f"which secrets PanDA hands to the jobs is not known: {why}"
            yield Finding("warning", "secrets-unchecked", SUBJECT, message, "it is asked again before a job is sent")


def _warn_of_others(keys: list[str], context: Context) -> list[Finding]:
    """Return a warning of each credential that is out for other jobs, which has not the rights of these jobs' own."""
    entries = Journal(context.options.journal).latest(SECRET) if context.options.journal is not None else []
    known = {use.key: use for one in entries if one.state not in GONE for use in [Use.read(one)]}
    others = {key: known.get(key) for key in keys if id_of(key)}
    acting = context.options.acting
    return few([
        _warn_of_other(id_of(key), use)
        for key, use in others.items()
        if use is None or not acting or use.identity.partition("@")[0].lower() != acting
    ])  # fmt: skip


def _warn_of_other(id: str, use: Use | None) -> Finding:
    opens = "what that opens is not known here, another machine has sent it"
    if use is not None:
        places = ", ".join(map(quoted, use.access))
        if use.who == Who.TOKEN.value:
            places = f"all that you may at the collections of {places}"
        opens = f"that opens {places}" + (f", until {use.until}" if use.until else "")
    message = (
        "PanDA hands all credentials of yours to each job that has one, and newer pilots write them into its log: "
    )
    message += f"these jobs get {id} of other jobs, too, and those theirs; {opens}"
    hint = "let those jobs end first, see: goclient credential list; or accept it with --goShareSecrets"
    return Finding("warning", "shared-credential", SUBJECT, message, hint)

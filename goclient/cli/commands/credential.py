"""Show the credentials that carried jobs have, and take them back: ``goclient credential``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goclient.cli import output, run, tables
from goclient.cli.parser import Parser
from goclient.errors import UsageError, raise_all
from goclient.errors.wording import quote
from goclient.model.frozen import Frozen
from goclient.model.nearest import hint_of_known
from goclient.model.option import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.jobs.outstanding import Outstanding

PROG = "goclient credential"
ACTIONS = ("list", "revoke")
SHOWN = 3  # of the jobs, and of the directories, of one


class CredentialOptions(Frozen):
    """Hold what was typed."""

    words: tuple[str, ...] = option(
        "words",
        help="list; or revoke, and the ids of those that are taken back whatever their jobs do",
        group="credential",
        many=True,
        metavar="list | revoke [ID ...]",
    )
    json: bool = option("--json", help="print one JSON document", group="credential", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """List what is out there, or take it back."""
    parser = Parser(
        CredentialOptions,
        prog=PROG,
        arguments="{list | revoke [ID ...]} [--json]",
        description="Show the credentials that carried jobs have, or take back those that no job needs any more.",
        epilog="With ids, revoke takes these back whatever their jobs do. See goclient-credential(1).",
    )
    options, errors = parser.read(argv)
    action, *ids = options.words or ("",)
    if action not in ACTIONS:
        message = f"{quote(action)} is not an action of {PROG}" if options.words else "the action is missing"
        errors.append(UsageError(message, hint=hint_of_known(action, ACTIONS), code="action", subject="action"))
    elif action == "list" and ids:
        message = f"list takes no names, not {', '.join(map(quote, ids))}"
        errors.append(UsageError(message, hint=f"type: {PROG} list", code="words", subject=action))
    raise_all(errors)
    client = run.Session(reporter).client
    found = client.credentials() if action == "list" else client.revoke(ids)
    if options.json:
        output.print_json([one.document() for one in found])
    elif found:
        heads = ("id", "kind", "identity", "for", "opens", "until", "jobs")
        tables.print_table((*heads, "state" if action == "list" else "state before"), map(_row, found))
    else:
        reporter.progress("no credential is out there" if action == "list" else "nothing was taken back")
    if action == "revoke":
        _tell_of_jobs(found if ids else client.credentials(), reporter, is_gone=bool(ids))
    return 0


def _tell_of_jobs(credentials: Sequence["Outstanding"], reporter: Reporter, *, is_gone: bool) -> None:
    """Tell of jobs whose credential was taken back though they need it, or which credentials were left for jobs."""
    for one in credentials:
        jobs = ", ".join((*(f"job {job}" for job in one.jobs[:SHOWN]), *(f"task {task}" for task in one.tasks[:SHOWN])))
        left = f"to take it back all the same: {PROG} revoke {one.id}"
        if is_gone and one.state.value == "in use" and jobs:
            message = f"jobs that need the credential {one.id} fail from now on ({jobs})"
            reporter.warning(message, "when they have failed, goclient retry gives them another one")
        elif not is_gone and one.state.value == "in use":
            reporter.warning(f"the credential {one.id} is in use ({jobs or 'jobs are being sent'}) and was left", left)
        elif not is_gone and one.state.value == "unknown":
            hint = f"look at its jobs: goclient status; {left}"
            reporter.warning(f"it is not known whether jobs need the credential {one.id}", hint)


def _row(one: "Outstanding") -> tuple[str, ...]:
    known = one.document()
    jobs = [*map(str, one.jobs), *(f"task {task}" for task in one.tasks)]
    opens = [*one.opens, *(f"{name}: not known" for name in one.not_asked)]
    who, until = (known["kind"] or "", known["identity"] or ""), known["until"] or ""
    return (one.id, *who, _few(one.access), ", ".join(opens), until, _few(jobs), one.state.value)


def _few(texts: Sequence[str]) -> str:
    more = len(texts) - SHOWN
    return ", ".join(texts[:SHOWN]) + (f" and {more} more" if more > 0 else "")

"""Show what became of jobs and their transfers: ``goclient status``."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import GoclientError, RequestError, Several
from goclient.errors.wording import pluralize, quote
from goclient.model.option import option
from goclient.model.select import SelectOptions
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.client import Client
    from goclient.jobs.follow import Followed
    from goclient.jobs.watch import Turn

PROG = "goclient status"
OUTPUT = "output"


class StatusOptions(SelectOptions):
    """Hold what was typed."""

    watch: bool = option("--watch", help="show the jobs until all are over", group=OUTPUT, default=False)
    exitStatus: bool = option(
        "--exit-status",
        help="exit 5 if a job failed or was cancelled, 6 if none has and not all are over",
        group=OUTPUT,
        default=False,
    )
    html: str | None = option(
        "--html", help="write a page about the jobs, one file that any browser shows", group=OUTPUT, metavar="FILE"
    )
    json: bool = option("--json", help="print one JSON document", group=OUTPUT, default=False)
    verbose: int = option(
        "-v", help="show every transfer; twice: the traceback of an error, too", group=OUTPUT, default=0, count=True
    )


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Show what became of jobs."""
    parser = Parser(
        StatusOptions,
        prog=PROG,
        arguments="[PandaID ...] [OPTION ...]",
        description="Show what became of jobs and their transfers; alone, of the jobs that were sent in the last days.",
    )
    options = parser.parse(argv)
    client = run.Session(reporter).client
    if options.html:
        client.check_page(options.html)
    selection = client.select_typed(options, told=None if options.is_empty else RequestError)
    if options.watch:
        from goclient.cli.watching import show_turns  # --help shows none

        turns = _with_page(client, client.watch(selection), options.html)
        if options.json:
            for _ in turns:  # what changes is not a document
                pass
        else:
            show_turns(turns)
    if options.watch or options.exitStatus:  # a job that was tried again does not count beside its later try
        selection = client.with_later(selection)
    followed = client.follow(selection)
    if options.html and (followed.jobs or not followed.errors):
        client.write_page(options.html, followed)
        reporter.progress(f"{quote(options.html)}: a page about {pluralize(len(followed.jobs), 'job')}")
    _report(followed, options, reporter)
    return followed.exit_code if options.exitStatus else 0


def _with_page(client: "Client", turns: Iterator["Turn"], path: str | None) -> Iterator["Turn"]:
    """Yield each turn, once the page about its jobs is written."""
    for turn in turns:
        if path and turn.followed.jobs:
            client.write_page(path, turn.followed)
        yield turn


def _report(followed: "Followed", options: StatusOptions, reporter: Reporter) -> None:
    """Print what is known; then raise what is wrong with the rest."""
    from goclient.cli.status_text import print_followed, warnings_of  # --help prints none of it

    for warning in warnings_of(followed):
        reporter.warning(warning)
    for left in followed.unfinished:
        if not left.are_sent or all(job.done for job in followed.jobs):
            reporter.warning(left.text, left.hint)
    documents = []
    if options.json:
        documents = [job.document(followed.server, has_pages=followed.has_pages) for job in followed.jobs]
    if followed.errors:
        if not options.json and followed.jobs:
            print_followed(followed, shows_all=options.verbose > 0)
        error: GoclientError = Several(followed.errors)
        raise error.replace(extra={"jobs": documents})
    if options.json:
        output.print_json(documents)
    elif followed.jobs or followed.tasks or followed.transfers or followed.unfinished:
        print_followed(followed, shows_all=options.verbose > 0)
    else:
        reporter.progress("no jobs were sent in the last 7 days", "type the jobs' numbers, as sendJob prints them")

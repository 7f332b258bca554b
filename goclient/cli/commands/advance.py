"""Do what is due in campaigns: ``goclient advance``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import UsageError, raise_all
from goclient.errors.findings import exit_code
from goclient.errors.wording import quote
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.model.location import Location
    from goclient.submission import SubmittedJob

PROG = "goclient advance"


class AdvanceOptions(Frozen):
    """Hold what was typed."""

    campaign: str = option(
        "campaign", help="the campaign (default: all)", group="advance", default="", metavar="CAMPAIGN"
    )
    named: str = option("--campaign", help="the same", group="advance", default="", metavar="CAMPAIGN")
    wait: bool = option("--wait", help="until all is done, or something needs a person", group="advance", default=False)
    again: bool = option(
        "--again",
        help="try once more what has failed too often, and send jobs of which it is not known whether they were sent",
        group="advance",
        default=False,
        grave=True,
    )
    jobs: tuple[str, ...] = option(
        "--jobs",
        help="of --goVia site: PandaIDs of jobs of which it is not known whether they were sent, such as 42-141; with "
        "--end: of jobs to give up",
        group="advance",
        many=True,
        metavar="IDS",
    )
    end: bool = option(
        "--end",
        help="wait for failed jobs no more: deliver the others, and clean up",
        group="advance",
        default=False,
        grave=True,
    )
    goOverwrite: bool = option(
        "--goOverwrite",
        help="allow that files at the destinations are overwritten",
        group="advance",
        default=False,
        grave=True,
    )
    json: bool = option("--json", help="print one JSON document", group="advance", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Advance campaigns, and say how far they are."""
    parser = Parser(
        AdvanceOptions,
        prog=PROG,
        arguments="[CAMPAIGN] [OPTION ...]",
        description="Do what is due in campaigns: send again, once, the jobs that a second try cures; of those that "
        "were begun with --goVia site, also send jobs whose inputs are there, deliver the outputs of those that have "
        "ended, and remove what was staged. Nothing is done twice.",
        epilog="It returns at once unless --wait is given, and may run from cron. See goclient-advance(1).",
    )
    options = parser.parse(argv)
    names = {name for name in (options.campaign, options.named) if name}
    if len(names) > 1:
        message = f"two campaigns are named: {' and '.join(map(quote, sorted(names)))}"
        raise UsageError(message, hint="name one", code="combination", subject="--campaign")
    from goclient.campaigns.state import Allowed, Sent  # --help needs none of it
    from goclient.jobs.panda_ids import read_panda_ids

    def show(campaign: str, jobs: Sequence["SubmittedJob"], targets: Sequence["Location"] | None) -> None:
        from goclient.cli.sent_text import print_sent, report_next_steps  # few calls send any

        if not options.json:
            print_sent(jobs)
        report_next_steps(jobs, campaign, targets or (), is_staged=targets is not None, reporter=reporter)

    allowed = Allowed(options.again, options.end, options.goOverwrite, tuple(read_panda_ids(options.jobs)))
    found = run.Session(reporter).client.advance_shown("".join(names), allowed, show, waits=options.wait)
    for one in found if options.end else ():
        if one.jobs and one.sent is not Sent.NO and not (one.closed or one.clears or one.problems):
            message = f"{one.campaign}: --end gives jobs up when no other waits or runs: none was given up now"
            reporter.warning(message, f"to wait until then, type: goclient advance {one.campaign} --end --wait")
    if options.json:
        output.print_json([one.document() for one in found])
        return int(exit_code(finding for one in found for error in one.problems for finding in error.findings))
    for text in filter(None, (one.text for one in found)):
        print(text)
    raise_all({(error.message, error.hint): error for one in found for error in one.problems}.values())
    return 0

"""Send jobs again that have failed, or have JEDI retry tasks: ``goclient retry``."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import GoclientError
from goclient.errors.sent import TriesLost
from goclient.errors.wording import printable
from goclient.model.option import option
from goclient.model.retry_options import RetryOptions
from goclient.model.select import SelectOptions
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.mending.retries import RetriedJob

PROG = "goclient retry"


class RetryCommandOptions(RetryOptions, SelectOptions):
    """Hold what was typed."""

    json: bool = option("--json", help="print one JSON document", group="retry", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Send jobs again, print them, and report what was left as it is; raises what was refused, after that."""
    parser = Parser(
        RetryCommandOptions,
        prog=PROG,
        arguments="{PandaID ... | --campaign NAME | --task JEDITASKID | --last} [OPTION ...]",
        description="Send jobs again that have failed, with their own numbers and files; JEDI retries tasks.",
        epilog="What an earlier try has delivered, and Globus reports, is left out. The latest try of a job counts.",
    )
    options = parser.parse(argv)
    show = _print_jobs if not options.json else lambda _: None
    try:
        client = run.Session(reporter).client
        done = client.retry_selected(client.named_typed(options, told=TriesLost), options, show)
    except GoclientError as error:
        for job in () if options.json else error.extra.get("jobs", ()):
            if "retryOf" not in job:  # those of earlier groups are printed
                print(f"PandaID={job['PandaID']} jobName={printable(job['jobName'])}")
        raise
    output.report_findings(done.findings, reporter)
    if options.json:
        done.check()
        output.print_json(done.document())
        return 0
    from goclient.jobs.panda_ids import as_ranges  # --json and --help print none

    if options.noSubmit:
        _print_jobs(done.jobs)
    elif done.jobs:
        _report_next_steps(done.jobs, client.staged_campaigns(), reporter)
    for task in done.tasks:
        print(f"JediTaskID={task.task_id} {task.answer}")
    for why in dict.fromkeys(one.why for one in done.left):
        ids = as_ranges(one.panda_id for one in done.left if one.why == why)
        reporter.progress(f"left alone: PandaID {ids}: {why}")
    if not (done.is_something or done.refused):
        reporter.progress("there was nothing to retry")
    done.check()
    return 0


def _report_next_steps(jobs: Sequence["RetriedJob"], staged: Collection[str], reporter: Reporter) -> None:
    """Report how to follow the jobs, and what delivers the outputs of those whose campaigns go through a site."""
    from goclient.jobs.next_steps import delivery_step  # as in command
    from goclient.jobs.panda_ids import as_ranges
    from goclient.model.campaign import campaign_of

    what = "job" if len(jobs) == 1 else "jobs"
    reporter.progress(f"to follow the {what}, type: goclient status {as_ranges(job.panda_id for job in jobs)}")
    for campaign in dict.fromkeys(campaign_of(job.name) for job in jobs):
        if campaign in staged:
            reporter.progress(delivery_step(campaign))


def _print_jobs(jobs: Sequence["RetriedJob"]) -> None:
    """Print a line for each job that was sent again, or would be; if that fails, their numbers are in the error."""
    from goclient.cli.sent_text import telling  # as in command

    with telling([job.panda_id for job in jobs if job.panda_id]):
        for job in jobs:
            number = f"PandaID={job.panda_id} " if job.panda_id else ""
            print(f"{number}jobName={printable(job.name)} retryOf={job.old}", flush=True)

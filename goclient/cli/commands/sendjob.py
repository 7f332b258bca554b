"""Submit PanDA jobs whose files Globus brings and takes away: ``sendJob``."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Optional

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import GoclientError, PreflightFailed
from goclient.model.option import option
from goclient.model.options import RUN, SubmitOptions
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.client import Client
    from goclient.submission import Submission

PROG = "sendJob.py"
ARGUMENTS = "--computingSite QUEUE --transformation URL [OPTION ...]"
DESCRIPTION = "Submit PanDA jobs; their input is brought, and their output taken away, by Globus."
EPILOG = (
    "ENDPOINT is a name of your catalogue, the UUID of a collection, or a name that Globus knows. The lists may be "
    "repeated, are separated by commas, and take @FILE (one a line). ${SN} and ${SN/P} stand for the job's number. "
    "Exit codes: 0 done, 2 usage, 4 login needed, 10 wrong request, 40 endpoint or path, 80 MyProxy, 90 server. "
    "See sendJob(1)."
)


class SendJobOptions(SubmitOptions):
    """Hold what was typed."""

    json: bool = option("--json", help="print one JSON document", group=RUN, default=False)
    verbose: int = option("-v", help="say more; twice: show tracebacks", group=RUN, default=0, count=True)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one ``sendJob`` command line, and return its exit code."""
    return run.run(PROG, command, sys.argv[1:] if argv is None else argv)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Submit jobs, or do everything but send them."""
    parser = Parser(SendJobOptions, prog=PROG, arguments=ARGUMENTS, description=DESCRIPTION, epilog=EPILOG)
    session = run.Session(reporter)
    typed = parser.read(argv, session.defaults)
    options, client = typed.options, session.client
    try:
        submission = client.prepare_typed(typed)
    except PreflightFailed as error:
        output.report_findings(error.findings, reporter)
        raise
    _report(submission, options, client, reporter)
    if not options.noSubmit:
        sent = _send(submission, options, client)
        if sent.jobs:
            _report_next_steps(sent, client, reporter)
    elif options.json:
        from goclient.model.records.panda_job import encode_pieces  # pydantic, which --help does not need

        output.print_json(submission.document(), record=encode_pieces(submission.records, output.inside_json()))
    else:
        for job in submission.records:
            print(f"jobName={job.jobName} jobParameters={job.jobParameters}")
    return 0


def _report(submission: "Submission", options: SendJobOptions, client: "Client", reporter: Reporter) -> None:
    """Report the findings that matter and, with -v, all of them and the plan."""
    output.report_findings(submission.findings, reporter)
    for name in options.unchecked if options.noCheck else ():
        reporter.warning(f"{name} had no effect, because nothing was checked (--noCheck)")
    if options.goLenient and submission.spec:
        reporter.warning("a site that does not know goclient will run the job without its files (--goLenient)")
    if submission.deal is not None and not options.verbose:
        reporter.progress(f"{submission.deal.summary}; -v shows which")
    if options.verbose:
        from goclient.cli.tables import DEAL_ROWS, print_deal, print_plan  # --json and --help print none
        from goclient.model.planner import plan

        spec = submission.spec.show_names(client.catalogue())
        if submission.deal is not None:
            print_deal(submission.deal.table(spec), most=DEAL_ROWS, file=sys.stderr)
            print("the first job:", file=sys.stderr)
            spec = next(submission.deal.specs(spec))
        print_plan(plan(spec), spec, staged=submission.staged, file=sys.stderr)
        if (luggage := submission.luggage) is not None:
            reporter.detail(f"{luggage.archive} travels with each job: {len(luggage.data)} bytes")


def _send(submission: "Submission", options: SendJobOptions, client: "Client") -> "Submission":
    """Send a submission, print its jobs, and return it; if that fails, print those that were accepted before."""
    try:
        sent = client.send_typed(submission, lambda sent: _print_jobs(sent, options))
        if not sent.jobs and options.json:  # --detach: goclient advance sends them
            output.print_json(sent.document())
    except GoclientError as error:
        for job in () if options.json else error.extra.get("jobs", ()):
            print(f"PandaID={job['PandaID']} jobName={job['jobName']}")
        raise
    return sent


def _report_next_steps(sent: "Submission", client: "Client", reporter: Reporter) -> None:
    """Report how to follow the jobs, and where their files will be."""
    from goclient.cli.sent_text import report_next_steps  # what sends nothing needs none of it
    from goclient.jobs.next_steps import targets_of

    spec, staged = sent.spec, sent.staged
    with suppress(GoclientError):  # it was read before
        spec = spec.model_copy(update={"stage_in": ()}).show_names(client.catalogue())
    targets = targets_of(spec) if staged is None else staged.targets
    report_next_steps(sent.jobs, sent.campaign, targets, is_staged=staged is not None, reporter=reporter)


def _print_jobs(submission: "Submission", options: SendJobOptions) -> None:
    """Print the jobs; if that fails, their numbers are in the error."""
    from goclient.cli.sent_text import print_sent, telling  # as in _report_next_steps

    if not options.json:
        print_sent(submission.jobs)
        return
    with telling([job.panda_id for job in submission.jobs]):
        output.print_json(submission.document())


if __name__ == "__main__":
    sys.exit(main())

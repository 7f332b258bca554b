"""``sendJob``: submit PanDA jobs whose files Globus brings and takes away."""

import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from goclient.cli import output, run
from goclient.cli import parser as _argparse
from goclient.cli.options.transfers import (
    JobOptions,
    TransferOptions,
    check_identities,
    job_request,
    preflight_of,
    read_lines,
    transfer_items,
)
from goclient.cli.parser import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.errors import Finding
    from goclient.submission import Submission

PROG = "sendJob.py"
RUN = "submission"
USAGE = "sendJob.py --computingSite QUEUE --transformation URL [OPTION ...]"
DESCRIPTION = "Submit PanDA jobs; their input is brought, and their output taken away, by Globus."
EPILOG = (
    "ENDPOINT is a name of your catalogue, the UUID of a collection, or a name that Globus knows. The lists may be "
    "repeated, are separated by commas, and take @FILE (one a line). ${SN} and ${SN/P} stand for the job's number. "
    "Exit codes: 0 done, 2 usage, 4 login needed, 10 wrong request, 40 endpoint or path, 80 MyProxy, 90 server. "
    "See sendJob(1)."
)


@dataclass(frozen=True, repr=False, eq=False)
class RunOptions:
    """What was typed of the submission itself."""

    noSubmit: bool = option("--noSubmit", help="do everything but send", group=RUN, default=False)
    noCheck: bool = option("--noCheck", help="do not look at the endpoints first", group=RUN, default=False)
    json: bool = option("--json", help="print one JSON document", group=RUN, default=False)
    verbose: int = option("-v", help="say more; twice: show tracebacks", group=RUN, default=0, count=True)


@dataclass(frozen=True, repr=False, eq=False)
class SendJobOptions(RunOptions, TransferOptions, JobOptions):
    """What was typed."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The exit code of one ``sendJob`` command line."""
    gc.disable()  # a short command: looking for garbage among what it has imported is a tenth of its time
    return run.run(PROG, _sendjob, sys.argv[1:] if argv is None else argv)


def _sendjob(argv: Sequence[str], reporter: Reporter) -> int:
    parser = _argparse.Parser(SendJobOptions, prog=PROG, usage=USAGE, description=DESCRIPTION, epilog=EPILOG)
    options, errors = parser.read(argv)
    from goclient import submission as submit  # only --help and --version need neither
    from goclient.errors import Collector, PreflightFailed

    collected = Collector(errors)
    items = transfer_items(options, collected)
    with collected:
        check_identities(options)
    try:
        submission = submit.prepare(
            job_request(options, options, items),
            preflight_of(options, reporter, checks=not options.noCheck),
            read_lines=read_lines,
            errors=collected.errors,
        )
    except PreflightFailed as error:
        _report_findings(error.findings, reporter)
        raise
    _report(submission, options, reporter)
    document: dict[str, object] = {
        "spec": submission.spec.model_dump(),
        "plan": submission.plan_document(),
        "findings": [finding.document() for finding in submission.findings],
    }
    if options.noSubmit:
        _not_sent(submission, document, options)
    else:
        _deposit_if_due(submission, options, reporter)
        _send(submission, document, options, reporter)
    return 0


def _deposit_if_due(submission: "Submission", options: SendJobOptions, reporter: Reporter) -> None:
    """None, once the proxy that the jobs need is deposited, if the user asked for it and it is not there."""
    if not submission.deposit_due or submission.spec.myproxy is None:
        return
    from goclient.cli.deposit import deposit

    deposit(submission.spec.myproxy, options, reporter)


def _report(submission: "Submission", options: SendJobOptions, reporter: Reporter) -> None:
    """Report the findings that matter, and with -v all of them and the plan, on stderr."""
    _report_findings(submission.findings, reporter)
    for name in ("goMkdir", "goProbe", "pilotIdentity", "pilot") if options.noCheck else ():
        if getattr(options, name):
            reporter.warning(f"--{name} had no effect, because nothing was looked at (--noCheck)")
    if options.goLenient and submission.spec:
        reporter.warning("a site that does not know goclient will run the job without its files (--goLenient)")
    if options.verbose:
        _print_plan(submission)


def _print_plan(submission: "Submission") -> None:
    """Prints what ``goclient explain`` prints of the record, on stderr."""
    from goclient.cli.tables import print_plan
    from goclient.config import environment

    print_plan(submission.plan, submission.spec, catalogue=environment.catalogue(), file=sys.stderr)


def _report_findings(findings: Sequence["Finding"], reporter: Reporter) -> None:
    """Report warnings, and with -v what is right; errors are printed as such."""
    for finding in findings:
        if finding.level == "warning":
            reporter.warning(finding.message, finding.hint)
        elif finding.level == "ok":
            reporter.detail(f"ok: {finding.message}")


def _not_sent(submission: "Submission", document: dict[str, object], options: SendJobOptions) -> None:
    from goclient.model.records.panda_job import encoded_pieces

    if options.json:
        output.print_json(document, record=encoded_pieces(submission.records, output.inside_json))
    else:
        for job in submission.records:
            print(f"jobName={job.jobName} jobParameters={job.jobParameters}")


def _send(submission: "Submission", document: dict[str, object], options: SendJobOptions, reporter: Reporter) -> None:
    from goclient.config import environment
    from goclient.errors import GoclientError
    from goclient.journal import Journal
    from goclient.services.panda.client import PandaServer
    from goclient.submission import send

    server = PandaServer(environment.panda_access(reporter=reporter))
    reporter.detail(f"sending {len(submission.records)} jobs to {server.name}")
    try:
        journal = Journal(environment.journal_path())
        jobs = send(submission, server=server, journal=journal, reporter=reporter).jobs
    except GoclientError as error:
        if not options.json:
            for job in error.extra.get("jobs", ()):
                print(f"PandaID={job['PandaID']} jobName={job['jobName']}")
        raise
    try:
        if options.json:
            output.print_json({**document, "jobs": [job.document() for job in jobs]})
        else:
            print("".join(f"PandaID={job.panda_id} jobName={job.name}\n" for job in jobs), end="", flush=True)
    except OSError as error:
        ids = " ".join(str(job.panda_id) for job in jobs)
        message = f"the jobs were accepted, but that could not be printed: {error.strerror}; PandaID {ids}"
        raise GoclientError(message, hint="do not submit them again", code="os-error") from error


if __name__ == "__main__":
    sys.exit(main())

"""``sendJob``: submit PanDA jobs whose files Globus brings and takes away."""

import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from goclient.cli import _argparse, _run
from goclient.cli._argparse import option

if TYPE_CHECKING:
    from goclient.errors import Collector
    from goclient.model.finding import Finding
    from goclient.submit import Request, Submission

PROG = "sendJob.py"
JOB, MOVE, RUN = "job", "transfers", "submission"
LOCATION = "ENDPOINT:/PATH"
USAGE = "sendJob.py --computingSite QUEUE --transformation URL [OPTION ...]"
DESCRIPTION = "Submit PanDA jobs; their input is brought, and their output taken away, by Globus."
EPILOG = (
    "ENDPOINT is a name of your catalogue, the UUID of a collection, or a name that Globus knows. The lists may be "
    "repeated, are separated by commas, and take @FILE (one a line). ${SN} and ${SN/P} stand for the job's number. "
    "Exit codes: 0 done, 2 usage, 4 login needed, 10 wrong request, 40 endpoint or path, 90 server. See sendJob(1)."
)


@dataclass(frozen=True, repr=False, eq=False)
class SendJobOptions:
    """What was typed; a required option that is missing is the empty string."""

    njobs: int = option("--njobs", help="how many jobs", group=JOB, default=1, metavar="N", minimum=1, maximum=100_000)
    computingSite: str = option(
        "--computingSite", help="the PanDA queue to run at", group=JOB, default="", metavar="QUEUE", required=True
    )
    transformation: str = option(
        "--transformation",
        help="the payload: a URL, or a path on the node",
        group=JOB,
        default="",
        metavar="URL",
        required=True,
    )
    jobParameters: str = option(
        "--jobParameters",
        help="the payload's own words; transfers may stand among them",
        group=JOB,
        default="",
        metavar="WORDS",
    )
    prodSourceLabel: str = option("--prodSourceLabel", help="the kind of job", group=JOB, default="user", metavar="L")
    cloud: Optional[str] = option("--cloud", help="the cloud of the queue", group=JOB)
    VO: Optional[str] = option("--VO", help="the virtual organisation", group=JOB)
    processingType: Optional[str] = option("--processingType", help="the processing type", group=JOB, metavar="TYPE")
    priority: int = option(
        "--priority", help="the job's priority", group=JOB, default=1000, metavar="N", minimum=-100_000, maximum=100_000
    )
    destinationSE: str = option("--destinationSE", help="the storage element", group=JOB, default="local", metavar="SE")
    destinationDBlock: Optional[str] = option(
        "--destinationDBlock", help="the output dataset (default: a new one)", group=JOB, metavar="DS"
    )
    StageinGOsrc: tuple[str, ...] = option(
        "--StageinGOsrc", help="what to bring before the payload runs", group=MOVE, many=True, metavar=LOCATION
    )
    StageinGOdest: tuple[str, ...] = option(
        "--StageinGOdest",
        help="where to: one directory, or one for each (default: the job's directory)",
        group=MOVE,
        many=True,
        metavar=LOCATION,
    )
    StageoutGOsrc: tuple[str, ...] = option(
        "--StageoutGOsrc",
        help="what to take away after the payload: names in the job's directory",
        group=MOVE,
        many=True,
        metavar="NAME",
    )
    StageoutGOdest: tuple[str, ...] = option(
        "--StageoutGOdest", help="where to: one directory, or one for each", group=MOVE, many=True, metavar=LOCATION
    )
    Data: tuple[str, ...] = option(
        "--Data", help="the payload's output: names in the job's directory", group=MOVE, many=True, metavar="NAME"
    )
    OutputGO: tuple[str, ...] = option(
        "--OutputGO", help="the directory for the output", group=MOVE, many=True, metavar=LOCATION
    )
    WorkingendpointGO: Optional[str] = option(
        "--WorkingendpointGO",
        help="what the node's own Globus endpoint is called, or the UUID of a server that sees the job's directory",
        group=MOVE,
        metavar="NAME",
    )
    goOverwrite: bool = option(
        "--goOverwrite", help="allow that files at the destinations are overwritten", group=MOVE, default=False
    )
    goMkdir: bool = option("--goMkdir", help="make the destinations' folders now", group=MOVE, default=False)
    goLenient: bool = option(
        "--goLenient",
        help="let a site that does not know goclient run the payload, without its files",
        group=MOVE,
        default=False,
    )
    noSubmit: bool = option("--noSubmit", help="do everything but send", group=RUN, default=False)
    noCheck: bool = option("--noCheck", help="do not look at the endpoints first", group=RUN, default=False)
    json: bool = option("--json", help="print one JSON document", group=RUN, default=False)
    verbose: int = option("-v", help="say more; twice: show tracebacks", group=RUN, default=0, count=True)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The exit code of one ``sendJob`` command line."""
    gc.disable()  # a short command: looking for garbage among what it has imported is a tenth of its time
    return _run.run(PROG, _sendjob, sys.argv[1:] if argv is None else argv)


def _sendjob(argv: Sequence[str]) -> int:
    parser = _argparse.Parser(SendJobOptions, prog=PROG, usage=USAGE, description=DESCRIPTION, epilog=EPILOG)
    options, errors = parser.read(argv)
    from goclient import config, submit  # only --help and --version need neither
    from goclient.errors import Collector

    collected = Collector(errors)
    items = _items(options, collected)
    try:
        submission = submit.prepare(
            _request(options, items),
            catalogue=config.catalogue,
            globus=None if options.noCheck else _run.globus,
            make_folders=options.goMkdir,
            read_lines=_read_lines,
            errors=collected.errors,
        )
    except submit.PreflightFailed as error:
        _say_findings(error.findings, options)
        raise
    _say(submission, options)
    document: dict[str, object] = {
        "spec": submission.spec.model_dump(),
        "plan": submission.plan_document(),
        "findings": [finding.document() for finding in submission.findings],
    }
    if options.noSubmit:
        _not_sent(submission, document, options)
    else:
        _send(submission, document, options)
    return 0


def _items(options: SendJobOptions, collected: "Collector") -> dict[str, list[str]]:
    """The items of each transfer option that was given; mistakes in the lists are collected."""
    from goclient.model.grammar import KEYS, OVERWRITE
    from goclient.model.lists import split_items

    items = {OVERWRITE: ["yes"]} if options.goOverwrite else {}
    for key in KEYS:
        given = getattr(options, key)
        if given:
            values, read = ((given,), None) if isinstance(given, str) else (given, _read_lines)
            with collected:
                items[key] = split_items(f"--{key}", values, read)
    return items


def _read_lines(path: str) -> list[str]:
    from goclient.errors import RequestError, quoted

    try:
        with open(path, encoding="utf-8-sig") as file:
            return file.read().split("\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        hint = "@FILE names a file with one item a line"
        raise RequestError(f"the list {quoted('@' + path)}: {reason}", hint=hint, code="list-file") from error


def _request(options: SendJobOptions, items: dict[str, list[str]]) -> "Request":
    from goclient import submit

    common, name = submit.new_job_common(
        transformation=options.transformation,
        computingSite=options.computingSite,
        prodSourceLabel=options.prodSourceLabel,
        destinationSE=options.destinationSE,
        destinationDBlock=options.destinationDBlock,
        currentPriority=options.priority,
        cloud=options.cloud,
        VO=options.VO,
        processingType=options.processingType,
    )
    return submit.Request(common, name, options.njobs, options.jobParameters, items, options.goLenient)


def _say(submission: "Submission", options: SendJobOptions) -> None:
    """Prints the findings that matter, and with -v all of them and the plan, on stderr."""
    _say_findings(submission.findings, options)
    if options.noCheck and options.goMkdir:
        _run.say(PROG, "warning: no folder was made, because nothing was looked at (--noCheck)")
    if options.goLenient and submission.spec:
        _run.say(PROG, "warning: a site that does not know goclient will run the job without its files (--goLenient)")
    if options.verbose:
        _say_plan(submission)


def _say_plan(submission: "Submission") -> None:
    """Prints what ``goclient explain`` prints of the record, on stderr."""
    from goclient import config
    from goclient.cli._table import print_plan

    print_plan(submission.tasks, submission.spec, catalogue=config.catalogue(), file=sys.stderr)


def _say_findings(findings: Sequence["Finding"], options: SendJobOptions) -> None:
    """Prints warnings, and with -v what is right; errors are printed as such."""
    for finding in findings:
        if finding.level == "warning":
            _run.say(PROG, f"warning: {finding.message}", finding.hint)
        elif finding.level == "ok" and options.verbose:
            _run.say(PROG, f"ok: {finding.message}")


def _not_sent(submission: "Submission", document: dict[str, object], options: SendJobOptions) -> None:
    from goclient.model.record import encoded_pieces

    if options.json:
        _run.print_json(document, record=encoded_pieces(submission.records, _run.inside_json))
    else:
        for job in submission.records:
            print(f"jobName={job.jobName} jobParameters={job.jobParameters}")


def _send(submission: "Submission", document: dict[str, object], options: SendJobOptions) -> None:
    from goclient import config, send
    from goclient.errors import GoclientError
    from goclient.journal import Journal
    from goclient.services.panda import PandaServer

    server = PandaServer(config.panda_access())
    if options.verbose:
        _run.say(PROG, f"sending {len(submission.records)} jobs to {server.name}")
    try:
        jobs = send.send(submission, server=server, journal=Journal(config.journal_path()))
    except GoclientError as error:
        if not options.json:
            for job in error.extra.get("jobs", ()):
                print(f"PandaID={job['PandaID']} jobName={job['jobName']}")
        raise
    try:
        if options.json:
            _run.print_json({**document, "jobs": [job.document() for job in jobs]})
        else:
            print("".join(f"PandaID={job.panda_id} jobName={job.name}\n" for job in jobs), end="", flush=True)
    except OSError as error:
        ids = " ".join(str(job.panda_id) for job in jobs)
        message = f"the jobs were accepted, but that could not be printed: {error.strerror}; PandaID {ids}"
        raise GoclientError(message, hint="do not submit them again", code="os-error") from error


if __name__ == "__main__":
    sys.exit(main())

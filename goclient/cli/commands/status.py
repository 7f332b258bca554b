"""Show jobs and their transfers: ``goclient status``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.model.option import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.jobs.status import JobStatus

PROG = "goclient status"


@dataclass(frozen=True, repr=False, eq=False)
class StatusOptions:
    """Hold what was typed."""

    PandaID: tuple[str, ...] = option(
        "PandaID", help="the jobs' numbers, as sendJob prints them", group="status", many=True, required=True
    )
    json: bool = option("--json", help="print one JSON document", group="status", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="status", default=0, count=True)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Show the status of jobs."""
    parser = Parser(
        StatusOptions,
        prog=PROG,
        arguments="PandaID [PandaID ...] [OPTION ...]",
        description="Show jobs and their transfers.",
    )
    options = parser.parse(argv)
    found = run.Session(reporter).client.status(options.PandaID)
    for job in found:
        if job.warning:
            reporter.warning(job.warning)
    if options.json:
        output.print_json([job.document() for job in found])
    else:
        print_jobs(found)
    return 0


def print_jobs(found: Sequence["JobStatus"]) -> None:
    """Print a row a job, and a row for each of its transfers below it."""
    # --json and --help print none.
    from goclient.cli.tables import print_table
    from goclient.jobs.status import phase_of

    rows = []
    for job in found:
        panda_id = str(job.panda_id)
        rows.append((panda_id, job.state, "", "", "", "", job.reason))
        for task in job.transfers:
            counts = (str(task.files), str(task.bytes))
            rows.append((panda_id, task.status, phase_of(task), *counts, task.task_id, task.reason))
    print_table(("PandaID", "state", "phase", "files", "bytes", "task", "reason"), rows)

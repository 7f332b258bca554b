"""``goclient status``: jobs and their transfers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli import parser as _argparse
from goclient.cli.parser import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.jobs.status import JobStatus

PROG = "goclient status"


@dataclass(frozen=True, repr=False, eq=False)
class StatusOptions:
    """What was typed."""

    PandaID: tuple[str, ...] = option(
        "PandaID", help="the jobs' numbers, as sendJob prints them", group="status", many=True, required=True
    )
    json: bool = option("--json", help="print one JSON document", group="status", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="status", default=0, count=True)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """The exit code of one ``goclient status`` command line."""
    parser = _argparse.Parser(
        StatusOptions,
        prog=PROG,
        usage=f"{PROG} PandaID [PandaID ...] [OPTION ...]",
        description="Show jobs and their transfers.",
    )
    options = parser.parse(argv)
    from goclient.config import environment
    from goclient.jobs.status import job_status
    from goclient.services.panda.client import PandaServer

    panda_ids = _numbers(options.PandaID)
    server = PandaServer(environment.panda_access(reporter=reporter))
    found = job_status(panda_ids, server=server, globus=lambda: run.globus(reporter))
    for status in found:
        if status.warning:
            reporter.warning(status.warning)
    if options.json:
        output.print_json([status.document() for status in found])
    else:
        _print(found)
    return 0


def _numbers(words: Sequence[str]) -> list[int]:
    from goclient.errors import UsageError, quoted, raise_all

    wrong = [word for word in words if not (word.isascii() and word.isdigit() and len(word) < 19)]
    raise_all(
        UsageError(f"{quoted(word)} is not a PandaID", hint="a PandaID is a number", code="not-a-number", subject=word)
        for word in wrong
    )
    return [int(word) for word in words]


def _print(found: Sequence["JobStatus"]) -> None:
    from goclient.cli.tables import print_table
    from goclient.jobs.status import phase_of

    rows = []
    for status in found:
        job = status.job
        panda_id = str(job.panda_id)
        rows.append((panda_id, job.state, "", "", "", "", job.reason))
        for task in status.transfers:
            counts = (str(task.files), str(task.bytes))
            rows.append((panda_id, task.status, phase_of(task), *counts, task.task_id, task.reason))
    print_table(("PandaID", "state", "phase", "files", "bytes", "task", "reason"), rows)

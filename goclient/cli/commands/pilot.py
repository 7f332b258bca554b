"""``goclient pilot``: run a job on this node, with its transfers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from goclient.cli import output, run
from goclient.cli import parser as _argparse
from goclient.cli.parser import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.node.shared_filesystem import Shared

PROG = "goclient pilot"


@dataclass(frozen=True, repr=False, eq=False)
class PilotOptions:
    """What was typed."""

    site: str = option(
        "--site", help="the PanDA queue to take a job from", group="pilot", default="", metavar="QUEUE", required=True
    )
    once: bool = option(
        "--once", help="take one job, then end: the only way so far", group="pilot", default=False, required=True
    )
    deadline: int = option(
        "--transferHours",
        help="how many hours a transfer may take",
        group="pilot",
        default=24,
        metavar="N",
        minimum=1,
        maximum=720,
    )
    faults: int = option(
        "--faultSeconds",
        help="how many seconds a transfer may show nothing but faults before it is given up",
        group="pilot",
        default=900,
        metavar="N",
        minimum=1,
        maximum=2_592_000,
    )
    heartbeat: int = option(
        "--heartbeatSeconds",
        help="how often the server is told that the job lives",
        group="pilot",
        default=1800,
        metavar="N",
        minimum=1,
        maximum=86_400,
    )
    sharedFolder: Optional[str] = option(
        "--sharedFolder",
        help="a folder of the node, and its path on the servers that see it (default: the same path)",
        group="pilot",
        metavar="HERE=THERE",
    )
    json: bool = option("--json", help="print one JSON document", group="pilot", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="pilot", default=0, count=True)


def command(argv: Sequence[str], _: Reporter) -> int:
    """The exit code of one ``goclient pilot`` command line."""
    parser = _argparse.Parser(
        PilotOptions,
        prog=PROG,
        usage=f"{PROG} --site QUEUE --once [OPTION ...]",
        description="Take a job of a PanDA queue, bring its input, run it, take its output away.",
        epilog="The job runs in a folder of its own in $TMPDIR, or here. Its log stays; everything else is removed.",
    )
    options = parser.parse(argv)
    return _run_once(options, output.TerminalReporter("pilot"))


def _run_once(options: PilotOptions, reporter: Reporter) -> int:
    import os
    from pathlib import Path

    from goclient.config import environment
    from goclient.journal import Journal
    from goclient.node import signals
    from goclient.node.engines.globus import Patience
    from goclient.node.environment import own_files
    from goclient.node.globus_connect import PROGRAM
    from goclient.pilot.pilot import Pilot, Settings
    from goclient.services.panda.client import PandaServer

    signals.install()
    environment.globus_access()  # without a client, every job that moves files would fail
    journal = environment.journal_path()
    settings = Settings(
        site=options.site,
        work=Path(os.environ.get("TMPDIR") or os.getcwd()).absolute(),
        logs=journal.parent / "logs",
        patience=Patience(deadline=options.deadline * 3600.0, faults=float(options.faults)),
        heartbeat=float(options.heartbeat),
        connect=environment.own(os.environ, "GOCLIENT_GLOBUSCONNECT") or PROGRAM,
        env=os.environ,
        own=own_files(os.environ, others=(str(journal.parent), environment.user_catalogue())),
        shared=_shared(options.sharedFolder),
    )
    server = PandaServer(environment.panda_access(pilot=True, reporter=reporter))
    pilot = Pilot(settings, server, lambda: run.globus(reporter), Journal(journal), reporter)
    outcome = pilot.run_one()
    if outcome is None:
        reporter.progress(f"there is no job for {options.site}")
        if options.json:
            output.print_json({"PandaID": None, "state": None, "reason": "", "log": None})
        return 0
    result = {
        "PandaID": outcome.panda_id,
        "state": outcome.state,
        "reason": getattr(outcome.error, "message", ""),
        "log": str(outcome.log) if outcome.log else None,
    }
    if outcome.error is not None:
        raise outcome.error.replace(extra=result)
    if options.json:
        output.print_json(result)
    else:
        print(f"PandaID={outcome.panda_id} {outcome.state}; log: {outcome.log}")
    return 0


def _shared(text: Optional[str]) -> "Shared":
    """How servers see this node's folders; raises RequestError unless it is two absolute paths."""
    from pathlib import PurePosixPath

    from goclient.errors import RequestError, quoted
    from goclient.node.shared_filesystem import SAME, Shared

    if text is None:
        return SAME
    here, _, there = text.partition("=")
    if not (here.startswith("/") and there.startswith("/")):
        raise RequestError(
            f"--sharedFolder {quoted(text)} is not two absolute paths",
            hint="such as --sharedFolder /scratch=/node7/scratch",
            code="shared-folder",
            subject="--sharedFolder",
        )
    return Shared(PurePosixPath(here), PurePosixPath(there))

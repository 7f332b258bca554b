"""Run a job on this node, with its transfers: ``goclient pilot``."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Optional

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import RequestError
from goclient.errors.wording import quoted
from goclient.model.options import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.config.settings import SiteDirectory
    from goclient.node.shared_filesystem import Shared

PROG = "goclient pilot"


@dataclass(frozen=True, repr=False, eq=False)
class PilotOptions:
    """Hold what was typed."""

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
    sharedFolder: Optional[str] = option(  # plain: the name of the option
        "--sharedFolder",
        help="a directory of the node, and its path on the servers that see it (default: the same path)",
        group="pilot",
        metavar="HERE=THERE",
    )
    json: bool = option("--json", help="print one JSON document", group="pilot", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="pilot", default=0, count=True)


def command(argv: Sequence[str], _: Reporter) -> int:
    """Run one job, and return the exit code."""
    parser = Parser(
        PilotOptions,
        prog=PROG,
        usage=f"{PROG} --site QUEUE --once [OPTION ...]",
        description="Take a job of a PanDA queue, bring its input, run it, take its output away.",
        epilog="The job runs in a directory of its own in $TMPDIR, or here. Its log stays; everything else is removed.",
    )
    options = parser.parse(argv)
    return _run_once(options, output.TerminalReporter("pilot"))


def _run_once(options: PilotOptions, reporter: Reporter) -> int:
    # 0.2 s that --help does not need: requests, pydantic and what stands on them.
    from goclient.config import environment
    from goclient.journal import Journal
    from goclient.node import signals
    from goclient.node.engines.globus_task import Patience
    from goclient.node.environment import own_files
    from goclient.node.globus_connect import PROGRAM
    from goclient.pilot.pilot import Pilot, Settings
    from goclient.preflight.queue import check_pilot_queue

    signals.install()
    connections = run.Session(reporter).connections
    connections.globus_access()  # without a client, every job that moves files would fail
    journal = environment.journal_path(connections.env)
    settings = Settings(
        site=options.site,
        work=Path(os.environ.get("TMPDIR") or os.getcwd()).absolute(),
        logs=journal.parent / "logs",
        patience=Patience(deadline=options.deadline * 3600.0, faults=float(options.faults)),
        heartbeat=float(options.heartbeat),
        connect=environment.own(os.environ, "GOCLIENT_GLOBUSCONNECT") or PROGRAM,
        env=os.environ,
        own=own_files(os.environ, others=(str(journal.parent), environment.user_catalogue())),
        shared=_shared(options, connections.settings.site(options.site)),
    )
    server = connections.panda(pilot=True)
    pilot = Pilot(settings, server, connections.globus, Journal(journal), reporter)
    outcome = pilot.run_one()
    if outcome is None:
        check_pilot_queue(connections.queues(), options.site, reporter)
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


def _shared(options: PilotOptions, site: "SiteDirectory") -> "Shared":
    """Return how servers see this node's directories; raises RequestError unless it is two absolute paths."""
    from goclient.node.shared_filesystem import SAME, Shared  # as in _run_once

    if options.sharedFolder is None:
        if site.node is not None and site.directory is not None:
            return Shared(site.node, site.directory, site.collection)
        if not site.is_set:
            return SAME
        message = f"[site.{options.site}] of the settings does not say both node and directory"
        hint = "they are the paths of one directory, on the node and on the collection"
        raise RequestError(message, hint=hint, code="settings")
    here, _, there = options.sharedFolder.partition("=")
    if not (here.startswith("/") and there.startswith("/")):
        raise RequestError(
            f"--sharedFolder {quoted(options.sharedFolder)} is not two absolute paths",
            hint="such as --sharedFolder /scratch=/node7/scratch",
            code="shared-folder",  # plain: a name that programs know
            subject="--sharedFolder",
        )
    return Shared(PurePosixPath(here), PurePosixPath(there))

"""Run a job on this node, with its transfers: ``goclient pilot``."""

import gc
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Optional

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import RequestError, UsageError, raise_all
from goclient.errors.findings import ExitCode
from goclient.errors.wording import quote
from goclient.model.frozen import Frozen
from goclient.model.mode import Mode
from goclient.model.option import option

if TYPE_CHECKING:
    from goclient.config.connections import Connections
    from goclient.config.settings import SiteDirectory
    from goclient.node.shared_filesystem import Shared
    from goclient.pilot.report import Outcome
    from goclient.pilot.settings import Settings

PROG = "goclient pilot"
SHORTEST, LONGEST = 60.0, 900.0  # seconds for which Globus, too busy, is asked again; meanwhile there is no heartbeat
# Seconds in which a pilot tells the server the end of a job again before it leaves it to the next pilot.
REPORT_ONCE, REPORT_SERVICE = 7200.0, 60.0


class PilotOptions(Frozen):
    """Hold what was typed."""

    site: str = option(
        "--site", help="the PanDA queue to take jobs from (required)", group="pilot", default="", metavar="QUEUE"
    )
    once: bool = option("--once", help="take one job, then end", group="pilot", default=False)
    maxFailures: int = option(
        "--maxFailures",
        help="without --once: stop after so many jobs in a row that failed because of this node",
        group="pilot",
        default=3,
        metavar="N",
        minimum=1,
        maximum=1000,
    )
    modes: str = option(
        "--modes",
        help="how the queue's jobs may reach their directory: Globus and Globus Connect are only needed for some modes",
        group="pilot",
        default=",".join(Mode),
        metavar="MODE,...",
    )
    whoami: bool = option(
        "--whoami",
        help="show the pilot's DN and Globus identity, check both, and take no job",
        group="pilot",
        default=False,
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


def command(argv: Sequence[str], reporter: output.TerminalReporter) -> int:
    """Run jobs, and return the exit code."""
    gc.enable()  # a service runs for months
    parser = Parser(
        PilotOptions,
        prog=PROG,
        arguments="--site QUEUE [--once] [OPTION ...]",
        description="Take jobs of a PanDA queue, one at a time: bring the input, run the job, take its output away.",
        epilog="A job runs in a directory of its own in $TMPDIR, or here. Its log stays; everything else is removed.",
    )
    options = parser.parse(argv)
    unknown = [word for word in options.modes.split(",") if Mode.read(word) is None]
    if unknown:
        message = f"--modes {quote(options.modes)} has {quote(min(unknown))}, which is not a mode"
        raise UsageError(message, hint=f"such as --modes={','.join(Mode)}", code="unknown-value", subject="--modes")
    connections = run.Session(reporter.rename("pilot")).connections
    if options.whoami:
        return _whoami(options, connections)
    if not options.site:
        raise UsageError("--site is missing", hint="add --site=QUEUE", code="missing-option", subject="--site")
    return _run(options, connections)


def _run(options: PilotOptions, connections: "Connections") -> int:
    # 0.2 s that --help does not need: requests, pydantic and what stands on them.
    from goclient.node import signals
    from goclient.pilot.pilot import Pilot
    from goclient.pilot.recovery import recover
    from goclient.pilot.service import serve
    from goclient.pilot.settings import Services
    from goclient.preflight.queue import check_pilot_queue

    signals.install()
    settings = _settings(options, connections)
    if settings.needs_globus:
        connections.globus_access()  # without a client, every job that transfers files would fail
    # Without anybody to ask for the pass phrase of a key: a pilot that waits for one runs no job.
    services = Services(
        globus=lambda: connections.transfer(min(max(settings.patience.faults, SHORTEST), LONGEST)),
        accounts=lambda: replace(connections.accounts(), passphrase=None),
        tokens=connections.tokens,
    )
    pilot = Pilot(settings, connections.panda(pilot=True), services, connections.reporter)
    if not options.once:
        check_pilot_queue(connections.queues(), options.site, connections.reporter)
        serve(pilot, max_failures=options.maxFailures, told=lambda outcome: _print(outcome, json=options.json))
    recover(pilot)
    outcome = pilot.run_one()
    if outcome is None:
        check_pilot_queue(connections.queues(), options.site, connections.reporter)
        connections.reporter.progress(f"there is no job for {options.site}")
        if options.json:
            output.print_json({"PandaID": None, "state": None, "reason": "", "log": None})
        return ExitCode.NO_JOB
    if outcome.error is not None:
        raise outcome.error.replace(extra=outcome.document())
    _print(outcome, json=options.json)
    return 0


def _print(outcome: "Outcome", *, json: bool) -> None:
    if json:
        output.print_json(outcome.document())
    else:
        print(f"PandaID={outcome.panda_id} {outcome.state}; log: {outcome.log}", flush=True)


def _settings(options: PilotOptions, connections: "Connections") -> "Settings":
    from goclient.config import environment  # as in _run
    from goclient.node.engines.globus_task import Patience
    from goclient.node.environment import own_files
    from goclient.node.globus_connect import PROGRAM
    from goclient.pilot.settings import Settings

    state = environment.journal_path(connections.env).parent
    return Settings(
        site=options.site,
        work=Path(os.environ.get("TMPDIR") or os.getcwd()).absolute(),
        state=state.absolute(),
        patience=Patience(deadline=options.deadline * 3600.0, faults=float(options.faults)),
        heartbeat=float(options.heartbeat),
        connect=environment.own(os.environ, "GOCLIENT_GLOBUSCONNECT") or PROGRAM,
        env=os.environ,
        own=own_files(os.environ, others=(str(state), environment.user_catalogue())),
        shared=_read_shared(options, connections.settings.site(options.site)),
        modes=_modes(options),
        report_within=REPORT_ONCE if options.once else REPORT_SERVICE,
    )


def _modes(options: PilotOptions) -> frozenset[Mode]:
    return frozenset(mode for mode in Mode if mode in options.modes.split(","))


def _whoami(options: PilotOptions, connections: "Connections") -> int:
    """Show who the pilot is; raise what the server, Globus or the settings say against it."""
    from goclient.cli.tables import print_pairs  # as in _run
    from goclient.pilot.identity import pilot_identity
    from goclient.pilot.settings import need_globus

    identity = pilot_identity(connections, needs_globus=need_globus(_modes(options)))
    if options.json:
        output.print_json(identity.document())
    else:
        print_pairs(identity.lines())
    told = (connections.settings.get(f"pilot.{name}") for name in ("dn", "identity"))
    raise_all([*identity.faults, *identity.differences(*told)])
    return 0


def _read_shared(options: PilotOptions, site: "SiteDirectory") -> "Shared":
    """Return how servers see this node's directories; raises RequestError unless it is two absolute paths."""
    from goclient.node.shared_filesystem import SAME, Shared  # as in _run

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
            f"--sharedFolder {quote(options.sharedFolder)} is not two absolute paths",
            hint="such as --sharedFolder /scratch=/node7/scratch",
            code="shared-folder",  # plain: a name that programs know
            subject="--sharedFolder",
        )
    return Shared(PurePosixPath(here), PurePosixPath(there))

"""Ask what the worker nodes of a queue have: ``goclient probe``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import UsageError, raise_all
from goclient.errors.findings import ExitCode, exit_code
from goclient.model.option import Options, frozen_options, option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.probes import Probed

PROG = "goclient probe"
OWN = "probe"


@frozen_options
class ProbeOptions(Options):
    """Hold what was typed."""

    QUEUE: tuple[str, ...] = option("QUEUE", help="the PanDA queue", group=OWN, many=True)
    collection: tuple[str, ...] = option(
        "--collection",
        help="a collection whose HTTPS server the nodes must reach",
        group=OWN,
        many=True,
        metavar="NAME",
    )
    path: tuple[str, ...] = option(
        "--path", help="a directory of the nodes: is it there, and shared?", group=OWN, many=True, metavar="DIR"
    )
    njobs: int = option(
        "--njobs",
        help="how many jobs look, each at its node",
        group=OWN,
        default=1,
        metavar="N",
        minimum=1,
        maximum=100,
    )
    answerWithin: int = option(
        "--answerWithin",
        help="seconds in which each server must answer the node",
        group=OWN,
        default=10,
        metavar="N",
        minimum=1,
        maximum=300,
    )
    wait: int = option(
        "--wait",
        help="seconds to wait for the jobs; the same command waits again later",
        group=OWN,
        default=600,
        metavar="N",
        minimum=1,
        maximum=1_000_000,
    )
    detach: bool = option("--detach", help="send the jobs, and do not wait for them", group=OWN, default=False)
    again: bool = option(
        "--again", help="send new jobs although those sent before are not over", group=OWN, default=False
    )
    json: bool = option("--json", help="print one JSON document", group=OWN, default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group=OWN, default=0, count=True)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Probe a queue, and print what its nodes have; return 0 unless a carried job cannot go well there."""
    parser = Parser(
        ProbeOptions,
        prog=PROG,
        arguments="QUEUE [OPTION ...]",
        description="Ask what the worker nodes of a queue have, by jobs that look, and keep it for later checks.",
        epilog="What a node lacks for a job with --goCarry is told, also by goclient check and sendJob.py later on.",
    )
    options, errors = parser.read(argv)
    if len(options.QUEUE) != 1 and not errors:
        message = f"one queue is needed, not {len(options.QUEUE)}"
        errors.append(UsageError(message, hint=f"{PROG} ANALY_BNL_T3", code="queue", subject="QUEUE"))
    raise_all(errors)
    from goclient.probes import Order, probe  # --help needs none of it

    order = Order(
        queue=options.QUEUE[0],
        count=options.njobs,
        collections=options.collection,
        paths=options.path,
        answer_within=options.answerWithin,
        within=0 if options.detach else options.wait,
        again=options.again,
    )
    probed = probe(order, run.Session(reporter).connections)
    if options.json:
        output.print_json(probed.document())
    elif probed.jobs:
        print(f"{PROG} {order.queue} tells what they see, once they are over")
    else:
        print_probed(probed)
    return ExitCode(exit_code(probed.findings))


def print_probed(probed: "Probed") -> None:
    """Print a row for each node and each thing that is known of it, then the findings."""
    from goclient.cli.tables import print_table  # --json and --help print none

    rows = [
        (str(node.panda_id), node.name, fact, value) for node in probed.nodes for fact, value in node.facts().items()
    ]
    if rows:
        print_table(("PandaID", "node", "what", "is"), rows)
    output.print_findings(probed.findings)

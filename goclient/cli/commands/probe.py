"""Ask what the worker nodes of a queue have: ``goclient probe``."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.config.toml_text import key
from goclient.errors import UsageError, raise_all
from goclient.errors.findings import ExitCode, exit_code
from goclient.model.option import option
from goclient.model.probe_options import OWN, ProbeOptions
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.probes import Probed

PROG = "goclient probe"


class CommandOptions(ProbeOptions):
    """Hold what was typed of it, and of its output."""

    json: bool = option("--json", help="print one JSON document", group=OWN, default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Probe a queue, and print what its nodes have; return 0 unless a carried job cannot go well there."""
    parser = Parser(
        CommandOptions,
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
    probed = run.Session(reporter).client.probe_typed(options)
    if options.json:
        output.print_json(probed.document())
    elif probed.jobs:
        print(f"{PROG} {probed.queue} tells what they see, once they are over")
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
    if probed.site is not None:
        print("settings that say so, which no later probe changes:")
        print(f"[site.{key(probed.queue)}]")
        for name in ("collection", "directory", "node"):
            print(f"{name} = {json.dumps(str(getattr(probed.site, name)), ensure_ascii=False)}")

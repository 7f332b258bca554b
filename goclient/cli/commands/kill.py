"""Stop jobs, and tasks with their jobs: ``goclient kill``."""

from collections.abc import Sequence

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import RequestError
from goclient.model.option import option
from goclient.model.select import SelectOptions
from goclient.reporter.base import Reporter

PROG = "goclient kill"


class KillOptions(SelectOptions):
    """Hold what was typed."""

    json: bool = option("--json", help="print one JSON document", group="kill", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Stop jobs, and say what became of each; raises what was refused, after that."""
    parser = Parser(
        KillOptions,
        prog=PROG,
        arguments="{PandaID ... | --campaign NAME | --task JEDITASKID | --last} [OPTION ...]",
        description="Stop jobs, or tasks with all their jobs.",
        epilog="A job that no node runs is cancelled at once; the pilot of any other cancels its transfers, too.",
    )
    options = parser.parse(argv)
    client = run.Session(reporter).client
    selection = client.named_typed(options, told=RequestError)
    done = client.kill_selected(selection)
    output.report_findings(done.findings, reporter)
    if options.json:
        done.check()
        output.print_json(done.document())
        return 0
    from goclient.cli.tables import print_table  # --json and --help print none

    rows = [(str(one.panda_id), one.state, one.fate.value) for one in done.stopped]
    if rows:
        print_table(("PandaID", "state", "what was done"), rows)
    for task in done.tasks:
        print(f"JediTaskID={task.task_id} {task.answer}")
    for left in client.unfinished(selection, done.stopped):
        if left.are_sent:
            reporter.progress(left.text, left.hint)
    done.check()
    return 0

"""Show the help of goclient, or of one command: ``goclient help``."""

from collections.abc import Sequence

from goclient.cli.main import find, overview
from goclient.cli.output import TerminalReporter
from goclient.cli.parser import Parser
from goclient.model.frozen import Frozen
from goclient.model.option import option

PROG = "goclient help"


class HelpOptions(Frozen):
    """Hold what was typed."""

    words: tuple[str, ...] = option(
        "words", help="a command, and its action if it has any", group="help", many=True, metavar="COMMAND [ACTION]"
    )


def command(argv: Sequence[str], reporter: TerminalReporter) -> int:
    """Print the help of a command, or the list of all commands; raise UsageError for an unknown one."""
    parser = Parser(
        HelpOptions,
        prog=PROG,
        arguments="[COMMAND [ACTION]]",
        description="Show the options of a command, with examples; without a name, all commands.",
    )
    name, *action = parser.parse(argv).words or ("",)
    if not name:
        print(overview())
        return 0
    return find(name).load()([*action[:1], "--help"], reporter)

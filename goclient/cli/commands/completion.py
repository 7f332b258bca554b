"""Print what makes a shell complete the words of goclient: ``goclient completion``."""

from collections.abc import Sequence

from goclient.cli.parser import Parser
from goclient.errors import UsageError, raise_all
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

PROG = "goclient completion"
ACTIONS = ("bash", "zsh", "fish", "tcsh")


class CompletionOptions(Frozen):
    """Hold what was typed."""

    shell: tuple[str, ...] = option(
        "shell", help="the shell that reads it", group="completion", many=True, metavar="SHELL", choices=ACTIONS
    )


def command(argv: Sequence[str], _: Reporter) -> int:
    """Print the commands for a shell."""
    parser = Parser(
        CompletionOptions,
        prog=PROG,
        arguments="{bash | zsh | fish | tcsh}",
        description="Print what makes a shell complete commands, options, queues, endpoints and campaigns.",
        epilog='In ~/.bashrc: eval "$(goclient completion bash)". For other shells see goclient-completion(1).',
    )
    options, errors = parser.read(argv)
    if len(options.shell) != 1 and not errors:
        message = f"one shell is needed, not {len(options.shell)}"
        errors.append(UsageError(message, hint=f"{PROG} bash", code="shell", subject="shell"))
    raise_all(errors)
    from goclient.cli.shells import script  # --help needs none of it

    print(script(options.shell[0]), end="")
    return 0

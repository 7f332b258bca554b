"""Find a command and run it: one table of commands, of which nothing is loaded but the one that runs."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, Optional

import goclient
from goclient.cli import run
from goclient.errors import UsageError
from goclient.errors.wording import quoted
from goclient.model.nearest import nearest
from goclient.reporter.base import Reporter


class Command(NamedTuple):
    """A command as ``goclient --help`` lists it, and where it is: a module, and the function in it."""

    name: str
    help: str
    module: str = ""  # goclient.cli.commands.NAME unless it is said here
    function: str = "command"

    def load(self) -> run.Command:
        """Return the function that runs the command."""
        module = import_module(self.module or f"goclient.cli.commands.{self.name}")
        function: run.Command = getattr(module, self.function)
        return function


COMMANDS = {
    one.name: one
    for one in (
        Command("carrier", "the program that travels with a job: build"),
        Command("check", "check a job's endpoints and paths as sendJob.py does, and send nothing"),
        Command("credential", "credentials that carried jobs have: list; revoke them"),
        Command("endpoint", "the names of endpoints: list, add, remove; show what one is, and whether it is up"),
        Command("explain", "show what a jobParameters text will do"),
        Command("journal", "requests and jobs whose end is not known: list; show what was written of one"),
        Command("kill", "stop jobs, and tasks with theirs"),
        Command("login", "log in to Globus, with consents for endpoints"),
        Command("logout", "log out of Globus"),
        Command("myproxy", "proxies for pilots: deposit, info, retrieve, destroy"),
        Command("pathena", "pathena of panda-client, with transfers", "goclient.cli.tasks", "pathena"),
        Command("pilot", "run a job on a worker node: bring its input, run it, take its output away"),
        Command("probe", "ask what the worker nodes of a queue have"),
        Command("prun", "prun of panda-client, with transfers", "goclient.cli.tasks", "prun"),
        Command("retry", "send jobs again that have failed; have JEDI retry tasks"),
        Command("sandbox", "the services in miniature on this machine: start, stop, status, env, demo"),
        Command("settings", "show the settings, and where each comes from"),
        Command("status", "show jobs and their transfers"),
        Command("whoami", "show who asks Globus"),
    )
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one ``goclient`` command line, and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if len(arguments) == 2 and arguments[0] == "help":
        arguments = [arguments[1], "--help"]
    if arguments and arguments[0] in COMMANDS:
        return run.run(f"goclient {arguments[0]}", COMMANDS[arguments[0]].load(), arguments[1:])
    return run.run("goclient", _goclient, arguments)


def _goclient(argv: Sequence[str], _: Reporter) -> int:
    """Print the help or the version; raises UsageError for anything else."""
    if list(argv) in (["-h"], ["--help"], ["help"]):
        print(_help())
        return 0
    if list(argv) == ["--version"]:
        print(f"goclient {goclient.__version__}")
        return 0
    if not argv:
        raise UsageError("a subcommand is missing", hint=f"one of {', '.join(COMMANDS)}; see goclient --help")
    near = nearest(argv[0], COMMANDS, most=1)
    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(COMMANDS)}; see goclient --help"
    raise UsageError(f"{quoted(argv[0])} is not a subcommand of goclient", hint=hint, code="unknown-command")


def _help() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {one.name:<{width}}  {one.help}" for one in COMMANDS.values())
    return (
        "usage: goclient SUBCOMMAND [OPTION ...]\n\n"
        "PanDA jobs whose files Globus brings and takes away. Jobs are submitted with sendJob.py.\n\n"
        f"subcommands:\n{rows}\n\n"
        "goclient SUBCOMMAND --help lists the options of one; --version shows the version.\n"
        "Exit codes: 0 done, 1 unexpected, 2 usage, 4 login needed, 10 wrong request, 40 endpoint or path,\n"
        "80 MyProxy, 90 server, 130 interrupted. See goclient(1)."
    )

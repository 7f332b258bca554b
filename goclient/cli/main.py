"""``goclient SUBCOMMAND``: finds the module of a subcommand and runs it; imports nothing else."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Optional

import goclient
from goclient.cli import run
from goclient.errors import UsageError, quoted
from goclient.reporter.base import Reporter

COMMANDS = {
    "check": "look at a job's endpoints and paths as sendJob.py does, and send nothing",
    "endpoint": "the names of endpoints: list, add, remove; show what one is, and whether it is up",
    "explain": "show what a jobParameters text will do",
    "login": "log in to Globus, with consents for endpoints",
    "logout": "log out of Globus",
    "myproxy": "proxies for pilots: deposit, info, retrieve, destroy",
    "pathena": "pathena of panda-client, with transfers",
    "pilot": "run a job on a worker node: bring its input, run it, take its output away",
    "prun": "prun of panda-client, with transfers",
    "sandbox": "the services in miniature on this machine: start, stop, status, env, demo",
    "status": "show jobs and their transfers",
    "whoami": "show who asks Globus",
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The exit code of one ``goclient`` command line."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    name = arguments[0] if arguments else ""
    if name in COMMANDS:
        module = import_module(f"goclient.cli.commands.{name}")
        return run.run(f"goclient {name}", module.command, arguments[1:])
    return run.run("goclient", _goclient, arguments)


def _goclient(argv: Sequence[str], _: Reporter) -> int:
    """Prints the help or the version; raises UsageError for anything else."""
    if list(argv) in (["-h"], ["--help"], ["help"]):
        print(_help())
        return 0
    if list(argv) == ["--version"]:
        print(f"goclient {goclient.__version__}")
        return 0
    if not argv:
        raise UsageError("a subcommand is missing", hint=f"one of {', '.join(COMMANDS)}; see goclient --help")
    import difflib  # only a mistake pays for it

    near = difflib.get_close_matches(argv[0], list(COMMANDS), n=1)
    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(COMMANDS)}; see goclient --help"
    raise UsageError(f"{quoted(argv[0])} is not a subcommand of goclient", hint=hint, code="unknown-command")


def _help() -> str:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    return (
        "usage: goclient SUBCOMMAND [OPTION ...]\n\n"
        "PanDA jobs whose files Globus brings and takes away. Jobs are submitted with sendJob.py.\n\n"
        f"subcommands:\n{rows}\n\n"
        "goclient SUBCOMMAND --help lists the options of one; --version shows the version.\n"
        "Exit codes: 0 done, 1 unexpected, 2 usage, 4 login needed, 10 wrong request, 40 endpoint or path,\n"
        "80 MyProxy, 90 server, 130 interrupted. See goclient(1)."
    )

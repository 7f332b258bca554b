"""Find a command and run it: one table of commands, of which nothing is loaded but the one that runs."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple, Optional

import goclient
from goclient.cli import run
from goclient.errors import UsageError
from goclient.errors.wording import quote
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


# As goclient --help lists them; each name once.
SECTIONS = {
    "submit jobs and tasks, or look first": (
        Command("check", "check a job's endpoints and paths as sendJob.py does, and send nothing"),
        Command("explain", "show what a jobParameters text will do"),
        Command("prun", "prun of panda-client, with transfers", "goclient.cli.tasks", "prun"),
        Command("pathena", "pathena of panda-client, with transfers", "goclient.cli.tasks", "pathena"),
    ),
    "follow and mend them": (
        Command("status", "show jobs and their transfers"),
        Command("retry", "send jobs again that have failed; have JEDI retry tasks"),
        Command("kill", "stop jobs, and tasks with theirs"),
        Command("advance", "do what is due in campaigns: send, try again what that cures, deliver, clean up"),
        Command("journal", "requests and jobs whose end is not known: list; show what was written of one"),
    ),
    "what they need": (
        Command("endpoint", "the names of endpoints: list, add, remove; show what one is, and whether it is up"),
        Command("login", "log in to Globus, with consents for endpoints"),
        Command("logout", "log out of Globus"),
        Command("whoami", "show who asks Globus"),
        Command("credential", "credentials that carried jobs have: list; revoke them"),
        Command("myproxy", "proxies for pilots: deposit, info, retrieve, destroy"),
        Command("probe", "ask what the worker nodes of a queue have"),
        Command("settings", "show the settings, and where each comes from"),
    ),
    "at a site": (
        Command("pilot", "run a job on a worker node: bring its input, run it, take its output away"),
        Command("carrier", "the program that travels with a job: build"),
    ),
    "to begin with": (
        Command("sandbox", "the services in miniature on this machine: start, stop, status, env, demo"),
        Command("completion", "complete words in a shell: bash, zsh, fish, tcsh"),
        Command("help", "show the options of a command, with examples"),
        Command("version", "show the version, and those of what goclient uses"),
    ),
}
COMMANDS = {one.name: one for section in SECTIONS.values() for one in section}


COMPLETE = "__complete"  # which the shells call, and nobody types
SENDJOB = "sendJob.py"


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one ``goclient`` command line, and return its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == [COMPLETE]:
        from goclient.cli.complete import answer  # beside run: the words are not goclient's own

        return answer(arguments[1:])
    if arguments and arguments[0] in COMMANDS:
        return run.run(f"goclient {arguments[0]}", COMMANDS[arguments[0]].load(), arguments[1:])
    return run.run("goclient", _goclient, arguments)


def _goclient(argv: Sequence[str], _: Reporter) -> int:
    """Print the help or the version; raises UsageError for anything else."""
    if list(argv) in (["-h"], ["--help"]):
        print(overview())
        return 0
    if list(argv) == ["--version"]:
        print(f"goclient {goclient.__version__}")
        return 0
    if not argv:
        raise UsageError("a subcommand is missing", hint=f"one of {', '.join(COMMANDS)}; see goclient --help")
    raise _command_error(argv[0])


def find(name: str) -> Command:
    """Return the command with a name, sendJob.py among them; raise UsageError for any other."""
    if name in (SENDJOB, "sendJob"):
        return Command(name, "", "goclient.cli.commands.sendjob")
    if name not in COMMANDS:
        raise _command_error(name)
    return COMMANDS[name]


def _command_error(name: str) -> UsageError:
    """Return the error of a word that is not a command: what other tools call so, the nearest one, or all."""
    from goclient.model.other_words import command_of  # only a mistake pays for it

    hint = f"one of {', '.join(COMMANDS)}; see goclient --help"
    if near := nearest(name, COMMANDS, most=1):
        hint = f"did you mean {near[0]}?"
    if name.startswith("-"):
        hint = "options stand behind the subcommand, which goclient --help lists"
    if other := command_of(name, [SENDJOB, *COMMANDS]):
        hint = f"type: {other} --help" if other == SENDJOB else f"type: goclient {other} --help"
    return UsageError(f"{quote(name)} is not a subcommand of goclient", hint=hint, code="unknown-command")


def overview() -> str:
    """Return the help of goclient: its commands, and what they have in common."""
    width = max(map(len, COMMANDS))
    parts = {title: [f"  {one.name:<{width}}  {one.help}" for one in section] for title, section in SECTIONS.items()}
    rows = "\n\n".join("\n".join([f"{title}:", *lines]) for title, lines in parts.items())
    return (
        "usage: goclient SUBCOMMAND [OPTION ...]\n\n"
        "PanDA jobs whose files Globus brings and takes away. Jobs are submitted with sendJob.py.\n\n"
        f"{rows}\n\n"
        "goclient help SUBCOMMAND lists the options of one, with examples; --version shows the version.\n"
        "All take --quiet (results, warnings and errors only) and --log-file FILE (keep what is told).\n"
        "Exit codes: 0 done, 1 unexpected, 2 usage, 3 no job, 4 login needed, 5 failed and 6 running jobs,\n"
        "10 wrong request, 40 endpoint or path, 80 MyProxy, 90 server, 130 interrupted. See goclient(1)."
    )

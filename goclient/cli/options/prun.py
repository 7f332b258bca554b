"""Our options of ``goclient prun`` and ``goclient pathena``, and what they want of each task."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from goclient.cli import parser
from goclient.cli.options.transfers import TransferOptions, check_identities, preflight_of, transfer_items
from goclient.cli.parser import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.errors import Finding
    from goclient.model.spec import MyproxyAccount
    from goclient.tasks.validation import TaskRequest

GLOBUS = "globus"


@dataclass(frozen=True, repr=False, eq=False)
class TaskOptions(TransferOptions):
    """What was typed of a task's transfers."""

    useGOForOutput: Optional[str] = option(
        "--useGOForOutput",
        help="take every output and the log to <nickname>/<outDS>/ below this directory (default: the endpoint's own)",
        group=GLOBUS,
        metavar="ENDPOINT[:/DIR/]",
    )
    globusWords: Optional[str] = option(
        "--globusWords",
        help="the words of 2012, such as globus-endpoint-in=… dir-in=… files-in=…, as in sendJob's --jobParameters",
        group=GLOBUS,
        metavar="WORDS",
    )
    noCheck: bool = option("--noCheck", help="do not look at the endpoints first", group=GLOBUS, default=False)


@dataclass(frozen=True, repr=False, eq=False)
class PathenaOptions(TaskOptions):
    """What was typed of a task's transfers, and where its parameters go, which pathena has no option for."""

    dumpTaskParams: Optional[str] = option(
        "--dumpTaskParams", help="dump the task's parameters to this JSON file", group=GLOBUS, metavar="FILE"
    )


KINDS = {"prun": TaskOptions, "pathena": PathenaOptions}


def wanted(tool: str, words: Sequence[str], reporter: Reporter) -> "TaskRequest":
    """Return what our words want of each task, and what is wrong with them singly."""
    from goclient.errors import Collector
    from goclient.tasks.validation import TaskRequest

    prog = f"goclient {tool}"
    options, errors = parser.Parser(KINDS[tool], prog=prog, usage="", description="").read(words)
    collected = Collector(errors)
    items = transfer_items(options, collected)
    with collected:
        check_identities(options)
    return TaskRequest(
        items,
        options.globusWords or "",
        options.useGOForOutput,
        options.goLenient,
        preflight_of(options, reporter, checks=not options.noCheck),
        _depositor(options, reporter),
        tuple(collected.errors),
        tuple(_remarks(options)),
    )


def _depositor(options: TaskOptions, reporter: Reporter) -> "Callable[[MyproxyAccount], None]":
    def make(account: "MyproxyAccount") -> None:
        from goclient.cli.deposit import deposit

        deposit(account, options, reporter)

    return make


def _remarks(options: TaskOptions) -> "list[Finding]":
    """Return what the user is told of options that do less, or more, than their names say."""
    from goclient.errors import Finding

    found = []
    if options.myproxy:
        message = "--myproxy uploads no proxy, as it did in 2012: it says where one is, and that is looked at"
        hint = "to deposit one: goclient myproxy deposit, or --deposit --pilot DN"
        found.append(Finding("warning", "myproxy", "--myproxy", message, hint))
    if options.goLenient:
        message = "a site that does not know goclient will run the jobs without their files (--goLenient)"
        found.append(Finding("warning", "lenient", "--goLenient", message))
    for name in ("goMkdir", "goProbe", "pilotIdentity", "pilot") if options.noCheck else ():
        if getattr(options, name):
            message = f"--{name} has no effect, because nothing is looked at (--noCheck)"
            found.append(Finding("warning", "no-look", f"--{name}", message))
    return found

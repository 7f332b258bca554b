"""``goclient sandbox``: the services in miniature, to try goclient out and to test it."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from goclient.cli import output
from goclient.cli import parser as _argparse
from goclient.cli.parser import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.errors import GoclientError
    from goclient.sandbox.state import State

FILES = {"tcsh": "env.csh", "csh": "env.csh", "fish": "env.fish"}  # for other shells: env.sh
ACTIONS = ("start", "stop", "status", "env", "demo")
SHELLS = ("sh", "bash", "zsh", "tcsh", "csh", "fish")


@dataclass(frozen=True, repr=False, eq=False)
class SandboxOptions:
    """What was typed."""

    action: tuple[str, ...] = option(
        "action", help=f"one of {', '.join(ACTIONS)}", group="sandbox", many=True, metavar="ACTION", choices=ACTIONS
    )
    dir: Optional[str] = option(
        "--dir",
        help="the sandbox's directory; without it $SANDBOX_DIR, else goclient-sandbox here",
        group="sandbox",
        metavar="DIR",
    )
    shell: Optional[str] = option(
        "--shell", help=f"env: print commands for one of {', '.join(SHELLS)}", group="sandbox", choices=SHELLS
    )
    foreground: bool = option("--foreground", help="start: run here until Ctrl-C", group="sandbox", default=False)
    goOverwrite: bool = option(
        "--goOverwrite", help="demo: allow that the output is overwritten", group="sandbox", default=False
    )
    json: bool = option("--json", help="print one JSON document", group="sandbox", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="sandbox", default=0, count=True)


def command(argv: Sequence[str], _reporter: Reporter) -> int:
    """The exit code of one ``goclient sandbox`` command line."""
    parser = _argparse.Parser(
        SandboxOptions,
        prog="goclient sandbox",
        usage="goclient sandbox {start,stop,status,env,demo} [--dir DIR] [OPTION ...]",
        description="Globus, PanDA, MyProxy and a web server in miniature, on loopback.",
        epilog=". DIR/env.sh points goclient, globus, globus-sdk and panda-client at the sandbox. See goclient(1).",
    )
    options = parser.parse(argv)
    _check(options)
    action = options.action[0]
    if action == "demo":
        from goclient.sandbox import demo

        return demo.run(Path(options.dir) if options.dir else None, overwrite=options.goOverwrite)
    import os
    import sqlite3

    from goclient.sandbox import directory

    folder = directory.chosen(options.dir, os.environ)
    try:
        act = {"start": _start, "stop": _stop, "status": _status, "env": _env}[action]
        return act(folder, options)
    except sqlite3.Error as error:
        from goclient.errors import GoclientError

        hint = f"goclient sandbox start --dir {shlex.quote(str(folder))}"
        raise GoclientError(f"the state of the sandbox cannot be read: {error}", hint=hint, code="sandbox") from error


def _check(options: SandboxOptions) -> None:
    from goclient.errors import GoclientError, UsageError, raise_all

    try:
        import werkzeug  # noqa: F401  # only looked for
    except ImportError as error:
        raise GoclientError("the sandbox needs werkzeug", hint="pip install 'werkzeug>=3'", code="extra") from error
    errors = []
    if len(options.action) != 1:
        errors.append(
            UsageError(f"one action is needed, not {len(options.action)}", hint=f"one of {', '.join(ACTIONS)}")
        )
    if options.shell and options.action != ("env",):
        hint = "leave out --shell"
        errors.append(UsageError("--shell is for env only", hint=hint, code="shell", subject="--shell"))
    if options.shell and options.json:
        hint = "leave out --shell, or --json"
        errors.append(UsageError("--shell and --json exclude each other", hint=hint, code="shell", subject="--shell"))
    if options.json and options.action == ("demo",):
        errors.append(UsageError("demo prints steps, not JSON", hint="leave out --json", code="demo", subject="--json"))
    raise_all(errors)


def _start(folder: Path, options: SandboxOptions) -> int:
    import functools
    import os

    from goclient.sandbox import daemon

    if options.foreground:
        parent = os.getppid()
        print(f"the sandbox runs in {folder} until Ctrl-C; env.sh is there once it answers", file=sys.stderr)
        daemon.run(folder, until=functools.partial(daemon.wait_for_orphan, parent))
        return 0
    url = daemon.start(folder)
    if options.json:
        output.print_json({"url": url, "dir": str(folder.absolute()), "env": str(folder.absolute() / "env.sh")})
    else:
        there = shlex.quote(str(folder.absolute()))
        shell = Path(os.environ.get("SHELL", "")).name
        read = f"source {there}/{FILES[shell]}" if shell in FILES else f". {there}/env.sh"
        print(f"the sandbox answers at {url}\nnext: {read}    (stop: goclient sandbox stop --dir {there})")
    return 0


def _stop(folder: Path, options: SandboxOptions) -> int:
    from goclient.sandbox import daemon

    stopped = daemon.stop(folder)
    if options.json:
        output.print_json({"stopped": stopped})
    else:
        print(f"the sandbox in {folder} is stopped" if stopped else f"no sandbox runs in {folder}")
    return 0


def _status(folder: Path, options: SandboxOptions) -> int:
    from goclient.sandbox import daemon
    from goclient.sandbox.state import Folders, State

    folders = Folders(folder.absolute())
    if not folders.database.exists():
        raise _none(folder)
    process, state = daemon.running(folder), State(folders)
    jobs = state.rows("select panda_id, status, site from jobs order by panda_id")
    if options.json:
        url, myproxy = (state.fact("url"), _myproxy(state)) if process else (None, None)
        output.print_json({"running": bool(process), "url": url, "myproxy": myproxy, "jobs": jobs})
        return 0
    where = f"answers at {state.fact('url')} (process {process}), MyProxy at {_myproxy(state)}"
    print(f"the sandbox in {folder} {where if process else 'is stopped'}")
    for job in jobs:
        print(f"  PandaID={job['panda_id']} {job['status']} at {job['site']}")
    return 0


def _myproxy(state: "State") -> str:
    return f"localhost:{state.fact('myproxy_port')}"


def _env(folder: Path, options: SandboxOptions) -> int:
    from goclient.sandbox import seed
    from goclient.sandbox.state import Folders, State

    folders = Folders(folder.absolute())
    try:
        text = (folders.root / FILES.get(options.shell or "", "env.sh")).read_text()
    except OSError as error:
        raise _none(folder) from error
    if options.json:
        output.print_json(seed.environment(State(folders)))
    else:
        print(text, end="")
    return 0


def _none(folder: Path) -> "GoclientError":
    from goclient.errors import RequestError, quoted

    hint = f"goclient sandbox start --dir {shlex.quote(str(folder))}"
    return RequestError(f"there is no sandbox in {quoted(folder)}", hint=hint, code="no-sandbox")

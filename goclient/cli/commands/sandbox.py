"""``goclient sandbox``: the services in miniature, to try goclient out and to test it."""

import functools
import gc
import importlib.util
import os
import shlex
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from goclient.cli import output
from goclient.cli.parser import Parser
from goclient.errors import GoclientError, RequestError, UsageError, raise_all
from goclient.errors.wording import quote
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter
from goclient.sandbox import daemon, seed
from goclient.sandbox.directory import Directory, choose
from goclient.sandbox.state import State

FILES = {"tcsh": "env.csh", "csh": "env.csh", "fish": "env.fish"}  # for other shells: env.sh
ACTIONS = ("start", "stop", "status", "env", "demo", "site")
VERSIONS = ("3.7", "3.11")  # as in sandbox/site, and these, too
FAULTS = (
    *("no-python3", "old-python3", "broken-python3", "crashing-python3", "killed-python3", "no-ssl", "no-zlib"),
    *("no-ctypes", "no-network", "no-names", "dead-proxy", "no-authorities", "disk-full", "little-disk", "no-inodes"),
    *("read-only", "no-exec", "no-tmp", "no-proc", "no-dev", "small-files", "few-files", "few-processes"),
    *("little-memory", "little-cpu", "umask", "no-children", "clock-ahead", "clock-behind"),
)
SHELLS = ("sh", "bash", "zsh", "tcsh", "csh", "fish")


class SandboxOptions(Frozen):
    """Options and action of a command line."""

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
        "--goOverwrite", help="demo: allow that the output is overwritten", group="sandbox", default=False, grave=True
    )
    site: Optional[str] = option(
        "--site", help="site: the PanDA queue to take a job from", group="site", metavar="QUEUE"
    )
    once: bool = option("--once", help="site: run one job, then end (required)", group="site", default=False)
    pilotVersion: Optional[str] = option(
        "--pilotVersion",
        help="site: the pilot that is played; 3.11, the default, logs secrets and reads a payload's own report",
        group="site",
        metavar="VERSION",
        choices=VERSIONS,
    )
    heartbeat: Optional[int] = option(
        "--heartbeatSeconds",
        help="site: seconds between two heartbeats, by which a kill is heard of; 1800 without it",
        group="site",
        metavar="N",
        minimum=1,
        maximum=86_400,
    )
    fault: Optional[str] = option(
        "--fault",
        help="site: the defect of the worker node, see goclient-sandbox(1)",
        group="site",
        metavar="FAULT",
        choices=FAULTS,
    )
    json: bool = option("--json", help="print one JSON document", group="sandbox", default=False)


def command(argv: Sequence[str], reporter: output.TerminalReporter) -> int:
    """Run one ``goclient sandbox`` command line; return its exit code."""
    parser = Parser(
        SandboxOptions,
        prog="goclient sandbox",
        arguments="{start,stop,status,env,demo,site} [--dir DIR] [OPTION ...]",
        description="Globus, PanDA, MyProxy and a web server in miniature, on loopback.",
        epilog=". DIR/env.sh points goclient, globus and panda-client at the sandbox. See goclient-sandbox(1).",
    )
    options = parser.parse(argv)
    _check(options)
    action = options.action[0]
    if action == "demo":
        from goclient.sandbox import demo  # --help and the other actions need not load rich (0.05 s)

        return demo.run(Path(options.dir) if options.dir else None, overwrite=options.goOverwrite)
    path = choose(options.dir, os.environ)
    try:
        if action == "site":
            return _site(path, options, reporter.rename("site"))
        return {"start": _start, "stop": _stop, "status": _status, "env": _env}[action](path, options)
    except sqlite3.Error as error:
        message = f"the state of the sandbox cannot be read: {error}"
        raise GoclientError(message, hint=_start_command(path), code="sandbox") from error


def _check(options: SandboxOptions) -> None:
    """Raise RequestError without werkzeug, UsageError for options that do not go together."""
    if importlib.util.find_spec("werkzeug") is None:
        hint = f"{shlex.quote(sys.executable)} -m pip install 'werkzeug>=3'"  # whatever pip is on PATH
        raise RequestError("the sandbox needs werkzeug", hint=hint, code="extra")
    errors = []
    if len(options.action) != 1:
        hint = f"one of {', '.join(ACTIONS)}"
        what = f"one action is needed, not {len(options.action)}" if options.action else "the action is missing"
        errors.append(UsageError(what, hint=hint))
    for name, value, action in (
        ("--shell", options.shell, "env"),
        ("--site", options.site, "site"),
        ("--once", options.once, "site"),
        ("--pilotVersion", options.pilotVersion, "site"),
        ("--heartbeatSeconds", options.heartbeat, "site"),
        ("--fault", options.fault, "site"),
    ):
        if value and options.action != (action,):
            errors.append(
                UsageError(f"{name} is for {action} only", hint=f"leave out {name}", code=name[2:], subject=name)
            )
    if options.action == ("site",) and not (options.site and options.once):
        name, hint = ("--once", "add --once") if options.site else ("--site", "add --site and a PanDA queue")
        errors.append(UsageError(f"site needs {name}", hint=hint, code="site", subject=name))
    if options.shell and options.json:
        hint = "leave out --shell, or --json"
        errors.append(UsageError("--shell and --json exclude each other", hint=hint, code="shell", subject="--shell"))
    if options.json and options.action == ("demo",):
        errors.append(UsageError("demo prints steps, not JSON", hint="leave out --json", code="demo", subject="--json"))
    raise_all(errors)


def _start_command(path: Path) -> str:
    return f"goclient sandbox start --dir {shlex.quote(str(path))}"


def _start(path: Path, options: SandboxOptions) -> int:
    if options.foreground:
        gc.enable()  # it may run for days
        parent = os.getppid()
        print(f"the sandbox runs in {path} until Ctrl-C; env.sh is there once it answers", file=sys.stderr)
        daemon.run(path, until=functools.partial(daemon.wait_for_orphan, parent))
        return 0
    url, path = daemon.start(path), Directory(path).root
    if options.json:
        output.print_json({"url": url, "dir": str(path), "env": str(path / "env.sh")})
    else:
        there = shlex.quote(str(path))
        shell = Path(os.environ.get("SHELL", "")).name
        read = f"source {there}/{FILES[shell]}" if shell in FILES else f". {there}/env.sh"
        print(f"the sandbox answers at {url}\nnext: {read}    (stop: goclient sandbox stop --dir {there})")
    return 0


def _stop(path: Path, options: SandboxOptions) -> int:
    stopped = daemon.stop(path)
    if options.json:
        output.print_json({"stopped": stopped})
    else:
        print(f"the sandbox in {path} is stopped" if stopped else f"no sandbox runs in {path}")
    return 0


def _status(path: Path, options: SandboxOptions) -> int:
    directory = Directory(path)
    if not directory.database.exists():
        raise _no_sandbox(path)
    process, state = daemon.running(path), State(directory)
    jobs = state.rows("select panda_id, status, site from jobs order by panda_id")
    url, myproxy = state.fact("url"), f"localhost:{state.fact('myproxy_port')}"
    if options.json:
        answers = {"url": url, "myproxy": myproxy} if process else {"url": None, "myproxy": None}
        output.print_json({"running": bool(process), **answers, "jobs": jobs})
        return 0
    where = f"answers at {url} (process {process}), MyProxy at {myproxy}" if process else "is stopped"
    print(f"the sandbox in {path} {where}")
    for job in jobs:
        print(f"  PandaID={job['panda_id']} {job['status']} at {job['site']}")
    return 0


def _env(path: Path, options: SandboxOptions) -> int:
    directory = Directory(path)
    try:
        text = (directory.root / FILES.get(options.shell or "", "env.sh")).read_text()
    except OSError as error:
        raise _no_sandbox(path) from error
    if options.json:
        output.print_json(seed.environment(State(directory)))
    else:
        print(text, end="")
    return 0


def _site(path: Path, options: SandboxOptions, reporter: Reporter) -> int:
    directory = Directory(path)
    if not daemon.running(path):
        raise RequestError(f"no sandbox runs in {quote(path)}", hint=_start_command(path), code="no-sandbox")
    # Only this action needs to load what plays a site.
    from goclient.sandbox.site import defects, judge, site

    settings = site.Settings(
        options.site or "",
        judge.Version(options.pilotVersion or judge.Version.NEW),
        heartbeat=float(options.heartbeat or site.HEARTBEAT),
        fault=defects.Fault(options.fault) if options.fault else None,
    )
    try:
        result = site.run_once(State(directory), settings, reporter.progress)
    except (OSError, ValueError) as error:
        raise GoclientError(f"the site cannot run a job: {error}", hint=f"read {directory.log}", code="site") from error
    if options.json:
        output.print_json(result.document() if result else {"PandaID": None, "state": None})
    elif result is None:
        print(f"there is no job for {options.site}")
    else:
        print(f"PandaID={result.panda_id} {result.verdict.state}; its directory is {result.directory}")
    return 0


def _no_sandbox(path: Path) -> RequestError:
    return RequestError(f"there is no sandbox in {quote(path)}", hint=_start_command(path), code="no-sandbox")

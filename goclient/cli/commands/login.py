"""``goclient login``: lets goclient ask Globus in somebody's name."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goclient.cli import parser as _argparse
from goclient.cli import run
from goclient.cli.parser import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.services.globus.login import LoginRequest
    from goclient.services.globus.login_flow import Person

PROG = "goclient login"


@dataclass(frozen=True, repr=False, eq=False)
class LoginOptions:
    """What was typed."""

    no_browser: bool = option(
        "--no-browser", help="show the address to log in at, and read the code", group="login", default=False
    )
    endpoint: tuple[str, ...] = option(
        "--endpoint", help="an endpoint whose data goclient may touch", group="login", many=True, metavar="NAME"
    )
    session: tuple[str, ...] = option(
        "--session",
        help="log in as identity=ID, domain=NAME, policy=ID, or mfa says",
        group="login",
        many=True,
        metavar="WHAT",
    )
    json: bool = option("--json", help="print one JSON document", group="login", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="login", default=0, count=True)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """The exit code of one ``goclient login`` command line."""
    parser = _argparse.Parser(
        LoginOptions,
        prog=PROG,
        usage=f"{PROG} [--no-browser] [--endpoint NAME ...] [OPTION ...]",
        description="Log in to Globus. Whoever is logged in already logs in again.",
        epilog="--endpoint and --session may be repeated. A service (GOCLIENT_CLIENT_SECRET) is not asked anything.",
    )
    options = parser.parse(argv)
    from goclient.cli.commands.whoami import show
    from goclient.config import environment
    from goclient.services.globus.login import login

    wanted = _wanted(options, reporter)
    show(login(environment.globus_access(reporter=reporter), wanted, _person(options, reporter)), json=options.json)
    return 0


def _wanted(options: LoginOptions, reporter: Reporter) -> "LoginRequest":
    """What was typed, names of the catalogue replaced; raises all that is wrong with it."""
    from goclient.errors import Collector, UsageError, quoted, raise_all
    from goclient.services.globus.login import SESSION_KINDS, LoginRequest

    collected = Collector()
    for value in options.session:
        kind, _, what = value.partition("=")
        if value != "mfa" and not (kind in SESSION_KINDS and what):
            hint = "write identity=ID, domain=NAME, policy=ID or mfa"
            message = f"--session {quoted(value)} is not known"
            collected.errors.append(UsageError(message, hint=hint, code="unknown-value", subject="--session"))
    with collected:
        catalogue = run.catalogue(reporter) if options.endpoint else {}
    endpoints = {}
    for typed in options.endpoint:
        with collected:
            endpoints[typed] = _meant(typed, catalogue)
    raise_all(collected.errors)
    return LoginRequest(endpoints, options.session)


def _meant(typed: str, catalogue: dict[str, str]) -> str:
    """The id, or the name that Globus knows, of what was typed; raises RequestError if that is no collection."""
    from goclient.errors import RequestError, quoted
    from goclient.model.endpoint import UrlEndpoint, read_endpoint
    from goclient.model.syntax.parse import parse_endpoint

    name = parse_endpoint(typed).text
    meant = catalogue.get(name, name)
    if isinstance(read_endpoint(meant), UrlEndpoint):
        hint = "leave it out: Globus does not reach it"
        raise RequestError(f"{quoted(typed)} is a GridFTP server, and has no consents", hint=hint, code="not-globus")
    return meant


def _person(options: LoginOptions, reporter: Reporter) -> "Person":
    """Whoever sits in front of this command, or the program that does as if."""
    from goclient.services.globus.login_flow import Person

    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    return Person(
        browser=terminal and not options.no_browser,
        say=reporter.progress,
        show=lambda url: print(f"\n    {url}\n", file=sys.stderr, flush=True),
        ask=_code,
    )


def _code() -> str:
    """The line that is typed, read from standard input; empty at its end."""
    print("code: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.buffer.readline() if sys.stdin is not None else b""
    if not line.endswith(b"\n"):
        print(file=sys.stderr)
    return line.decode("utf-8", "replace")

"""Let goclient ask Globus in a person's name: ``goclient login``."""

import sys
from collections.abc import Sequence

from goclient.cli import run
from goclient.cli.commands.whoami import print_identity
from goclient.cli.parser import Parser
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

PROG = "goclient login"


class LoginOptions(Frozen):
    """Hold what was typed."""

    no_browser: bool = option(
        "--no-browser", help="show the address to log in at, and read the code", group="login", default=False
    )
    endpoint: tuple[str, ...] = option(
        "--endpoint", help="an endpoint whose data goclient may touch", group="login", many=True, metavar="NAME"
    )
    https: tuple[str, ...] = option(
        "--https",
        help="the same, whose HTTPS server goclient may use, too",
        group="login",
        many=True,
        metavar="NAME",
    )
    session: tuple[str, ...] = option(
        "--session",
        help="log in as identity=ID, domain=NAME, policy=ID, or mfa says",
        group="login",
        many=True,
        metavar="WHAT",
    )
    json: bool = option("--json", help="print one JSON document", group="login", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Log in, and show who is logged in."""
    parser = Parser(
        LoginOptions,
        prog=PROG,
        arguments="[--no-browser] [--endpoint NAME ...] [--https NAME ...] [--session WHAT ...]",
        description="Log in to Globus. A user who is logged in already logs in again.",
        epilog="These three may be repeated. A service (GOCLIENT_CLIENT_SECRET) is not asked anything.",
    )
    options = parser.parse(argv)
    from goclient.services.globus.login_flow import Person  # globus-sdk: --help needs none

    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    person = Person(
        browser=terminal and not options.no_browser,
        show=lambda url: print(f"\n    {url}\n", file=sys.stderr, flush=True),
        ask=_read_code,
    )
    client = run.Session(reporter).client
    identity = client.login(person, endpoints=options.endpoint, https=options.https, session=options.session)
    print_identity(identity, client, json=options.json)
    return 0


def _read_code() -> str:
    """Read the line that is typed on standard input; it is empty at its end."""
    print("code: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.buffer.readline() if sys.stdin is not None else b""
    if not line.endswith(b"\n"):
        print(file=sys.stderr)
    return line.decode("utf-8", "replace")

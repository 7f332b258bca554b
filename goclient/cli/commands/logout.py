"""Make the tokens of a login void, and remove them: ``goclient logout``."""

from collections.abc import Sequence

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

PROG = "goclient logout"


class LogoutOptions(Frozen):
    """Hold what was typed."""

    json: bool = option("--json", help="print one JSON document", group="logout", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Log out; it may be typed again."""
    parser = Parser(
        LogoutOptions,
        prog=PROG,
        description="Log out of Globus: make the tokens of the login void, and remove them from this machine.",
    )
    options = parser.parse(argv)
    done = run.Session(reporter).client.logout()
    if done.is_service:
        reporter.progress("a service has no login: unset GOCLIENT_CLIENT_SECRET to log a person out")
    elif done.removed and not done.revoked:
        hint = "end it at app.globus.org/settings/consents if somebody else may have its tokens"
        reporter.warning(f"Globus was not told that the login is over: {done.problem}", hint)
    if options.json:
        output.print_json({"logged_out": done.removed, "revoked": done.revoked})
    else:
        print("logged out" if done.removed else "nobody was logged in")
    return 0

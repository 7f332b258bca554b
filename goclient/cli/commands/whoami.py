"""``goclient whoami``: who asks Globus."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from goclient.cli import output
from goclient.cli import parser as _argparse
from goclient.cli.parser import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.services.globus.login import Identity

PROG = "goclient whoami"


@dataclass(frozen=True, repr=False, eq=False)
class WhoamiOptions:
    """What was typed."""

    json: bool = option("--json", help="print one JSON document", group="whoami", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="whoami", default=0, count=True)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """The exit code of one ``goclient whoami`` command line."""
    parser = _argparse.Parser(
        WhoamiOptions,
        prog=PROG,
        usage=f"{PROG} [OPTION ...]",
        description="Show who asks Globus: the person who has logged in, or the service whose secret is set.",
    )
    options = parser.parse(argv)
    from goclient.config import environment
    from goclient.services.globus.login import whoami

    show(whoami(environment.globus_access(reporter=reporter)), json=options.json)
    return 0


def show(identity: "Identity", *, json: bool) -> None:
    """Prints who asks Globus, and what they have allowed."""
    if json:
        output.print_json(identity.document())
        return
    from goclient.cli.tables import print_pairs

    print_pairs(_rows(identity))


def _rows(identity: "Identity") -> list[tuple[str, str]]:
    lasts = "while it is used" if identity.kind == "person" else "as long as its secret"
    if identity.expires:
        lasts = f"until {identity.expires:%Y-%m-%d %H:%M:%S} UTC"
    rows = [("username", identity.username), ("id", identity.id), ("kind", identity.kind), ("lasts", lasts)]
    return [*rows, *(("consent", _named(scope)) for scope in identity.consents)]


def _named(scope: str) -> str:
    """A scope, and the names that the catalogue has for its collection."""
    from goclient.config import environment
    from goclient.errors import GoclientError

    try:
        names = [name for name, where in environment.catalogue().items() if f"/{where}/" in scope]
    except GoclientError:  # who one is does not depend on a catalogue
        names = []
    return f"{scope} ({', '.join(names)})" if names else scope

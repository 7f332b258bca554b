"""Show who asks Globus: ``goclient whoami``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from goclient.cli import output, run
from goclient.cli.parser import Parser
from goclient.errors import GoclientError
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.client import Client
    from goclient.model.endpoint import Catalogue
    from goclient.services.globus.login import Identity

PROG = "goclient whoami"


class WhoamiOptions(Frozen):
    """Hold what was typed."""

    json: bool = option("--json", help="print one JSON document", group="whoami", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Show who asks Globus."""
    parser = Parser(
        WhoamiOptions,
        prog=PROG,
        description="Show who asks Globus: the person who has logged in, or the service whose secret is set.",
    )
    options = parser.parse(argv)
    client = run.Session(reporter).client
    print_identity(client.whoami(), client, json=options.json)
    return 0


def print_identity(identity: "Identity", client: "Client", *, json: bool) -> None:
    """Print who asks Globus, and which consents they have given."""
    if json:
        output.print_json(identity.document())
        return
    from goclient.cli.tables import print_pairs  # --json and --help print none

    try:
        names: Catalogue = client.catalogue()
    except GoclientError:  # who one is does not depend on a catalogue
        names = {}
    print_pairs(rows(identity, names))


def rows(identity: "Identity", names: "Catalogue") -> list[tuple[str, str]]:
    """Return what a person is told; a consent has the names that the catalogue has for its collection."""
    lasts = "while it is used" if identity.kind == "person" else "as long as its secret"
    if identity.expires:
        lasts = f"until {identity.expires:%Y-%m-%d %H:%M:%S} UTC"
    found = [("username", identity.username), ("id", identity.id), ("kind", identity.kind), ("lasts", lasts)]
    for scope in identity.consents:
        known = [name for name, end in names.items() if f"/{end}/" in scope]
        found.append(("consent", f"{scope} ({', '.join(known)})" if known else scope))
    return found

"""Show the version of goclient, and of what it stands on: ``goclient version``."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import goclient
from goclient.cli import output
from goclient.cli.parser import Parser
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

PROG = "goclient version"
PACKAGES = ("globus-sdk", "panda-client", "pydantic", "requests", "cryptography")


class VersionOptions(Frozen):
    """Hold what was typed."""

    json: bool = option("--json", help="print one JSON document", group="version", default=False)
    verbose: int = option("-v", help="show the versions of what goclient uses", group="version", default=0, count=True)


def command(argv: Sequence[str], _: Reporter) -> int:
    """Print the version and, if more is asked for, what a report of a defect should have beside it."""
    parser = Parser(
        VersionOptions,
        prog=PROG,
        arguments="[-v] [--json]",
        description="Show the version; with -v what a report of a defect needs beside it.",
    )
    options = parser.parse(argv)
    if options.json:
        output.print_json({"goclient": goclient.__version__, **_others()})
        return 0
    print(f"goclient {goclient.__version__}")
    for name, text in _others().items() if options.verbose else ():
        print(f"{name} {text or 'is not installed'}")
    return 0


def _others() -> dict[str, str]:
    """Return the versions of what goclient uses; empty if it is not installed."""
    found = {"Python": platform.python_version(), "system": platform.platform()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found

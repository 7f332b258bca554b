"""Show the settings, and where each comes from: ``goclient settings show``."""

from collections.abc import Sequence

from goclient.cli import output, run, tables
from goclient.cli.parser import Parser
from goclient.config.settings import Value
from goclient.errors import UsageError, raise_all
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

PROG = "goclient settings"


class SettingsOptions(Frozen):
    """Hold what was typed."""

    action: tuple[str, ...] = option(
        "action", help="show", group="settings", many=True, metavar="show", choices=("show",)
    )
    json: bool = option("--json", help="print one JSON document", group="settings", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Show every setting, its value, and the file or variable that it comes from."""
    parser = Parser(
        SettingsOptions,
        prog=PROG,
        arguments="show [--json]",
        description="Show every setting, its value, and the file or variable that it comes from.",
        epilog="Your file is $GOCLIENT_SETTINGS, else settings.toml beside the catalogue. See goclient-settings(1).",
    )
    options, errors = parser.read(argv)
    if not errors and options.action != ("show",):
        errors.append(UsageError("the action is missing", hint=f"{PROG} show", code="action", subject="action"))
    raise_all(errors)
    settings = run.Session(reporter).client.settings()
    if options.json:
        output.print_json([one.document() for one in settings])
    else:
        shown = [(one.name, _as_written(one.value), one.source) for one in settings]
        tables.print_table(("setting", "value", "from"), shown)
    return 0


def _as_written(value: Value) -> str:
    """Return the value as a settings file has it, but for quotes; empty if there is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)

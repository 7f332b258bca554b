"""Show what was sent and is open, and what the journal says of it: ``goclient journal``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from goclient.cli import output, run, tables
from goclient.cli.parser import Parser
from goclient.errors import UsageError, raise_all
from goclient.errors.wording import pluralize, quote, timestamp
from goclient.model.frozen import Frozen
from goclient.model.nearest import nearest
from goclient.model.option import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from pathlib import Path

    from goclient.jobs.open import OpenItem
    from goclient.journal import Entry

PROG = "goclient journal"
ACTIONS = {"list": (), "show": ("NAME",)}


class JournalOptions(Frozen):
    """Hold what was typed."""

    words: tuple[str, ...] = option(
        "words", help="list; or show, and what", group="journal", many=True, metavar="list | show NAME"
    )
    json: bool = option("--json", help="print one JSON document", group="journal", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """List what is open, or show the entries about one thing."""
    parser = Parser(
        JournalOptions,
        prog=PROG,
        arguments="{list | show NAME} [--json]",
        description="List requests and jobs whose end is not known, or show what the journal says of one.",
        epilog="NAME is a key of the list, the name of a job, or a PandaID. See goclient-journal(1).",
    )
    options, errors = parser.read(argv)
    raise_all([*errors, *_mistakes(options.words)])
    client = run.Session(reporter).client
    if options.words[0] == "list":
        items = client.open_items()
        if options.json:
            output.print_json([one.document() for one in items])
        else:
            _print_items(items, client.journal_path, reporter)
    else:
        entries = client.journal_entries(options.words[1])
        if options.json:
            output.print_json([asdict(one) for one in entries])
        else:
            _print_entries(entries)
    return 0


def _mistakes(words: Sequence[str]) -> list[UsageError]:
    """Return the usage error in the action and its words, if there is one."""
    action, *given = words or ("",)
    if action not in ACTIONS:
        near = nearest(action, ACTIONS, most=1)
        message = f"{quote(action)} is not an action of {PROG}" if words else "the action is missing"
        hint = f"did you mean {near[0]}?" if near else f"{PROG} list, or {PROG} show NAME"
        return [UsageError(message, hint=hint, code="action", subject="action")]
    if len(given) != len(ACTIONS[action]):
        wanted = " ".join((PROG, action, *ACTIONS[action]))
        message = f"{action} takes {pluralize(len(ACTIONS[action]), 'name')}, not {len(given)}"
        return [UsageError(message, hint=f"type: {wanted}", code="words", subject=action)]
    return []


def _print_items(items: Sequence["OpenItem"], path: "Path", reporter: Reporter) -> None:
    if not items:
        where = "" if path.parent.is_dir() else ", which does not exist: check GOCLIENT_STATE"
        reporter.progress(f"nothing is open in {path.parent}{where}")
        return
    rows = [
        (one.what, one.key, one.state, timestamp(one.since), one.host, " to ".join(one.names), one.detail)
        for one in items
    ]
    tables.print_table(("what", "key", "state", "since", "host", "jobName", "known"), rows)


def _print_entries(entries: Sequence["Entry"]) -> None:
    from goclient.jobs.sent import find_subjects  # pydantic, which --help does not need

    rows = [
        (
            timestamp(one.time),
            one.what,
            one.key,
            one.state,
            one.host,
            " ".join(dict.fromkeys(find_subjects(one))),
            one.detail,
        )
        for one in entries
    ]
    tables.print_table(("time", "what", "key", "state", "host", "about", "detail"), rows)

"""Keep names for endpoints, and show what is known of one: ``goclient endpoint``."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Optional

from goclient.cli import output, run, tables
from goclient.cli.parser import Parser
from goclient.errors import GoclientError, UsageError, raise_all
from goclient.errors.wording import printable, quote
from goclient.model.endpoint import URL_FORMS
from goclient.model.frozen import Frozen
from goclient.model.nearest import hint_of_known
from goclient.model.option import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.client import Client

PROG = "goclient endpoint"

# Each action, and the words that it takes.
ACTIONS = {"list": (), "show": ("NAME",), "add": ("NAME", "ENDPOINT"), "remove": ("NAME",)}


class EndpointOptions(Frozen):
    """Hold what was typed."""

    words: tuple[str, ...] = option(
        "words",
        help=f"one of {', '.join(ACTIONS)}; what it is about",
        group="endpoint",
        many=True,
        metavar="ACTION [NAME [ENDPOINT]]",
    )
    search: Optional[str] = option(
        "--search", help="list: the collections that Globus finds for these words", group="endpoint", metavar="TEXT"
    )
    noCheck: bool = option("--noCheck", help="add: do not ask Globus for it", group="endpoint", default=False)
    json: bool = option("--json", help="print one JSON document", group="endpoint", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Do one action, and return the exit code."""
    parser = Parser(
        EndpointOptions,
        prog=PROG,
        arguments="{list | show NAME | add NAME ENDPOINT | remove NAME} [OPTION ...]",
        description="The names that you have for endpoints, and what is known of one.",
        epilog=f"ENDPOINT is a UUID or {URL_FORMS}; show takes any name, too. See goclient-endpoint(1).",
    )
    options, errors = parser.read(_words_last(argv))
    raise_all([*errors, *_mistakes(options)])
    action, *words = options.words
    acts: dict[str, Callable[..., None]] = {"list": _list, "show": _show, "add": _add, "remove": _remove}
    acts[action](options, run.Session(reporter).client, reporter, *words)
    return 0


def _words_last(argv: Sequence[str]) -> list[str]:
    """Return the words behind the options, which may stand anywhere: argparse takes bare words from one place only."""
    own, rest = [], []
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            rest += words
            break
        if word.startswith("-") and word != "-":
            own.append(word)
            if word == "--search" and words and not words[0].startswith("-"):
                own.append(words.pop(0))
        else:
            rest.append(word)
    return [*own, "--", *rest]


def _mistakes(options: EndpointOptions) -> list[GoclientError]:
    """Return every usage error in the action, its words, and the options that it takes."""
    action = options.words[0] if options.words else ""
    if action not in ACTIONS:
        message = f"{quote(action)} is not an action of {PROG}" if options.words else "the action is missing"
        return [UsageError(message, hint=hint_of_known(action, ACTIONS), code="action", subject="action")]
    errors: list[GoclientError] = []
    wanted, given = ACTIONS[action], options.words[1:]
    if len(given) != len(wanted):
        takes = f"{len(wanted)} word{'s' * (len(wanted) > 1)} ({' '.join(wanted)})" if wanted else "no words"
        shown = f"{len(given)}: {', '.join(map(quote, given))}" if given else "none"
        hint = f"write {' '.join([PROG, action, *wanted])}; quote a name with blanks"
        errors.append(UsageError(f"{action} takes {takes}, not {shown}", hint=hint, code="words", subject=action))
    for name, typed, owner in (("--search", options.search, "list"), ("--noCheck", options.noCheck, "add")):
        if typed and action != owner:
            message = f"{action} takes no {name}"
            errors.append(UsageError(message, hint=f"{name} goes with {owner}", code="option", subject=name))
    return errors


def _list(options: EndpointOptions, client: "Client", reporter: Reporter) -> None:
    if options.search is not None:
        _search(options.search, client, reporter, json=options.json)
        return
    from goclient.config.catalogue_toml import fields_of  # as in _search

    entries = client.endpoints()
    if options.json:
        output.print_json([{"name": one.name, **fields_of(one.where)} for one in entries])
        return
    whose = {True: "yours", False: "the site's"}
    rows = [(one.name, fields_of(one.where)["kind"], one.where, whose[one.own]) for one in entries]
    tables.print_table(("name", "kind", "id or url", "whose"), rows)
    if not entries:
        reporter.progress("the catalogue is empty", f"{PROG} add NAME UUID gives a collection a name of yours")


def _search(text: str, client: "Client", reporter: Reporter, *, json: bool) -> None:
    from goclient.cli.endpoint_text import make_documents, make_rows  # pydantic, which --help does not need

    found, more = client.search_endpoints(text)
    if json:
        output.print_json(make_documents(found))
    else:
        tables.print_table(("name", "kind", "owner", "id"), make_rows(found))
    if more:
        reporter.warning(f"Globus has more than these {len(found)}", "search for more words")
    if not found:
        hint = "a private collection is found only by its members"
        reporter.progress(f"Globus finds nothing for {quote(text)}", hint)


def _show(options: EndpointOptions, client: "Client", _: Reporter, name: str) -> None:
    from goclient.cli.endpoint_text import view_rows  # as in _search

    view = client.endpoint(name)
    if options.json:
        output.print_json(view.document())
    else:
        tables.print_pairs([("endpoint", name), *view_rows(view)])


def _add(options: EndpointOptions, client: "Client", reporter: Reporter, name: str, typed: str) -> None:
    from goclient.config.catalogue_toml import fields_of  # as in _search

    added = client.add_endpoint(name, typed, check=not options.noCheck)
    if added.hidden:
        reporter.warning(f"the site's {quote(name)} is {added.hidden}; from now on yours counts")
    if options.json:
        where = {"file": added.path, "written": added.written}
        output.print_json({"name": name, **fields_of(added.where), **where})
        return
    done = "is now in" if added.written else "is there already, nothing was changed in"
    one = added.collection
    what = f": {one.kind}, {quote(one.name or one.canonical_name)}, of {one.owner or 'nobody'}" if one else ""
    print(printable(f"{name} {done} {added.path}"))
    print(printable(f"it is {added.where}{what}"))


def _remove(options: EndpointOptions, client: "Client", reporter: Reporter, name: str) -> None:
    removed = client.remove_endpoint(name)
    if removed.where:
        reporter.warning(f"the site's {quote(name)} counts from now on: {removed.where}")
    if options.json:
        output.print_json({"name": name, "file": removed.path, "removed": True})
    else:
        print(printable(f"{name} is no longer in {removed.path}"))

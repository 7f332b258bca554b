"""``goclient endpoint``: the catalogue of endpoints, and what there is to know of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Optional

from goclient.cli import output, run
from goclient.cli import parser as _argparse
from goclient.cli.parser import option
from goclient.errors import GoclientError, UsageError, printable, quoted, raise_all
from goclient.reporter.base import Reporter

PROG = "goclient endpoint"

# Each action, and the words that it takes.
ACTIONS = {"list": (), "show": ("NAME",), "add": ("NAME", "ENDPOINT"), "remove": ("NAME",)}


@dataclass(frozen=True, repr=False, eq=False)
class EndpointOptions:
    """What was typed."""

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
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="endpoint", default=0, count=True)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """The exit code of one ``goclient endpoint`` command line."""
    parser = _argparse.Parser(
        EndpointOptions,
        prog=PROG,
        usage=f"{PROG} {{list | show NAME | add NAME ENDPOINT | remove NAME}} [OPTION ...]",
        description="The names that you have for endpoints, and what there is to know of one.",
        epilog="ENDPOINT is the UUID of a collection or gsiftp://host[:port]; show takes a UUID, too. See goclient(1).",
    )
    options, errors = parser.read(_words_last(argv))
    raise_all([*errors, *_mistakes(options)])
    action, *words = options.words
    acts: dict[str, Callable[..., int]] = {"list": _list, "show": _show, "add": _add, "remove": _remove}
    return acts[action](options, reporter, *words)


def _words_last(argv: Sequence[str]) -> list[str]:
    """The words behind the options, which may stand anywhere: argparse takes bare words from one place only."""
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
    """Every usage error in the action, its words, and the options that it takes."""
    action = options.words[0] if options.words else ""
    if action not in ACTIONS:
        return [_no_action(action, missing=not options.words)]
    errors: list[GoclientError] = []
    wanted, given = ACTIONS[action], options.words[1:]
    if len(given) != len(wanted):
        takes = f"{len(wanted)} word{'s' * (len(wanted) > 1)} ({' '.join(wanted)})" if wanted else "no words"
        shown = f"{len(given)}: {', '.join(map(quoted, given))}" if given else "none"
        hint = f"write {' '.join([PROG, action, *wanted])}; quote a name with blanks"
        errors.append(UsageError(f"{action} takes {takes}, not {shown}", hint=hint, code="words", subject=action))
    for name, typed, owner in (("--search", options.search, "list"), ("--noCheck", options.noCheck, "add")):
        if typed and action != owner:
            message = f"{action} takes no {name}"
            errors.append(UsageError(message, hint=f"{name} goes with {owner}", code="option", subject=name))
    return errors


def _no_action(action: str, *, missing: bool) -> UsageError:
    import difflib  # only a mistake pays for it

    near = difflib.get_close_matches(action, list(ACTIONS), n=1)
    message = "the action is missing" if missing else f"{quoted(action)} is not an action of {PROG}"
    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(ACTIONS)}"
    return UsageError(message, hint=hint, code="action", subject="action")


def _list(options: EndpointOptions, reporter: Reporter) -> int:
    if options.search is not None:
        return _search(options, reporter, options.search)
    from goclient.cli.tables import print_table
    from goclient.config import catalogue, environment
    from goclient.config.catalogue_toml import fields_of, kind_of

    entries = sorted(run.catalogue(reporter).items())
    if options.json:
        output.print_json([{"name": name, **fields_of(where)} for name, where in entries])
        return 0
    own = catalogue.read(environment.user_catalogue())
    rows = [(name, kind_of(where), where, "yours" if name in own else "the site's") for name, where in entries]
    print_table(("name", "kind", "id or url", "whose"), rows)
    if not entries:
        reporter.progress("the catalogue is empty", f"{PROG} add NAME UUID gives a collection a name of yours")
    return 0


def _search(options: EndpointOptions, reporter: Reporter, text: str) -> int:
    from goclient.cli.endpoint_text import found_documents, found_rows
    from goclient.cli.tables import print_table
    from goclient.endpoints import patiently

    found, more = patiently(lambda: run.globus(reporter).search(text), reporter)
    if options.json:
        output.print_json(found_documents(found))
    else:
        print_table(("name", "kind", "owner", "id"), found_rows(found))
    if more:
        reporter.warning(f"Globus has more than these {len(found)}", "search for more words")
    if not found:
        reporter.progress(
            f"Globus finds nothing for {quoted(text)}", "private collections are found by their members only"
        )
    return 0


def _show(options: EndpointOptions, reporter: Reporter, name: str) -> int:
    from goclient.cli.endpoint_text import view_rows
    from goclient.cli.tables import print_pairs
    from goclient.endpoints import look, patiently

    names = run.catalogue(reporter)
    view = patiently(lambda: look(name, names=names, globus=lambda: run.globus(reporter)), reporter)
    if options.json:
        output.print_json(view.document())
    else:
        print_pairs([("endpoint", name), *view_rows(view)])
    return 0


def _add(options: EndpointOptions, reporter: Reporter, name: str, typed: str) -> int:
    from goclient.config import environment
    from goclient.config.catalogue_toml import fields_of
    from goclient.endpoints import add

    user, site = environment.user_catalogue(), environment.SITE_CATALOGUE
    globus = None if options.noCheck else lambda: run.globus(reporter)
    added = add(name, typed, user=user, site=site, globus=globus)
    if added.hidden:
        reporter.warning(f"the site's {quoted(name)} is {added.hidden}; from now on yours counts")
    if options.json:
        output.print_json({"name": name, **fields_of(added.where), "file": added.path, "written": added.written})
        return 0
    done = "is now in" if added.written else "is there already, nothing was changed in"
    one = added.collection
    what = f": {one.kind}, {quoted(one.name or one.canonical_name)}, of {one.owner or 'nobody'}" if one else ""
    print(printable(f"{name} {done} {added.path}"))
    print(printable(f"it is {added.where}{what}"))
    return 0


def _remove(options: EndpointOptions, reporter: Reporter, name: str) -> int:
    from goclient.config import environment
    from goclient.endpoints import remove

    path = environment.user_catalogue()
    left = remove(name, user=path, site=environment.SITE_CATALOGUE)
    if left:
        reporter.warning(f"the site's {quoted(name)} counts from now on: {left}")
    if options.json:
        output.print_json({"name": name, "file": path, "removed": True})
    else:
        print(printable(f"{name} is no longer in {path}"))
    return 0

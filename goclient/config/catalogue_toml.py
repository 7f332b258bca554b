"""Text of an endpoint catalogue: its entries, and the text with one more or one less.

A catalogue is TOML with one table a name.  It is changed by lines, so that comments and formatting made by hand
stay; ``without_entry`` undoes ``with_entry`` byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from goclient.config.toml_text import NotToml, key, line_of, lines, parse, statements
from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import (
    GLOBUS_SCHEME,
    SCHEMES,
    URL_ENDPOINTS,
    URL_FORMS,
    GlobusEndpoint,
    UrlEndpoint,
    is_uuid,
    read_endpoint,
)
from goclient.model.names import endpoint_problem
from goclient.model.syntax.misread import endpoint_of
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.model.syntax.parse import parse_endpoint, parse_location
from goclient.model.syntax.server_urls import ANSWERS_TOO
from goclient.model.syntax.shell import shell_word
from goclient.model.syntax.web_link import is_link

GLOBUS = GlobusEndpoint.kind
SERVERS = {one.kind: one for one in URL_ENDPOINTS}  # the other kinds of entries


class Problem(NamedTuple):
    """One thing that is wrong with a catalogue: its line from 1, or 0 if that is not known, and whose entry it is."""

    line: int
    text: str
    name: str | None = None


def fields_of(where: str) -> dict[str, str]:
    """Return what an entry holds, as in the file: ``kind``, and ``id`` or ``url``."""
    found = read_endpoint(where)
    return {"kind": found.kind, found.key: where}


def command(action: str, *names: str, search: str = "") -> str:
    """Return the command line of ``goclient endpoint`` that does this, safe to paste whatever is in the names."""
    options = ([f"--search={search}"] if search.startswith("-") else ["--search", search]) if search else []
    guard = ["--"] if any(name.startswith("-") for name in names) else []
    return " ".join(map(shell_word, ["goclient", "endpoint", action, *options, *guard, *names]))


# --- reading ------------------------------------------------------------------------------------------------


def read_entries(text: str) -> tuple[dict[str, str], list[Problem]]:
    """Return what each name means, a collection's id or a server's URL, and everything that is wrong."""
    try:
        tables = parse(text)
    except NotToml as error:
        return {}, [Problem(error.line, f"it is not TOML: {error}")]
    entries: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name, table in tables.items():
        try:
            entries[name] = _where(name, table)
        except ValueError as error:
            wrong[name] = str(error)
    return entries, [Problem(line_of(text, (name,)), f"[{name}] {problem}", name) for name, problem in wrong.items()]


def _where(name: str, table: Any) -> str:
    """Return what an entry means; raises ValueError with what is wrong with it."""
    if not isinstance(table, dict):
        raise ValueError("is not a table: write [NAME], and below it kind and id, or kind and url")
    kind = table.get("kind")
    if kind == GLOBUS:
        value = table.get("id")
        if isinstance(value, str) and is_uuid(value):
            return value.lower()
        raise ValueError("has no id" if value is None else f"has the id {quote(value)}, which is not a UUID")
    if isinstance(kind, str) and kind in SERVERS:
        return _server(table.get("url"), SERVERS[kind])
    inner = next((key for key, value in table.items() if isinstance(value, dict)), None)
    if kind is None and inner is not None:
        raise ValueError(f"has no kind; a name with a dot needs quotes: [{key(f'{name}.{inner}')}]")
    has = "has no kind" if kind is None else f"has the kind {quote(kind)}"
    servers = " or ".join(f'kind = "{one}"' for one in SERVERS)
    raise ValueError(f'{has}: write kind = "{GLOBUS}" with an id, or {servers} with a url')


def _server(value: Any, kind: type[UrlEndpoint]) -> str:
    """Return the URL of a server, without a path; raises ValueError with what is wrong with it."""
    if not isinstance(value, str) or not value.startswith(kind.scheme):
        has = "has no url" if value is None else f"has the url {quote(value)}"
        raise ValueError(f"{has}: it is written {kind.form}")
    try:
        place = parse_location(value if value.endswith("/") else f"{value}/")
    except RequestError as error:
        raise ValueError(f"has the url {error.message}") from error
    if place.path != "/":
        raise ValueError(f"has a url with a path: write {place.endpoint}, and the path in the job")
    return str(place.endpoint)


# --- what is typed ------------------------------------------------------------------------------------------


def check_name(name: str) -> str:
    """Return the name, if every location that begins with it is read as one on it; raises RequestError."""
    wrong = endpoint_problem(name)
    problem = wrong.what if wrong is not None else _find_misreading(name)
    if problem:
        message = f"{quote(name)} cannot be the name of an endpoint: {problem}"
        raise RequestError(message, hint="choose another name, such as SITE1", code="name", subject=name)
    return name


def _find_misreading(name: str) -> str:
    """Return how a location on an endpoint of that name would be misread, or the empty string."""
    if ":" in name:
        return "the first colon of a location ends the endpoint's name"
    if is_uuid(name):
        return "it is a UUID, which is the collection itself"
    if "," in name:
        return "a comma parts the items of a list"
    if name.startswith(("@", "#")):
        return f"an item that begins with {name[0]} is " + ("the name of a file" if name[0] == "@" else "a comment")
    if name != name.strip():
        return "it begins or ends with a blank"
    return "the job's own endpoint goes by that name" if name == DEFAULT_WORKING else ""


def check_where(text: str) -> str:
    """Return the collection's id or the server's URL that was typed; raises RequestError with the reason."""
    hint, code = f"{command('list', search='TEXT')} shows the UUIDs of collections", "no-endpoint"
    problem = f"is neither a UUID nor {URL_FORMS}"
    right = endpoint_of(text)
    if right != text and (is_uuid(right) or right.startswith(SCHEMES)):
        hint = f"write {shell_word(right)}"
    elif "://" in text and not is_link(text) and (scheme := text.partition("://")[0].lower()) in ANSWERS_TOO:
        server = text[len(scheme) + 3 :].partition("/")[0]
        hint = f"write {shell_word(f'davs://{server}')}, if that storage answers to WebDAV; {hint}"
    try:
        for kind in URL_ENDPOINTS:
            if text.startswith(kind.scheme):
                return _server(text, kind)
        where = parse_endpoint(text.removesuffix("/") if text.startswith(GLOBUS_SCHEME) else text).text
        if is_uuid(where):
            return where
    except RequestError as error:
        raise error.replace(hint=hint, code=code, subject=text) from error
    except ValueError as error:
        problem = str(error)
    raise RequestError(f"{quote(text)} is not an endpoint: it {problem}", hint=hint, code=code, subject=text)


# --- changing -----------------------------------------------------------------------------------------------


def with_entry(text: str, name: str, where: str) -> str:
    """Return the text with a table for the name at its end; the text must be a catalogue without that name.

    A text without a line end at its end gives one without, and line ends are those of its first line.
    """
    end = "\r\n" if lines(text)[:1] and lines(text)[0].endswith("\r\n") else "\n"
    table = [f"[{key(name)}]", *(f'{field} = "{value}"' for field, value in fields_of(where).items())]
    block = end.join(table)
    if not text:
        return block + end
    return f"{text}{end}{block}{end}" if text.endswith("\n") else f"{text}{end}{end}{block}"


def without_entry(text: str, name: str) -> str:
    """Return the text without the lines of the name's tables, each with one blank line above it; other lines stay.

    A table's lines are those from its header to its last key; comments above and below are not its own.
    """
    found, gone = lines(text), set[int]()
    for first, last in _spans(text, name):
        gone.update(range(first, last))
        blank = first - 1 if first else last
        if blank < len(found) and not found[blank].strip():
            gone.add(blank)
    kept = "".join(line for number, line in enumerate(found) if number not in gone)
    if text.endswith("\n") or len(found) - 1 not in gone:
        return kept
    return kept.removesuffix("\n").removesuffix("\r")


def _spans(text: str, name: str) -> Iterator[tuple[int, int]]:
    """Yield the lines, from 0 and to before, of each table of the name, and of each of its keys above all tables."""
    span: tuple[int, int] | None = None
    in_table = False
    for one in statements(text):
        if span and (one.is_header or not in_table):
            yield span
            span = None
        in_table = in_table or one.is_header
        if one.keys[:1] == (name,):
            span = (span[0] if span else one.first, one.last)
    if span:
        yield span

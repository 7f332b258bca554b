"""Corrections of texts that are not locations: a table of causes, each with what to write instead.

A remedy is made from the cause and read again before it is shown: what would be refused is never proposed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from urllib.parse import unquote

from goclient.model.confusable import skeleton
from goclient.model.endpoint import JOB, SCHEMES
from goclient.model.location import Location
from goclient.model.names import CURLY_QUOTES, LocationError, Problem, path_problem, respell_serial
from goclient.model.syntax.location import read_location
from goclient.model.syntax.server_urls import foreign_problem, server_problem
from goclient.model.wildcards import alternatives

LONGEST = 4096  # characters of a text that is read closer

_FORM = Problem("it is not of the form ENDPOINT:/path", "write ENDPOINT:/path")
_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# Patterns as texts: re compiles and keeps them when the first mistake is made.
_BEFORE_ID = rf"(?i)(?:(?:urn|uuid|globus|go):/*)*[{{(]?({_ID})[)}}]?[:/\s]*"
_DRIVE = r"(?s)([A-Za-z]):(\\.*)"
_NO_COLON = r"(?s)([^\s:;|=/\\~.@][^\s:;|=/\\@]*)[\s;|=@]+([/~].*)"
_SCOPE = r"(?i)(?:user|group|mc|data|valid|hi|physics)[.\d_][\w.-]*"


@lru_cache(512)
def location_problem(text: str, found: Problem) -> Problem:
    """Return why a text is not a location, and what to write; ``found`` is what its reader says of its form."""
    causes = (cause(text) for cause in _CAUSES) if len(text) <= LONGEST else iter(())
    problem = next(filter(None, causes), None) or found._replace(instead=_complete(text, found.instead))
    if problem.instead and reads(problem.instead):
        return problem
    return problem._replace(instead="", remedy=problem.remedy or _FORM.remedy)


def _complete(text: str, path: str) -> str:
    """Return a text with that path in place of its own, or the empty string without a path."""
    scheme = next((one for one in SCHEMES if text.startswith(one)), "")
    endpoint = text.removeprefix(scheme).partition("/" if scheme else ":")[0]
    return f"{scheme}{endpoint}{'' if scheme else ':'}{path}" if path.startswith("/") else ""


def reads(text: str) -> bool:
    """Return True if a text is a location, or several with commas between them."""
    try:
        return all(read_location(one).endpoint for one in text.split(","))
    except LocationError:
        return False


def read_mended(text: str) -> Location | None:
    """Return the place that a text names or was meant to name, if that is known."""
    try:
        return read_location(text)
    except LocationError as error:
        instead = location_problem(text, error.problem).instead
    return read_location(instead) if instead and "," not in instead and "ENDPOINT" not in instead else None


def endpoint_of(text: str) -> str:
    """Return the endpoint's name in a text that has more, or the empty string."""
    place = read_mended(text) if ":" in text or "/" in text else None
    if place is None and "://" in text:
        place = read_mended(f"{text}/")  # a server's URL without a path
    return place.endpoint.text if place is not None else ""


def name_of(text: str) -> str:
    """Return the name in the job's directory that a bad text was meant to be, or the empty string."""
    name = respell_serial(text)
    if ":/" in name or name.startswith(("/", "~", "$HOME", "${HOME}")):
        name = posixpath.basename(name.rstrip("/"))
    elif "$" not in name:
        name = posixpath.normpath(name.strip("\t\r\n\0\x7f").replace("//", "/"))
    path = f"/{name}"
    return "" if not path.strip("/") or name.startswith("~") or ":/" in name or path_problem(path) else name


def of_own_place(text: str, working: str) -> Problem | None:
    """Return what is wrong with a location that was meant to be in the job's directory; None if that is not known."""
    endpoint, colon, path = text.partition(":")
    if not colon or endpoint != working:
        place = read_mended(text)
        if place is None or place.endpoint.text != working:
            return None
        path = place.path
    try:
        Location(JOB, path.lstrip(": \t"))
    except LocationError as error:
        what, remedy, instead = error.problem
        return Problem(what, remedy, f"{working}:{instead}" if instead else "")
    return None


def of_a_list(texts: Sequence[str], number: int, word: str) -> Problem | None:
    """Return what is wrong with an item of the option ``word``, if the items around it tell; None if they do not."""
    text, before = texts[number], texts[number - 1] if number else ""
    after = texts[number + 1] if number + 1 < len(texts) else ""
    if text.startswith("@"):
        what = "a file with a list is a value of its own, and no item of a list"
        return Problem(what, f"give {word} once more, with this value alone", f"{word}=@{text.lstrip('@')}")
    if problem := _split_braces(texts, number):
        return problem
    if text.startswith("/") and _may_be_endpoint(before) and reads(f"{before}:{text}"):
        return Problem("a comma stands for the colon", instead=f"{before}:{text}")
    if _may_be_endpoint(text) and after[:1] == "/" and reads(f"{text}:{after}"):
        return Problem("a comma stands for the colon", instead=f"{text}:{after}")
    if text.startswith("/"):
        before_it = (read_mended(one) for one in reversed(texts[:number][-8:]))
        near = next((place.endpoint for place in before_it if place), None)
        instead = near.write(text) if near else ""
        if instead and reads(instead):
            return Problem("it names no endpoint: each item does", instead=instead)
    if number and text and not set(":/@~$").intersection(text) and read_mended(before):
        remedy = f"write {text}:/path if that is an endpoint; a name that has a comma stands on a line of a file"
        return Problem(f"{_FORM.what}, and a comma separates two names", f"{remedy}, given as {word}=@FILE")
    return None


def _may_be_endpoint(item: str) -> bool:
    """Return True if an item may be the name of an endpoint, and is not one of several paths that name none."""
    return ":" not in item[1:] and item[:1] not in ("", "/", "~", ".")


def _split_braces(texts: Sequence[str], number: int) -> Problem | None:
    """Return the problem of an item that is a piece of a shell's braces, which a list is split at."""

    begins = [at for at in range(max(0, number - 20), number + 1) if "{" in texts[at].replace("${", "")]
    ends = [at for at in range(number, min(len(texts), number + 20)) if "}" in texts[at]]
    if not begins or not ends or begins[-1] == ends[0]:
        return None
    items = alternatives(",".join(texts[begins[-1] : ends[0] + 1]))
    what, instead = "braces are a shell's, and a list is split at their commas", ",".join(items)
    return Problem(what, instead=instead) if len(items) > 1 and reads(instead) else None


# --- the causes, in the order in which they are tried --------------------------------------------------------


def _curly(text: str) -> Problem | None:
    if not text.startswith(tuple(CURLY_QUOTES)):
        return None
    return Problem(
        f"{text[0]} is not a quote for a shell",
        "retype it with straight quotes, or leave it out",
        text.strip(CURLY_QUOTES),
    )


def _several(text: str) -> Problem | None:
    parts = split_locations(text) if any(c in text for c in "\n\r\t\0") else []
    return Problem("it is more than one location", "items are separated by commas", ",".join(parts)) if parts else None


def split_locations(text: str) -> list[str]:
    """Return the locations that a text joins with something else than a comma, or an empty list."""
    parts = [part for part in re.split(r"[\s;|&]+", text) if part]
    located = len(parts) > 1 and all(":/" in part and reads(part) for part in parts)
    endpoints = {part.partition(":")[0] for part in parts} if located else set()
    return (
        parts if located and (len(endpoints) < len(parts) or all(re.fullmatch(_ID, one) for one in endpoints)) else []
    )


def _drive(text: str) -> Problem | None:
    found = re.fullmatch(_DRIVE, text)
    if found:
        remedy = "ENDPOINT is the Globus Connect Personal of that computer"
        return Problem("it is a path of a Windows computer", remedy, f"ENDPOINT:{_of_windows(found)}")
    if text.startswith("\\\\"):
        return Problem("it is a path of a Windows network, and names no endpoint", "write ENDPOINT:/path")
    endpoint, colon, path = text.partition(":")
    if found := re.fullmatch(_DRIVE, path):
        return Problem("it has a path of a Windows computer", instead=f"{endpoint}:{_of_windows(found)}")
    if colon and path.startswith("\\"):
        return Problem("a path has slashes, not backslashes", instead=f"{endpoint}:{path.replace(chr(92), '/')}")
    return None


def _of_windows(found: re.Match[str]) -> str:
    """Return what Globus Connect Personal calls a drive's path."""
    return f"/{found[1].upper()}{found[2].replace(chr(92), '/')}"


def _collection(text: str) -> Problem | None:
    found = re.match(_BEFORE_ID, text)
    if not found or text.startswith(f"{found[1]}:/"):  # its path is wrong, not its form
        return None
    rest = text[found.end() :]
    path = f"/{rest}" if not rest.startswith("~") else f"/~/{rest[1:].lstrip('/')}"
    what = "it is not of the form UUID:/path" if rest else "it names a collection, and no path there"
    return Problem(what, instead=f"{found[1]}:{path if rest else '/~/'}")


def _confusable(text: str) -> Problem | None:
    """Return the problem of another alphabet's colon or slash, or of an invisible character before the path."""
    endpoint, colon, path = text.partition(":")
    first = skeleton(path[:1])
    rest = path[1:].replace(path[:1], "/") if first == "/" else path[1:]  # a writer who types one types them all
    plain = f"{endpoint}:{first}{rest}" if colon and first in ("", " ", ":", "/", "~") else text
    if not colon:
        odd = next((c for c in text if not c.isascii() and skeleton(c) == ":"), "")
        start, _, rest = text.partition(odd) if odd else ("", "", "")
        plain = f"{start}:{skeleton(rest[:1])}{rest[1:]}" if odd else text
    if plain == text:
        return None
    odd = next(c for c, other in zip(text, plain + "\0", strict=False) if c != other)
    kind = {":": "colon", "/": "slash"}.get(skeleton(odd), "part")
    what = f"U+{ord(odd):04X} is not a {kind} of a location"
    right = read_mended(plain)
    return Problem(what, "retype it", str(right) if right is not None else "")


def _colons(text: str) -> Problem | None:
    endpoint, colon, path = text.partition(":")
    rest = path.lstrip(": \t")
    if not colon or rest == path:
        return None
    what = "it has two colons" if ":" in path[: len(path) - len(rest)] else "a blank follows the colon"
    return Problem(what, instead=_at(endpoint.strip(), rest))


def _at(endpoint: str, rest: str) -> str:
    """Return the location of what was typed for a path, with the slash that it lacks."""
    if rest.startswith("~/") or rest in ("~", ""):
        return f"{endpoint}:/~/{rest[2:]}"
    return f"{endpoint}:/{rest.lstrip('/')}"


def _check_encoding(text: str) -> Problem | None:
    endpoint, colon, path = text.partition(":")
    if not colon or path[:3].lower() != "%2f":
        return None
    return Problem("the path is percent-encoded", instead=f"{endpoint}:{unquote(path, errors='replace')}")


def _scope(text: str) -> Problem | None:
    """Return the problem of Rucio's ``scope:name``, which has no slash."""
    scope, colon, name = text.partition(":")
    if not colon or not name or "/" in name or not re.fullmatch(_SCOPE, scope) or not re.fullmatch(r"[\w.*+-]+", name):
        return None
    what = "it is scope:name of Rucio, which is not a location"
    command = f"to see where it is, type: rucio list-file-replicas {scope}:{name}; then write ENDPOINT:/path"
    return Problem(what, f"{command}; if {scope} is an endpoint, write {scope}:/{name}")


def _without_colon(text: str) -> Problem | None:
    if ":" in text:
        return None
    what = _FORM.what
    if found := re.fullmatch(_NO_COLON, text):
        return Problem(what, instead=_at(found[1], found[2]))
    endpoint, slash, path = text.partition("/")
    if not slash and endpoint.strip() and not endpoint.startswith(("~", "@", "\\")) and endpoint.strip(".") != "":
        return Problem(
            what, f"write {endpoint}:/path if that is an endpoint, or @{endpoint} if it is a file with a list"
        )
    if slash and endpoint not in ("", "~", ".", ".."):
        return Problem(what, instead=f"{endpoint}:/{path}")
    if endpoint in ("", "~") and text:
        remedy = "ENDPOINT is the endpoint of the computer that has it"
        return Problem(what, remedy, f"ENDPOINT:{text}" if text.startswith("/") else f"ENDPOINT:/~/{path}")
    return _FORM


def _no_endpoint(text: str) -> Problem | None:
    if not text.startswith(":"):
        return None
    return Problem("the endpoint has no name: it stands before the colon", "write ENDPOINT:/path")


_CAUSES: tuple[Callable[[str], Problem | None], ...] = (
    *(_curly, _several, _drive, _collection, server_problem, foreign_problem, _no_endpoint),
    *(_confusable, _colons, _check_encoding, _scope, _without_colon),
)

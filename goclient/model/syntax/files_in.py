"""One name of ``files-in``, which is relative to ``dir-in``, to its place in the job's directory."""

from __future__ import annotations

import re
from typing import NamedTuple

from goclient.errors import RequestError
from goclient.errors.wording import quote
from goclient.model.location import JOB_OUT, Location
from goclient.model.names import path_problem
from goclient.model.syntax.options import DEFAULT_WORKING
from goclient.model.syntax.parse import parse_name
from goclient.model.syntax.shell import shell_word


class Words(NamedTuple):
    """Context of a name: what its list and its directory are called, that directory, and the endpoint."""

    files: str
    directory: str
    top: str
    endpoint: str


def parse_brought(name: str, words: Words) -> Location:
    """Return the place in the job's directory; raises RequestError with the reason, and words that mend it."""
    if name.startswith(("/", "~")):
        message = f"{quote(name)}: the name must be relative to {words.directory}"
        raise RequestError(message, hint=f"write {_relative(name, words)}", code="name")
    place = parse_name(name, below=words.directory)
    if place.path.split("/")[1] == JOB_OUT:
        message = f"{quote(name)} would be {quote(place)} in the job's directory, like the payload's output"
        raise RequestError(message, hint=_other_name(place, words), code="own-file")
    return place


def _relative(name: str, words: Words) -> str:
    """Return the words for a file that was typed with its whole path."""
    problem = path_problem(name)
    path = re.sub("/+", "/", problem.instead if problem is not None else name)
    top = f"{words.top.rstrip('/')}/"
    if top != "/" and path.startswith(top) and path != top:
        return f"{words.files}={shell_word(path.removeprefix(top))}"
    above, _, last = path.rstrip("/").rpartition("/")
    last = f"{last}/" if path.endswith("/") else last
    if not last.strip("/"):
        return f"{words.files}=NAME, a name below {words.directory}"
    right = f"{words.files}={shell_word(last)}"
    return f"{words.directory}={shell_word('/~/' if above == '/~' else above)} {right}" if above else right


def _other_name(place: Location, words: Words) -> str:
    """Return what to type for a file that would be in the way of the payload's output."""
    above, _, last = words.top.rstrip("/").rpartition("/")
    if last not in ("", "~"):
        below = f"{words.directory}={shell_word(above or '/')} {words.files}={shell_word(last + place.path)}"
        return f"bring it below a directory: write {below}"
    source = shell_word(f"{words.endpoint or 'ENDPOINT'}:{words.top.rstrip('/')}{place.path}")
    other = f"{DEFAULT_WORKING}:/input.{place.path[1:]}"
    return f"in place of these words, write --StageinGOsrc={source} --StageinGOdest={shell_word(other)}"

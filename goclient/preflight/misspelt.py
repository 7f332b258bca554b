"""Names that are not there: what may be meant, and for wildcards how to make the list that they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors.wording import quote
from goclient.model.confusable import are_confusable, with_code_points
from goclient.model.location import Location
from goclient.model.nearest import nearest
from goclient.model.syntax.shell import shell_word
from goclient.model.wildcards import alternatives, has_wildcards, matching
from goclient.preflight.listings import Directory

if TYPE_CHECKING:
    from goclient.model.remote import FileInfo

LIST = "goclient-sources.txt"  # what the command of a hint makes, in the user's directory
GLOBUS_COMMAND = "globus is a program of the Python package globus-cli"  # which goclient neither needs nor installs
SHOWN = 8  # names


def hint_of_near(name: str, names: Iterable[str]) -> str:
    """Return a hint with the names that are nearly this one; empty if there are none."""
    names = list(names)
    same = next((one for one in names if are_confusable(name, one)), None)
    if same is not None:
        return f"{with_code_points(same)} is there and looks the same as {with_code_points(name)}: copy that name"
    near = nearest(name, names)
    return f"did you mean {' or '.join(map(quote, near))}?" if near else ""


def list_first(names: Iterable[str]) -> str:
    """Return the first of these names in order, in quotes, and how many more there are."""
    found = sorted(names)
    more = f", and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(map(quote, found[:SHOWN])) + more


class Wildcards(NamedTuple):
    """Text to add to the message of a path that is not there, and a hint; both are empty if it has no wildcards."""

    message: str = ""
    hint: str = ""


def judge_wildcards(part: Location, rest: str, entries: Mapping[str, FileInfo]) -> Wildcards:
    """Return what to say of the wildcards in a part of a path that is not there.

    ``rest`` is what follows the part in the path: after a directory there is something.  ``entries`` is what the
    directory of the part holds.
    """
    found = [name for name in matching(part.name, entries) if not rest or entries[name].is_directory]
    if not found and not has_wildcards(part.name):  # hits[12] is an ordinary name, unless hits1 is there
        return Wildcards()
    one, several = ("directory", "directories") if rest else ("name", "names")
    message = f"; there are no wildcards, and {len(found)} {one if len(found) == 1 else several} there would match"
    if not part.endpoint.is_globus:  # no command that every user has lists a server
        return Wildcards(message, f"name each of them: {list_first(found)}" if found else "")
    # What makes locations of the names: the directory in front, and what follows it in the path behind.
    texts = (Directory.of(part).display, rest)
    front, behind = (text.replace("\\", r"\\").replace("&", r"\&").replace("|", r"\|") for text in texts)
    script = ["-n", f"s|.*/$|{front}&{behind}|p"] if rest else [f"s|^|{front}|"]
    command = f"{_list(part)} | {' '.join(map(shell_word, ('sed', *script)))} > {LIST}"
    return Wildcards(message, f"type: {command}; and name @{LIST} instead; {GLOBUS_COMMAND}" if found else "")


def _list(part: Location) -> str:
    """Return the command that prints the names that a pattern matches, one a line, directories with a final ``/``."""
    directory, pattern = f"{part.endpoint}:{part.directory}", part.name
    choices = alternatives(pattern)
    if len(choices) == 1 and not {"?", "[", "\\"}.intersection(pattern):  # only * is known to globus
        return " ".join(map(shell_word, ("globus", "ls", directory, "--filter", f"~{pattern}")))
    wanted = "|".join(map(_expression, choices))
    return " ".join(map(shell_word, ("globus", "ls", directory))) + f" | grep -xE {shell_word(f'({wanted})/?')}"


def _expression(pattern: str) -> str:
    """Return the extended regular expression of grep for the pattern of a shell."""
    text, inside = "", False
    for at, one in enumerate(pattern):
        if inside or (one == "[" and pattern.find("]", at + 2) > 0):
            text, inside = text + one, one != "]"
        else:
            text += {"*": ".*", "?": "."}.get(one, f"\\{one}" if one in r"\.+^$()|{}[]" else one)
    return text

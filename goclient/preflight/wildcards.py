"""Wildcards that somebody hoped for: what they would match, and how to make the list that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from goclient.model.syntax.shell import shell_word
from goclient.model.wildcards import alternatives, has_wildcards, matching

if TYPE_CHECKING:
    from goclient.model.location import Location
    from goclient.model.remote import FileInfo

LIST = "goclient-sources.txt"  # what the command of a hint makes, in the user's folder


def told(part: Location, shown: str, rest: str, entries: Mapping[str, FileInfo]) -> tuple[str, str]:
    """Return what to add of a part of a path that is not there, and a hint; empty if no wildcards are meant.

    ``shown`` is the folder of the part as it was typed, ``rest`` is what follows the part in the path: after a folder
    there is something.  ``entries`` is what that folder holds.
    """
    found = [name for name in matching(part.name, entries) if not rest or entries[name].is_directory]
    if not found and not has_wildcards(part.name):  # hits[12] is an ordinary name, unless hits1 is there
        return "", ""
    what = ("name" if not rest else "folder") + ("s" if len(found) != 1 else "")
    message = f"; there are no wildcards, and {len(found)} {what} there would match"
    command = f"{_list(part)} | {_lines(shown, rest)} > {LIST}"
    return message, f"type: {command}; and name @{LIST} instead" if found else ""


def _list(part: Location) -> str:
    """The command that prints the names that a pattern matches, one a line, directories with a final ``/``."""
    folder, pattern = f"{part.endpoint}:{part.directory}", part.name
    choices = alternatives(pattern)
    if len(choices) == 1 and not {"?", "[", "\\"}.intersection(pattern):  # only * is known to globus
        return " ".join(map(shell_word, ("globus", "ls", folder, "--filter", f"~{pattern}")))
    wanted = "|".join(map(_expression, choices))
    return " ".join(map(shell_word, ("globus", "ls", folder))) + f" | grep -xE {shell_word(f'({wanted})/?')}"


def _expression(pattern: str) -> str:
    """The extended regular expression of grep for the pattern of a shell."""
    text, inside = "", False
    for at, one in enumerate(pattern):
        if inside or (one == "[" and pattern.find("]", at + 2) > 0):
            text, inside = text + one, one != "]"
        else:
            text += {"*": ".*", "?": "."}.get(one, f"\\{one}" if one in r"\.+^$()|{}[]" else one)
    return text


def _lines(shown: str, rest: str) -> str:
    """The command that makes locations of names: with the folder in front, and what follows a folder behind."""
    front, behind = (text.replace("\\", r"\\").replace("&", r"\&").replace("|", r"\|") for text in (shown, rest))
    script = f"s|^|{front}|" if not rest else f"s|.*/$|{front}&{behind}|p"
    return " ".join(map(shell_word, ("sed", script) if not rest else ("sed", "-n", script)))

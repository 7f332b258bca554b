"""Read what job a command is about: a text of jobParameters, a submitted job's, or a pasted line of sendJob.py."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from goclient.errors import GoclientError

if TYPE_CHECKING:
    from goclient.client import Client

_PROGRAMS = ("sendJob.py", "sendJob")
_PROMPT = re.compile(r"[$%#>]|\S*[$%#]")  # $, or user@host:~$
_PYTHON = re.compile(r"(?:.*/)?python[0-9.]*|env|time")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
_OPERATOR = re.compile(r"[|&;]+|[0-9]?>>?(?:&[0-9])?.*|&>.*")
_OWN = {"--json", "-v", "-vv", "--quiet"}
MOST_LINES = 20  # of a text that name sendJob
_OF_SENDING = {"--noSubmit", "--noCheck"}  # nothing is sent here, whatever the line says


def read(typed: str, pandaid: str | None, client: Client) -> str:
    """Return the text itself, that of standard input for ``-``, or that of a job's record."""
    if pandaid is not None:
        return client.parameters(pandaid)
    if typed != "-":
        return typed
    data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    return data.decode("utf-8", "surrogateescape").removesuffix("\n")


def several_words(words: Sequence[str], otherwise: str = "quote the whole text") -> str:
    """Return the hint for several words where one text is needed."""
    from goclient.preflight.report import hint_for_words  # only a mistake pays for it

    return hint_for_words(words) or otherwise


def sending_options(words: Sequence[str]) -> list[str]:
    """Return the options of sendJob.py among the words of a text which say how jobs are sent: no pilot reads them."""
    from dataclasses import fields  # with pydantic, which --help does without

    from goclient.model.options import SubmitOptions
    from goclient.model.syntax.options import KEYS

    known = {name for one in fields(SubmitOptions) if one.name not in KEYS for name in one.metadata["args"]}
    before = words[: words.index("--")] if "--" in words else words
    names = (word.partition("=")[0] for word in before)
    return [name for name in dict.fromkeys(names) if name.startswith("--") and name in known - _OWN]


def sendjob_words(argv: Sequence[str]) -> list[str] | None:
    """Return the options of a line of sendJob.py, and the command's own before it; None if there is no such line.

    A prompt, ``python``, a path, and line ends with a backslash may be in it, as where it was copied from.
    """
    own = [word for word in argv if word in _OWN]
    rest = [word for word in argv if word not in _OWN]
    found = _behind_program(rest)
    if found is None and len(rest) == 1:
        found = _of_text(rest[0])
    return None if found is None else [*own, *(word for word in found if word not in _OF_SENDING)]


def _behind_program(words: Sequence[str]) -> list[str] | None:
    """Return the words behind sendJob.py, if nothing that means something is before it."""
    for at, word in enumerate(words):
        if word.rpartition("/")[2] in _PROGRAMS:
            return [one for one in words[at + 1 :] if one.strip()]
        if word.strip() and not any(one.fullmatch(word) for one in (_PROMPT, _PYTHON, _ASSIGNMENT)):
            return None
    return None


def _of_text(text: str) -> list[str] | None:
    """Return the words behind the first sendJob.py at the beginning of a line of a text, split as a shell does."""
    for line in islice(re.finditer("^.*sendJob", text, re.MULTILINE), MOST_LINES):
        found = _behind_program(_first_command(text[line.start() :]))
        if found is not None:
            return found
    return None


def _first_command(text: str) -> list[str]:
    """Return the words up to where the first command of a text ends; none of a text with an open quote."""
    from goclient.model.syntax.shell import words  # only a pasted line pays for it

    found: list[str] = []
    end = 0
    try:
        split = words(text)
    except GoclientError:
        return []
    for word in split:
        between = text[end : word.start].replace("\r", "")
        end = word.end
        if word.value == ">" and "\n" in between:  # with which a shell asks for the rest of a line
            continue
        is_next = re.search(r"(?<!\\)\n", between) and not word.value.startswith("-")
        if found and (is_next or _OPERATOR.fullmatch(word.value)):
            break
        found.append(word.value)
    return found

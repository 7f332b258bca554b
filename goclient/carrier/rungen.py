"""Words of runGen, PanDA's transformation that unpacks an archive and runs a command in it: written, and read back."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from itertools import pairwise
from urllib.parse import quote, unquote

from goclient.carrier.plan import CARRY
from goclient.model.names import SERIAL_NUMBERS, SERVER_PLACEHOLDERS, TASK_NUMBER

# What is filled in after the command is written: the job's number by sendJob, the others by the server.
_FILLED = re.compile("(" + "|".join(map(re.escape, (*SERIAL_NUMBERS, *SERVER_PLACEHOLDERS))) + ")")
_BEGIN = f"python3 -I ./{CARRY}"
_COMMAND = re.compile(rf"{re.escape(_BEGIN)} --plan=([0-9a-f]{{64}}) --job=(\S+)(?: --task=\S+)? --(?: ([\s\S]*))?")
_WITH_COMMAND = ("-p", "-j")  # of runGen, and of runAthena
_SHELL = "/bin/sh -c"  # what runGen itself would give a task's command to


@dataclass(frozen=True)
class Start:
    """Start of a carrier by its job: where its archive is, the checksum of the plan, and the payload's own words.

    ``serial`` is the job's number in the plan, as it stands there: ``${SN}`` until it is filled in.
    """

    server: str  # the URL of the file server's host
    archive: str  # empty for a task with a build, whose library is in PanDA's storage
    plan: str
    words: tuple[str, ...]
    serial: str = field(default=SERIAL_NUMBERS[0], compare=False)

    @property
    def url(self) -> str:
        """Return the URL from which runGen fetches the archive; empty without one."""
        return f"{self.server}/cache/{self.archive}" if self.archive else ""

    def parameters(self) -> str:
        """Return the words of runGen; the job's number is ``${SN}`` in them.

        Without ``-i`` and with ``-o "{}"``, no file is PanDA's.
        """
        command = " ".join((f"{_BEGIN} --plan={self.plan} --job={self.serial} --", *map(shell_word, self.words)))
        text = _quote(command)
        return f'-j "" --sourceURL {self.server} -r . -a {self.archive} -o "{{}}" -p "{text}"'


def read_start(parameters: str) -> Start | None:
    """Return how a job starts its carrier, from the words of runGen or runAthena; None if it starts none."""
    try:
        given = shlex.split(parameters)
        values = dict(pairwise(given))
        commands = (_COMMAND.fullmatch(unquote(values.get(one, ""), errors="strict")) for one in _WITH_COMMAND)
        found = next(filter(None, commands), None)
        words = shlex.split(found[3] or "") if found is not None else []
        server, archive = values["--sourceURL"], values.get("-a", "")
    except (ValueError, KeyError):
        return None
    return None if found is None else Start(server, archive, found[1], tuple(words), found[2])


def _quote(text: str) -> str:
    """Return a text URL-quoted, but its placeholders as they are."""
    pieces = _FILLED.split(text)  # the odd ones are filled in
    return "".join(piece if number % 2 else quote(piece, safe="") for number, piece in enumerate(pieces))


@dataclass(frozen=True)
class Wrapping:
    """Texts, URL-quoted, around the command of a task, which becomes one word of a shell between them."""

    begin: str
    end: str = quote("'")

    @classmethod
    def of(cls, plan: str) -> Wrapping:
        """Return what starts a carrier with the plan of a checksum; JEDI and the server fill in the numbers."""
        words = f"{_BEGIN} --plan={plan} --job=${{SN}} --task={TASK_NUMBER} -- {_SHELL} '"
        return cls(_quote(words))


def within_quote(text: str) -> str:
    """Return a URL-quoted piece of a command as it stands in a word of a shell within ``'``, URL-quoted.

    runGen fills in its ``%IN`` and the like, as it does without a carrier.  Joined pieces have no triple quote.
    """
    piece = _part_quotes(shlex.quote(f"{unquote(text)} ")[1:-2])  # the blank makes it quote whatever the text is
    return quote(f"''{piece}" if piece.startswith('"') else piece)


def _part_quotes(text: str) -> str:
    """Return a quoted text without a triple quote, which would end what runGen writes it into."""
    return text.replace('""', "\"''\"")


def shell_word(text: str) -> str:
    """Return a text as one word of the shell that runGen starts with ``os.system("…")``.

    It has no triple quote, and no ``%`` before a letter: runGen would fill in ``%IN`` and the like.
    """
    word = shlex.quote(text)
    if "%" in text and not word.startswith("'"):
        word = f"'{text}'"
    return _part_quotes(word).replace("%", "%''")

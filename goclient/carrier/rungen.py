"""Words of runGen, PanDA's transformation that unpacks an archive and runs a command in it: written, and read back."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from urllib.parse import quote, unquote

from goclient.carrier.plan import CARRY
from goclient.model.names import SERIAL_NUMBERS, SERVER_PLACEHOLDERS

# What is filled in after the command is written: the job's number by sendJob, the others by the server.
_FILLED = re.compile("(" + "|".join(map(re.escape, (*SERIAL_NUMBERS, *SERVER_PLACEHOLDERS))) + ")")
_BEGIN = f"python3 -I ./{CARRY}"
_COMMAND = re.compile(rf"{re.escape(_BEGIN)} --plan=([0-9a-f]{{64}}) --job=(\S+) --(?: ([\s\S]*))?")


@dataclass(frozen=True)
class Start:
    """How a job starts its carrier: where its archive is, the checksum of the plan, and the payload's own words."""

    server: str  # the URL of the file server's host
    archive: str
    plan: str
    words: tuple[str, ...]

    @property
    def url(self) -> str:
        """Return the URL from which runGen fetches the archive."""
        return f"{self.server}/cache/{self.archive}"

    def parameters(self) -> str:
        """Return the words of runGen; the job's number is ``${SN}`` in them.

        Without ``-i`` and with ``-o "{}"``, no file is PanDA's.
        """
        command = " ".join((f"{_BEGIN} --plan={self.plan} --job=${{SN}} --", *map(shell_word, self.words)))
        pieces = _FILLED.split(command)  # the odd ones are filled in later
        text = "".join(piece if number % 2 else quote(piece, safe="") for number, piece in enumerate(pieces))
        return f'-j "" --sourceURL {self.server} -r . -a {self.archive} -o "{{}}" -p "{text}"'


def read_start(parameters: str) -> Start | None:
    """Return how a job starts its carrier, from the words of runGen; None if these are not of :class:`Start`."""
    try:
        given = shlex.split(parameters)
        values = dict(zip(given[::2], given[1::2], strict=True))
        found = _COMMAND.fullmatch(unquote(values["-p"], errors="strict"))
        words = shlex.split(found[3] or "") if found is not None else []
        server, archive = values["--sourceURL"], values["-a"]
    except (ValueError, KeyError):
        return None
    return None if found is None else Start(server, archive, found[1], tuple(words))


def shell_word(text: str) -> str:
    """Return a text as one word of the shell that runGen starts with ``os.system("…")``.

    It has no triple quote, and no ``%`` before a letter: runGen would fill in ``%IN`` and the like.
    """
    word = shlex.quote(text)
    if "%" in text and not word.startswith("'"):
        word = f"'{text}'"
    return word.replace('""', "\"''\"").replace("%", "%''")

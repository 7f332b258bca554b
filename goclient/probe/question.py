"""Question of a probe to a worker node, and the command of the job that asks it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from goclient.carrier.rungen import shell_word
from goclient.probe import program, servers
from goclient.probe.marks import Mark
from goclient.probe.nodes import AUTH, FILES, TRANSFER

# Without a python3 that runs the program, the shell tells what there is.  The text has no "%" before a letter and no
# triple quote, which runGen would take for its own, and the word by which pilots find an error is in two pieces.
_SHELL = r"""python3 -I -c {program} {question}; s=$?
case $s in 0|{unwritten}) exit $s;; esac
clean() {{ tr -cd 'A-Za-z0-9 ._:/()-' | head -c 200; }}
echo '{{"goclient": {{"probe": {{"version": 1, "node": "'$(uname -n | clean)'", "status": '$s', "says": "'"$(LD_PRELOAD= python3 -V 2>&1 | clean)"'"}}}}}}' >{metadata} && exit 0
echo CRIT''ICAL goclient: the probe cannot write its report
exit {unwritten}"""  # noqa: E501

_IMPORT = re.compile(r"^from (?:__future__|goclient)\b.*\n", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """A server that a node must reach: which it is, what it is called, a URL, whether its certificate is verified."""

    of: str  # a name of nodes.py, or the id of a collection
    name: str
    url: str
    verified: bool = True


@dataclass(frozen=True)
class Question:
    """All that a probe asks for; a server, or a path, is given up after so many ``seconds``.

    A directory with a ``mark`` is also looked for below the ``paths``.
    """

    targets: tuple[Target, ...]
    paths: tuple[str, ...] = ()
    seconds: int = 10
    mark: Mark | None = None

    def parameters(self) -> str:
        """Return the jobParameters of a job that asks it, for runGen: no file of it is PanDA's."""
        targets, paths = [asdict(one) for one in self.targets], [{"of": one} for one in self.paths]
        shared = None
        if self.mark is not None:
            parts = self.mark.directory.strip("/").split("/")
            tails = ["/".join(parts[first:]) for first in range(len(parts) + 1)]
            shared = {"mark": self.mark.name, "tails": tails, "tops": self.paths}
        asked = shell_word(json.dumps({"targets": targets, "paths": paths, "seconds": self.seconds, "shared": shared}))
        command = _SHELL.format(
            program=shell_word(program_text()), question=asked, unwritten=program.UNWRITTEN, metadata=program.METADATA
        )
        return f'-j "" -r . -o "{{}}" -p "{quote(command, safe="")}"'


@cache
def program_text() -> str:
    """Return the text of the program: that of the module which it imports, and its own without the import."""
    first, then = (Path(str(one.__file__)).read_text(encoding="ascii") for one in (servers, program))
    return first + _IMPORT.sub("", then)


def globus_targets(auth: str, transfer: str, file_server: str) -> tuple[Target, ...]:
    """Return the servers that each carried job needs, by their base URLs."""
    return (
        Target(AUTH, AUTH, f"{auth}/v2/oauth2/userinfo"),
        Target(TRANSFER, TRANSFER, f"{transfer}/v0.10/submission_id"),
        Target(FILES, FILES, f"{file_server}/", verified=False),  # runGen fetches the archive without a check
    )

"""Jobs whose program is one of the PanDA server's own transformations, such as runGen.

These want to be started as ``./NAME`` in the job's directory.  They run the payload in a directory below, and remove it
with all but the outputs of PanDA's (panda-wnscript, 2026).  So what a job's transfers have brought is linked into that
directory, and what they take away is moved up from there, by the payload's command itself.

Why such a job failed is in a file, as a carrier writes it, too: its exit code says little, and may be 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from urllib.parse import quote as quote_url
from urllib.parse import unquote, urlsplit

from goclient.carrier.rungen import shell_word
from goclient.files.private import regular
from goclient.model.endpoint import JOB
from goclient.model.plan import TransferTask
from goclient.node.payload import PayloadError

_NAME = re.compile(r"run(?:Gen|Athena)-[0-9]{2}-[0-9]{2}-[0-9]{2}")
REPORT = "payload_error_report.json"
_MOST_REPORT = 1 << 16  # bytes
_UP = '"$TRF_EXEC_HOME_DIR"'


class ReportedError(PayloadError):
    """A transformation of the server's reported why it failed; ``reported`` is its own code of that."""

    def __init__(self, message: str, *, reported: int, status: int | None) -> None:
        super().__init__(message, status=status)
        self.reported = reported


@contextmanager
def report_heeded(transformation: str, directory: Path) -> Iterator[None]:
    """Run the body, which runs the job; raise ReportedError if its program has reported a failure, however it ended."""
    heeded = bool(server_program(transformation))
    try:
        yield
    except PayloadError as error:
        if heeded:
            _check_report(directory, error.status)
        raise
    if heeded:
        _check_report(directory, 0)


def _check_report(directory: Path, status: int | None) -> None:
    try:
        with open(directory / REPORT, "rb", opener=regular) as file:
            document = json.loads(file.read(_MOST_REPORT))
        code, text = document["error_code"], document["error_diag"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return
    if isinstance(code, int) and 0 < code < 1 << 31 and isinstance(text, str):
        raise ReportedError(text.strip() or "it gave no reason", reported=code, status=status)


def server_program(transformation: str) -> str:
    """Return the name of a transformation of the server's own, the empty string for any other."""
    name = urlsplit(transformation).path.rpartition("/")[2]
    return name if _NAME.fullmatch(name) else ""


def with_transfers(words: Sequence[str], tasks: Sequence[TransferTask]) -> tuple[str, ...]:
    """Return the words of such a job with the command between the links and the moves that its transfers need."""
    bring = _tops(item.destination for task in tasks if task.destination == JOB for item in task.items)
    outputs = words[words.index("-o") + 1] if "-o" in words[:-1] else ""
    take = _tops(item.source for task in tasks if task.source == JOB for item in task.items)
    take = [name for name in take if not re.search(f"['\"]{re.escape(name)}['\"]", outputs)]  # moved up in any case
    option = "-j" if "--trf" in words else "-p"
    if not (bring or take) or option not in words[:-1]:
        return tuple(words)
    place = words.index(option) + 1
    command = unquote(words[place])
    lines = [f"chmod +x {quote(command.split()[0])} 2>/dev/null"] if command.split() else []  # as with the bare command
    lines += [f"ln -s {_UP}/{shell_word(name)} ." for name in bring]
    lines += ["( :", command, ")", "status=$?"]  # a command may be a comment
    moved = [shell_word(f"./{name}") for name in take]  # a name may begin with a dash
    lines += [f"[ -L {name} ] || [ ! -e {name} ] || mv {name} {_UP}" for name in moved]
    return (*words[:place], quote_url("\n".join([*lines, "exit $status"])), *words[place + 1 :])


def _tops(paths: Iterable[str]) -> list[str]:
    """Return the first parts of paths in the job's directory, each once."""
    return list(dict.fromkeys(path.strip("/").partition("/")[0] for path in paths))

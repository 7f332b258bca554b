"""Journal: append-only JSON lines, each on disk before the next step is taken.

An entry says what is intended, before a call that must not happen twice, and what came of it, after.
Many processes may append to one journal; a line torn by a crash is passed over by readers.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from goclient.errors import GoclientError, choose_write_error
from goclient.errors.wording import quote
from goclient.files.private import hold_lock, make_directory, private
from goclient.secrets import hide

CAMPAIGNS = "campaigns"  # that of the files of campaigns through a site
KEPT = 30 * 86400.0  # seconds that a closed journal of a job is kept
HOST, BOOT = socket.gethostname(), ""
with suppress(OSError):  # what the kernel calls this start of the node: after another one, no process of before is left
    BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def this_process() -> str:
    """Return the text by which entries name this process."""
    return f"{os.getpid()}.{start_of('self')}"


def start_of(pid: str) -> str:
    """Return when a process was started, in ticks since the machine was; empty if it does not run (proc(5))."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state in "ZX" else fields[18]


@dataclass(frozen=True)
class Entry:
    """One fact: ``what`` (submission, transfer, endpoint) with the key ``key`` came into ``state``.

    States: intended, accepted, refused, unknown, done, failed.  ``subjects`` are the names or ids that the fact
    is about; ``time`` is in seconds since 1970, set when the entry is made.  The journal hides credentials in them, and
    adds where it was written (``host``, and its ``boot``) and for which ``attempt`` of a job; 0 is a submission.
    """

    what: str
    key: str
    state: str
    subjects: tuple[str, ...] = ()
    detail: str = ""
    time: float = field(default_factory=lambda: round(time.time(), 3))
    host: str = field(default="", compare=False)
    boot: str = field(default="", compare=False)
    attempt: int = field(default=0, compare=False)

    def then(self, state: str, *subjects: str, detail: str = "") -> Entry:
        """Return the entry of what came of this one, now; without subjects or detail it keeps this one's."""
        return Entry(self.what, self.key, state, subjects or self.subjects, detail or self.detail)

    @property
    def is_here(self) -> bool:
        """Return True if it was written on this node, since its last start: its processes may still run."""
        return (self.host, self.boot) == (HOST, BOOT)

    def is_of(self, process: str) -> bool:
        """Return True if a process, as :func:`this_process` named it when it wrote this entry, still runs here."""
        pid, _, start = process.partition(".")
        return self.is_here and bool(start) and start_of(pid) == start


class Journal:
    """A journal in one file, made when first written to, readable by its owner only.

    ``attempt`` is that of the job which the entries are about.
    """

    def __init__(self, path: Path, *, attempt: int = 0) -> None:
        self.path = path
        self.attempt = attempt
        self._last: dict[tuple[str, str], Entry] | None = None
        self._lock = threading.Lock()

    def append(self, entry: Entry) -> None:
        """Put the entry on disk, without any credential; raises GoclientError if it cannot be written."""
        entry = replace(
            entry,
            subjects=tuple(map(hide, entry.subjects)),
            detail=hide(entry.detail),
            host=HOST,
            boot=BOOT,
            attempt=self.attempt,
        )
        line = json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n"
        try:
            with self._lock, self._hold_file() as descriptor:
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    line = b"\n" + line  # a crash tore the line before
                while line:
                    line = line[os.write(descriptor, line) :]
                os.fsync(descriptor)
                if self._last is not None:
                    self._last[entry.what, entry.key] = entry
        except OSError as error:
            raise _not_written(f"the journal {quote(self.path)}", error) from error

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Run the body while no other process that writes this journal takes a turn of this name.

        Raises GoclientError if nothing can be written beside the journal.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(hold_lock(self.path.with_name(f"{name}.lock")))
            except OSError as error:
                raise _not_written(f"the journal's directory {quote(self.path.parent)}", error) from error
            yield

    @contextmanager
    def _hold_file(self) -> Iterator[int]:
        """Run the body with the open file, which no other process changes meanwhile."""
        descriptor = open_journal(self.path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def entries(self) -> Iterator[Entry]:
        """Yield every entry in order, without lines that are not entries; nothing if there is no journal.

        Raises GoclientError if the journal cannot be read.
        """
        for line in self._text().splitlines():
            try:
                fields = json.loads(line)
                yield Entry(**{**fields, "subjects": tuple(fields["subjects"])})
            except (ValueError, TypeError, KeyError):
                continue

    def mentions(self, text: str) -> bool:
        """Return True if the text is in the journal; quicker than reading its entries."""
        return text.encode() in self._text()

    def has_campaign(self, name: str) -> bool:
        """Return True if an entry mentions a campaign, or one of its files lies beside the journal."""
        return self.mentions(name) or any(self.path.with_name(CAMPAIGNS).glob(f"{name}.*"))

    def _text(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # /dev/full has no end
                    raise OSError(errno.EINVAL, "it is not a file")
                return file.read()
        except FileNotFoundError:
            return b""
        except OSError as error:
            message = f"the journal {quote(self.path)} cannot be read: {error.strerror}"
            raise choose_write_error(error)(message, hint="look at GOCLIENT_STATE", code="journal") from error

    def latest(self, what: str) -> list[Entry]:
        """Return the last entry of each key of a kind, in the order in which the keys came first.

        The file is read once: entries that another process appends later are not seen.
        """
        return [entry for entry in list(self._read_last().values()) if entry.what == what]

    def last(self, what: str, key: str) -> Entry | None:
        """Return what became of a step, None if it was never begun; see :meth:`latest`."""
        return self._read_last().get((what, key))

    def _read_last(self) -> dict[tuple[str, str], Entry]:
        with self._lock:
            if self._last is None:
                self._last = {(entry.what, entry.key): entry for entry in self.entries()}
            return self._last


def _not_written(what: str, error: OSError) -> GoclientError:
    hint = "make room or set GOCLIENT_STATE to another directory, then type the command again"
    return choose_write_error(error)(f"{what} cannot be written: {error.strerror}", hint=hint, code="journal")


def open_journal(path: Path, *, make: bool = True) -> int:
    """Return the open file of a journal, which is made if need be, and ``make``."""
    if make:
        make_directory(path.parent)
    return private(path, os.O_RDWR | os.O_APPEND | (os.O_CREAT if make else 0))

"""Log of a job: what its payload wrote, and what the pilots that ran it reported."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from goclient.files.private import private, regular
from goclient.model.location import JOB_OUT
from goclient.node.engines.base import Heartbeat
from goclient.node.payload import open_output
from goclient.reporter.recording import RecordingReporter

SAID = "pilot.log"
MOST = 256 << 20  # bytes of each file that are kept, the last ones: the end of a job waits for them

Opener = Callable[[str, int], int]


class JobLog:
    """Log of a job, whose two files are held open: a pipe, a link or a device in their place does nothing."""

    def __init__(self, scratch: Path, directory: Path, reporter: RecordingReporter) -> None:
        """Write what is reported to ``pilot.log``, behind what an earlier pilot of the job reported."""
        self._reporter = reporter
        self._cut: set[str] = set()
        self._directory = directory
        self._output: IO[bytes] | None = None
        said = _regular(scratch / SAID, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self._said = said or tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # both files live as long as the log
        reporter.copy_to(self._said)

    def open_output(self) -> IO[bytes]:
        """Return the file of the payload's output, which is made; raise PayloadError if something has its name."""
        self._output = open_output(self._directory)
        return self._output

    def write(self, archive: Path, *, opener: Opener = private, heartbeat: Heartbeat | None = None) -> None:
        """Write the log so far, a tar file; raise OSError.  A very long file is cut: its end is kept."""
        if self._output is None:  # of a payload that an earlier pilot ran
            self._output = _regular(self._directory / JOB_OUT, os.O_RDONLY)
        with open(archive, "wb", opener=opener) as file, tarfile.open(None, "w:gz", file, compresslevel=1) as tar:
            for name, held in ((JOB_OUT, self._output), (SAID, self._said)):
                if held is not None:
                    info = tar.gettarinfo(arcname=name, fileobj=held)
                    if info.size > MOST and name not in self._cut:
                        self._cut.add(name)
                        self._reporter.progress(f"{name} has {info.size} bytes, of which the log has the last {MOST}")
                    held.seek(max(info.size - MOST, 0))
                    info.size = min(info.size, MOST)
                    tar.addfile(info, _Beating(held, heartbeat))

    def close(self) -> None:
        """Close the log, which ends with its job."""
        for held in (self._said, self._output):
            if held is not None:
                held.close()


class _Beating:
    """A file, whose reader sends heartbeats."""

    def __init__(self, file: IO[bytes], heartbeat: Heartbeat | None) -> None:
        self._file = file
        self._heartbeat = heartbeat

    def read(self, size: int = -1) -> bytes:
        if self._heartbeat is not None:
            self._heartbeat.send()
        return self._file.read(size)


def _regular(path: Path, flags: int) -> IO[bytes] | None:
    """Return an open file, None if something else than a regular file has its name, or none can be had."""
    with suppress(OSError):
        return open(regular(path, flags), "r+b" if flags & os.O_RDWR else "rb", buffering=0)
    return None

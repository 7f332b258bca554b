"""Copies a directory of a GridFTP server as a pilot does, by its engine: the program that gridftp.py measures.

python tools/gridftp_deliver.py AUTHORITIES PROXY FIRST SECOND SOURCE TARGET SCRATCH

SECOND is another server, or ``job``: then TARGET is the job's directory.  SCRATCH is a directory, as a pilot has one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from goclient.journal import Journal
from goclient.model.endpoint import JOB, GridftpEndpoint
from goclient.model.plan import TransferItem, TransferTask
from goclient.node.engines.base import Attempt, Heartbeat, JobContext
from goclient.node.engines.gridftp import GridftpEngine
from goclient.node.engines.gridftp_end import Access
from goclient.node.transfers import Transfers
from goclient.reporter.base import SILENT
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.tls import Credential, Trust

PATIENCE = 60.0  # seconds


class Heartbeats(Heartbeat):
    """Heartbeats that nobody waits for."""

    def send(self) -> None:
        """Do nothing."""


def deliver(trust: Trust, proxy: str, urls: Sequence[str], directories: Sequence[str]) -> None:
    """Copy all files of a directory at one server, each an item of one task."""
    first, second = (JOB if url == "job" else GridftpEndpoint(url) for url in urls)
    source, target, scratch = directories[0], directories[1], Path(directories[2])
    names = sorted(os.listdir(source))
    there = "" if second == JOB else f"{target}/"
    items = tuple(TransferItem(f"{source}/{name}", f"{there}{name}", recursive=False) for name in names)
    credential = Credential(find_identity(Search({}, "/", os.getuid(), proxy=proxy)))
    job = JobContext(
        panda_id=7,
        attempt=Attempt("7", 1),
        scratch=scratch,
        directory=Path(target) if second == JOB else scratch / "job",
        pilot_env=os.environ,
        overwrite=False,
        journal=Journal(scratch / "journal.jsonl"),
        reporter=SILENT,
        heartbeat=Heartbeats(),
    )
    engine = GridftpEngine(job, Access(lambda: credential, trust, PATIENCE))
    task = TransferTask("stage-in" if second == JOB else "output", first, second, items)
    transfers = Transfers([task], job, [engine])
    transfers.check_ahead()
    transfers.bring()
    transfers.take()
    transfers.deliver()


if __name__ == "__main__":
    deliver(Trust(sys.argv[1]), sys.argv[2], sys.argv[3:5], sys.argv[5:])
    print(re.findall(r"VmHWM:\s*([0-9]+) kB", Path("/proc/self/status").read_text())[0])

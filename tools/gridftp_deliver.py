"""Copies a directory between two GridFTP servers as a job does: the program that gridftp.py measures.

python tools/gridftp_deliver.py AUTHORITIES PROXY FIRST SECOND SOURCE TARGET
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from goclient.errors import GoclientError
from goclient.model.endpoint import GridftpEndpoint
from goclient.services.deadline import Background, Deadline
from goclient.services.gridftp.copies import Copy, third_party
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.tls import Credential, Trust

SILENT = 60.0  # seconds


def deliver(authorities: str, proxy: str, urls: Sequence[str], directories: Sequence[str]) -> None:
    """Copy all files of a directory at one server into a directory at another, checked and renamed."""
    first, second = (GridftpEndpoint(url) for url in urls)
    source, target = directories
    credential = Credential(find_identity(Search({}, "/", os.getuid(), proxy=proxy)))
    trust = Trust(authorities)
    with GridftpFiles(lambda: credential, trust, lambda: Deadline(SILENT)) as files:
        there = Background(lambda: files.account(second))  # two logins at a time
        sizes = {name: one.size for name, one in files.listing(first, source).items()}
        hidden = f"{target}/.goclient-{os.urandom(4).hex()}"
        there.result(SILENT)
        files.mkdir(second, target, hidden)
        copies = [Copy(f"{source}/{name}", f"{hidden}/{name}") for name in sizes]
        with files.session(first) as one, files.session(second) as other:
            third_party(one, other, copies, moved=lambda _: None, silent=SILENT)
        assert all(copy.done for copy in copies)
        arrived = files.listing(second, hidden)
        assert {name: one.size for name, one in arrived.items()} == sizes
        largest = max(sizes.values())
        theirs = Background(lambda: files.checksums(first, [copy.source for copy in copies], largest=largest))
        copied = files.checksums(second, [copy.destination for copy in copies], largest=largest)
        sums = theirs.result(SILENT)
        assert [*sums.values()] == [*copied.values()]
        assert not any(isinstance(one, GoclientError) for one in sums.values())
        assert not files.renames(second, [(f"{hidden}/{name}", f"{target}/{name}") for name in sizes])
        files.remove(second, hidden)


if __name__ == "__main__":
    deliver(sys.argv[1], sys.argv[2], sys.argv[3:5], sys.argv[5:7])
    print(re.findall(r"VmHWM:\s*([0-9]+) kB", Path("/proc/self/status").read_text())[0])

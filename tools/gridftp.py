"""Measures copies between two real GridFTP servers beside globus-url-copy; rows for figures.py.

    PYTHONPATH=. .venv/bin/python tools/gridftp.py [small]

Ours is the engine of a pilot, in a process of its own.  It does what globus-url-copy does not: it checks the sources
and the destination, copies into a hidden directory, compares checksums of both ends, renames what is whole to names
that are free, and has all of it in a journal.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from measure import ratio, row, shown

from tests.servers.gridftp import GridftpServers, gridftp_servers

TINY, LARGE = 1000, 500 << 20  # files; bytes
RUNS = 7
MEMORY = 60  # MB
CHECKED = ("-verify-checksum", "-checksum-alg", "ADLER32")  # the peer then has the servers do what ours has them do
PROGRAM = str(Path(__file__).with_name("gridftp_deliver.py"))


class Pair:
    """Copies of one directory between two servers: ours and the peer's, each into a new directory."""

    def __init__(self, servers: GridftpServers, proxy: Path) -> None:
        self._servers = servers
        self._proxy = str(proxy)
        self._runs = 0
        self.memory = 0.0  # MB, the most that one of our processes had

    def fill(self, name: str, count: int, size: int) -> None:
        """Write so many files of this size into a new directory of the first server."""
        for number in range(count):
            file = Path(self._servers.first.write(f"{name}/f{number}", b""))
            with open(file, "wb") as written:
                for _ in range(max(size >> 20, 1)):
                    written.write(os.urandom(min(size, 1 << 20)))

    def _target(self) -> Path:
        self._runs += 1
        return self._servers.second.directory / f"run-{self._runs}"

    def ours(self, name: str, *, near: bool = False) -> float:
        """Return the seconds that our process takes, to the other server, or to this node."""
        target, first = self._target(), self._servers.first
        second = "job" if near else self._servers.second.endpoint.text
        if near:
            target.mkdir()
        words = [str(self._servers.grid.authorities), self._proxy, first.endpoint.text, second]
        words = [sys.executable, PROGRAM, *words, str(first.directory / name), str(target)]
        with tempfile.TemporaryDirectory() as scratch:
            return self._run([*words, scratch], name, target, ours=True)

    def theirs(self, name: str, *, near: bool = False, options: Sequence[str] = ()) -> float:
        """Return the seconds that globus-url-copy takes, with the URLs in a file and pipelining for many."""
        target, first = self._target(), self._servers.first
        second = "file://" if near else self._servers.second.endpoint
        target.mkdir()
        files = sorted(path.name for path in (first.directory / name).iterdir())
        pairs = [(f"{first.endpoint}{first.directory}/{name}/{file}", f"{second}{target}/{file}") for file in files]
        words = ["globus-url-copy", *options, *pairs[0]]
        if len(pairs) > 1:
            listed = self._servers.grid.folder / "urls"
            listed.write_text("".join(f"{one} {other}\n" for one, other in pairs))
            words = ["globus-url-copy", "-pp", "-f", str(listed)]
        return self._run(words, name, target, ours=False)

    def _run(self, words: list[str], name: str, target: Path, *, ours: bool) -> float:
        env = {"PATH": os.environ["PATH"], "X509_USER_PROXY": self._proxy, "PYTHONPATH": "."}
        env["X509_CERT_DIR"] = str(self._servers.grid.authorities)
        start = time.perf_counter()
        done = subprocess.run(words, env=env, stdout=subprocess.PIPE, text=True, check=True)
        seconds = time.perf_counter() - start
        if ours:  # it says so itself: what the kernel counts for a child begins with what its parent had
            self.memory = max(self.memory, int(done.stdout) / 1024)
        here, there = self._servers.first.directory / name, target
        assert {one.name: one.stat().st_size for one in here.iterdir()} == {
            one.name: one.stat().st_size for one in there.iterdir() if not one.name.startswith(".goclient-")
        }
        shutil.rmtree(target)
        return seconds


def rows(*, small: bool = False) -> list[list[str]]:
    """Return the rows; ``small`` tries it with less, which measures nothing."""
    runs, tiny, large = (1, 20, 1 << 20) if small else (RUNS, TINY, LARGE)
    with tempfile.TemporaryDirectory(prefix="goclient-figures-") as name, gridftp_servers(Path(name)) as servers:
        pair = Pair(servers, servers.proxy())
        cases = (
            ("tiny", tiny, 100, f"{tiny:,} tiny files, third party, of `globus-url-copy -f -pp`", 1.1),
            ("one", 1, 100, "one tiny file, third party, in a new process, of `globus-url-copy`", 0.5),
            ("large", 1, large, f"{large >> 20} MB, third party, of `globus-url-copy`", 0.8),
        )
        found = []
        for case, count, size, label, limit in cases:
            pair.fill(case, count, size)
            ours, theirs = partial(pair.ours, case), partial(pair.theirs, case)
            peer = "without checksums and rename"
            found.append(ratio(f"GridFTP: {label}", ours, theirs, peer, limit, runs))
        checked = partial(pair.theirs, "large", options=CHECKED)
        label = f"GridFTP: {large >> 20} MB, third party, of `globus-url-copy {' '.join(CHECKED)}`"
        found.append(ratio(label, partial(pair.ours, "large"), checked, "with checksums, without rename", 0.8, runs))
        near = partial(pair.ours, "tiny", near=True), partial(pair.theirs, "tiny", near=True)
        label = f"GridFTP: {tiny:,} tiny files to the node, of `globus-url-copy -f -pp`"
        found.append(ratio(label, *near, "without checksums and rename", 1.1, runs))
        detail = "checksums of both ends, a hidden directory and a rename included"
        met = pair.memory <= MEMORY
        found.append(row("GridFTP: memory of these", f"{pair.memory:.0f} MB", f"≤ {MEMORY} MB", met, detail))
        return found


if __name__ == "__main__":
    sys.exit(shown(rows(small=sys.argv[1:] == ["small"])))

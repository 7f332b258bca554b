"""Measures whether files arrive under the names that were typed, by the engines and real servers; rows for figures.py.

    PYTHONPATH=. .venv/bin/python tools/names.py [small]

A file's content is its name, so that a file under another's name is seen.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measure import row, shown

from goclient.model.plan import TransferItem
from tests.node.engines.benches import Bench, GridftpBench, WebdavBench, item
from tests.servers.gridftp import gridftp_servers
from tests.servers.webdav import webdav_server

NAMES, TOGETHER, SEED = 20_000, 1000, 14  # names, of which so many are in one directory
LONGEST, LISTED = 255, 254  # bytes of a name, and of one in a listing of xrootd 5.5, which cuts it
BYTES = bytes(set(range(1, 256)) - set(b"/\r\n"))
ASCII = "".join(map(chr, sorted(set(range(32, 127)) - set(b"/?"))))
UNICODE = ASCII + "".join(map(chr, (*range(0xA0, 0xD800), *range(0xE000, 0xFFFE), *range(0x10000, 0x11000))))
FILES, DIRECTORIES = "each file named", "directories named"

Draw = Callable[[random.Random], bytes]


def any_bytes(chance: random.Random) -> bytes:
    """Return a name of any bytes but a line's end."""
    return bytes(chance.choices(BYTES, k=chance.randint(1, LONGEST)))


def any_text(chance: random.Random) -> bytes:
    """Return a name of any characters that XML has but control characters and ``?``, half of them of ASCII."""
    signs = (chance.choice(chance.choice((ASCII, UNICODE))) for _ in range(chance.randint(1, LISTED)))
    return "".join(signs).encode()[:LISTED].decode(errors="ignore").encode()


def ascii_text(chance: random.Random) -> bytes:
    """Return a name of ASCII that does not end with a blank, without control characters and ``?``."""
    return ("".join(chance.choices(ASCII, k=chance.randint(0, LISTED - 1))) + chance.choice(ASCII[1:])).encode()


def below(directory: Path) -> dict[bytes, bytes]:
    """Return the content of each file of a directory, by its name; a job's hidden directory is not one."""
    return {os.fsencode(one.name): one.read_bytes() for one in directory.iterdir() if one.is_file()}


def moved(bench: Bench, draw: Draw, count: int, way: str, by: str) -> tuple[int, float]:
    """Return how many of so many names were not as typed, or on another file, after a way by files or directories."""
    source, target = (bench.there, bench.job) if way == "brought" else (bench.job, bench.there)
    chance, wrong, seconds, carry_out = random.Random(SEED), 0, 0.0, bench.bring if way == "brought" else bench.take
    for number in range(0, count, TOGETHER):
        typed: set[bytes] = set()
        while len(typed) < min(TOGETHER, count):
            typed |= {draw(chance)} - {b"", b".", b".."}
        place = f"{way}-{number}"
        for directory in (source, target):
            shutil.rmtree(directory / place, ignore_errors=True)
        (source / place).mkdir()
        for name in typed:
            (source / place / os.fsdecode(name)).write_bytes(name)
        begun = time.perf_counter()
        carry_out(*items(place, typed, by))
        seconds += time.perf_counter() - begun
        arrived = below(target / place)
        wrong += len({(name, name) for name in typed} ^ arrived.items())
    return wrong, seconds


def items(place: str, typed: set[bytes], by: str) -> list[TransferItem]:
    """Return what a job moves: a directory, or each file of it."""
    if by == DIRECTORIES:
        return [item(f"{place}/", place, recursive=True)]
    return [item(path, path) for path in (f"{place}/{os.fsdecode(name)}" for name in sorted(typed))]


def rows(*, small: bool = False) -> list[list[str]]:
    """Return the rows; ``small`` tries it with fewer names."""
    count, found = 20 if small else NAMES, []
    with tempfile.TemporaryDirectory() as name, gridftp_servers(Path(name)) as gridftp, webdav_server() as webdav:
        GridftpBench.servers, WebdavBench.server = gridftp, webdav
        for kind, way, by, draw, of in (
            (GridftpBench, "brought from a GridFTP server", FILES, any_bytes, f"up to {LONGEST} bytes but line ends"),
            (GridftpBench, "taken to a GridFTP server", FILES, any_bytes, f"up to {LONGEST} bytes but line ends"),
            (
                WebdavBench,
                "brought from a WebDAV server",
                FILES,
                any_text,
                f"up to {LISTED} bytes of text without control characters and ?",
            ),
            (WebdavBench, "taken to a WebDAV server", DIRECTORIES, any_text, "the same"),
            (WebdavBench, "taken to a WebDAV server", FILES, ascii_text, "ASCII of that, without a blank at its end"),
        ):
            folder = Path(tempfile.mkdtemp(dir=name))
            bench = kind(folder)
            with bench.stack:
                wrong, seconds = moved(bench, draw, count, way.split()[0], by)
            what = f"{count:,} names {way}, {by}: not as typed, or on another file"
            detail = f"names of {of}; {seconds:.0f} s by the engine, {TOGETHER} a task"
            found.append(row(what, str(wrong), "0", not wrong, detail))
    return found


if __name__ == "__main__":
    sys.exit(shown(rows(small=sys.argv[1:] == ["small"])))

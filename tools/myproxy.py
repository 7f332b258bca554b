"""Sends mutated answers of a MyProxy server through what reads them; a row for figures.py.

    PYTHONPATH=. .venv/bin/python tools/myproxy.py [COUNT]

Each mutant gives a result or an error of goclient; anything else is counted, and its bytes are printed.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import measure
from measure import row

from goclient.errors import GoclientError
from goclient.sandbox.myproxy.authority import Authority
from goclient.services.gsi.certificate import read_certificate
from goclient.services.gsi.der import Damaged, values
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.myproxy.delegation import Asked, Signer, ask, assemble, load_signer, sign_request
from goclient.services.myproxy.policy import matches
from goclient.services.myproxy.wire import decode_response, deposits_of

MUTANTS = 500_000
CORES = 2
SEED = 2012
MAX_CPU = 0.010  # seconds a mutant; signing a request that is still good takes a few milliseconds by itself
ANSWERS = (
    b"VERSION=MYPROXYv2\nRESPONSE=0\n\0",
    b'VERSION=MYPROXYv2\nRESPONSE=1\nERROR=no credentials found for user x, owner "/CN=y"\n\0',
    b"VERSION=MYPROXYv2\nRESPONSE=2\nAUTHORIZATION_DATA=passwd:x\n\0",
    b"VERSION=MYPROXYv2\nRESPONSE=0\nCRED_START_TIME=1795548965\nCRED_END_TIME=1795635665\nCRED_OWNER=/C=TW/CN=x\n"
    b"CRED_RETRIEVER_TRUSTED=/DC=org/CN=\\(x\\) [a-z]{1,3}*|*\nADDL_CREDS=a,b\nCRED_a_START_TIME=1\nCRED_a_END_TIME=2\n"
    b"CRED_a_OWNER=/CN=a\nCRED_b_START_TIME=3\nCRED_b_END_TIME=4\nCRED_b_OWNER=/CN=b\nCRED_b_DESC=d\n\0",
)
PIECES = (
    b"", b"\0", b"\n", b"=", b"\xff" * 4, b"\x80", b"\x30\x84\xff\xff\xff\xff", b"CRED_", b"\x1b[2J", b"(" * 99,
    b"*" * 9, b"ERROR=",
)  # fmt: skip
Outcomes = Counter[str]


class World:
    """Surroundings of the readers: somebody who signs, and a proxy that was asked for."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            authority = Authority.make(folder / "certificates")
            made = authority.issue("/C=TW/O=Test Grid/CN=Fuzz", into=folder, name="own", names=())
            own = find_identity(Search({}, folder, os.getuid(), str(made.certificate), str(made.key)))
            self.signer: Signer = load_signer(own, None)
        self.asked: Asked = ask()
        answer, _ = sign_request(self.asked.request, self.signer, lifetime=24 * 3600)
        self.chain = [one.whole for one in values(answer[1:])]

    def readers(self) -> dict[str, tuple[tuple[bytes, ...], Callable[[bytes], object], int]]:
        """For each reader its true inputs, the reader, and how many mutants of a hundred it gets."""
        return {
            "answers": (ANSWERS, read_answer, 60),
            "certificates": (tuple(self.chain), read_certificate, 20),
            "requests": ((self.asked.request,), lambda data: sign_request(data, self.signer, lifetime=60), 10),
            "chains": (tuple(self.chain), lambda data: assemble(self.asked, [data, *self.chain[1:]]), 10),
        }


def read_answer(data: bytes) -> object:
    """Return what INFO makes of an answer, its policies judged."""
    found = deposits_of(decode_response(data))
    return [matches(one.retrievers, "/DC=org/CN=(x) abc") for one in found]


def mutant(seed: bytes, chance: random.Random) -> bytes:
    """Return the bytes with a few changes: of bytes, of pieces, of length."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind == 2:
            data[at:at] = chance.choice(PIECES)
        elif kind == 3:
            del data[at : at + chance.randrange(20)]
        elif kind == 4 and chance.random() < 0.2:
            data[at:] = chance.choice((b"", data[: len(data) - at], data[at:] * 3))
    return bytes(data)


def fuzz(count: int, seed: int) -> tuple[Outcomes, int]:
    """How often each outcome came of so many mutants, and the most memory that the process has had, in MB."""
    world, chance = World(), random.Random(seed)
    readers = world.readers()
    names = [name for name, (_, _, share) in readers.items() for _ in range(share)]
    outcomes: Outcomes = Counter()
    for _ in range(count):
        name = chance.choice(names)
        seeds, read, _ = readers[name]
        data = mutant(chance.choice(seeds), chance)
        start = time.process_time()
        outcomes[f"{name}: {outcome(read, data)}"] += 1
        if time.process_time() - start > MAX_CPU:
            outcomes["slow"] += slow(read, data)
    return outcomes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def outcome(read: Callable[[bytes], object], data: bytes) -> str:
    """Return ``result`` or ``error``; ``other`` is what must not be."""
    try:
        read(data)
    except GoclientError as error:
        if error.message.isprintable() and len(error.message) < 1000:
            return "error"
        print("a message not fit to show:", repr(error.message)[:200], repr(data), file=sys.stderr)
        return "other"
    except Damaged:
        return "error"  # its callers make an error of it
    except BaseException as error:
        print(f"{type(error).__name__}: {error}: {data!r}", file=sys.stderr)
        return "other"
    return "result"


def slow(read: Callable[[bytes], object], data: bytes) -> bool:
    """Return whether a mutant is slow three more times, too, and not only the machine."""
    times = []
    for _ in range(3):
        start = time.process_time()
        outcome(read, data)
        times.append(time.process_time() - start)
    return min(times) > MAX_CPU


def rows(count: int = MUTANTS) -> list[list[str]]:
    """Return the rows of MyProxy in the table of figures."""
    with multiprocessing.get_context("spawn").Pool(CORES) as pool:  # a fork would have the memory of what came before
        parts = pool.starmap(fuzz, [(count // CORES, SEED + core) for core in range(CORES)])
    total, memory = sum((found for found, _ in parts), Counter()), max(memory for _, memory in parts)
    other = sum(number for name, number in total.items() if name.endswith("other"))
    detail = ", ".join(f"{name} {number:,}" for name, number in sorted(total.items()))
    mutants = "mutated answers of a MyProxy server that"
    slower = total["slow"]
    return [
        row(f"{mutants} gave anything but a result or an error of ours, of {count:,}", str(other), "0", other == 0,
            f"at most {memory} MB; {detail}"),
        row(f"{mutants} took more than 10 ms of CPU time, of {count:,}", str(slower), "0", slower == 0,
            "a slow one is repeated before it counts"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(measure.shown(rows(int(sys.argv[1]) if len(sys.argv) > 1 else MUTANTS)))

"""Change the code as ``tests/conformance/mutations.toml`` says, one change at a time: the tests it names must fail.

Each change is made in a copy of the tree.  An entry whose old text is not in its file exactly once is stale, which is
an error, too.  Words on the command line choose the entries whose ``about`` or ``file`` has one of them in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests/conformance/mutations.toml"
COPIED = ("_goclient.py", "docs", "goclient", "man", "pyproject.toml", "requirements", "README.md", "tests", "tools")
TIMEOUT = 300  # seconds; a change that makes a test wait for ever is found
FAILED = 1  # pytest's exit code if a test failed; others mean that none was run


@dataclass(frozen=True)
class Mutation:
    """One change, and the tests that find it."""

    about: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, root: Path) -> str:
        """Return the text of the file with the change; raise ValueError if there is not exactly one place for it."""
        text = (root / self.file).read_text(encoding="utf-8")
        if (count := text.count(self.old)) != 1:
            raise ValueError(f"{self.file} has {self.old!r} {count} times, not once")
        return text.replace(self.old, self.new)


def mutations() -> list[Mutation]:
    """Return the entries of the list."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutation"]
    return [Mutation(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


@dataclass(frozen=True)
class Outcome:
    """Outcome of a change: whether a test found it, and which one, or why none did."""

    found: bool
    by: str


def tried(mutation: Mutation, copies: SimpleQueue[Path]) -> Outcome:
    """Run the tests of a change in a copy of the tree that has it."""
    copy = copies.get()
    file = copy / mutation.file
    before = file.read_bytes()
    try:
        file.write_text(mutation.applied(copy), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *mutation.tests]
        env = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=copy, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False
        )
    except ValueError as error:
        return Outcome(False, f"stale: {error}")
    except subprocess.TimeoutExpired:
        return Outcome(True, "no end")
    finally:
        file.write_bytes(before)
        copies.put(copy)
    said = done.stdout.decode(errors="replace").strip().splitlines()
    if done.returncode == FAILED:
        return Outcome(True, next((line.split()[1] for line in said if line.startswith(("FAILED", "ERROR"))), ""))
    return Outcome(False, "it survived" if done.returncode == 0 else f"no test was run: {said[-1]}")


def main() -> int:
    """Try all changes, or those that the command line chooses; return 1 if any was not found."""
    chosen = [
        one for one in mutations() if len(sys.argv) < 2 or any(word in f"{one.file} {one.about}" for word in sys.argv)
    ]
    began = time.monotonic()
    workers = len(os.sched_getaffinity(0))
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        for number in range(workers):
            copy = Path(folder, str(number))
            for name in COPIED:
                place = copy / name
                place.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, place)
            copies.put(copy)
        futures = {pool.submit(tried, one, copies): one for one in chosen}
        missed = 0
        for future in as_completed(futures):
            mutation, outcome = futures[future], future.result()
            missed += not outcome.found
            print(f"{'' if outcome.found else 'ERROR: '}{mutation.file}: {mutation.about}: {outcome.by}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} mutations were found, in {time.monotonic() - began:.0f} s")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

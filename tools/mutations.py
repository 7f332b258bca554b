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
from concurrent.futures import ThreadPoolExecutor
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


def tried(mutation: Mutation, copies: SimpleQueue[Path]) -> str:
    """Return what came of a change: the empty string if a test found it, else why it counts as an error."""
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
        return f"stale: {error}"
    except subprocess.TimeoutExpired:
        return ""
    finally:
        file.write_bytes(before)
        copies.put(copy)
    if done.returncode == FAILED:
        return ""
    said = done.stdout.decode(errors="replace").strip().rpartition("\n")[2]
    return "survived" if done.returncode == 0 else f"no test was run: {said}"


def main() -> int:
    """Try all changes, or those that the command line chooses; return 1 if any was not found."""
    chosen = [
        one for one in mutations() if len(sys.argv) < 2 or any(word in f"{one.file} {one.about}" for word in sys.argv)
    ]
    began = time.monotonic()
    workers = os.cpu_count() or 1
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        for number in range(workers):
            copy = Path(folder, str(number))
            for name in COPIED:
                place = copy / name
                place.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, place)
            copies.put(copy)
        results = list(zip(chosen, pool.map(lambda one: tried(one, copies), chosen), strict=True))
    for mutation, fault in results:
        if fault:
            print(f"{mutation.file}: {mutation.about}: {fault}")
    caught = sum(not fault for _, fault in results)
    print(f"{caught} of {len(results)} mutations were found, in {time.monotonic() - began:.0f} s")
    return int(caught < len(results))


if __name__ == "__main__":
    sys.exit(main())

"""Measures the preflight against a sandbox: round trips, requests, faults, and time beside ``globus stat``."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from measure import ratio, row

BIN = Path(sys.executable).parent
CHECK = [str(BIN / "goclient"), "check"]
DELAY = 0.05  # seconds that are added to every answer
ENDPOINTS, FOLDERS, FILES = 10, 20, 1_000
ROUND_TRIPS = 6
DEADLINE = 3  # seconds, --goTimeout of the runs with faults

FAULTS: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"kind": "error", "status": 429, "headers": {"Retry-After": "1"}},
    "500, no document": {"kind": "error", "status": 500, "document": "oops"},
    "502 ExternalError": {"kind": "error", "status": 502, "document": {"code": "ExternalError", "message": "x"}},
    "503": {"kind": "error", "status": 503},
    "403": {"kind": "error", "status": 403, "document": {"code": "PermissionDenied", "message": "no"}},
    "404, empty": {"kind": "error", "status": 404, "document": {}},
    "400, a list": {"kind": "error", "status": 400, "document": []},
    "200, another document": {"kind": "error", "status": 200, "document": {"answer": 42}},
    "200, half a document": {"kind": "error", "status": 200, "document": "{"},
    "a truncated answer": {"kind": "truncate"},
    "a reset": {"kind": "reset"},
    "no answer in time": {"kind": "delay", "seconds": 30},
}
TOKEN = "/v2/oauth2/token"
CALLS = {
    "token": f"POST {TOKEN}",
    "collection": "GET /v0.10/endpoint/*",
    "search": "GET /v0.10/endpoint_search",
    "listing": "GET /v0.10/operation/endpoint/*/ls",
}


class Sandbox:
    """A started sandbox with ten collections, two folders in each, fifty files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "sandbox"
        home = folder / "home"
        home.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(home)}
        subprocess.run([str(BIN / "goclient"), "sandbox", "start", "--dir", str(self.root)], env=self.env, check=True,
                       capture_output=True)  # fmt: skip
        text = (self.root / "env.sh").read_text()
        self.env |= {name: value.strip("'") for name, value in re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE)}
        self.env["PATH"] = os.environ["PATH"]
        self.url = self.env["SANDBOX_URL"]
        self._secret = {"Authorization": f"Bearer {self.env['SANDBOX_SECRET']}"}

    def stop(self) -> None:
        """End it."""
        subprocess.run([str(BIN / "goclient"), "sandbox", "stop", "--dir", str(self.root)], env=self.env, check=True,
                       capture_output=True)  # fmt: skip

    def check(self, *words: str) -> tuple[float, int, Any, str]:
        """Seconds, exit code, document and standard error of one check."""
        start = time.perf_counter()
        done = subprocess.run([*CHECK, *words, "--json"], env=self.env, capture_output=True, text=True, check=False)
        return time.perf_counter() - start, done.returncode, json.loads(done.stdout or "null"), done.stderr

    @contextmanager
    def trouble(self, **what: Any) -> Iterator[None]:
        """Trouble in the sandbox, for a while."""
        requests.post(f"{self.url}/sandbox/trouble", json=what, headers=self._secret, timeout=10).raise_for_status()
        try:
            yield
        finally:
            requests.delete(f"{self.url}/sandbox/trouble", headers=self._secret, timeout=10).raise_for_status()

    def asked(self) -> list[str]:
        """Return the paths of all requests since the last call."""
        listed = requests.get(f"{self.url}/sandbox/requests", headers=self._secret, timeout=10).json()["requests"]
        requests.delete(f"{self.url}/sandbox/requests", headers=self._secret, timeout=10).raise_for_status()
        return [one["path"] for one in listed]


def rows() -> list[list[str]]:
    """Return the rows of the preflight in the table of figures."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Sandbox(Path(folder))
        try:
            many = _many(sandbox, Path(folder))
            return [*corpus(), *many, *_refused(sandbox), *_beside_globus(sandbox), *_faults(sandbox)]
        finally:
            sandbox.stop()


# --- the corpus -----------------------------------------------------------------------------------------------


def corpus() -> list[list[str]]:
    """How many of the wrong submissions are found, and how many of the right ones refused, as the tests show."""
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_corpus.py"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    kinds = {kind: [tomllib.loads(path.read_text()) for path in Path("tests/corpus", kind).glob("*.toml")]
             for kind in ("wrong", "right")}  # fmt: skip
    wrong, right = kinds["wrong"], kinds["right"]
    share = sum(one.get("found", True) is not False for one in wrong) / len(wrong)
    good = shown.returncode == 0
    return [
        row(f"of {len(wrong)} wrong submissions, found before they are sent", f"{share:.1%}", "≥ 95 %",
             good and share >= 0.95, "tests/test_corpus.py, which also carries out each remedy"),
        row(f"of {len(right)} right submissions, refused", "0" if good else "some", "0", good, "the same"),
    ]  # fmt: skip


# --- round trips ----------------------------------------------------------------------------------------------


def _collections(sandbox: Sandbox) -> list[str]:
    """Ten names of collections, in a catalogue of their own, with their folders and files."""
    import sqlite3

    with sqlite3.connect(sandbox.root / "sandbox.sqlite") as connection:
        connection.row_factory = sqlite3.Row
        site = dict(connection.execute("select * from collections where display_name = 'SITE1'").fetchone())
        names = [f"MANY{number}" for number in range(ENDPOINTS)]
        for number, name in enumerate(names):
            copy = {**site, "id": f"00000000-0000-4000-8000-{number:012d}", "display_name": name, "root": name}
            marks = ", ".join("?" * len(copy))
            connection.execute(f"insert into collections ({', '.join(copy)}) values ({marks})", tuple(copy.values()))
    connection.close()
    for name in names:
        for number in range(FOLDERS // ENDPOINTS):
            folder = sandbox.root / "collections" / name / f"data{number}"
            folder.mkdir(parents=True)
            for file in range(FILES // FOLDERS):
                (folder / f"{file}.root").touch()
    return names


def _many(sandbox: Sandbox, folder: Path) -> list[list[str]]:
    names = _collections(sandbox)
    sources, targets = folder / "sources", folder / "targets"
    files = [(name, number, file) for name in names for number in range(FOLDERS // ENDPOINTS)
             for file in range(FILES // FOLDERS)]  # fmt: skip
    sources.write_text("".join(f"{name}:/data{number}/{file}.root\n" for name, number, file in files))
    targets.write_text("".join(f"goclient:/{name}/{number}/{file}.root\n" for name, number, file in files))
    words = (f"--StageinGOsrc=@{sources}", f"--StageinGOdest=@{targets}")
    sandbox.check(*words)
    sandbox.asked()
    plain = statistics.median(sandbox.check(*words)[0] for _ in range(5))
    sandbox.asked()
    _, code, document, _ = sandbox.check(*words)
    assert code == 0, document
    paths = sandbox.asked()
    with sandbox.trouble(route="* /*", kind="delay", seconds=DELAY):
        late = statistics.median(sandbox.check(*words)[0] for _ in range(5))
    trips = (late - plain) / DELAY
    searches, listings = (sum(word in path for path in paths) for word in ("endpoint_search", "/ls"))
    found = sum("/endpoint/" in path and "/ls" not in path for path in paths)
    counts = f"{found} collections, {searches} searches, {listings} listings"
    return [
        row(f"{FILES:,} sources in {FOLDERS} folders of {ENDPOINTS} endpoints, round trips of 50 ms", f"{trips:.1f}",
             f"≤ {ROUND_TRIPS}", trips <= ROUND_TRIPS, f"{plain:.2f} s, with the delay {late:.2f} s"),
        row("requests for them, more than one an endpoint, a name or a folder",
             str(max(found + searches - 2 * ENDPOINTS, 0) + max(listings - FOLDERS, 0)), "0",
             found <= ENDPOINTS and searches <= ENDPOINTS and listings <= FOLDERS, counts),
    ]  # fmt: skip


def _refused(sandbox: Sandbox) -> list[list[str]]:
    """Return how many requests are made, for ten endpoints, until it is known that a login is refused."""
    words = ("--StageinGOsrc=" + ",".join(f"MANY{number}:/data0/{number}.root" for number in range(ENDPOINTS)),)
    secret, sandbox.env["GOCLIENT_CLIENT_SECRET"] = sandbox.env["GOCLIENT_CLIENT_SECRET"], "wrong"
    try:
        sandbox.asked()
        seconds, code, _, _ = sandbox.check(*words)
        paths = sandbox.asked()
    finally:
        sandbox.env["GOCLIENT_CLIENT_SECRET"] = secret
    assert (code, set(paths)) == (4, {TOKEN}), (code, paths)
    return [row(f"a login that is refused, {ENDPOINTS} endpoints: requests until that is known", str(len(paths)), "≤ 2",
                len(paths) <= 2, f"all for a token, none about an endpoint; {seconds:.2f} s")]  # fmt: skip


# --- faults ---------------------------------------------------------------------------------------------------


def _faults(sandbox: Sandbox) -> list[list[str]]:
    """Every fault of every call, at its first, a middle and its last request."""
    words = (
        "--StageinGOsrc=MANY0:/data0/0.root,MANY1:/data0/1.root,MANY2:/data0/2.root,SITE1:/home/osg_data/panda/0064.file",
    )
    wrong: list[str] = []
    runs, slowest = 0, 0.0
    for call, route in CALLS.items():
        for name, fault in FAULTS.items():
            for skip in (0,) if call == "token" else (0, 1, 2):
                # The SDK repeats some requests: from that one on all meet the fault.
                with sandbox.trouble(route=route, skip=skip, **fault):
                    seconds, code, document, said = sandbox.check(*words, f"--goTimeout={DEADLINE}")
                runs, slowest = runs + 1, max(slowest, seconds)
                problem = _problem(seconds, code, document, said)
                if problem:
                    wrong.append(f"{call}, {name}, request {skip + 1}: {problem}")
    for line in wrong:
        print(line, file=sys.stderr)
    return [row(f"faults of the service without a finding, with a traceback or beyond --goTimeout, of {runs}",
                 str(len(wrong)), "0", not wrong, f"slowest {slowest:.1f} s of {DEADLINE} s and start-up")]  # fmt: skip


def _problem(seconds: float, code: int, document: Any, said: str) -> str:
    """Return what is wrong with the outcome of a check that met a fault; the empty string if nothing is."""
    if "Traceback" in said:
        return "a traceback"
    if seconds > DEADLINE + 3:
        return f"{seconds:.1f} s"
    errors = [one for one in (document or {}).get("findings", []) if one["level"] == "error"]
    if code == 0 and not errors:
        return ""  # it passed before it counted: the SDK asked again, or that request was not made
    if code not in (4, 40) or not errors or not all(one["message"] and one["hint"] for one in errors):
        return f"exit code {code}, {document}"
    return ""


# --- time -----------------------------------------------------------------------------------------------------


def _beside_globus(sandbox: Sandbox) -> list[list[str]]:
    """One file, beside the real globus command's stat of it, as processes."""
    globus = os.environ["GOCLIENT_TEST_GLOBUS"]
    catalogue = (sandbox.root / "endpoints.toml").read_text()
    site = re.search(r'\["?SITE1"?\]\nkind = "globus"\nid = "([^"]+)"', catalogue)
    assert site is not None, catalogue
    path = "/home/osg_data/panda/0064.file"
    ours = [*CHECK, f"--StageinGOsrc=SITE1:{path}"]
    peer = [globus, "stat", f"{site[1]}:{path}"]

    def seconds(command: list[str]) -> float:
        start = time.perf_counter()
        subprocess.run(command, env=sandbox.env, capture_output=True, check=True)
        return time.perf_counter() - start

    name = "`goclient check` of one file, of `globus stat`"
    return [ratio(name, lambda: seconds(ours), lambda: seconds(peer), "globus", 1.2, runs=15)]


def main() -> None:
    """Print the rows."""
    for cells in rows():
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()

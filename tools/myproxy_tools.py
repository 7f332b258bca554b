"""``goclient myproxy`` against the C tools, as processes, with the real server; rows for figures.py.

PYTHONPATH=. .venv/bin/python tools/myproxy_tools.py
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import measure
from measure import ratio, row

from goclient.config.grid import Accounts
from goclient.model.spec import MyproxyAccount
from goclient.pilot.deposit import Deposit
from tests.myproxy_servers import PATH, SCOPE, TOOLS, Grid, make_grid, the_real_one

GOCLIENT = str(Path(sys.executable).parent / "goclient")
PILOT = f"{SCOPE}/OU=Robots/CN=Pilot"
AT_ONCE = 20  # deposits


class Pair:
    """Cost of one action: ours and the C tool's, in turn."""

    def __init__(self, grid: Grid, port: int, who: str) -> None:
        self._env = environment(grid, who, port)
        self._folder = grid.folder

    def run(self, words: list[str]) -> float:
        """Return the seconds that a command takes; fails if it fails."""
        start = time.perf_counter()
        done = subprocess.run(words, env=self._env, cwd=self._folder, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return seconds

    def row(self, name: str, ours: list[str], theirs: list[str], limit: float, first: Sequence[str] = ()) -> list[str]:
        """Return a row: ours beside a C tool; ``first`` is done before each, and not counted."""

        def after(words: list[str]) -> float:
            if first:
                self.run([GOCLIENT, "myproxy", *first])
            return self.run(words)

        label = f"`goclient myproxy {name}`, of `{theirs[0]}`"
        return ratio(label, lambda: after([GOCLIENT, "myproxy", *ours]), lambda: after(theirs), "the C tool", limit)


def environment(grid: Grid, who: str, port: int) -> dict[str, str]:
    """Return what everybody needs to ask a server as somebody, by their certificate."""
    return {name: value for name, value in grid.environment(who, port).items() if name != "X509_USER_PROXY"}


def by_a_pilot(grid: Grid, port: int) -> list[str]:
    """Return a row: the seconds in which a pilot has the proxy of a job's owner, from the deposit ``a`` of the user."""
    account = MyproxyAccount(user="a", host="localhost", port=port)
    deposit = Deposit(account, grid.people["user"].dn, Accounts(environment(grid, "pilot", port)))
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        deposit.retrieve(grid.folder / "retrieved.pem")
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    name = "the proxy of a job's owner, retrieved by a pilot from the real server"
    return row(name, f"{median:.2f} s", "≤ 0.3 s", median <= 0.3, f"at most {max(seconds):.2f} s, of 10")


def at_once(grid: Grid, port: int) -> list[str]:
    """Return a row: how many of twenty deposits that are made at the same time fail, or are not there afterwards."""
    env = environment(grid, "user", port)
    words = [GOCLIENT, "myproxy", "deposit", "-Z", PILOT, "-l"]
    start = time.perf_counter()
    processes = [subprocess.Popen([*words, f"many{n}"], env=env, stdout=-3, stderr=-3) for n in range(AT_ONCE)]
    wrong = sum(process.wait() != 0 for process in processes)  # what they say is of a wait at most
    seconds = time.perf_counter() - start
    for number in range(AT_ONCE):
        looked = subprocess.run([GOCLIENT, "myproxy", "info", "-l", f"many{number}"], env=env, capture_output=True)
        wrong += looked.returncode != 0
    name = f"{AT_ONCE} deposits at once, to the real server"
    return row(name, f"{wrong} errors", "0", not wrong, f"{seconds:.1f} s")


def rows() -> list[list[str]]:
    """Return the rows of ``goclient myproxy`` in the table of figures."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    if missing:
        raise SystemExit(
            f"{', '.join(missing)} not installed: apt-get install myproxy myproxy-server globus-proxy-utils"
        )
    with tempfile.TemporaryDirectory() as name:
        grid = make_grid(Path(name), {"user": "OU=People/CN=User", "pilot": "OU=Robots/CN=Pilot"})
        with the_real_one(grid) as port:
            user, pilot = Pair(grid, port, "user"), Pair(grid, port, "pilot")
            deposit, out = ["deposit", "-l", "a", "-Z", PILOT], str(grid.folder / "out")
            retrieve, logon = ["retrieve", "-l", "a", "-o", out], ["myproxy-logon", "-n", "-l", "a", "-o", out]
            return [
                user.row("deposit", deposit, ["myproxy-init", "-l", "b", "-x", "-Z", PILOT], 0.8),
                pilot.row("retrieve", retrieve, logon, 1.0),
                by_a_pilot(grid, port),
                user.row("info", ["info", "-l", "a"], ["myproxy-info", "-l", "a"], 1.5),
                user.row("destroy", ["destroy", "--yes", "-l", "a"], ["myproxy-destroy", "-l", "a"], 1.5, deposit),
                at_once(grid, port),
            ]


if __name__ == "__main__":
    sys.exit(measure.shown(rows()))

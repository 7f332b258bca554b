"""Counts what the preflight of many files costs real GridFTP servers: sessions and round trips."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import row, shown

from goclient.sandbox.myproxy.authority import Authority
from tests.myproxy_grid import OTHER_USER, USER, Grid
from tests.servers.gridftp import GridftpServers, gridftp_server
from tests.servers.users import DIRECTORIES, FILES, SERVERS, cost_of_many, gridftp_user

ROUND_TRIPS = 6


def rows() -> list[list[str]]:
    """Return the rows of the checks of servers in the table of figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        grid = Grid(folder, Authority.make(folder / "certificates"))
        for person in (USER, OTHER_USER):
            grid.credential(person)
        with gridftp_server(grid, "one") as first, gridftp_server(grid, "two") as second:
            servers = GridftpServers(grid, first, second)
            with gridftp_user(servers, home) as user:
                cost = cost_of_many(user)
    right = cost.result.code == 0
    what = f"{FILES:,} sources in {DIRECTORIES} directories of {SERVERS} GridFTP servers"
    return [
        row(f"{what}, sessions", str(sum(cost.sessions)), str(SERVERS), right and cost.sessions == [1] * SERVERS,
            "goclient check, through relays that count, before two real servers"),
        row(f"{what}, round trips of one server after the login", str(cost.round_trips), f"≤ {ROUND_TRIPS}",
            right and cost.round_trips <= ROUND_TRIPS, "the same"),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(shown(rows()))

"""A report of a node is judged by what a carried job needs, whatever the node has written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.carrier import credential, start
from goclient.carrier import program as carrier
from goclient.probe import nodes, program
from goclient.probe.nodes import AUTH, TRANSFER, Node
from tests.strategies import MANY

ID = "11111111-1111-4111-8111-111111111111"


def target(of: str, *, error: str = "", step: str = "", status: int = 401, clock: float | None = 0.1) -> dict[str, Any]:
    return {"of": of, "name": of, "error": error, "step": step, "status": status, "clock": clock}


DISK = {"free": 1 << 40, "files": 10**6, "type": "ext4", "write": "", "run": ""}
GOOD: dict[str, Any] = {
    "node": "wn1", "time": 1.0, "python": "3.9.18", "modules": [], "files": [], "signals": [], "umask": 0o22,
    "directory": DISK, "temporary": "", "limits": {"NOFILE": 1024}, "authorities": 140, "proxy": None,
    "targets": [target(AUTH), target(TRANSFER), target(ID, status=404)], "paths": [],
}  # fmt: skip
REFUSED: dict[str, Any] = {"error": "Connection refused", "step": "connect", "status": 0, "clock": None}
UNNAMED: dict[str, Any] = {"error": "Name or service not known", "step": "name", "status": 0, "clock": None}
CASES = [
    pytest.param({}, [], id="all is well"),
    pytest.param({"python": "3.8.10"}, ["with Python 3.8, and a carried job needs Python 3.9 or later"], id="python"),
    pytest.param({"directory": {**DISK, "free": 5 << 20}}, ["with 5 MB of disk"], id="little disk"),
    pytest.param({"directory": {**DISK, "files": 2}}, ["with room for 2 more files"], id="few files"),
    pytest.param({"directory": {**DISK, "files": None}}, [], id="files are not counted"),
    pytest.param({"targets": [target(AUTH, **REFUSED), target(TRANSFER, **REFUSED)]},
                 ["without outbound network: Connection refused"], id="no network"),
    pytest.param({"targets": [target(AUTH, **UNNAMED), target(TRANSFER, **UNNAMED)]},
                 ["without a name service (DNS)"], id="no names"),
    pytest.param({"targets": [target(AUTH, **REFUSED), target(TRANSFER)]},
                 ["without access to Globus Auth: Connection refused"], id="one server"),
    pytest.param({"targets": [target(AUTH, error="self-signed", step="certificate", status=0), target(TRANSFER)]},
                 ["where the certificate of Globus Auth is not trusted: self-signed"], id="certificate"),
    pytest.param({"targets": [target(TRANSFER, status=200)]},
                 ["where something answers in place of Globus Transfer, with the status 200"], id="portal"),
    pytest.param({"targets": [target(AUTH, clock=-3600.0)]}, ["with a clock that is 3600 s behind"], id="clock"),
    pytest.param({"targets": [target(AUTH, clock=300.0)]}, [], id="a clock that is nearly right"),
    pytest.param({"limits": {"NOFILE": 16, "CPU": 60}},
                 ["with a limit of 60 seconds of CPU time", "with a limit of 16 open files"], id="limits"),
    pytest.param({"proxy": {"of": "squid:3128", "error": "No route to host"}},
                 ["with a web proxy that cannot be reached: squid:3128: No route to host"], id="proxy"),
]  # fmt: skip


def phrases(report: dict[str, Any], **how: Any) -> list[str]:
    return [one.phrase for one in Node(7, 0.0, report).problems(**how)]


@pytest.mark.parametrize(("told", "expected"), CASES)
def test_what_a_carried_job_cannot_do_with_is_said(told: dict[str, Any], expected: list[str]) -> None:
    assert phrases({**GOOD, **told}) == expected


def test_only_the_servers_that_a_job_needs_count() -> None:
    report = {**GOOD, "targets": [target(AUTH), target(TRANSFER), target(ID, **REFUSED)]}
    assert phrases(report) == [f"without access to {ID}: Connection refused"]
    assert phrases(report, wanted={AUTH, TRANSFER}) == []


def test_the_input_of_a_job_must_have_room() -> None:
    report = {**GOOD, "directory": {**DISK, "free": 3 << 30}}
    assert phrases(report) == []
    (found,) = Node(7, 0.0, report).problems(needs=4 << 30)
    assert (found.phrase, found.stops) == ("with 3072 MB of disk, and a job brings 4096 MB", True)


def test_a_job_that_told_nothing_has_its_reason() -> None:
    (found,) = Node(7, 0.0, {}, "Failed to download\ntarball").problems()
    assert found.phrase == "where the probe failed: Failed to download\\ntarball"


def test_it_needs_what_a_carrier_needs() -> None:
    assert (start.NEEDED, carrier.ROOM, credential.CLOCK_WITHIN) == (nodes.NEEDED, nodes.ROOM, nodes.CLOCK_WITHIN)
    assert program.ROOM == nodes.ROOM


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*GOOD, "of", "error"]), inner),
    max_leaves=9,
)


@given(st.dictionaries(st.sampled_from([*GOOD, "status", "says"]), values, max_size=6))
@MANY
def test_a_node_can_tell_anything(told: dict[str, Any]) -> None:
    for report in (told, {**GOOD, **told}):
        node = Node(7, 0.0, report)
        assert all(one.isprintable() for one in (node.name, *phrases(report), *node.facts().values()))

"""Every engine says what is wrong, in time, and harms no file: the table of faults, on each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.node.engines import faults
from tests.node.engines.benches import BENCHES, Bench, can_lock
from tests.servers.full_disk import can_mount

ENGINES = {name: kind for name, kind in BENCHES.items() if kind.has}
LEAST = 200
KINDS: dict[str, tuple[int, frozenset[tuple[str, str]]]] = {  # how many each way, of which group and with which words
    name: (least, frozenset(found))
    for name, least, *found in (
        ("wrong path", 14, ("path", "")),
        ("no right", 1, ("right", ""), ("task", "no right")),
        ("dead server", 1, ("address", "dead"), ("task", "dead")),
        ("silent server", 1, ("never", "silent"), ("task", "silent")),
        ("dripping server", 1, ("never", "drip"), ("task", "drips")),
        ("resetting server", 1, ("never", "reset"), ("task", "resets")),
        ("wrong certificate", 1, ("address", "certificate"), ("task", "certificate")),
        ("unmapped DN", 1, ("credential", "unmapped")),
        ("expired proxy", 1, ("credential", "expired"), ("task", "expired")),
        ("limited proxy", 1, ("credential", "limited")),
        ("foreign proxy", 1, ("credential", "foreign"), ("credential", "somebody else's")),
        ("full disk", 1, ("full", ""), ("task", "full disk")),
        ("odd names", 16, ("name", "")),
        ("long names", 4, ("path", "too long")),
        ("changed during the copy", 1, ("change", ""), ("task", "changed")),
        ("credential that ends in the middle", 1, ("credential", "ends"), ("task", "ends")),
        ("cut at 30 offsets", 30, ("break", "close")),
    )
}
SERVICE = "the service's servers and proxies are not the node's to see: it tells of a task that fails"
NODE = "a copy on the node has no server, and no credential"
NO_PROXY = "a collection knows a token, and no proxy"
PROXIES = ("unmapped DN", "expired proxy", "limited proxy", "credential that ends in the middle")
WITHOUT: dict[str, dict[str, str]] = {  # kinds that cannot be met, and why
    "local": dict.fromkeys((*(name for name in KINDS if "server" in name), "wrong certificate", *PROXIES,
                            "foreign proxy", "cut at 30 offsets"), NODE)
             | ({} if can_lock() else {"no right": "nobody can lock a directory of this machine"}),
    "globus": dict.fromkeys(("unmapped DN", "limited proxy", "foreign proxy", "cut at 30 offsets"), SERVICE),
    "https": dict.fromkeys(PROXIES, NO_PROXY)
             | {"credential that ends in the middle": "each request asks for a token that lasts a minute",
                "wrong certificate": "the bench's server speaks plain HTTP: tests/services/https/test_collection.py"},
    **dict.fromkeys(("webdav", "gridftp", "gridftp-pair"),
                    {} if can_mount() else {"full disk": "this user may not mount a small disk"}),
}  # fmt: skip


def test_the_table_is_large_enough_for_each_engine() -> None:
    counts = {name: len(faults.met_by(kind)) for name, kind in ENGINES.items()}
    assert min(counts.values()) >= LEAST, counts


@pytest.mark.parametrize("way", faults.WAYS)
@pytest.mark.parametrize("name", ENGINES)
def test_each_kind_of_fault_is_met_often_enough_or_it_is_said_why_not(name: str, way: faults.Way) -> None:
    met = [one for one in faults.met_by(ENGINES[name]) if one.way == way]
    few = {
        kind
        for kind, (least, found) in KINDS.items()
        if sum(any(one.group == group and words in one.about for group, words in found) for one in met) < least
    }
    assert few == WITHOUT.get(name, {}).keys()


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(
    ("kind", "group", "way"),
    [
        pytest.param(kind, group, way, id=f"{name}-{group}-{way}")
        for name, kind in ENGINES.items()
        for group, way in faults.GROUPS
        if faults.of(kind, group, way)
    ],
)
def test_a_fault_is_told_in_time_and_no_file_is_harmed(
    kind: type[Bench],
    group: str,
    way: faults.Way,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    kind.prepare(request)
    faults.hurry(monkeypatch)
    make = faults.in_folders_of(kind, tmp_path)
    problems = [problem.text for fault in faults.of(kind, group, way) for problem in fault.problems(make)]
    assert problems == [], "\n".join(problems)

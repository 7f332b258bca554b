"""Defective worker nodes of a sandbox, and what a probe must see of each: used by tests and by figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from goclient.probe.nodes import Node
from goclient.sandbox.site.defects import Fault
from tests.sandboxes import Sandbox

ASKED = ("--collection=GUEST1", "--answerWithin=2")
AUTH, TRANSFER = "GET /v2/oauth2/userinfo", "GET /v0.10/submission_id"
COLLECTION, FILES = "GET /https/*", "GET /"
SIDE_BY_SIDE = 3


@dataclass(frozen=True)
class Defective:
    """A node with a ``fault``, or before which requests meet a fault of the kind ``met``; ``code`` is the finding's."""

    name: str
    code: str
    words: str  # a part of what is told
    fault: Fault | None = None
    met: str = ""
    routes: tuple[str, ...] = ()


def _at(fault: Fault, code: str, words: str) -> Defective:
    return Defective(fault.value, code, words, fault)


def _before(name: str, met: str, *routes: str, code: str = "node-target", words: str) -> Defective:
    return Defective(name, code, words, met=met, routes=routes)


AT_NODES = (
    _at(Fault.NO_PYTHON3, "node-python", "without python3"),
    _at(Fault.OLD_PYTHON3, "node-python", "with Python 3.6.8"),
    _at(Fault.BROKEN_PYTHON3, "node-python", "error while loading shared libraries"),
    _at(Fault.CRASHING_PYTHON3, "node-python", "SIGSEGV"),
    _at(Fault.KILLED_PYTHON3, "node-python", "SIGKILL"),
    _at(Fault.NO_SSL, "node-modules", "lacks ssl"),
    _at(Fault.NO_ZLIB, "node-modules", "lacks zlib"),
    _at(Fault.NO_CTYPES, "node-modules", "lacks ctypes"),
    _at(Fault.NO_NETWORK, "node-network", "without outbound network"),
    _at(Fault.NO_NAMES, "node-names", "without a name service"),
    _at(Fault.DEAD_PROXY, "node-proxy", "127.0.0.1:9"),
    _at(Fault.NO_AUTHORITIES, "node-authorities", "without the certificates"),
    _at(Fault.DISK_FULL, "node-disk", "No space left on device"),
    _at(Fault.LITTLE_DISK, "node-disk", "MB of disk"),
    _at(Fault.NO_INODES, "node-disk", "more files"),
    _at(Fault.READ_ONLY, "node-disk", "Read-only file system"),
    _at(Fault.NO_EXEC, "node-exec", "Permission denied"),
    _at(Fault.NO_TMP, "node-tmp", "temporary files"),
    _at(Fault.NO_PROC, "node-files", "/proc/self/stat"),
    _at(Fault.NO_DEV, "node-files", "/dev/null"),
    _at(Fault.SMALL_FILES, "node-limit", "4194304 bytes a file"),
    _at(Fault.FEW_FILES, "node-limit", "24 open files"),
    _at(Fault.FEW_PROCESSES, "node-limit", "16 processes"),
    _at(Fault.LITTLE_MEMORY, "node-limit", "bytes of memory"),
    _at(Fault.LITTLE_CPU, "node-limit", "60 seconds of CPU time"),
    _at(Fault.UMASK, "node-umask", "0777"),
    _at(Fault.NO_CHILDREN, "node-signals", "SIGCHLD"),
    _at(Fault.CLOCK_AHEAD, "node-clock", "s ahead"),
    _at(Fault.CLOCK_BEHIND, "node-clock", "s behind"),
)
BEFORE_NODES = (
    _before("no way to Auth", "reset", AUTH, words="Globus Auth"),
    _before("no way to Transfer", "reset", TRANSFER, words="Globus Transfer"),
    _before("no way to a collection", "reset", COLLECTION, words="GUEST1"),
    _before("no way to the file server", "reset", FILES, words="PanDA's file server"),
    _before("a firewall that drops", "hang", AUTH, words="Globus Auth"),
    _before("a portal", "html", AUTH, TRANSFER, code="node-interposed", words="in place of Globus Auth"),
    _before("a portal that redirects", "elsewhere", AUTH, TRANSFER, code="node-interposed", words="status 302"),
)
ALL = (*AT_NODES, *BEFORE_NODES)
GOOD = Defective("a good node", "", "")


def find(sandbox: Sandbox, defective: Sequence[Defective]) -> list[list[dict[str, Any]]]:
    """Return what a probe finds at each of these nodes: one job for each, and one probe for all of them."""
    sent = sandbox.run("goclient", "probe", "TEST1", f"--njobs={len(defective)}", "--detach", "--again", *ASKED)
    assert sent.code == 0, sent.err
    here = [number for number, one in enumerate(defective) if not one.met]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ran = dict(zip(here, pool.map(lambda number: _run(sandbox, defective[number]), here), strict=True))
    for number, one in enumerate(defective):
        if one.met:
            for route in one.routes:
                sandbox.trouble(route, one.met)
            ran[number] = _run(sandbox, one)
            sandbox.clear_trouble()
    told = sandbox.run("goclient", "probe", "TEST1", "--json")
    nodes = {node["PandaID"]: node for node in told.json["nodes"]}
    return [judged(nodes[ran[number]]) for number in range(len(defective))]


def _run(sandbox: Sandbox, one: Defective) -> int:
    """Let such a node run a job; return the job's PandaID."""
    words = ("--dir", str(sandbox.root), "--site=TEST1", "--once", "--json")
    fault = (f"--fault={one.fault}",) if one.fault else ()
    done = sandbox.run("goclient", "sandbox", "site", *words, *fault)
    assert done.code == 0, done.err
    return int(done.json["PandaID"])


def judged(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the problems of one node, as documents."""
    made = Node(node["PandaID"], node["seen"], node["report"], node["reason"])
    return [vars(one) for one in made.problems()]


def sees(one: Defective, found: Sequence[dict[str, Any]]) -> bool:
    """Return True if the defect of a node is among what was found."""
    return any(problem["code"] == one.code and one.words in problem["phrase"] for problem in found)


def stopping(found: Sequence[dict[str, Any]]) -> bool:
    """Return True if no carried job goes well on a node."""
    return any(problem["stops"] for problem in found)


def shown(one: Defective, found: Sequence[dict[str, Any]]) -> str:
    """Return a line about a defect that was not seen."""
    return f"{one.name}: {one.code} {one.words!r} is not among {json.dumps(found)}"

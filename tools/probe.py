"""How many defective nodes a probe sees, from end to end: what docs/figures.md says of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import row, shown

from tests.probe.defects import ALL, GOOD, find, sees, stopping
from tests.probe.defects import shown as missed
from tests.sandboxes import sandbox_in

LEAST = 0.9  # of the defects
WELL = 5  # nodes without one


def rows() -> list[list[str]]:
    """Return the rows: the defective nodes that a probe sees, and the good ones that it blames."""
    nodes = (*ALL, *[GOOD] * WELL)
    with tempfile.TemporaryDirectory() as folder, sandbox_in(Path(folder)) as sandbox:
        found = find(sandbox, nodes)
    seen = [sees(one, those) for one, those in zip(ALL, found, strict=False)]
    for one, those, is_seen in zip(ALL, found, seen, strict=False):
        if not is_seen:
            print(missed(one, those), file=sys.stderr)
    blamed = sum(stopping(those) for those in found[len(ALL) :])
    share = sum(seen) / len(ALL)
    return [
        row(f"of {len(ALL)} defective nodes of a sandbox, seen by a probe", f"{share:.0%}", f"≥ {LEAST:.0%}",
            share >= LEAST, "job, site, report and finding; tests/probe/defects.py has the list"),
        row(f"of {WELL} good nodes, blamed", f"{blamed}", "0", not blamed, "in the same probe"),
    ]  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(shown(rows()))

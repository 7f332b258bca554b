"""Run ``goclient sandbox site`` at a node whose python3 is another one: that of the directory NODE_BIN.

Programs of jobs get the variables whose names begin with NODE_, too.
"""

from __future__ import annotations

import os
import runpy

from goclient.sandbox.site.site import Run

_environment = Run._environment


def environment(self: Run) -> dict[str, str]:
    """Return the environment of the pilot, with ours in front."""
    theirs = _environment(self)
    ours = {name: value for name, value in os.environ.items() if name.startswith("NODE_")}
    return {**theirs, **ours, "PATH": f"{os.environ['NODE_BIN']}:{theirs['PATH']}"}


if __name__ == "__main__":
    Run._environment = environment  # type: ignore[method-assign]
    runpy.run_module("goclient", run_name="__main__", alter_sys=True)

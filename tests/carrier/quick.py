"""Run a carrier as ``python3 -I`` runs it, with modules that Python need not compile: ``quick.py CARRIER WORD ...``.

They are the same: the archive has them as they are in the package.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
PYTHON = """#!/bin/sh
case "$1 $2" in "-I ./goclient-carry") shift; exec {python} -I {quick} "$@";; esac
exec {python} "$@"
"""


def main() -> None:
    """Run the carrier."""
    del sys.argv[0]
    sys.path.append(ROOT)
    import goclient.carrier.program  # from the package

    assert goclient.carrier.program
    sys.path.remove(ROOT)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()

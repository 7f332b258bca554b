"""Run a program, and send it SIGTERM at one moment: ``signalled.py MOMENT goclient|CARRIER WORD ...``.

A moment is ``enter`` or ``leave`` and a function, such as ``leave goclient.node.job:run_job``: the signal comes when
that is called first, or has returned.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from importlib import import_module
from typing import Any


def main() -> None:
    """Run the program."""
    when, _, function = sys.argv[1].partition(" ")
    program = sys.argv[2]
    sys.argv[:3] = [program]
    if program != "goclient":
        sys.path.insert(0, os.path.abspath(program))
    module, _, path = function.partition(":")
    *above, name = path.split(".")
    owner: Any = import_module(module)
    for one in above:
        owner = getattr(owner, one)
    real: Any = getattr(owner, name)
    passed: list[str] = []

    def send(now: str) -> None:
        if now == when and not passed:
            passed.append(now)
            os.kill(os.getpid(), signal.SIGTERM)

    def run(*args: Any, **more: Any) -> Any:
        send("enter")
        done = real(*args, **more)
        send("leave")
        return done

    setattr(owner, name, run)
    if program == "goclient":
        runpy.run_module(program, run_name="__main__")
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()

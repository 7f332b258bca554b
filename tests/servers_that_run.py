"""Not collected by itself: a test that starts each kind of server and waits to be killed, for test_leftovers.py."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.myproxy_servers import PEOPLE, make_grid, the_real_one
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox


def test_that_is_killed(sandbox: Sandbox, tmp_path: Path) -> None:
    assert sandbox.run("goclient", "sandbox", "start", "--dir", str(tmp_path / "second")).code == 0
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": sandbox.cwd}
    for more in (("start", "--foreground", "--dir", str(tmp_path / "third")), ("demo",)):
        words = [sys.executable, "-m", "goclient", "sandbox", *more]
        subprocess.Popen(words, env={**sandbox.env, "TMPDIR": str(tmp_path)}, start_new_session=True, **pipes)
    sandbox.rows("update collections set setup_key = 'k' where display_name = 'LAPTOP'")
    connect = [str(sandbox.root / "bin" / "globusconnectpersonal"), "-dir", str(tmp_path / "connect")]
    subprocess.run([*connect, "-setup", "--setup-key", "k"], env=sandbox.env, check=True)
    subprocess.Popen([*connect, "-start"], env=sandbox.env, start_new_session=True, **pipes)
    until((tmp_path / "third" / "answers").exists)
    grid = make_grid(tmp_path / "grid", {"jdoe": PEOPLE["jdoe"]})
    try:
        with the_real_one(grid):
            _wait()
    except pytest.skip.Exception:
        _wait()


def _wait() -> None:
    Path(os.environ["READY"]).touch()
    time.sleep(120)

"""The servers of a test run end with it, whatever ends it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands import clean_environment
from tests.myproxy_servers import PATH
from tests.processes import ended_with_us, running_in

WITHIN = 60.0  # seconds
KINDS = ("goclient.sandbox.daemon", "--foreground", "sandbox demo", "goclient.sandbox.globus.connect", "myproxy-server")


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_killed_test_run_leaves_no_server(env: dict[str, str], tmp_path: Path, number: int, workers: str) -> None:
    base, ready = tmp_path / "inner", tmp_path / "ready"
    words = ["pytest", "-q", "-n", workers, "-p", "no:cacheprovider", f"--basetemp={base}"]
    run = subprocess.Popen(
        [sys.executable, "-m", *words, str(Path(__file__).with_name("servers_that_run.py"))],
        env={**clean_environment(Path(env["HOME"])), "READY": str(ready), "PYTHONPATH": os.getcwd()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _until(ready.exists)
        found = " ".join(running_in(f"{base}/").values())
        expected = KINDS if shutil.which("myproxy-server", path=PATH) else KINDS[:-1]
        assert [kind for kind in expected if kind not in found] == []
        os.killpg(run.pid, number) if number == signal.SIGINT else run.send_signal(number)
        run.wait(WITHIN)
        _until(lambda: not running_in(f"{base}/"))
    finally:
        run.kill()
        run.wait()


def test_only_what_was_started_later_is_ended(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "import time; time.sleep(120)", f"{tmp_path}/argument"]
    before = subprocess.Popen(words)
    time.sleep(0.05)  # processes of one tick are of one age
    with ended_with_us(tmp_path):
        after = subprocess.Popen(words)
        assert set(running_in(f"{tmp_path}/")) >= {before.pid, after.pid}
    assert after.wait(WITHIN) == -signal.SIGKILL
    assert before.poll() is None
    before.kill()
    before.wait()


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)

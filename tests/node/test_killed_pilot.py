"""A pilot that is killed with SIGKILL leaves no process behind: no payload, daemon, Globus Connect or copy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from goclient.journal import Entry, Journal
from goclient.node.keeper_program import began
from tests.sandboxes import Sandbox

GONE_WITHIN = 10.0  # seconds; it takes some ten milliseconds, on a machine that does nothing else
STARTS_WITHIN = 60.0
DAEMON = """#!/bin/sh
cat > daemon.sh <<'END'
trap "" TERM HUP
exec <&- >&- 2>&-
echo $$ > number
mv number daemon
cd /
sleep 1000
sleep 1000
END
setsid sh daemon.sh &
sleep 1000
"""


@contextmanager
def pilot(sandbox: Sandbox, state: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A pilot that runs while the body does; it is killed then, if it is not yet."""
    words = [sys.executable, "-m", "goclient", "pilot", "--site=TEST1", "--once", *options]
    env = {**sandbox.env, "GOCLIENT_STATE": str(state), "TMPDIR": str(state)}
    state.mkdir()
    process = subprocess.Popen(words, env=env, cwd=sandbox.cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def kept(state: Path) -> list[Entry]:
    """The processes that run by the job's journal."""
    entries = [one for file in (state / "jobs").glob("*.jsonl") for one in Journal(file).latest("process")]
    return [entry for entry in entries if entry.state == "accepted"]


def wait_for(condition: Callable[[], object], *, within: float = STARTS_WITHIN) -> float:
    """Wait until a condition holds; return how many seconds that took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within
        time.sleep(0.01)
    return time.monotonic() - started


def alive(known: dict[int, int]) -> list[int]:
    return [pid for pid, start in known.items() if _lives(pid, start)]


def _lives(pid: int, start: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX" and began(pid) == start
    except OSError:
        return False


def with_keepers(entries: list[Entry]) -> dict[int, int]:
    """The processes of entries and their keepers, and when each began."""
    found = {int(entry.subjects[0]): int(entry.subjects[1]) for entry in entries}
    for pid in list(found):
        keeper = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
        found[keeper] = began(keeper)
    return found


@pytest.fixture
def state(sandbox: Sandbox) -> Path:
    return sandbox.root / "killed"


def submit(sandbox: Sandbox, script: str, *words: str) -> None:
    sent = sandbox.run(
        "sendJob.py", "--computingSite=TEST1", f"--transformation={sandbox.payload('k.sh', script)}", *words
    )
    assert sent.code == 0, sent.err


@pytest.mark.conformance  # it takes long
def test_payload_daemon_and_globus_connect_die_with_their_pilot(sandbox: Sandbox, state: Path) -> None:
    submit(sandbox, DAEMON, "--Data=made", "--OutputGO=SITE1:/")
    with pilot(sandbox, state) as process:
        wait_for(lambda: list(state.glob("*/job/daemon")))
        (daemon,) = (int(path.read_text()) for path in state.glob("*/job/daemon"))
        wait_for(lambda: len(kept(state)) > 1)  # the payload may be quicker than its pilot's journal
        entries = kept(state)
        known = {**with_keepers(entries), daemon: began(daemon)}
        assert sorted(entry.key for entry in entries) == ["connect", "payload"]
        assert sorted(alive(known)) == sorted(known)
        process.kill()
        wait_for(lambda: not alive(known), within=GONE_WITHIN)


@pytest.mark.conformance  # it takes long
def test_a_copy_dies_with_its_pilot(sandbox: Sandbox, state: Path, tmp_path: Path) -> None:
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 36)  # 64 GiB of nothing: it takes minutes
    submit(sandbox, "#!/bin/sh\n", f"--jobParameters=in-mode=local dir-in={tmp_path} files-in=large", "--noCheck")
    with pilot(sandbox, state) as process:
        wait_for(lambda: list(state.glob("*/job/.goclient-*.part")))
        (entry,) = kept(state)
        known = with_keepers([entry])
        assert sorted(alive(known)) == sorted(known)
        process.kill()
        wait_for(lambda: not alive(known), within=GONE_WITHIN)
    for part in state.glob("*/job/.goclient-*.part"):
        os.unlink(part)

"""The stand-in for Globus Connect Personal shares its job's directory at most, and its lock is its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.globus.test_tasks import User
from tests.sandbox.test_server import collection
from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds


@pytest.fixture
def connect(shared_sandbox: Sandbox, tmp_path: Path) -> dict[str, Any]:
    """A Globus Connect that is set up, in ``tmp_path/job``, and what it says when it starts."""
    job = tmp_path / "job"
    (job / "config").mkdir(parents=True, mode=0o700)
    key = f"key of {tmp_path.name}"
    shared_sandbox.rows("update collections set setup_key = ? where display_name = 'LAPTOP'", key)
    given = {"setup_key": key, "directory": str(job / "config")}
    made = requests.post(f"{shared_sandbox.url}/connect/setup", json=given, timeout=BOUND).json()
    (job / "config" / "lock").touch()
    (job / "data").mkdir()
    (job / "out").symlink_to("/etc")
    return {**made, "lock_file": str(job / "config" / "lock"), "allowed": [str(job / "data")]}


STARTS = [
    pytest.param({}, 200, id="a directory of the job"),
    pytest.param({"allowed": ["JOB"]}, 200, id="all of the job"),
    pytest.param({"allowed": ["/"]}, 400, id="everything"),
    pytest.param({"allowed": ["/etc"]}, 400, id="another directory"),
    pytest.param({"allowed": ["JOB/.."]}, 400, id="the one above"),
    pytest.param({"allowed": ["JOB/out"]}, 400, id="a link that leads out"),
    pytest.param({"allowed": ["JOB/data", "/proc"]}, 400, id="one good, one bad"),
    pytest.param({"allowed": ["JOB2"]}, 400, id="a name that begins alike"),
    pytest.param({"allowed": []}, 400, id="nothing"),
    pytest.param({"allowed": "/"}, 400, id="no list"),
    pytest.param({"allowed": [1]}, 400, id="no text"),
    pytest.param({"allowed": ["JOB/\0"]}, 400, id="a NUL"),
    pytest.param({"lock_file": "/proc/self/fd/3"}, 400, id="a descriptor of the sandbox"),
    pytest.param({"lock_file": "/dev/stdin"}, 400, id="a device"),
    pytest.param({"lock_file": "JOB/data/lock"}, 400, id="a lock elsewhere in the job"),
    pytest.param({"lock_file": "JOB/config/../config/lock"}, 400, id="a lock by another way"),
    pytest.param({"lock_file": "JOB/config/none"}, 400, id="a lock that is not there"),
    pytest.param({"lock_file": "JOB/config/link"}, 400, id="a link to a lock"),
    pytest.param({"lock_file": "JOB/config/pipe"}, 400, id="a pipe"),
    pytest.param({"lock_file": None}, 400, id="no lock"),
    pytest.param({"secret": "x"}, 403, id="another secret"),
]


@pytest.mark.parametrize(("change", "status"), STARTS)
def test_a_globus_connect_shares_its_job_s_directory_at_most(
    shared_sandbox: Sandbox, connect: dict[str, Any], tmp_path: Path, change: dict[str, Any], status: int
) -> None:
    job = tmp_path / "job"
    (job / "config" / "link").symlink_to("lock")
    os.mkfifo(job / "config" / "pipe")
    filled = json.loads(json.dumps(change).replace("JOB", str(job)))
    answer = requests.post(f"{shared_sandbox.url}/connect/start", json={**connect, **filled}, timeout=BOUND)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "directory", ["/", "/tmp", "/proc/self", "/dev/shm", "relative", "", "JOB/none", "JOB/open", "JOB/link", "JOB/\0"]
)
def test_a_configuration_is_in_a_directory_of_its_user_s_own(
    shared_sandbox: Sandbox, tmp_path: Path, directory: str
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to("/etc")
    given = {"setup_key": "x", "directory": directory.replace("JOB", str(tmp_path))}
    answer = requests.post(f"{shared_sandbox.url}/connect/setup", json=given, timeout=BOUND)
    assert answer.status_code == 400, answer.text


def test_dir_is_relative_to_whoever_calls_and_is_what_is_shared(sandbox: Sandbox, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    (job / "file").write_text("x")
    sandbox.rows("update collections set setup_key = 'k' where display_name = 'LAPTOP'")
    program = str(sandbox.root / "bin" / "globusconnectpersonal")
    words = [program, "-dir", "gc"]

    def told(*more: str) -> str:
        done = subprocess.run(
            [*words, *more], env=sandbox.env, cwd=job, capture_output=True, text=True, timeout=BOUND, check=False
        )
        return done.stdout + done.stderr

    assert "successfully" in told("-setup", "--setup-key", "k")
    assert (job / "gc" / "client.json").stat().st_mode & 0o777 == 0o600
    assert "can be shared" in told("-start", "-restrict-paths", "rw/")
    running = subprocess.Popen([*words, "-start"], env=sandbox.env, cwd=job)
    try:
        user = User(sandbox)
        user.site = collection(sandbox, "LAPTOP")
        path = f"operation/endpoint/{user.site}/ls"
        shown = until(lambda: user.call("GET", path, params={"path": f"{job}/"}).json().get("DATA"))
        assert {one["name"] for one in shown} == {"file", "gc"}
    finally:
        assert told("-stop") == ""
        running.wait(BOUND)


def test_killed_it_is_disconnected_and_its_directory_connects_it_again(sandbox: Sandbox, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    sandbox.rows("update collections set setup_key = 'k' where display_name = 'LAPTOP'")
    user = User(sandbox)
    shown = f"endpoint/{collection(sandbox, 'LAPTOP')}"
    words = [str(sandbox.root / "bin" / "globusconnectpersonal"), "-dir", str(job / "gc")]

    def connected() -> bool:
        return bool(user.call("GET", shown).json()["gcp_connected"])

    subprocess.run([*words, "-setup", "--setup-key", "k"], env=sandbox.env, check=True, timeout=BOUND)
    for _ in range(2):
        running = subprocess.Popen([*words, "-start"], env=sandbox.env)
        until(connected)
        more = subprocess.run(
            [*words, "-start"], env=sandbox.env, capture_output=True, text=True, timeout=BOUND, check=False
        )
        assert (more.returncode, "Another Globus Connect Personal is currently running" in more.stderr) == (1, True)
        assert connected(), "the first one goes on"
        running.kill()
        running.wait(BOUND)
        assert not connected()


def test_a_transfer_whose_globus_connect_dies_has_faults_until_it_is_back(sandbox: Sandbox, tmp_path: Path) -> None:
    job = tmp_path / "job"
    job.mkdir()
    sandbox.rows("update collections set setup_key = 'k' where display_name = 'LAPTOP'")
    user = User(sandbox)
    words = [str(sandbox.root / "bin" / "globusconnectpersonal"), "-dir", str(job / "gc")]
    subprocess.run([*words, "-setup", "--setup-key", "k"], env=sandbox.env, check=True, timeout=BOUND)
    sandbox.set(bytes_per_second=100)
    running = subprocess.Popen([*words, "-start"], env=sandbox.env)
    item = {"source_path": "/home/osg_data/panda/0064.file", "destination_path": f"{job}/in"}
    until(lambda: user.call("GET", f"endpoint/{collection(sandbox, 'LAPTOP')}").json()["gcp_connected"])
    sent = user.submit("transfer", item, destination_endpoint=collection(sandbox, "LAPTOP"))
    until(lambda: list(job.glob(".*.part")))
    running.kill()
    running.wait(BOUND)
    until(lambda: user.task(sent)["nice_status"] == "GC_NOT_CONNECTED")
    assert not (job / "in").exists()
    sandbox.set()
    again = subprocess.Popen([*words, "-start"], env=sandbox.env)
    try:
        assert user.ended(sent)["status"] == "SUCCEEDED"
    finally:
        again.kill()
        again.wait(BOUND)

"""A PanDA server that is away costs no job its end; a pilot as a service, and many on one node."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest
import requests

from goclient.errors.findings import ExitCode
from tests import commands
from tests.sandboxes import Sandbox, sandbox_in

WITHIN = 60.0  # seconds, on a busy machine
PILOTS = 5
REPORTS = "POST /api/v1/pilot/update_job"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One for all of these tests, whose jobs are done when they end."""
    with sandbox_in(tmp_path_factory.mktemp("away")) as one:
        yield one


@contextmanager
def trouble(sandbox: Sandbox, route: str, kind: str) -> Iterator[None]:
    """Let a fault meet all requests of a route while the body runs."""
    url = f"{sandbox.url}/sandbox/trouble"
    requests.post(url, json={"route": route, "kind": kind}, timeout=60).raise_for_status()
    try:
        yield
    finally:
        requests.delete(url, timeout=60).raise_for_status()


@contextmanager
def started(sandbox: Sandbox, *words: str, modes: str = "local") -> Iterator[subprocess.Popen[str]]:
    """A pilot that is ended with the body."""
    line = ("goclient", "pilot", "--site=TEST1", f"--modes={modes}", *words)
    process = commands.started(line, env=sandbox.env, cwd=sandbox.cwd, stdout=-1, stderr=-1)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read what a pilot says until these words come; AssertionError if it ends before."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if words in line:
            return
    raise AssertionError("".join(said))


def submit(sandbox: Sandbox, count: int = 1, script: str = "true") -> list[int]:
    """Submit jobs without transfers; return their PandaIDs."""
    payload = sandbox.payload(f"{abs(hash(script))}.sh", f"#!/bin/sh\n{script}\n")
    words = (
        "sendJob.py",
        "--computingSite=TEST1",
        f"--transformation={payload}",
        f"--njobs={count}",
        "--again",
        "--json",
    )
    result = sandbox.run(*words)
    assert result.code == 0, result.err
    return [one["PandaID"] for one in result.json["jobs"]]


def states(sandbox: Sandbox, *panda_ids: int) -> set[str]:
    rows = sandbox.rows("select panda_id, status from jobs")
    return {row["status"] for row in rows if row["panda_id"] in panda_ids}


@pytest.mark.conformance  # it takes long
def test_a_job_ends_well_while_the_server_takes_no_reports(sandbox: Sandbox) -> None:
    (panda_id,) = submit(sandbox)
    with trouble(sandbox, REPORTS, "502"), started(sandbox, "--once") as process:
        wait_for(process, "the server was not told yet")
        assert states(sandbox, panda_id) == {"sent"}
        requests.delete(f"{sandbox.url}/sandbox/trouble", timeout=60)
        process.wait(WITHIN)
        assert process.returncode == 0
    assert states(sandbox, panda_id) == {"finished"}


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("POST /v0.10/transfer", "output: not submitted yet"),
        ("GET /v0.10/task_list", "is not known now"),
    ],
)
def test_a_job_ends_well_while_globus_is_away_in_a_transfer(sandbox: Sandbox, route: str, said: str) -> None:
    name = f"{route.rpartition('/')[2]}.txt"
    payload = sandbox.payload("away.sh", f"#!/bin/sh\necho made > {name}\n")
    words = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--json")
    sent = sandbox.run(*words, f"--Data={name}", "--OutputGO=SITE1:/home/osg_data/panda/")
    assert sent.code == 0, sent.err
    (panda_id,) = (one["PandaID"] for one in sent.json["jobs"])
    with trouble(sandbox, route, "502"), started(sandbox, "--once", "--faultSeconds=60", modes="gc") as process:
        wait_for(process, said)
        requests.delete(f"{sandbox.url}/sandbox/trouble", timeout=60)
        assert process.wait(WITHIN) == 0
    assert states(sandbox, panda_id) == {"finished"}
    assert sandbox.path("SITE1", f"/home/osg_data/panda/{name}").read_text() == "made\n"
    submissions = sandbox.rows("select label from tasks where label = ?", f"goclient {panda_id} output")
    assert len(submissions) == 1, "nothing is sent twice"


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("kind", ["lost", "hang", "html", "cut"])
def test_an_end_that_was_not_told_is_told_by_the_next_pilot(sandbox: Sandbox, kind: str) -> None:
    (panda_id,) = submit(sandbox)
    env = {"GOCLIENT_TIMEOUT": "1"} if kind == "hang" else {}
    with trouble(sandbox, REPORTS, kind):
        sandbox.env.update(env)
        with started(sandbox, "--once") as process:
            wait_for(process, "the server was not told yet")
            process.send_signal(signal.SIGTERM)
            process.wait(WITHIN)
            assert process.returncode == ExitCode.INTERRUPTED
        for name in env:
            del sandbox.env[name]
    assert not list(sandbox.cwd.glob("goclient-*")), "the node is free all the same"
    assert sandbox.pilot().code == ExitCode.NO_JOB
    assert states(sandbox, panda_id) == {"finished"}


def test_a_service_runs_jobs_until_a_signal_ends_it(sandbox: Sandbox) -> None:
    ids = submit(sandbox, 2)
    with started(sandbox, "--json") as process:
        assert process.stdout is not None
        end = Timer(WITHIN, process.kill)
        end.start()
        told = [json.loads(process.stdout.readline()) for _ in ids]
        end.cancel()
        process.send_signal(signal.SIGTERM)
        process.wait(WITHIN)
        assert process.returncode == ExitCode.INTERRUPTED
    assert [(one["PandaID"], one["state"]) for one in told] == [(one, "finished") for one in ids]
    assert states(sandbox, *ids) == {"finished"}


def test_a_signal_ends_the_job_of_a_service_and_the_service(sandbox: Sandbox) -> None:
    (panda_id,) = submit(sandbox, script="sleep 300 & wait")
    with started(sandbox) as process:
        wait_for(process, "the payload runs")
        process.send_signal(signal.SIGTERM)
        process.wait(WITHIN)
        assert process.returncode == ExitCode.INTERRUPTED
    assert states(sandbox, panda_id) <= {"failed", "activated"}, "the server may try it again"
    sandbox.rows("update jobs set status = 'failed' where panda_id = ?", panda_id)


@pytest.mark.conformance  # it takes long
def test_pilots_on_one_node_do_not_collide(sandbox: Sandbox) -> None:
    """Each looks at the journals of all others; make figures has twenty."""
    ids = submit(sandbox, PILOTS)
    words = ("goclient", "pilot", "--site=TEST1", "--once", "--modes=local")
    pilots = [commands.started(words, env=sandbox.env, cwd=sandbox.cwd, stdout=-1, stderr=-1) for _ in ids]
    for one in pilots:
        one.communicate(timeout=WITHIN)
    assert [one.returncode for one in pilots] == [0] * PILOTS
    assert states(sandbox, *ids) == {"finished"}
    assert not list(Path(sandbox.env["GOCLIENT_STATE"], "jobs").glob("*[0-9].jsonl")), "each job is closed"


def test_the_settings_of_a_site_must_name_the_pilot_that_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    shown = sandbox.run("goclient", "pilot", "--whoami", "--json").json
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[pilot]\nidentity = "{shown["id"]}"\n')
    assert sandbox.run("goclient", "pilot", "--whoami", GOCLIENT_SETTINGS=str(settings)).code == 0
    settings.write_text('[pilot]\nidentity = "somebody@example.org"\n')
    result = sandbox.run("goclient", "pilot", "--whoami", GOCLIENT_SETTINGS=str(settings))
    assert result.code == ExitCode.REQUEST
    assert 'identity of the settings is "somebody@example.org"' in result.err


def test_a_site_sees_as_whom_its_pilot_retrieves_and_that_the_server_takes_it(sandbox: Sandbox) -> None:
    env = sandbox.env
    pilot = {"X509_USER_CERT": env["SANDBOX_PILOT_CERT"], "X509_USER_KEY": env["SANDBOX_PILOT_KEY"]}
    shown = sandbox.run("goclient", "pilot", "--whoami", "--json", **pilot).json
    server = f"{env['MYPROXY_SERVER']}:{env['MYPROXY_SERVER_PORT']}"
    assert (shown["retriever"]["dn"], shown["retriever"]["server"]) == (env["SANDBOX_PILOT_DN"], server)
    settings = sandbox.cwd / "settings.toml"
    settings.write_text(f'[pilot]\ndn = "{env["SANDBOX_PILOT_DN"]}"\n')
    result = sandbox.run("goclient", "pilot", "--whoami", **pilot, GOCLIENT_SETTINGS=str(settings))
    assert result.code == 0, result.err
    assert f"{server} takes it" in result.out


def test_a_site_without_globus_or_a_certificate_is_told_what_fails_there(sandbox: Sandbox) -> None:
    nobody = {"X509_USER_CERT": "", "X509_USER_KEY": "", "GOCLIENT_CLIENT_ID": "", "GOCLIENT_CLIENT_SECRET": ""}
    result = sandbox.run("goclient", "pilot", "--whoami", "--modes=local", **nobody)
    assert result.code == 0, result.err
    assert "nobody: a job with a MyProxy account fails here" in result.out
    assert "none is needed" in result.out


def test_what_is_wrong_with_the_pilot_s_certificate_is_an_error(sandbox: Sandbox) -> None:
    result = sandbox.run("goclient", "pilot", "--whoami", X509_USER_PROXY="/none")
    assert result.code == ExitCode.MYPROXY
    assert "/none" in result.err
    assert "Globus identity" in result.out


def test_a_job_that_needs_another_mode_fails_before_its_payload(sandbox: Sandbox) -> None:
    payload = sandbox.payload("mode.sh", "#!/bin/sh\necho made > made.txt\n")
    words = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--Data=made.txt")
    assert sandbox.run(*words, "--OutputGO=SITE1:/home/osg_data/panda").code == 0
    result = sandbox.pilot("--modes=local", GOCLIENT_GLOBUSCONNECT="/no/such/program", GOCLIENT_CLIENT_ID="")
    assert result.code == ExitCode.ENDPOINT, result.err
    assert "needs the mode gc" in result.err
    assert "the payload runs" not in result.err


def test_a_site_without_a_globus_login_sees_as_whom_its_pilot_retrieves(sandbox: Sandbox) -> None:
    env = sandbox.env
    pilot = {"X509_USER_CERT": env["SANDBOX_PILOT_CERT"], "X509_USER_KEY": env["SANDBOX_PILOT_KEY"]}
    nobody = {"GOCLIENT_CLIENT_ID": "", "GOCLIENT_CLIENT_SECRET": ""}
    result = sandbox.run("goclient", "pilot", "--whoami", **pilot, **nobody)
    assert result.code == ExitCode.LOGIN, result.err
    assert f"{env['SANDBOX_PILOT_DN']}, until" in result.out
    assert "nobody is logged in" in result.out

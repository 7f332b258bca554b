"""The museum: what the pilots of 2012 did wrong once they had a job. None of it is to come back.

Those with credentials, shells and endpoints are looked for in one job, which asks for them all.
"""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.errors import EndpointError
from goclient.model.endpoint import JOB, GlobusEndpoint
from goclient.model.plan import TransferItem, TransferTask
from goclient.model.records.answers import JobState
from goclient.model.remote import TaskState
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.globus_task import Patience
from goclient.sandbox.myproxy.grid import Credential
from goclient.services.panda.client import Command
from goclient.services.panda.owner import is_owned
from tests.commands import Result
from tests.node.transfers import Service, carry_out, job_context
from tests.pilot.owners import State, default_proxies
from tests.pilot.servers import Server, job, pilot
from tests.processes import running_below
from tests.sandboxes import Sandbox, sandbox_in
from tests.servers.proxies import make_proxy

HOME = "/home/osg_data/panda"
HOSTILE = """'"; touch pwned; "' '$(touch pwned)' '`touch pwned`' '| touch pwned'"""
PAYLOAD = """#!/bin/sh
env > environment.txt
ls -A > listing.txt
stat -c '%a %n' . .. ../* > modes.txt
i=0; while [ $i -lt 20000 ]; do echo "line $i of a payload that talks"; i=$((i+1)); done
"""


@dataclass(frozen=True)
class Seen:
    """Outcome of the job: its files at the destination, and how the machine is afterwards."""

    sandbox: Sandbox
    result: Result
    seconds: float
    outputs: dict[str, str]
    proxies: dict[Path, State]  # the pilot's own, and those in /tmp, as they were before
    asked: list[str]  # the paths that the sandbox was asked for while the pilot ran


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A job with an endpoint of a name that exists already, hostile words, and a pilot that has a proxy."""
    base = tmp_path_factory.mktemp("museum")
    with sandbox_in(base) as sandbox:
        env = sandbox.env
        pilot_s = Credential(Path(env["SANDBOX_PILOT_CERT"]), Path(env["SANDBOX_PILOT_KEY"]), env["SANDBOX_PILOT_DN"])
        proxy = make_proxy(pilot_s, base / "proxy.pem")
        made = sandbox.run("goclient", "myproxy", "deposit", "--user=jdoe", f"--retriever={env['SANDBOX_PILOT_DN']}")
        assert made.code == 0, made.err
        _make_endpoint(sandbox, "MINE")
        script = sandbox.payload("museum.sh", PAYLOAD)
        names = "environment.txt,listing.txt,modes.txt"
        made = sandbox.run(
            *("sendJob.py", "--computingSite=TEST1", f"--transformation={script}", "--WorkingendpointGO=MINE"),
            *(f"--Data={names}", f"--OutputGO=SITE1:{HOME}/museum/", "--jobParameters", HOSTILE),
            "--myproxy=jdoe",
        )
        assert made.code == 0, made.err
        requests.delete(f"{sandbox.url}/sandbox/requests", timeout=60)
        proxies = {proxy: State.of(proxy), **default_proxies()}
        before = os.umask(0)
        started = time.monotonic()
        result = sandbox.pilot(X509_USER_PROXY=str(proxy))
        os.umask(before)
        seconds = time.monotonic() - started
        assert result.code == 0, result.err
        there = sandbox.path("SITE1", f"{HOME}/museum")
        outputs = {path.name: path.read_text() for path in there.iterdir()}
        log = requests.get(f"{sandbox.url}/sandbox/requests", timeout=60).json()
        yield Seen(sandbox, result, seconds, outputs, proxies, [one["path"] for one in log["requests"]])


def _make_endpoint(sandbox: Sandbox, name: str) -> None:
    """Make a Globus Connect endpoint of the user, which no job is to touch."""
    row = sandbox.rows("select * from collections where entity_type like 'GCP%' limit 1")[0]
    row |= {"id": "99999999-9999-4999-8999-999999999999", "display_name": name}
    marks = ", ".join("?" * len(row))
    sandbox.rows(f"insert into collections ({', '.join(row)}) values ({marks})", *row.values())


@pytest.mark.conformance  # it takes long
def test_11_the_pilot_s_own_proxy_is_not_replaced(seen: Seen) -> None:
    """Bit for bit, the same file, its time included; the job had its owner's in a file of its own."""
    assert "was retrieved: /C=TW/O=Sandbox/OU=People/CN=Jane Doe, until" in seen.result.err
    assert {path: State.of(path) for path in seen.proxies} == seen.proxies
    assert default_proxies().keys() <= seen.proxies.keys()
    assert not [word for word in ("X509_USER_", "user.pem") if word in seen.outputs["environment.txt"]]


def test_12_a_dn_with_three_common_names_is_shown_whole(tmp_path: Path, sandbox: Sandbox) -> None:
    dn = "/DC=org/CN=pilot/CN=17/CN=Robot: the pilot"
    sandbox.rows("update identities set subject = ? where production = 1", dn)
    assert sandbox.run("goclient", "pilot", "--whoami", "--json").json["dn"] == dn


def test_12_the_owner_of_a_proxy_is_compared_by_the_whole_dn() -> None:
    dn = "/DC=ch/DC=cern/OU=Users/CN=wdeng/CN=718551/CN=Wensheng Deng"
    assert is_owned(f"{dn}/CN=12345", dn)
    assert not is_owned("/DC=ch/DC=cern/OU=Users/CN=wdeng/CN=718552/CN=Wensheng Deng", dn)


def test_13_no_credential_is_removed_at_the_end(seen: Seen) -> None:
    assert all(path.exists() for path in seen.proxies)
    assert Path(seen.sandbox.env["GOCLIENT_PILOT_TOKEN_FILE"]).exists()


def test_14_no_word_of_a_user_is_run_by_a_shell(seen: Seen) -> None:
    assert "pwned" not in seen.outputs["listing.txt"]
    assert not list(seen.sandbox.cwd.rglob("pwned"))


def test_15_nothing_of_a_job_is_open_to_others_whatever_the_umask(seen: Seen) -> None:
    modes = {name: mode for mode, _, name in (line.partition(" ") for line in seen.outputs["modes.txt"].splitlines())}
    assert (modes["."], modes[".."]) == ("700", "700")
    assert (modes["../job.json"], modes["../user.pem"]) == ("600", "600")
    state = Path(seen.sandbox.env["GOCLIENT_STATE"])
    assert [path for path in state.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_16_no_command_is_built_from_values(seen: Seen) -> None:
    assert seen.outputs["listing.txt"].split() == ["environment.txt", "job.out", "listing.txt"]


def test_17_no_program_is_fetched_but_the_payload(seen: Seen) -> None:
    known = ("/myproxy/jdoe", "/api/v1/", "/v0.10/", "/v2/", "/connect/")
    assert {path for path in seen.asked if not path.startswith(known)} == {"/transformations/museum.sh"}


def test_18_a_payload_that_says_more_than_a_pipe_holds_ends(seen: Seen) -> None:
    assert "the job is done" in seen.result.err


def test_19_no_configuration_of_globus_connect_stays(seen: Seen) -> None:
    assert not list(seen.sandbox.cwd.glob("goclient-*"))
    assert not list(seen.sandbox.cwd.glob(".globus*"))


def test_20_an_endpoint_that_existed_before_is_not_touched(seen: Seen) -> None:
    known = "select display_name from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'"
    assert seen.sandbox.rows(known) == [{"display_name": "MINE"}]


def test_21_nothing_of_a_job_runs_on_and_nothing_else_is_ended(seen: Seen) -> None:
    """That of another pilot of the account: test_two_pilots_of_one_account_do_not_get_in_each_other_s_way."""
    assert running_below(seen.sandbox.cwd) == []


def test_22_no_fixed_times_are_slept(seen: Seen) -> None:
    assert seen.seconds < 45, "70 s of sleeps alone in 2012"


PATIENCE = Patience(deadline=60.0, faults=60.0)
SITE = GlobusEndpoint("11111111-1111-4111-8111-111111111111", "SITE1")
NODE_ID = GlobusEndpoint("22222222-2222-4222-8222-222222222222", "the node")
TASK = TransferTask("output", JOB, SITE, (TransferItem("out.dat", "/out.dat", recursive=False),))


class Standing(Service):
    """A service whose tasks have this status for ever."""

    status = "ACTIVE"

    def _state(self, task_id: str) -> TaskState:
        return replace(super()._state(task_id), status=self.status)


@pytest.fixture
def service(tmp_path: Path) -> Standing:
    there = tmp_path / "there"
    there.mkdir()
    return Standing({SITE.text: there, NODE_ID.text: Path("/")})


def transfer(tmp_path: Path, service: Service, patience: Patience = PATIENCE) -> None:
    """Transfer one file of a job to SITE1."""
    context = job_context(tmp_path / "scratch")
    (context.directory / "out.dat").write_text("x")
    carry_out(GlobusEngine(context, service, patience, connect=NODE_ID), TASK)


def test_23_a_task_is_kept_by_its_id_and_asked_for_until_it_has_ended(seen: Seen) -> None:
    (journal,) = Path(seen.sandbox.env["GOCLIENT_STATE"], "jobs").iterdir()
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    ended = [one for one in entries if one["what"] == "transfer" and one["state"] == "done"]
    tasks = seen.sandbox.rows("select task_id, status from tasks where type = 'TRANSFER'")
    assert [one["subjects"][1] for one in ended] == [task["task_id"] for task in tasks]
    assert [task["status"] for task in tasks] == ["SUCCEEDED"]


def test_24_a_payload_that_fails_is_no_finished_job(tmp_path: Path) -> None:
    server = Server(jobs=[job(transformation="/bin/false")])
    outcome = pilot(tmp_path, server).run_one()
    assert outcome is not None
    assert outcome.state == "failed"
    assert server.ends == [(17, "failed")]


@pytest.mark.parametrize("status", ["FAILED", "INACTIVE"])
def test_25_a_task_that_is_not_active_is_not_done(tmp_path: Path, service: Standing, status: str) -> None:
    service.status = status
    with pytest.raises(EndpointError, match=r"failed|paused"):
        transfer(tmp_path, service)


def test_25_a_task_that_does_not_end_has_a_deadline(tmp_path: Path, service: Standing) -> None:
    with pytest.raises(EndpointError, match="given up"):
        transfer(tmp_path, service, Patience(deadline=0.3, faults=60.0))
    assert len(service.cancelled) == 1


def test_26_without_its_endpoint_a_job_is_not_run(sandbox: Sandbox) -> None:
    script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
    words = ("sendJob.py", "--computingSite=TEST1", f"--transformation={script}", "--Data=made.txt")
    assert sandbox.run(*words, f"--OutputGO=SITE1:{HOME}").code == 0
    fault = {"route": "POST /v0.10/endpoint", "kind": "error", "status": 403, "document": {"code": "PermissionDenied"}}
    assert requests.post(f"{sandbox.url}/sandbox/trouble", json=fault, timeout=60).ok
    result = sandbox.pilot()
    assert result.code == 40, result.err
    assert "the payload runs" not in result.err
    (row,) = sandbox.rows("select status from jobs")
    assert row["status"] == "failed"


def test_27_output_through_a_server_goes_without_input_too(sandbox: Sandbox) -> None:
    script = sandbox.payload("make.sh", "#!/bin/sh\necho made > made.txt\n")
    (site,) = sandbox.rows("select id from collections where display_name = 'SITE1'")
    words = ("sendJob.py", "--computingSite=TEST1", f"--transformation={script}", "--Data=made.txt")
    assert sandbox.run(*words, f"--OutputGO=SITE1:{HOME}", f"--WorkingendpointGO={site['id']}").code == 0
    work = sandbox.path("SITE1", "/scratch")
    work.mkdir()
    result = sandbox.pilot(f"--sharedFolder={sandbox.path('SITE1')}=/", TMPDIR=str(work))
    assert result.code == 0, result.err
    assert sandbox.path("SITE1", f"{HOME}/made.txt").read_text() == "made\n"


class Broken(Server):
    """A server whose answers to heartbeats are not even errors."""

    def update(self, panda_id: int, state: str, **details: Any) -> Command:
        if state == "running":
            raise RuntimeError("a defect")
        return super().update(panda_id, state, **details)


def test_28_a_heartbeat_that_breaks_ends_the_job_and_hangs_nobody(tmp_path: Path) -> None:
    server = Broken(jobs=[job(transformation="/bin/true")])
    before = threading.active_count()
    outcome = pilot(tmp_path, server, heartbeat=0.0).run_one()
    assert outcome is not None
    assert "unexpected RuntimeError" in str(outcome.error)
    assert server.ends == [(17, "failed")]
    assert threading.active_count() == before


def test_29_what_cannot_be_removed_keeps_no_job_from_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(jobs=[job()], states={17: JobState(17, 1, 0, "running", "", "")})

    def fail(*_: object, **__: object) -> None:
        raise OSError("Device or resource busy")

    monkeypatch.setattr("goclient.pilot.clean_up.remove_tree", fail)
    outcome = pilot(tmp_path, server).run_one()
    assert outcome is not None
    assert server.ends == [(17, "finished")]

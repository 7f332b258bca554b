"""A goclient pilot leaves the transfers of a carried job to its carrier, and hands out secrets as sites do."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from goclient.model.endpoint import JOB, read_endpoint
from goclient.model.location import JOB_DIRECTORY, Location, Transfer
from goclient.model.mode import Mode
from goclient.model.records.registry import attach_carried
from goclient.model.spec import TransferSpec
from tests.pilot.servers import Server, job, pilot
from tests.sandboxes import Sandbox

SECRETS = json.dumps({"___file___:goclient-abababab.json": "e30gYSBzZWNyZXQ="})
SCRIPT = """#!/bin/sh
exec >"$OUT"
stat -c %a panda_secrets.json; cat panda_secrets.json; echo; echo "$PANDAID $PILOT_VERSION"; printf '%s\\n' "$@"
"""


def test_a_carried_job_runs_without_transfers_of_the_pilots(tmp_path: Path) -> None:
    source = Location(read_endpoint("8b5eb87a-10b2-4626-96dc-d9ab00c6942a"), "/in/file")
    spec = TransferSpec(
        stage_in=(Transfer(source, JOB_DIRECTORY),),
        output=(Transfer(Location(JOB, "/made"), source.with_path("/out/")),),
        working="W", in_mode=Mode.HTTPS, out_mode=Mode.HTTPS,
    )  # fmt: skip
    script, out = tmp_path / "run", tmp_path / "out"
    script.write_text(SCRIPT.replace("$OUT", str(out)))
    script.chmod(0o755)
    words = attach_carried("-a jobO.x.tar.gz", spec, "ab" * 32)
    server = Server([replace(job(transformation=str(script)), parameters=words, secrets=SECRETS)])
    outcome = pilot(tmp_path, server, env={**os.environ, "PILOT_VERSION": "3.11.5.1"}).run_one()
    assert outcome is not None
    assert (outcome.state, outcome.error) == ("finished", None)
    assert out.read_text().splitlines() == ["600", SECRETS, "17 3.7.6.6", "-a", "jobO.x.tar.gz"]


def test_secrets_are_neither_kept_nor_shown(tmp_path: Path) -> None:
    taken = replace(job(transformation="/bin/false"), secrets=SECRETS)
    assert SECRETS not in repr(taken)
    outcome = pilot(tmp_path, Server([taken])).run_one()
    assert outcome is not None
    assert outcome.state == "failed"
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and b"e30gYSBzZWNyZXQ=" in path.read_bytes()]
    assert kept == []


def test_a_carried_job_runs_from_its_submission_to_the_file(sandbox: Sandbox) -> None:
    """The transformation is runGen, which unpacks the carrier."""
    script = sandbox.cwd / "run.sh"
    script.write_text("#!/bin/sh\ncat 0064.file 0064.file >twice.file\n")
    script.chmod(0o755)
    (row,) = sandbox.rows("select id from collections where display_name = 'GUEST1'")
    there = f"{row['id']}:/campaign"
    sent = sandbox.run(
        "sendJob.py", "--goCarry", "--computingSite=TEST1", "--transformation=./run.sh",
        f"--StageinGOsrc={there}/in/0064.file", "--Data=twice.file", f"--OutputGO={there}/out/",
    )  # fmt: skip
    assert sent.code == 0, sent.err
    result = sandbox.pilot()
    assert result.code == 0, result.err
    assert len(sandbox.path("SITE1", "/shared/campaign/out/twice.file").read_bytes()) == 2 * 1984


@pytest.mark.conformance  # it takes long
def test_the_owner_of_a_carried_job_reads_why_it_failed(sandbox: Sandbox) -> None:
    (sandbox.cwd / "run.sh").write_text("#!/bin/sh\nexit 0\n")
    (sandbox.cwd / "run.sh").chmod(0o755)
    (row,) = sandbox.rows("select id from collections where display_name = 'GUEST1'")
    sent = sandbox.run(
        "sendJob.py", "--goCarry", "--computingSite=TEST1", "--transformation=./run.sh",
        "--Data=missing.file", f"--OutputGO={row['id']}:/campaign/out/",
    )  # fmt: skip
    assert sent.code == 0, sent.err
    result = sandbox.pilot("--json", PILOT_VERSION="3.11.5.1")
    assert result.json["state"] == "failed"
    assert result.json["reason"] == 'goclient: output: "missing.file": the job did not create this file'

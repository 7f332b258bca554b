"""The example of the 2012 page, as a user types it, from submission to the file at SITE1."""

from __future__ import annotations

import hashlib
import json
from itertools import groupby
from pathlib import Path

import pytest

from goclient.model.records.panda_job import decode_jobs
from goclient.model.records.registry import decode
from goclient.sandbox.demo import command_line
from tests.commands import Run
from tests.sandboxes import Sandbox

INPUT, OUTPUT = "/home/osg_data/panda/0064.file", "/home/osg_data/panda/10mb-file.bin"


def test_the_page_s_example_ends_with_its_file_at_site1(sandbox: Sandbox) -> None:
    submitted = sandbox.run(*command_line(sandbox.url))
    assert submitted.code == 0, submitted.err
    assert submitted.out.startswith("PandaID=1 jobName=")

    piloted = sandbox.pilot()
    assert piloted.code == 0, piloted.err
    assert piloted.out.startswith("PandaID=1 finished")

    output = sandbox.path("SITE1", OUTPUT)
    assert output.stat().st_size == 10 * 1024 * 1024
    (moved,) = sandbox.rows("select checksum from transferred where destination_path like '%.bin'")
    assert moved["checksum"] == hashlib.md5(output.read_bytes()).hexdigest()
    assert sandbox.path("SITE1", INPUT).exists(), "the source is copied, not moved"


@pytest.mark.conformance  # it takes long
def test_nothing_temporary_is_left_on_the_node_or_at_globus(sandbox: Sandbox) -> None:
    before = sorted(path.name for path in sandbox.cwd.iterdir())
    personal = "select id from collections where entity_type = 'GCP_mapped_collection'"
    endpoints = sandbox.rows(personal)
    assert sandbox.run(*command_line(sandbox.url)).code == 0
    assert sandbox.pilot().code == 0
    assert sorted(path.name for path in sandbox.cwd.iterdir()) == before
    assert sandbox.rows(personal) == endpoints


@pytest.mark.conformance  # it takes long
def test_status_tells_the_job_s_state_and_its_transfers(sandbox: Sandbox) -> None:
    sandbox.run(*command_line(sandbox.url))
    (waiting,) = sandbox.run("goclient", "status", "1", "--json").json
    assert {"PandaID": 1, "state": "activated", "reason": "", "transfers": []}.items() <= waiting.items()
    assert (waiting["site"], waiting["task"], waiting["ended"]) == ("TEST1", None, None)
    sandbox.pilot()
    (done,) = sandbox.run("goclient", "status", "1", "--json").json
    assert (done["PandaID"], done["state"], done["reason"]) == (1, "finished", "")
    assert [(t["phase"], t["state"], t["files"], t["bytes"]) for t in done["transfers"]] == [
        ("stage-in", "SUCCEEDED", 1, sandbox.path("SITE1", INPUT).stat().st_size),
        ("output", "SUCCEEDED", 1, 10 * 1024 * 1024),
    ]
    assert waiting["created"] == done["created"] <= done["started"] <= done["ended"]
    assert set(done["seconds"]) == {"stage-in", "payload", "output", "total"}
    table = sandbox.run("goclient", "status", "1").out
    for word in ("PandaID", "finished", "SUCCEEDED", "stage-in", "output", done["transfers"][0]["task_id"]):
        assert word in table


def test_the_json_of_a_submission_is_the_contract_s(shared_sandbox: Sandbox) -> None:
    words = (*command_line(shared_sandbox.url), "--json")
    tried = shared_sandbox.run(*words, "--noSubmit").json
    assert set(tried) == {"spec", "plan", "findings", "record"}
    (job,) = decode_jobs(tried["record"])
    assert decode(job["jobParameters"]).spec.model_dump(mode="json") == tried["spec"]
    site = shared_sandbox.rows("select id from collections where display_name = 'SITE1'")[0]["id"]
    assert tried["plan"] == [
        {
            "phase": "stage-in",
            "source": site,
            "destination": "OSGDEV",
            "items": [{"source": INPUT, "destination": "0064.file", "recursive": False}],
        },
        {
            "phase": "output",
            "source": "OSGDEV",
            "destination": site,
            "items": [{"source": "10mb-file.bin", "destination": OUTPUT, "recursive": False}],
        },
    ]
    assert {finding["level"] for finding in tried["findings"]} == {"ok"}
    assert all(set(one) == {"level", "code", "subject", "message", "hint"} for one in tried["findings"])
    assert shared_sandbox.rows("select * from jobs") == [], "--noSubmit sends nothing"

    sent = shared_sandbox.run(*words).json
    assert set(sent) == {"spec", "plan", "findings", "jobs"}
    assert [set(one) for one in sent["jobs"]] == [{"PandaID", "jobName"}]


def test_the_record_is_the_job_that_a_send_job_submits(shared_sandbox: Sandbox) -> None:
    tried = shared_sandbox.run(*command_line(shared_sandbox.url), "--json", "--noSubmit").json
    (job,) = decode_jobs(tried["record"])
    (file,) = job.pop("Files")
    name, block = job.pop("jobName"), job.pop("destinationDBlock")
    assert file == {
        "lfn": f"{name}.job.log.tgz",
        "type": "log",
        "dataset": block,
        "destinationDBlock": block,
        **{key: file[key] for key in file if file[key] is None},
    }
    assert block.startswith("panda.destDB.")
    assert 0 < job.pop("jobDefinitionID") < 10_000
    assert job.pop("jobParameters").startswith("--goclient=v1:4 --StageinGOsrc=")
    assert job == {
        "transformation": f"{shared_sandbox.url}/transformations/datatransfer.sh",
        "computingSite": "TEST1",
        "prodSourceLabel": "user",
        "destinationSE": "local",
        "currentPriority": 1000,
        "cloud": "OSG",
    }


@pytest.mark.conformance  # it takes long
def test_several_jobs_differ_in_their_name_and_where_sn_stands(sandbox: Sandbox) -> None:
    payload = sandbox.payload("echo.sh", '#!/bin/sh\necho "$1" > out.txt\n')
    result = sandbox.run(
        "sendJob.py", "--njobs", "3", "--computingSite", "TEST1", "--transformation", payload,
        "--jobParameters", "job-${SN/P}", "--Data=out.txt", "--OutputGO=SITE1:/home/osg_data/panda/run${SN}/",
    )  # fmt: skip
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert len({line.split("jobName=")[1] for line in lines}) == 3
    for _ in range(3):
        assert sandbox.pilot().code == 0
    for number in (1, 2, 3):
        made = sandbox.path("SITE1", f"home/osg_data/panda/run{number}/out.txt")
        assert made.read_text() == f"job-{number:06d}\n"


def test_each_submission_is_in_the_journal_before_and_after_the_call(sandbox: Sandbox, tmp_path: Path) -> None:
    assert sandbox.run(*command_line(sandbox.url), GOCLIENT_STATE=str(tmp_path / "state")).code == 0
    journal = tmp_path / "state" / "journal.jsonl"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    assert [(entry["what"], entry["state"]) for entry in entries] == [
        ("request", "intended"),
        ("submission", "intended"),
        ("submission", "accepted"),
        ("request", "done"),
    ]
    request, intended, accepted, told = entries
    assert (request["key"], intended["key"]) == (told["key"], accepted["key"])
    assert accepted["subjects"] == ["1"]


@pytest.mark.conformance  # it takes long
def test_the_demo_shows_each_step_and_compares_the_output_at_both_ends(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    shown = run("goclient", "sandbox", "demo", "--dir", str(folder))
    assert shown.code == 0, shown.out + shown.err
    lines = shown.out.splitlines()
    steps = [step for step, _ in groupby(line.split()[0] for line in lines)]
    first = ["sandbox", "deposit", "submit", "record", "pilot", "status", "output"]
    assert steps == [*first, "again", "submit", "record", "site", "status", "output", "look", "next"]
    carried = folder / "collections/SITE1/shared/campaign/out/10mb-file.bin"
    assert f"output  {carried}: 10485760 bytes" in lines
    output = folder / "collections" / "SITE1" / OUTPUT.lstrip("/")
    checksum = hashlib.md5(output.read_bytes()).hexdigest()
    assert f"output  {output}" in lines
    assert sum(f"10485760 bytes, MD5 {checksum}" in line for line in lines) == 2
    assert any(
        line.startswith("record  --goclient=v1:5 --StageinGOsrc=") and "--MyproxyGO=wdeng@" in line for line in lines
    )
    assert not (folder / "answers").exists(), "the sandbox ends with the demo"

    again = run("goclient", "sandbox", "demo", "--dir", str(folder))
    assert again.code == 40
    assert "SITE1:/home/osg_data/panda/10mb-file.bin" in again.out
    assert "--goOverwrite" in again.out
    assert run("goclient", "sandbox", "demo", "--dir", str(folder), "--goOverwrite").code == 0


@pytest.mark.conformance  # it takes long
def test_without_a_folder_nothing_of_the_demo_stays(run: Run, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    assert run("goclient", "sandbox", "demo", TMPDIR=str(temporary)).code == 0
    assert list(temporary.iterdir()) == []
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("panda_id", ["77", "0"])
def test_a_job_that_the_server_does_not_know_is_an_error(shared_sandbox: Sandbox, panda_id: str) -> None:
    result = shared_sandbox.run("goclient", "status", panda_id, "--json")
    assert result.code == 90
    assert panda_id in result.json["error"]["message"]

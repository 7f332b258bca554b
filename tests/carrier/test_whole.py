"""A job of sendJob --goCarry runs at a site that knows nothing of goclient, from the command line to the file."""

from __future__ import annotations

import io
import json
import shlex
import tarfile
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

import goclient
from goclient.carrier.plan import PLAN
from goclient.node.globus_connect import PROGRAM
from goclient.sandbox.directory import Directory
from tests.commands import started
from tests.sandboxes import Sandbox

RUN = """#!/bin/sh
set -e
cat 0064.file lib/more.txt > "$2"
printf '%s|' "$@" >> "$2"
"""
MOVES = ("--StageinGOsrc=GUEST1:/campaign/in/0064.file", "--Data=hits.${SN}", "--OutputGO=GUEST1:/campaign/out/")


PILOTS = ["3.7", "3.11"]


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """The sandbox's user, in a directory with a program and a file that it needs."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/more.txt").write_text("more\n")
    (tmp_path / "run.sh").write_text(RUN)
    shared_sandbox.cwd = tmp_path
    return shared_sandbox


def submit(user: Sandbox, *words: str) -> list[int]:
    result = user.run(
        "sendJob.py", "--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--goFiles=lib/", "--json",
        "--goOverwrite", *MOVES, *words,
    )  # fmt: skip
    assert result.code == 0, result.err
    return [job["PandaID"] for job in result.json["jobs"]]


def site(user: Sandbox, *words: str) -> dict[str, Any]:
    """Return what a site's pilot reports of the next job."""
    result = user.run("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json", *words)
    found: dict[str, Any] = json.loads(result.out)
    assert found["left"] == []
    return found


@pytest.mark.conformance  # it takes long
def test_a_node_with_an_old_python_says_so_and_the_output_has_the_name_that_was_typed(user: Sandbox) -> None:
    sent = user.run(
        "sendJob.py", "--computingSite=TEST1", "--goCarry", "--transformation=./run.sh", "--goFiles=lib/",
        "--goOverwrite", *MOVES,
    )  # fmt: skip
    assert "GUEST1:/campaign/out/hits.1" in sent.err
    told = site(user, "--fault=old-python3", "--pilotVersion=3.7")
    assert told["state"] == "failed"
    assert "this node's Python is 3.6, and the job needs Python 3.9 or later" in told["pilotErrorDiag"]


@pytest.mark.conformance  # it takes long
def test_the_program_runs_with_its_files_its_input_and_its_own_words(
    user: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in user.env.items():
        monkeypatch.setenv(name, value)
    odd = "a  b$HOME'\"%IN`id`"
    words = f"-o hits.${{SN}} {shlex.quote(odd)} ${{SN/P}}"
    ids = submit(user, "--njobs=2", f"--jobParameters={words}")
    top = user.path("SITE1", "/shared/campaign")
    for serial, panda_id in enumerate(ids, 1):
        report = site(user)
        assert (report["PandaID"], report["state"], report["exeErrorDiag"]) == (panda_id, "finished", "")
        made = (top / f"out/hits.{serial}").read_text()
        assert made == (top / "in/0064.file").read_text() + f"more\n-o|hits.{serial}|{odd}|{serial:06d}|"
    client = goclient.Client()
    assert [one.state for one in client.status(ids)] == ["finished"] * 2
    (first, _) = client.results(ids)
    assert [file.location.partition(":")[2] for file in first.files] == ["/campaign/out/hits.1"]


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("pilot", PILOTS)
def test_a_plan_that_was_changed_on_its_way_is_not_carried_out(user: Sandbox, pilot: str) -> None:
    (panda_id,) = submit(user, "--jobParameters=-o hits.1")
    (name,) = (one["name"] for one in user.rows("select name from cache_files order by created desc limit 1"))
    path = user.root / "cache" / name
    packed = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=packed, mode="w:gz") as new:
        for member in old:
            file = old.extractfile(member)
            content = file.read() if file is not None else b""
            if member.name == PLAN:
                content = content.replace(b"/campaign/out/", b"/campaign/in/")
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    path.write_bytes(packed.getvalue())
    report = site(user, f"--pilotVersion={pilot}")
    assert (report["PandaID"], report["state"]) == (panda_id, "failed")
    assert "goclient: the plan " in report["pilotErrorDiag"], report


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("pilot", PILOTS)
def test_a_source_that_has_gone_is_named_where_the_user_looks(user: Sandbox, pilot: str) -> None:
    source = user.path("SITE1", "/shared/campaign/in/gone.dat")
    source.write_text("x")
    (panda_id,) = submit(user, "--StageinGOsrc=GUEST1:/campaign/in/gone.dat", "--jobParameters=-o hits.1")
    source.unlink()
    report = site(user, f"--pilotVersion={pilot}")
    assert (report["PandaID"], report["state"]) == (panda_id, "failed")
    (status,) = user.run("goclient", "status", str(panda_id), "--json").json
    assert "gone.dat" in status["reason"]
    assert "goclient: " in status["reason"]


@pytest.mark.conformance  # it takes long
def test_a_program_that_fails_is_the_jobs_own_failure(user: Sandbox) -> None:
    (panda_id,) = submit(user, "--jobParameters=-o /nowhere/hits")
    report = site(user)
    assert (report["PandaID"], report["state"], report["transExitCode"]) == (panda_id, "failed", 18)
    assert report["pilotErrorDiag"].startswith("payload execution failed with ")


# --- Globus Connect -------------------------------------------------------------------------------------------------


def connect_archive(user: Sandbox) -> str:
    """Put the sandbox's Globus Connect into an archive, as Globus gives it; return its URL."""
    path = user.root / "transformations/globusconnectpersonal-latest.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(Directory(user.root).programs / PROGRAM, f"{PROGRAM}-3.2.8/{PROGRAM}")
    return f"{user.url}/transformations/{path.name}"


def personal(user: Sandbox) -> list[str]:
    """The names of the endpoints that jobs have made and not removed."""
    query = "select display_name from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'"
    return [row["display_name"] for row in user.rows(query)]


@pytest.mark.conformance  # it takes long
@pytest.mark.parametrize("travels", [False, True], ids=["url", "in-the-archive"])
def test_files_go_through_globus_connect_if_the_user_gives_its_archive(user: Sandbox, *, travels: bool) -> None:
    where = connect_archive(user)
    if travels:
        name = where.rpartition("/")[2]
        (user.cwd / name).write_bytes((user.root / "transformations" / name).read_bytes())
        where = f"./{name},--goFiles={name}"
    top, words = user.path("SITE1", "/shared/campaign"), where.split(",")
    (top / "in/some").mkdir(exist_ok=True)
    (top / "in/some/a.txt").write_text("a\n")
    (panda_id,) = submit(
        user, f"--goConnect={words[0]}", *words[1:], "--StageinGOsrc=GUEST1:/campaign/in/some/", "--goVia=gc",
        "--jobParameters=-o hits.1",
    )  # fmt: skip
    report = site(user)
    assert report["state"] == "finished", report["exeErrorDiag"]
    assert "more\n" in (top / "out/hits.1").read_text()
    assert personal(user) == []
    (status,) = user.run("goclient", "status", str(panda_id), "--json").json
    rows = [(one["phase"], one["state"], one["files"], bool(one["task_id"])) for one in status["transfers"]]
    assert rows == [("stage-in", "SUCCEEDED", 2, True), ("output", "SUCCEEDED", 1, True)]


@pytest.mark.conformance  # it takes long
def test_a_running_job_through_globus_connect_is_looked_up_as_its_service_client(user: Sandbox) -> None:
    """It has told nothing yet: what it would tell is taken away."""
    (panda_id,) = submit(user, f"--goConnect={connect_archive(user)}", "--jobParameters=-o hits.1")
    assert site(user)["state"] == "finished"
    user.rows("update jobs set attributes = json_remove(attributes, '$.metadata') where panda_id = ?", panda_id)
    (status,) = user.run("goclient", "status", str(panda_id), "--json").json
    assert sorted(one["phase"] for one in status["transfers"]) == ["output", "stage-in"]
    warned = user.run("goclient", "status", str(panda_id), GOCLIENT_CARRY_CLIENT_ID="", GOCLIENT_CARRY_CLIENT_SECRET="")
    assert "no service client is set" in warned.err
    user.rows("update jobs set status = 'failed' where panda_id = ?", panda_id)
    retried = user.run("goclient", "retry", str(panda_id), "--json")
    assert "all its outputs have arrived" in retried.json["left"][0]["why"], "as Globus tells the service client"


@pytest.mark.conformance  # it takes long
def test_globus_connect_that_is_not_there_is_told_where_the_user_looks(user: Sandbox) -> None:
    (panda_id,) = submit(user, "--goConnect=/cvmfs/none/globusconnectpersonal", "--jobParameters=-o hits.1")
    report = site(user)
    assert (report["PandaID"], report["state"], report["exeErrorCode"]) == (panda_id, "failed", 5908)
    assert "Globus Connect cannot be used from" in report["pilotErrorDiag"]
    assert personal(user) == []


@pytest.mark.conformance  # it takes long
def test_a_job_by_https_tells_its_transfers(user: Sandbox) -> None:
    (panda_id,) = submit(user, "--jobParameters=-o hits.1")
    assert site(user)["state"] == "finished"
    (status,) = user.run("goclient", "status", str(panda_id), "--json").json
    rows = [(one["phase"], one["state"], one["files"], one["task_id"]) for one in status["transfers"]]
    assert rows == [("stage-in", "SUCCEEDED", 1, None), ("output", "SUCCEEDED", 1, None)]


# --- a server that sees the job's directory -------------------------------------------------------------------------


def seeing(user: Sandbox, path: str = "/") -> str:
    """Make a collection that has a path of the site's nodes as its top; the service client may use it."""
    made, rule = str(uuid.uuid4()), str(uuid.uuid4())
    collection = "select ?, ?, owner, entity_type, ?, 1 from collections where display_name = 'GUEST1'"
    columns = "collections (id, display_name, owner, entity_type, root, public)"
    user.rows(f"insert into {columns} {collection}", made, made, path)
    more = "principal_type, principal, permissions, created, expires from rules where path = '/campaign/'"
    user.rows(f"insert into rules select ?, ?, ?, {more} and expires is not null", rule, made, f"{user.root}/site/")
    return made


@pytest.mark.conformance  # it takes long
def test_files_pass_through_a_server_that_sees_the_jobs_directory(user: Sandbox) -> None:
    top = user.path("SITE1", "/shared/campaign")
    (panda_id,) = submit(user, f"--WorkingendpointGO={seeing(user)}", "--jobParameters=-o hits.1")
    report = site(user)
    assert report["state"] == "finished", report["exeErrorDiag"]
    assert "more\n" in (top / "out/hits.1").read_text()
    (status,) = user.run("goclient", "status", str(panda_id), "--json").json
    assert [(one["phase"], one["state"], bool(one["task_id"])) for one in status["transfers"]] == [
        ("stage-in", "SUCCEEDED", True), ("output", "SUCCEEDED", True),
    ]  # fmt: skip


@pytest.mark.conformance  # it takes long
def test_a_carried_job_is_stopped_by_its_user_while_its_files_move(user: Sandbox) -> None:
    """Its transfer task is cancelled by the carrier, whose pilot knows nothing of it; and nothing of it runs on."""
    (user.path("SITE1", "/shared/campaign") / "in/long.dat").write_text("x" * 1000)
    moves = ("--StageinGOsrc=GUEST1:/campaign/in/long.dat", "--jobParameters=-o hits.stopped")
    (panda_id,) = submit(user, f"--WorkingendpointGO={seeing(user)}", *moves)
    user.set(bytes_per_second=1)
    words = ("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json", "--heartbeatSeconds=1")
    process = started(words, env=user.env, cwd=user.cwd, stdout=-1, stderr=-1)
    try:
        deadline = time.monotonic() + 50
        while not user.rows("select 1 from tasks where status = 'ACTIVE'"):
            assert time.monotonic() < deadline, "no file moves"
            time.sleep(0.1)
        killed = user.run("goclient", "kill", str(panda_id), "--json")
        assert (killed.code, killed.json["stopped"][0]["state"]) == (0, "running"), killed
        told = json.loads(process.communicate(timeout=50)[0])
    finally:
        user.set()
        process.kill()
    assert (told["PandaID"], told["state"], told["left"]) == (panda_id, "failed", [])
    assert user.rows("select 1 from tasks where status = 'ACTIVE'") == []
    query = "select status, fatal from tasks where type = 'TRANSFER' order by request_time desc limit 1"
    (task,) = user.rows(query)
    assert (task["status"], json.loads(task["fatal"])["code"]) == ("FAILED", "CANCELED")
    assert not (user.path("SITE1", "/shared/campaign") / "out/hits.stopped").exists()
    again = user.run("goclient", "kill", str(panda_id), "--json").json["stopped"]
    assert [(one["state"], one["why"]) for one in again] == [("cancelled", "it was over before")]


@pytest.mark.conformance  # it takes long
def test_a_server_that_does_not_see_the_directory_is_told(user: Sandbox) -> None:
    (panda_id,) = submit(user, f"--WorkingendpointGO={seeing(user, str(user.cwd))}", "--jobParameters=-o hits.1")
    report = site(user)
    assert (report["PandaID"], report["state"]) == (panda_id, "failed")
    assert "does not see the job's directory" in report["pilotErrorDiag"]

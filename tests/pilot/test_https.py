"""A job goes by HTTPS, from its submission to the file at the other collection: no transfer task, no Globus Connect."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.commands import TIMEOUT, Result
from tests.sandboxes import Sandbox

INPUT = "/home/osg_data/panda/0064.file"
COPY = "#!/bin/sh\ncat 0064.file 0064.file > twice.file\n"
TWICE = b"The input of the 2012 example.\n" * 128
GRANTS = "auth.globus.org/scopes"


@pytest.fixture
def ids(sandbox: Sandbox) -> dict[str, str]:
    return {row["display_name"]: row["id"] for row in sandbox.rows("select * from collections")}


def tokens_alone(sandbox: Sandbox, home: Path, *collections: str) -> dict[str, str]:
    """The environment of a pilot that has tokens for the HTTPS servers of these collections, and nothing else."""
    secret = (sandbox.env["GOCLIENT_CLIENT_ID"], sandbox.env["GOCLIENT_CLIENT_SECRET"])
    stored: dict[str, Any] = {}
    for one in collections:
        scope = f"https://{GRANTS}/{one}/https"
        form = {"grant_type": "client_credentials", "scope": scope}
        answer = requests.post(f"{sandbox.url}/v2/oauth2/token", data=form, auth=secret, timeout=TIMEOUT).json()
        stored[one] = {
            "resource_server": one, "identity_id": None, "scope": scope, "access_token": answer["access_token"],
            "refresh_token": None, "expires_at_seconds": 4_000_000_000, "token_type": "Bearer",
        }  # fmt: skip
    native = sandbox.env["SANDBOX_NATIVE_CLIENT_ID"]
    file = home / ".globus" / "app" / native / "goclient" / "goclient-sandbox-tokens.json"
    file.parent.mkdir(parents=True, mode=0o700)
    file.touch(mode=0o600)
    file.write_text(json.dumps({"data": {"DEFAULT": stored}, "format_version": "2.0"}))
    settings = home / "settings.toml"
    lines = [f'{one} = "{sandbox.url}/https/{one}"' for one in collections]
    settings.write_text("\n".join(["[https]", *lines]) + "\n")
    return {
        "HOME": str(home), "GOCLIENT_CLIENT_ID": native, "GOCLIENT_CLIENT_SECRET": "",
        "GOCLIENT_SETTINGS": str(settings), "GOCLIENT_GLOBUSCONNECT": "/none/globusconnectpersonal",
    }  # fmt: skip


def submit(sandbox: Sandbox, *words: str, **more: str) -> Result:
    payload = sandbox.payload("copy.sh", COPY)
    return sandbox.run("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", *words, **more)


def asked(sandbox: Sandbox) -> list[str]:
    """Return what Globus, its collections and Auth were asked since the list was begun."""
    found = requests.get(f"{sandbox.url}/sandbox/requests", timeout=TIMEOUT).json()["requests"]
    shown = (f"{one['method']} {one['path']}" for one in found)
    return [one for one in shown if " /v0.10/" in one or " /v2/" in one or " /https/" in one]


def test_a_pilot_with_tokens_for_https_alone_brings_and_takes_files(
    sandbox: Sandbox, ids: dict[str, str], tmp_path: Path
) -> None:
    sent = submit(
        sandbox, f"--StageinGOsrc=SITE1:{INPUT}", "--Data=twice.file",
        "--OutputGO=wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/", "--goVia=https",
    )  # fmt: skip
    assert sent.code == 0, sent.err
    pilot = tokens_alone(sandbox, tmp_path, ids["SITE1"], ids["wdeng#ANLHEP_ATLAS8"])
    requests.delete(f"{sandbox.url}/sandbox/requests", timeout=TIMEOUT)
    done = sandbox.pilot("--modes=https", "--json", **pilot)
    assert (done.code, done.json["state"]) == (0, "finished"), done.err
    arrived = sandbox.path("wdeng#ANLHEP_ATLAS8", "/atlas/dq2/test/twice.file").read_bytes()
    assert hashlib.sha256(arrived).digest() == hashlib.sha256(TWICE).digest()
    assert [one.name for one in sandbox.path("wdeng#ANLHEP_ATLAS8", "/atlas/dq2/test").iterdir()] == ["twice.file"]
    secret = json.loads(next(tmp_path.rglob("*tokens.json")).read_text())["data"]["DEFAULT"][ids["SITE1"]][
        "access_token"
    ]
    kept = [one for one in Path(sandbox.env["GOCLIENT_STATE"]).rglob("*") if one.is_file()]
    assert not any(
        secret in text for text in (done.out, done.err, *(one.read_bytes().decode("latin-1") for one in kept))
    )
    calls = asked(sandbox)
    assert calls, "the collections were asked"
    assert all(one.split()[1].startswith("/https/") for one in calls), calls
    brought, taken = (
        [one.split()[0] for one in calls if one.endswith(f"/{name}")] for name in ("0064.file", "twice.file")
    )
    assert brought == ["HEAD", "GET", "HEAD"]
    assert taken == ["HEAD", "HEAD", "PUT", "GET"]  # before the payload, and right before it is sent
    assert sandbox.rows("select * from tasks") == []


@pytest.mark.conformance  # it takes long
def test_a_service_lists_and_renames_by_transfer_and_makes_no_task_of_it(sandbox: Sandbox) -> None:
    words = (f"--StageinGOsrc=SITE1:{INPUT}", "--Data=twice.file", "--OutputGO=CONSENT1:/data/", "--goVia=https")
    sent = submit(sandbox, *words)
    assert sent.code == 0, sent.err
    done = sandbox.pilot("--modes=https", GOCLIENT_GLOBUSCONNECT="/none/globusconnectpersonal")
    assert done.code == 0, done.err
    assert sandbox.path("CONSENT1", "/data/twice.file").read_bytes() == TWICE
    assert sandbox.rows("select * from tasks where type = 'TRANSFER'") == []


@pytest.mark.conformance  # it takes long
def test_the_pilots_own_identity_reads_a_guest_collection_and_may_not_write_there(sandbox: Sandbox) -> None:
    own = {f"GOCLIENT_CLIENT_{one}": sandbox.env[f"SANDBOX_PILOT_CLIENT_{one}"] for one in ("ID", "SECRET")}
    payload = sandbox.payload("read.sh", "#!/bin/sh\ncat guest.dat > read.txt\n")
    words = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--goVia=https", "--Data=read.txt")
    for target in ("SITE1:/home/", "GUEST1:/in/"):
        sent = sandbox.run(*words, "--StageinGOsrc=GUEST1:/in/guest.dat", f"--OutputGO={target}")
        assert sent.code == 0, sent.err
    done, denied = (sandbox.pilot("--modes=https", **own) for _ in range(2))
    assert done.code == 0, done.err
    assert sandbox.path("SITE1", "/home/read.txt").read_bytes() == b"Read by the pilot, too.\n"
    assert denied.code == 40
    assert "denie" in denied.err, denied.err
    assert [one.name for one in sandbox.path("SITE1", "/shared/in").iterdir()] == ["guest.dat"]


@pytest.mark.conformance  # it takes long
def test_directories_come_and_go_by_https(sandbox: Sandbox) -> None:
    source = sandbox.path("SITE1", "/home/osg_data/panda/run7")
    (source / "deep").mkdir(parents=True)
    for name in ("a b", "deep/ü#?%41"):
        (source / name).write_text(name)
    payload = sandbox.payload("copy.sh", "#!/bin/sh\ncp -r run7 out\n")
    sent = sandbox.run(
        "sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--goVia=https", "--goMkdir",
        "--StageinGOsrc=SITE1:/home/osg_data/panda/run7/", "--StageoutGOsrc=out/",
        "--StageoutGOdest=mxp#MXP_BNL_TEST:/direct/usatlas+u/mxp/new/",
    )  # fmt: skip
    assert sent.code == 0, sent.err
    done = sandbox.pilot("--modes=https")
    assert done.code == 0, done.err
    arrived = sandbox.path("mxp#MXP_BNL_TEST", "/direct/usatlas+u/mxp/new/out")
    found = {str(one.relative_to(arrived)): one.read_text() for one in arrived.rglob("*") if one.is_file()}
    assert found == {name: name for name in ("a b", "deep/ü#?%41")}


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("kind", ["break", "503", "reset", "lost"])
def test_a_fault_on_the_way_costs_a_pause_and_no_byte(sandbox: Sandbox, method: str, kind: str) -> None:
    sent = submit(
        sandbox, f"--StageinGOsrc=SITE1:{INPUT}", "--Data=twice.file", "--OutputGO=SITE1:/home", "--goVia=https"
    )
    assert sent.code == 0, sent.err
    sandbox.trouble(f"{method} /https/*", kind, times=1, **({"bytes": 1000} if kind == "break" else {}))
    done = sandbox.pilot("--modes=https")
    assert done.code == 0, done.err
    (fault,) = requests.get(f"{sandbox.url}/sandbox/trouble", timeout=TIMEOUT).json()["trouble"]
    assert fault["used"] == 1
    assert sandbox.path("SITE1", "/home/twice.file").read_bytes() == TWICE
    assert sorted(one.name for one in sandbox.path("SITE1", "/home").iterdir()) == ["osg_data", "twice.file"]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("PUT 507", "507 insufficient storage"),
        ("PUT 403", "403 forbidden"),
        ("PUT 401", "401 unauthorized"),
        ("PUT elsewhere", "no credential is sent"),
        ("PUT 503", "503"),
        ("GET html", "changed while it was copied"),
        ("GET 404", "not"),
    ],
)
def test_a_fault_that_stays_fails_the_job_and_leaves_nothing(sandbox: Sandbox, fault: str, says: str) -> None:
    sent = submit(
        sandbox, f"--StageinGOsrc=SITE1:{INPUT}", "--Data=twice.file", "--OutputGO=SITE1:/home", "--goVia=https"
    )
    assert sent.code == 0, sent.err
    method, kind = fault.split()
    more = {"kind": "error", "status": 404} if kind == "404" else {"kind": kind}
    sandbox.trouble(f"{method} /https/*", **more)
    done = sandbox.pilot("--modes=https", "--faultSeconds=2")
    assert done.code in (4, 40), done.err
    assert says in done.err.lower(), done.err
    assert [one.name for one in sandbox.path("SITE1", "/home").iterdir()] == ["osg_data"]


def test_a_pilot_whose_person_has_not_consented_is_told_the_command(
    sandbox: Sandbox, ids: dict[str, str], tmp_path: Path
) -> None:
    sent = submit(sandbox, f"--StageinGOsrc=SITE1:{INPUT}", "--goVia=https")
    assert sent.code == 0, sent.err
    pilot = tokens_alone(sandbox, tmp_path, ids["CONSENT1"])
    Path(pilot["GOCLIENT_SETTINGS"]).write_text(f'[https]\n{ids["SITE1"]} = "{sandbox.url}/https/{ids["SITE1"]}"\n')
    done = sandbox.pilot("--modes=https", **pilot)
    assert done.code == 4, done.err
    assert f"type: goclient login --https {ids['SITE1']}" in done.err


def test_a_queue_whose_pilots_go_another_way_fails_the_job_before_its_payload(sandbox: Sandbox) -> None:
    assert submit(sandbox, f"--StageinGOsrc=SITE1:{INPUT}", "--goVia=https").code == 0
    done = sandbox.pilot("--modes=gc,local")
    assert done.code == 40
    assert "the job needs the mode https" in done.err
    assert "the payload runs" not in done.err


def test_a_submission_says_what_https_lacks_in_one_command(sandbox: Sandbox, tmp_path: Path) -> None:
    words = (f"--StageinGOsrc=SITE1:{INPUT}", "--Data=twice.file", "--OutputGO=mxp#MXP_OU_TEST:/home/usatlas1/")
    refused = submit(sandbox, *words, "--goVia=https")
    assert refused.code == 40
    assert 'to or from "mxp#MXP_OU_TEST" by its HTTPS server: it has none (a mapped collection)' in refused.err
    assert "leave out --goVia https" in refused.err
    native = {"GOCLIENT_CLIENT_ID": sandbox.env["SANDBOX_NATIVE_CLIENT_ID"], "GOCLIENT_CLIENT_SECRET": ""}
    nobody = submit(sandbox, *words, "--goVia=https", HOME=str(tmp_path), **native)
    assert nobody.code == 4
    assert "type: goclient login --https SITE1 --https 'mxp#MXP_OU_TEST'" in nobody.err


def test_a_new_directory_of_a_pilot_without_a_transfer_token_is_made_at_submission(
    sandbox: Sandbox, ids: dict[str, str], tmp_path: Path
) -> None:
    words = (f"--StageinGOsrc=SITE1:{INPUT}", "--Data=twice.file", "--OutputGO=SITE1:/home/new/dir/", "--goVia=https")
    refused = submit(sandbox, *words)
    assert (refused.code, "--goMkdir" in refused.err) == (40, True), refused.err
    assert submit(sandbox, *words, "--goMkdir").code == 0
    done = sandbox.pilot("--modes=https", "--json", **tokens_alone(sandbox, tmp_path, ids["SITE1"]))
    assert (done.code, done.json["state"]) == (0, "finished"), done.err
    assert sandbox.path("SITE1", "/home/new/dir/twice.file").read_bytes() == TWICE


def test_a_directory_is_not_promised_by_a_pilot_without_a_transfer_token(
    sandbox: Sandbox, ids: dict[str, str], tmp_path: Path
) -> None:
    words = ("--StageoutGOsrc=out/", "--StageoutGOdest=SITE1:/home/osg_data/", "--goVia=https")
    assert submit(sandbox, *words).code == 0
    done = sandbox.pilot("--modes=https", "--json", **tokens_alone(sandbox, tmp_path, ids["SITE1"]))
    assert done.json["state"] == "failed"
    assert "makes no directory" in done.json["error"]["message"]
    assert "the payload" not in done.err


@pytest.mark.parametrize(("modes", "code"), [("https", 0), ("local", 40)])
def test_a_transfer_past_the_job_needs_globus_and_no_mode(sandbox: Sandbox, modes: str, code: int) -> None:
    there = "wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/"
    words = ("--transformation=/bin/true", f"--StageinGOsrc=SITE1:{INPUT}", f"--StageinGOdest={there}")
    assert sandbox.run("sendJob.py", "--computingSite=TEST1", *words).code == 0
    done = sandbox.pilot(f"--modes={modes}", "--json")
    assert done.code == code, done.err
    assert ("not set up to ask Globus" in done.err + done.out) is (code != 0)


def test_a_directory_that_nothing_lists_is_not_an_empty_one(
    sandbox: Sandbox, ids: dict[str, str], tmp_path: Path
) -> None:
    assert submit(sandbox, "--StageinGOsrc=SITE1:/home/osg_data/panda/", "--goVia=https").code == 0
    done = sandbox.pilot("--modes=https", "--json", **tokens_alone(sandbox, tmp_path, ids["SITE1"]))
    assert done.json["state"] == "failed"
    assert "HTTPS alone" in done.json["error"]["message"]


def test_a_job_that_went_by_https_has_nothing_that_globus_is_asked_about(sandbox: Sandbox) -> None:
    sent = submit(sandbox, f"--StageinGOsrc=SITE1:{INPUT}", "--goVia=https", "--json")
    (job,) = sent.json["jobs"]
    for state in ("activated", "finished"):
        requests.delete(f"{sandbox.url}/sandbox/requests", timeout=TIMEOUT)
        (shown,) = sandbox.run("goclient", "status", str(job["PandaID"]), "--json").json
        assert (shown["state"], asked(sandbox)) == (state, [])
        sandbox.pilot("--modes=https")

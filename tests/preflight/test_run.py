"""The preflight, from the command line: what is wrong at the endpoints is said before anything is sent."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.commands import Result
from tests.sandboxes import Sandbox
from tests.trouble import call_points, forget_calls

HOME = "/home/osg_data/panda"
INPUT = f"SITE1:{HOME}/0064.file"


def refused(result: Result, code: int, *words: str) -> Any:
    """The JSON of a submission that its preflight stopped, whose message has these words."""
    assert result.code == code, result.out + result.err
    document = result.json
    assert set(document) == {"error", "findings"}
    for word in words:
        assert word in document["error"]["message"] + document["error"]["hint"]
    return document


def requests_of(sandbox: Sandbox, *, since: int) -> list[str]:
    """The requests that the sandbox has answered since a line of its log."""
    lines = (sandbox.root / "sandbox.log").read_text().splitlines()[since:]
    return [line.split(" ", 2)[2] for line in lines]


def log_length(sandbox: Sandbox) -> int:
    return len((sandbox.root / "sandbox.log").read_text().splitlines())


MISTAKES = [
    pytest.param(f"SITE1:{HOME}/0064.fil", "path-not-found", 'did you mean "0064.file"?', id="typo in the name"),
    pytest.param(f"SITE1:{HOME}/0064.FILE", "path-not-found", 'did you mean "0064.file"?', id="wrong case"),
    pytest.param("SITE1:/home/osg_dat/panda/0064.file", "path-not-found", 'mean "osg_data"?', id="typo in the folder"),
    pytest.param(
        "SITE1:/hom/osg_dat/panda/0064.file", "path-not-found", 'no directory "hom" in "/"', id="typo at the top"
    ),
    pytest.param(f"SITE1:{HOME}/0064.file/", "not-a-directory", "leave out the final /", id="a file as a directory"),
    pytest.param("SITE2:/a", "endpoint-not-found", 'no endpoint is called "SITE2"', id="unknown endpoint"),
    pytest.param(f"{uuid.uuid4()}:/a", "endpoint-not-found", "no such collection", id="unknown collection"),
]


@pytest.mark.parametrize(("source", "code", "words"), MISTAKES)
def test_a_source_that_cannot_be_brought_stops_the_submission(
    shared_sandbox: Sandbox, source: str, code: str, words: str
) -> None:
    document = refused(shared_sandbox.submit(f"--StageinGOsrc={source}", "--json"), 40, words)
    assert document["error"]["code"] == code
    assert [one["code"] for one in document["findings"] if one["level"] == "error"] == [code]
    assert shared_sandbox.rows("select * from jobs") == []


def test_everything_that_is_wrong_is_found_at_once_in_the_order_of_the_command_line(shared_sandbox: Sandbox) -> None:
    document = refused(
        shared_sandbox.submit(
            f"--StageinGOsrc=SITE1:{HOME}/none,NOWHERE:/b,{INPUT}", "--Data=0064.file", f"--OutputGO=SITE1:{HOME}",
            "--json",
        ), 40)  # fmt: skip
    wrong = [(one["code"], one["subject"]) for one in document["findings"] if one["level"] == "error"]
    assert wrong == [
        ("endpoint-not-found", "NOWHERE"),
        ("path-not-found", f"SITE1:{HOME}/none"),
        ("exists", f"SITE1:{HOME}/0064.file"),
    ]
    assert "--goOverwrite" in next(one["hint"] for one in document["findings"] if one["code"] == "exists")


def test_a_name_of_the_service_is_resolved_if_it_is_the_only_one(sandbox: Sandbox) -> None:
    sandbox.env.pop("GOCLIENT_ENDPOINTS")
    tried = sandbox.submit("--StageinGOsrc=mxp#MXP_BNL_TEST:/direct/usatlas+u/mxp/xs.sh", "--noSubmit", "--json").json
    (known,) = sandbox.rows("select id from collections where display_name = 'mxp#MXP_BNL_TEST'")
    assert tried["spec"]["stage_in"][0]["source"]["endpoint"] == known["id"]

    sandbox.rows("update collections set display_name = 'mxp#MXP_BNL_TEST' where display_name = 'CONSENT1'")
    document = refused(sandbox.submit("--StageinGOsrc=mxp#MXP_BNL_TEST:/a", "--json"), 40, "2 endpoints are called")
    assert document["error"]["code"] == "ambiguous-endpoint"
    for row in sandbox.rows("select id from collections where display_name = 'mxp#MXP_BNL_TEST'"):
        assert row["id"] in document["error"]["message"]


def test_an_existing_file_is_overwritten_only_if_allowed(shared_sandbox: Sandbox) -> None:
    words = ("--Data=0064.file", f"--OutputGO=SITE1:{HOME}", "--noSubmit", "--json")
    refused(shared_sandbox.submit(*words), 40, "SITE1:/home/osg_data/panda/0064.file", "would be overwritten")
    assert shared_sandbox.submit(*words, "--goOverwrite").code == 0


def test_a_missing_folder_is_a_warning_and_is_made_on_demand(sandbox: Sandbox) -> None:
    words = ("--Data=out", "--OutputGO=SITE1:/new/deep/folder/", "--json")
    (warning,) = [one for one in sandbox.submit(*words, "--noSubmit").json["findings"] if one["level"] == "warning"]
    assert (warning["code"], warning["subject"]) == ("no-folder", "SITE1:/new/deep/folder/out")
    wrong = sandbox.submit(*words, "--StageinGOsrc=SITE1:/none", "--goMkdir").json
    (told,) = [one["hint"] for one in wrong["findings"] if one["code"] == "no-folder"]
    assert told.endswith("--goMkdir makes it once nothing else is wrong")
    assert not sandbox.path("SITE1", "new").exists()
    made = sandbox.submit(*words, "--goMkdir").json
    assert {one["level"] for one in made["findings"]} == {"ok"}
    assert sandbox.path("SITE1", "new/deep/folder").is_dir()


WRONG_ELSEWHERE = {
    "queue": {"--computingSite": "NOWHERE"},
    "account": {"--myproxy": "nobody@127.0.0.1:9"},
    "target": {"--StageoutGOsrc": "0064.file", "--StageoutGOdest": f"SITE1:{HOME}"},
}


@pytest.mark.parametrize("wrong", WRONG_ELSEWHERE.values(), ids=WRONG_ELSEWHERE)
def test_a_folder_is_made_only_if_the_jobs_can_be_sent(sandbox: Sandbox, wrong: dict[str, str]) -> None:
    right = {"--computingSite": "TEST1", "--transformation": "{url}/transformations/datatransfer.sh"}

    def submit(**options: str) -> Result:
        words = [f"{name}={value.format(url=sandbox.url)}" for name, value in options.items()]
        return sandbox.run("sendJob.py", *words, "--Data=out", "--OutputGO=SITE1:/new/deep/", "--goMkdir", "--json")

    result = submit(**{**right, **wrong})
    assert result.code in (10, 40, 80), result
    (told,) = [one for one in result.json["findings"] if one["code"] == "no-folder"]
    assert told["level"] == "warning"
    assert told["hint"].endswith("--goMkdir makes it once nothing else is wrong")
    assert not sandbox.path("SITE1", "new").exists()
    sent = submit(**right)
    assert (sent.code, len(sent.json["jobs"])) == (0, 1), sent
    assert sandbox.path("SITE1", "new/deep").is_dir()


def test_the_targets_of_all_jobs_are_looked_at(sandbox: Sandbox) -> None:
    sandbox.path("SITE1", f"{HOME}/out.000002").write_text("of an earlier job")
    words = ("--njobs=3", "--Data=out.${SN/P}", f"--OutputGO=SITE1:{HOME}", "--json")
    document = refused(sandbox.submit(*words), 40, f"SITE1:{HOME}/out.000002")
    assert sum(one["level"] == "error" for one in document["findings"]) == 1


def test_the_sources_of_all_jobs_are_looked_at(sandbox: Sandbox) -> None:
    for number in (1, 3):
        sandbox.path("SITE1", f"{HOME}/in.{number}").write_text("x")
    document = refused(sandbox.submit("--njobs=3", f"--StageinGOsrc=SITE1:{HOME}/in.${{SN}}", "--json"), 40)
    assert [one["subject"] for one in document["findings"] if one["level"] == "error"] == [f"SITE1:{HOME}/in.2"]


def test_a_new_name_that_is_a_directory_is_gone_into_and_looked_at(sandbox: Sandbox) -> None:
    sandbox.path("SITE1", f"{HOME}/results").mkdir()
    words = ("--StageoutGOsrc=a.txt", f"--StageoutGOdest=SITE1:{HOME}/results", "--noSubmit", "--json")
    assert sandbox.submit(*words).code == 0
    sandbox.path("SITE1", f"{HOME}/results/a.txt").write_text("there")
    refused(sandbox.submit(*words), 40, "results/a.txt", "would be overwritten")


def test_each_endpoint_and_each_folder_is_asked_for_once_however_many_files(sandbox: Sandbox) -> None:
    names = [f"file{number}.dat" for number in range(200)]
    for name in names:
        sandbox.path("SITE1", f"{HOME}/{name}").write_text(name)
    listed = sandbox.cwd / "sources.txt"
    listed.write_text("# all of them\n" + "".join(f"SITE1:{HOME}/{name}\n" for name in names))
    start = log_length(sandbox)
    result = sandbox.submit(f"--StageinGOsrc=@{listed}", "--Data=out", f"--OutputGO=SITE1:{HOME}", "--noSubmit")
    assert result.code == 0, result.err
    asked = requests_of(sandbox, since=start)
    kinds = ("/v2/oauth2/token", "/v0.10/endpoint/", "/ls?", "/stat?", "/get_site_specs?", "/transformations/")
    assert [sum(kind in request for request in asked) for kind in kinds] == [1] * len(kinds), asked
    assert len(asked) == len(kinds), asked
    start = log_length(sandbox)
    sandbox.submit(f"--StageinGOsrc=@{listed}", "--noSubmit")
    again = requests_of(sandbox, since=start)
    assert not any("/get_site_specs?" in request or "/stat?" in request for request in again), again


def test_a_personal_endpoint_that_sleeps_is_found_before_submission(sandbox: Sandbox) -> None:
    owner = sandbox.rows("select owner from collections limit 1")[0]["owner"]
    mine = str(uuid.uuid4())
    sandbox.rows("insert into collections (id, display_name, owner, entity_type) values (?, 'laptop', ?, ?)",
                 mine, owner, "GCP_mapped_collection")  # fmt: skip
    refused(sandbox.submit(f"--StageinGOsrc={mine}:/a", "--json"), 40, "not connected", "start Globus Connect Personal")


def test_a_service_client_gets_the_consent_that_a_collection_asks_for(shared_sandbox: Sandbox) -> None:
    result = shared_sandbox.submit("--StageinGOsrc=CONSENT1:/data/guarded.dat", "--noSubmit", "--json")
    assert result.code == 0, result.err
    assert "26 bytes" in " ".join(one["message"] for one in result.json["findings"])


def errors(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in document["findings"] if one["level"] == "error"]


def test_without_a_client_the_message_says_what_to_export(shared_sandbox: Sandbox) -> None:
    document = refused(shared_sandbox.submit(f"--StageinGOsrc={INPUT}", "--json", GOCLIENT_CLIENT_ID=""), 4)
    assert "export GOCLIENT_CLIENT_ID" in document["error"]["hint"]
    assert len(errors(document)) == 1, "one missing login is one finding"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"GOCLIENT_CLIENT_SECRET": "wrong"}, id="wrong secret"),
        pytest.param({"GOCLIENT_CLIENT_SECRET": ""}, id="a person who has not logged in"),
    ],
)
def test_a_login_that_is_not_valid_is_one_finding_for_all_endpoints(
    shared_sandbox: Sandbox, change: dict[str, str]
) -> None:
    words = (f"--StageinGOsrc={INPUT}", "--Data=a", "--OutputGO=mxp#MXP_OU_TEST:/home/usatlas1", "--json")
    document = refused(shared_sandbox.submit(*words, **change), 4)
    assert len(errors(document)) == 1
    assert "wrong" not in document["error"]["message"].split("login")[0]


@pytest.mark.conformance  # it takes long
def test_a_person_s_stored_login_is_used_and_kept_private(sandbox: Sandbox) -> None:
    """UserApp with globus-sdk's own storage, into which a login has put a token."""
    script = """
import os, sys, time
from globus_sdk.token_storage import JSONTokenStorage, TokenStorageData
import globus_sdk
client_id, token, refresh = sys.argv[1:]
config = globus_sdk.GlobusAppConfig(token_validation_error_handler=None, request_refresh_tokens=True)
app = globus_sdk.UserApp("goclient", client_id=client_id, config=config)
data = dict(resource_server="transfer.api.globus.org", identity_id=None,
            scope="urn:globus:auth:scope:transfer.api.globus.org:all", access_token=token,
            refresh_token=refresh or None,
            expires_at_seconds=int(time.time()) + 3600, token_type="Bearer")
JSONTokenStorage(app.token_storage.token_storage.filepath, namespace="DEFAULT").store_token_data_by_resource_server(
    {data["resource_server"]: TokenStorageData(**data)})
"""
    import subprocess
    import sys

    assert sandbox.submit(f"--StageinGOsrc={INPUT}", "--noSubmit").code == 0
    (token,) = sandbox.rows("select access_token from tokens")
    person = str(uuid.uuid4())
    subprocess.run([sys.executable, "-c", script, person, token["access_token"], "r"], env=sandbox.env, check=True)
    stored = list((sandbox.cwd / ".globus").rglob("*.json"))
    assert [path.stat().st_mode & 0o777 for path in stored] == [0o600]
    mine = {"GOCLIENT_CLIENT_ID": person, "GOCLIENT_CLIENT_SECRET": ""}
    result = sandbox.submit(f"--StageinGOsrc={INPUT}", "--noSubmit", "-vv", **mine)
    assert result.code == 0, result.err
    assert token["access_token"] not in result.out + result.err
    assert "login ends" not in result.err, "it can be renewed"

    subprocess.run([sys.executable, "-c", script, person, token["access_token"], ""], env=sandbox.env, check=True)
    ends = sandbox.submit(f"--StageinGOsrc={INPUT}", "--noSubmit", **mine)
    assert ends.code == 0, ends.err
    assert "within the 24 hours of --goNeeds" in ends.err
    assert "type: goclient login" in ends.err
    assert "login ends" not in sandbox.submit(f"--StageinGOsrc={INPUT}", "--noSubmit", "--goNeeds=0", **mine).err


@pytest.mark.conformance  # it takes long
def test_a_globus_that_is_down_is_said_and_nothing_is_sent(shared_sandbox: Sandbox) -> None:
    dead = {f"GLOBUS_SDK_SERVICE_URL_{name}": "http://127.0.0.1:9/" for name in ("AUTH", "TRANSFER")}
    document = refused(shared_sandbox.submit(f"--StageinGOsrc={INPUT}", "--json", **dead), 40, "could not be reached")
    assert document["error"]["code"] == "globus-unreachable"
    assert shared_sandbox.rows("select * from jobs") == []


def test_without_the_check_a_name_outside_the_catalogue_goes_as_typed_with_a_warning(shared_sandbox: Sandbox) -> None:
    start = log_length(shared_sandbox)
    tried = shared_sandbox.submit("--StageinGOsrc=NOWHERE:/a,SITE1:/b", "--noCheck", "--noSubmit", "--json").json
    (warning,) = tried["findings"]
    assert (warning["level"], warning["subject"]) == ("warning", "NOWHERE")
    assert "StageinGOsrc=NOWHERE:/a," in tried["record"]
    (site,) = shared_sandbox.rows("select id from collections where display_name = 'SITE1'")
    assert f"{site['id']}:/b" in tried["record"]
    assert requests_of(shared_sandbox, since=start) == []


def test_a_servers_location_is_written_without_the_default_port(shared_sandbox: Sandbox) -> None:
    typed = "--StageinGOsrc=gsiftp://se.example.org:2811/data/a,davs://[::1]:8443/b"
    tried = shared_sandbox.submit(typed, "--myproxy=wdeng", "--noSubmit", "--noCheck", "--json").json
    assert tried["findings"] == []
    assert "--StageinGOsrc=gsiftp://se.example.org/data/a,davs://%5B::1%5D:8443/b " in tried["record"]


def test_a_job_without_transfers_asks_globus_nothing(shared_sandbox: Sandbox) -> None:
    start = log_length(shared_sandbox)
    tried = shared_sandbox.submit(
        "--jobParameters=--verbose 'two words'", "--noSubmit", "--json", GOCLIENT_CLIENT_ID=""
    )
    assert tried.code == 0, tried.err
    assert tried.json["plan"] == []
    assert [(one["level"], one["code"]) for one in tried.json["findings"]] == [("ok", "queue"), ("ok", "payload")]
    assert "--verbose 'two words'" in tried.json["record"]
    assert "goclient=" not in tried.json["record"]
    asked = requests_of(shared_sandbox, since=start)
    assert not [one for one in asked if "/transformations/" not in one and "/get_site_specs?" not in one], asked


def test_a_bad_catalogue_is_named_and_stops_the_submission(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    catalogue = tmp_path / "endpoints.toml"
    catalogue.write_text('[SITE1]\nkind = "ftp"\n')
    result = shared_sandbox.submit(f"--StageinGOsrc={INPUT}", "--noSubmit", GOCLIENT_ENDPOINTS=str(catalogue))
    assert result.code == 10
    assert str(catalogue) in result.err


def test_a_login_that_is_refused_is_asked_for_once_however_many_endpoints_wait_for_it(sandbox: Sandbox) -> None:
    sources = ",".join(f"NONE{number}:/{number}.root" for number in range(10))
    forget_calls(sandbox)
    sandbox.trouble("POST /v2/oauth2/token", "delay", seconds=0.3)
    result = sandbox.run("goclient", "check", f"--StageinGOsrc={sources}", "--json", GOCLIENT_CLIENT_SECRET="wrong")
    assert (result.code, [one["code"] for one in result.json["findings"]]) == (4, ["no-client"])
    assert [(one.route, one.times) for one in call_points(sandbox) if "token" in one.route] == [
        ("POST /v2/oauth2/token", 1)
    ]

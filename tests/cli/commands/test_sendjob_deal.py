"""sendJob --nFilesPerJob deals the files of several endpoints to jobs, each of which brings its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from goclient.model.records.panda_job import decode_jobs
from goclient.model.records.registry import decode
from tests.commands import Result
from tests.sandboxes import Sandbox

TOGETHER = "#!/bin/sh\ncat f[0-9] > all.txt\n"
HOME = "home/osg_data/panda"
SITE2 = "mxp#MXP_OU_TEST:/home/usatlas1"


@pytest.fixture
def user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """The sandbox's user, with five files on two endpoints, which are in a list."""
    for at in range(5):
        site, name = ("SITE1", f"{HOME}/deal/f{at}") if at < 3 else ("mxp#MXP_OU_TEST", f"home/usatlas1/deal/f{at}")
        path = shared_sandbox.path(site, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{at}\n")
    names = [f"SITE1:/{HOME}/deal/f{at}" for at in range(3)] + [f"{SITE2}/deal/f{at}" for at in range(3, 5)]
    (tmp_path / "list").write_text("\n".join(names))
    (tmp_path / "all.sh").write_text(TOGETHER)
    shared_sandbox.cwd = tmp_path
    return shared_sandbox


def deal(user: Sandbox, *words: str, command: tuple[str, ...] = ("sendJob.py",), out: str = "new") -> Result:
    payload = user.payload("all.sh", TOGETHER)
    return user.run(*command, "--computingSite=TEST1", f"--transformation={payload}", "--nFilesPerJob=2",
                    "--StageinGOsrc=@list", "--Data=all.txt", f"--OutputGO=SITE1:/{HOME}/{out}/${{SN}}/",
                    *words)  # fmt: skip


def sources(record: dict[str, Any]) -> list[str]:
    return [one.source.name for one in decode(record["jobParameters"]).spec.stage_in]


@pytest.mark.conformance  # it takes long
def test_each_job_brings_its_own_files_and_its_output_has_only_these(user: Sandbox) -> None:
    result = deal(user, "--json", "--goMkdir", out="run")
    assert result.code == 0, result.err
    assert "sendJob.py: 5 files for 3 jobs, 2 for each, 1 for the last; -v shows which\n" in result.err
    assert "sendJob.py: to follow the jobs, type: goclient status --campaign 2" in result.err
    assert f"    SITE1:/{HOME}/run/1/all.txt to SITE1:/{HOME}/run/3/all.txt\n" in result.err
    shares = [["f0", "f1"], ["f2", "f3"], ["f4"]]
    ids, names = zip(*((job["PandaID"], job["jobName"]) for job in result.json["jobs"]), strict=True)
    assert len({name.partition(".")[0] for name in names}) == 1, "a deal makes a campaign"
    kept = (user.rows("select attributes from jobs where panda_id = ?", one)[0] for one in ids)
    assert [sources(json.loads(row["attributes"])) for row in kept] == shares
    shown = result.json["deal"]
    assert (shown["nFilesPerJob"], shown["jobs"], shown["files"]) == (2, 3, 5)
    assert [(one["serial"], one["files"], one["first"][-2:], one["last"][-2:]) for one in shown["rows"]] == [
        (1, 2, "f0", "f1"), (2, 2, "f2", "f3"), (3, 1, "f4", "f4"),
    ]  # fmt: skip
    assert [len(task["items"]) for task in result.json["plan"]] == [3, 2, 1]
    for serial, names_of in enumerate(shares, 1):
        assert user.pilot().code == 0
        made = user.path("SITE1", f"{HOME}/run/{serial}/all.txt").read_text()
        assert made == "".join(f"{name[1]}\n" for name in names_of)


@pytest.mark.conformance  # it takes long
def test_a_carried_job_finds_its_own_files_in_the_plan_of_all(user: Sandbox) -> None:
    top = user.path("SITE1", "/shared/campaign")
    for at in range(3):
        (top / f"in/f{at}").write_text(f"{at}\n")
    result = user.run(
        "sendJob.py", "--computingSite=TEST1", "--goCarry", "--transformation=./all.sh", "--nFilesPerJob=2", "--json",
        "--StageinGOsrc=" + ",".join(f"GUEST1:/campaign/in/f{at}" for at in range(3)), "--Data=all.txt",
        "--OutputGO=GUEST1:/campaign/out/${SN}/", "--goMkdir", "--campaign=carried7",
    )  # fmt: skip
    assert result.code == 0, result.err
    for share in (["0", "1"], ["2"]):
        done = json.loads(user.run("goclient", "sandbox", "site", "--site=TEST1", "--once", "--json").out)
        assert (done["state"], done["exeErrorDiag"]) == ("finished", "")
        serial = done["PandaID"] - result.json["jobs"][0]["PandaID"] + 1
        made = (top / f"out/{serial}/all.txt").read_text()
        assert made == "".join(f"{one}\n" for one in share), "nothing of its sibling's"


def test_check_and_explain_show_the_deal_and_ask_for_each_directory_once(user: Sandbox) -> None:
    requests.delete(f"{user.url}/sandbox/requests", timeout=60)
    checked = deal(user, "--json", command=("goclient", "check"))
    assert checked.code == 0, checked.out
    assert [one["files"] for one in checked.json["deal"]["rows"]] == [2, 2, 1]
    (size,) = (one["message"] for one in checked.json["findings"] if one["code"] == "size")
    assert size == "to be brought or moved: 5 files of 10 bytes, in 3 jobs"
    asked = requests.get(f"{user.url}/sandbox/requests", timeout=60).json()["requests"]
    listed = [(one["path"], one["query"]) if "query" in one else one["path"] for one in asked if "/ls" in one["path"]]
    assert len(listed) == len(set(map(str, listed))) <= 9, listed
    table = deal(user, command=("goclient", "check")).out
    assert "5 files for 3 jobs, 2 for each, 1 for the last" in table
    explained = deal(user, command=("goclient", "explain", "sendJob.py")).out
    assert f"SITE1:/{HOME}/deal/f2" in explained
    assert "then, its output" in explained
    assert deal(user, "-v", "--noSubmit").err.count("5 files for 3 jobs, 2 for each, 1 for the last") == 1


def test_njobs_bounds_the_jobs_and_loses_no_file(user: Sandbox) -> None:
    few = deal(user, "--njobs=2", "--noSubmit", "--noCheck", "--json")
    assert (few.code, few.json["error"]["code"]) == (10, "too-few-jobs")
    assert few.json["error"]["hint"] == "type --nFilesPerJob 3, or --njobs 3"
    many = deal(user, "--njobs=4", "--noSubmit", "--noCheck", "--json")
    assert many.code == 0
    assert len(decode_jobs(many.json["record"])) == 3
    assert "--njobs 4, but 5 files for 3 jobs" in many.err


def test_a_source_may_have_the_job_s_number_and_is_looked_for_in_all_jobs(user: Sandbox) -> None:
    words = ("--computingSite=TEST1", f"--transformation={user.payload('all.sh', TOGETHER)}", "--njobs=4",
             f"--StageinGOsrc=SITE1:/{HOME}/deal/n${{SN}}.dat")  # fmt: skip
    for at in (1, 2, 4):
        user.path("SITE1", f"{HOME}/deal/n{at}.dat").write_text("n\n")
    requests.delete(f"{user.url}/sandbox/requests", timeout=60)
    result = user.run("goclient", "check", *words, "--json")
    assert result.code == 40
    (wrong,) = (one for one in result.json["findings"] if one["level"] == "error")
    assert (wrong["code"], wrong["subject"]) == ("path-not-found", f"SITE1:/{HOME}/deal/n3.dat")
    asked = requests.get(f"{user.url}/sandbox/requests", timeout=60).json()["requests"]
    assert sum("/ls" in one["path"] for one in asked) == 1


def test_a_directory_is_dealt_with_a_warning(user: Sandbox) -> None:
    words = ("--computingSite=TEST1", f"--transformation={user.payload('all.sh', TOGETHER)}", "--nFilesPerJob=1")
    for path in (f"SITE1:/{HOME}/deal/", f"SITE1:/{HOME}/deal"):
        result = user.run("goclient", "check", *words, f"--StageinGOsrc={path}", "--json")
        (found,) = (one for one in result.json["findings"] if one["code"] == "dealt-directory")
        assert (found["level"], found["message"]) == (
            "warning", f'"SITE1:/{HOME}/deal/" is a directory, which one job brings as a whole',
        )  # fmt: skip


@pytest.mark.conformance  # it takes long
def test_a_list_of_wrong_names_is_told_once_and_json_has_all(user: Sandbox) -> None:
    lines = [f"SITE1:/{HOME}/deal/wrong-{n}" for n in range(2_001)]
    (user.cwd / "list").write_text("\n".join(lines))
    refused = deal(user, "--json")
    assert refused.code == 40
    assert len([one for one in refused.json["findings"] if one["code"] == "path-not-found"]) == 2_001
    assert 'there is no "wrong-0" in that directory; and 2,000 more like it: "wrong-1", "wrong-2", ' in refused.err
    assert len(refused.err.splitlines()) < 10


def test_many_empty_files_are_one_warning(user: Sandbox) -> None:
    directory = user.path("SITE1", f"{HOME}/hollow")
    directory.mkdir(exist_ok=True)
    for n in range(60):
        (directory / f"e{n}").touch()
    (user.cwd / "list").write_text("\n".join(f"SITE1:/{HOME}/hollow/e{n}" for n in range(60)))
    sent = deal(user, "--noSubmit", "--goMkdir", "--json", out="hollow-out")
    assert sent.err.count("is an empty file") == 1
    assert 'e0" is an empty file; and 59 more like it: "e1", "e2", "e3", …\n' in sent.err
    assert len([one for one in sent.json["findings"] if one["code"] == "empty"]) == 60

"""The modes ``server`` and ``local`` of 2012: through a server that sees the job's directory, or by a copy."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, cast

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import StorageDenied
from goclient.model.endpoint import Endpoint, GlobusEndpoint, GridftpEndpoint
from goclient.model.remote import FileInfo
from goclient.node.engines.base import TransferService
from goclient.node.shared_filesystem import SAME, Shared, check_sees
from tests.commands import Result
from tests.sandboxes import Sandbox

FAR, AWAY = "mxp#MXP_OU_TEST", "wdeng#ANLHEP_ATLAS8"
NO_CONNECT = {"GOCLIENT_GLOBUSCONNECT": "false"}  # the program that fails: so does a job that starts it
NO_GLOBUS = {f"GLOBUS_SDK_SERVICE_URL_{name}": "http://127.0.0.1:9/" for name in ("AUTH", "TRANSFER")}
LIST = "#!/bin/sh\nfind . -type f ! -name job.out ! -name listing.txt | LC_ALL=C sort > listing.txt\n"
IDLE = "#!/bin/sh\n"
NUMBERS = itertools.count(1)


@dataclass
class Site:
    """A folder of the test's own in SITE1, in which its jobs run, and folders of its own at other endpoints."""

    sandbox: Sandbox
    name: str
    panda_id: int = 0

    @property
    def scratch(self) -> Path:
        return self.sandbox.path("SITE1", f"{self.name}/scratch")

    @property
    def shared(self) -> str:
        return f"--sharedFolder={self.scratch}=/{self.name}/scratch"

    def files(self, collection: str, **files: str) -> Path:
        """A folder of a collection with these files in it; ``_`` in a name is a slash."""
        folder = self.sandbox.path(collection, self.name)
        for name, text in files.items():
            path = folder / name.replace("_", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def submit(self, script: str, *words: str, **env: str) -> None:
        payload = self.sandbox.payload(f"{self.name}.sh", script)
        command = ("sendJob.py", "--computingSite=TEST1", f"--transformation={payload}", "--json")
        sent = self.sandbox.run(*command, *words, **env)
        assert sent.code == 0, sent.err
        self.panda_id = int(sent.json["jobs"][0]["PandaID"])

    def pilot(self, *words: str, **env: str) -> Result:
        """Return what a pilot makes of the job, in this site's folder."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        state = str(self.sandbox.root / f"state-{self.name}")
        result = self.sandbox.pilot(
            "--json", "--faultSeconds=10", *words, **{"TMPDIR": str(self.scratch), "GOCLIENT_STATE": state, **env}
        )
        assert result.json["PandaID"] == self.panda_id
        assert list(self.scratch.iterdir()) == [], "everything temporary is removed"
        return result

    @property
    def tasks(self) -> list[tuple[str, str, str]]:
        """The job's transfers: phase, and the names of both ends; an endpoint that is removed is ``gone``."""
        known = self.sandbox.rows("select id, display_name from collections")
        names = {row["id"]: row["display_name"] for row in known}
        label = f"goclient {self.panda_id} "
        rows = self.sandbox.rows(
            "select * from tasks where label like ? and type = 'TRANSFER' order by request_time", f"{label}%"
        )
        ends = [(names.get(row["source"], "gone"), names.get(row["destination"], "gone")) for row in rows]
        return [(row["label"].removeprefix(label), *end) for row, end in zip(rows, ends, strict=True)]

    @property
    def endpoints(self) -> int:
        """How many entries the journal has of endpoints that were made on the node."""
        journals = (self.sandbox.root / f"state-{self.name}").rglob("*.jsonl")
        lines = [line for journal in journals for line in journal.read_text().splitlines()]
        return [json.loads(line)["what"] for line in lines].count("endpoint")

    @property
    def reason(self) -> str:
        (row,) = self.sandbox.rows("select attributes from jobs where panda_id = ?", self.panda_id)
        return str(json.loads(row["attributes"])["pilotErrorDiag"])


@pytest.fixture
def site(shared_sandbox: Sandbox) -> Site:
    """A site of the test's own, whose name is that of nobody else's."""
    return Site(shared_sandbox, f"site{next(NUMBERS)}")


# --- server ---


@pytest.mark.conformance  # it takes long
def test_a_server_that_sees_the_job_s_directory_replaces_globus_connect_both_ways(site: Site) -> None:
    site.files(FAR, top="one", sub_deep="two")
    away = site.files(AWAY)
    script = f"{LIST}mkdir -p out/run && cat top sub/deep > out/run/both\n"
    site.submit(script, "--jobParameters", "in-mode=server out-mode=server globus-endpoint-local=SITE1 "
                f"globus-endpoint-in={FAR} dir-in=/{site.name} files-in=top,sub/deep "
                f"globus-endpoint-out={AWAY} dir-out=/{site.name}/new files-out=out/run/both,listing.txt")  # fmt: skip
    result = site.pilot(site.shared, **NO_CONNECT)
    assert result.code == 0, result.err
    assert (away / "new/out/run/both").read_text() == "onetwo"
    assert (away / "new/listing.txt").read_text() == "./sub/deep\n./top\n", "the marker file is gone"
    assert site.tasks == [("stage-in", FAR, "SITE1"), ("output", "SITE1", AWAY)]
    assert (site.endpoints, "made the endpoint" in result.err) == (0, False)
    assert (
        site.sandbox.rows("select * from collections where entity_type like 'GCP%' and display_name != 'LAPTOP'") == []
    )


def test_a_working_endpoint_that_is_a_collection_s_uuid_is_a_server_that_is_there_already(site: Site) -> None:
    site.files(FAR, top="one")
    away = site.files(AWAY)
    (server,) = site.sandbox.rows("select id from collections where display_name = 'SITE1'")
    site.submit("#!/bin/sh\nsed s/one/two/ top > made\n", f"--WorkingendpointGO={server['id'].upper()}",
                f"--StageinGOsrc={FAR}:/{site.name}/top", "--Data=made", f"--OutputGO={AWAY}:/{site.name}",
                "--StageoutGOsrc=top", f"--StageoutGOdest={FAR}:/{site.name}/renamed")  # fmt: skip
    result = site.pilot(site.shared, **NO_CONNECT)
    assert result.code == 0, result.err
    assert (away / "made").read_text() == "two"
    assert site.files(FAR).joinpath("renamed").read_text() == "one"
    assert site.tasks == [("stage-in", FAR, "SITE1"), ("stage-out", "SITE1", FAR), ("output", "SITE1", AWAY)]
    assert site.endpoints == 0


def test_without_an_endpoint_far_away_the_server_s_own_files_are_meant(site: Site) -> None:
    folder = site.files("SITE1", top="one")
    site.submit("#!/bin/sh\nmv top moved\n", "--jobParameters", "globus-endpoint-local=SITE1 "
                f"in-mode=server dir-in=/{site.name} files-in=top "
                f"out-mode=server dir-out=/{site.name} files-out=moved")  # fmt: skip
    assert site.pilot(site.shared, **NO_CONNECT).code == 0
    assert (folder / "moved").read_text() == "one"
    assert site.tasks == [("stage-in", "SITE1", "SITE1"), ("output", "SITE1", "SITE1")]


def test_one_direction_may_use_a_server_and_the_other_globus_connect(site: Site) -> None:
    site.files(FAR, top="one")
    away = site.files(AWAY)
    site.submit(IDLE, "--jobParameters", f"in-mode=gc globus-endpoint-in={FAR} dir-in=/{site.name} files-in=top "
                "out-mode=server globus-endpoint-local=SITE1 "
                f"globus-endpoint-out={AWAY} dir-out=/{site.name} files-out=top")  # fmt: skip
    assert site.pilot(site.shared).code == 0
    assert (away / "top").read_text() == "one"
    assert site.tasks == [("stage-in", FAR, "gone"), ("output", "SITE1", AWAY)]
    assert site.endpoints > 0


BLIND: list[Any] = [
    pytest.param(None, id="not given"),
    pytest.param("{here}=/{name}/other", id="another path there"),
    pytest.param("/elsewhere=/{name}/scratch", id="another folder here"),
]


@pytest.mark.parametrize("shared", BLIND)
def test_a_server_that_does_not_see_the_job_s_directory_fails_the_job_before_anything_moves(
    site: Site, shared: str | None
) -> None:
    site.files(FAR, top="one")
    site.submit(IDLE, "--jobParameters", "in-mode=server globus-endpoint-local=SITE1 "
                f"globus-endpoint-in={FAR} dir-in=/{site.name} files-in=top")  # fmt: skip
    options = [] if shared is None else ["--sharedFolder", shared.format(here=site.scratch, name=site.name)]
    result = site.pilot(*options, **NO_CONNECT)
    assert (result.code, result.json["error"]["code"]) == (40, "stage-in:server-blind")
    assert "does not see the job's directory as" in result.json["reason"]
    assert "--sharedFolder HERE=THERE" in result.json["error"]["hint"]
    assert "the payload runs" not in result.err
    assert site.reason == result.json["reason"][:500]
    assert site.tasks == []


def test_a_server_that_takes_the_output_away_is_looked_at_then(site: Site) -> None:
    away = site.files(AWAY)
    site.submit("#!/bin/sh\necho made > made\n", "--jobParameters", "out-mode=server globus-endpoint-local=SITE1 "
                f"globus-endpoint-out={AWAY} dir-out=/{site.name} files-out=made")  # fmt: skip
    result = site.pilot(**NO_CONNECT)
    assert (result.code, result.json["error"]["code"]) == (40, "output:server-blind")
    assert list(away.iterdir()) == []
    assert site.tasks == []


@pytest.mark.parametrize("name", ["gone", "x" * 255])
def test_an_output_that_is_not_there_is_missed_before_a_server_is_to_take_it_away(site: Site, name: str) -> None:
    site.submit(IDLE, "--jobParameters", f"out-mode=server globus-endpoint-local=SITE1 files-out={name}")
    result = site.pilot(site.shared, **NO_CONNECT)
    assert (result.code, result.json["error"]["code"]) == (40, "output:path-not-found")
    assert "the job did not create this file" in site.reason
    assert site.tasks == []


@pytest.mark.parametrize("text", ["/scratch", "scratch=/there", "/scratch=there", "=/there", "/scratch="])
def test_a_shared_folder_that_is_not_two_absolute_paths_is_a_mistake_before_a_job_is_taken(
    shared_sandbox: Sandbox, text: str
) -> None:
    result = shared_sandbox.pilot("--json", "--sharedFolder", text)
    assert (result.code, result.json["error"]["code"]) == (10, "shared-folder")
    assert f'"{text}" is not two absolute paths' in result.err
    assert "PandaID" not in result.json


PATHS = [
    pytest.param(SAME, "/scratch/job", "/scratch/job", id="nothing said"),
    pytest.param(("/scratch", "/node7/scratch"), "/scratch/a/job", "/node7/scratch/a/job", id="below it"),
    pytest.param(("/scratch/", "/node7/"), "/scratch/job", "/node7/job", id="final slashes"),
    pytest.param(("/scratch", "/"), "/scratch/job", "/job", id="the server's root"),
    pytest.param(("/scratch", "/~/jobs"), "/scratch/job", "/~/jobs/job", id="a home directory there"),
    pytest.param(("/scratch", "/node7"), "/scratch2/job", "/scratch2/job", id="a name that only begins so"),
    pytest.param(("/scratch", "/node7"), "/tmp/job", "/tmp/job", id="elsewhere"),
]


@pytest.mark.parametrize(("shared", "folder", "seen"), PATHS)
def test_a_folder_has_its_own_path_on_a_server_unless_it_is_in_the_shared_one(
    shared: Shared | tuple[str, str], folder: str, seen: str
) -> None:
    known = shared if isinstance(shared, Shared) else Shared(PurePosixPath(shared[0]), PurePosixPath(shared[1]))
    assert known.path(Path(folder)) == seen


@dataclass
class Server:
    """A Globus whose one collection lists what ``look`` gives; keeps what was in the job's directory meanwhile."""

    folder: Path
    look: Callable[[Path], list[str]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    marks: list[Path] = field(default_factory=list)

    def listing(self, collection: Endpoint, directory: str) -> dict[str, FileInfo]:
        self.asked.append((collection.text, directory))
        self.marks += self.folder.iterdir()
        return {name: FileInfo(name, False, 0) for name in self.look(self.folder)}

    def check(self) -> None:
        service = cast(TransferService, self)
        check_sees(service.listing, GlobusEndpoint("the-id", "SITE1"), directory=self.folder, seen_as="/there/job")


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _raising(error: BaseException) -> Callable[[Path], list[str]]:
    def look(_: Path) -> list[str]:
        raise error

    return look


def test_a_server_sees_the_directory_if_it_lists_a_file_that_was_just_made_there(tmp_path: Path) -> None:
    server = Server(tmp_path, _names)
    server.check()
    server.check()
    assert server.asked == [("the-id", "/there/job/")] * 2
    assert len(set(server.marks)) == 2, "each time another name: none of an earlier look can be taken for it"
    assert list(tmp_path.iterdir()) == []


NOT_SEEN = [
    pytest.param(lambda _: ["input.dat"], "another directory has that path there", id="another directory"),
    pytest.param(_raising(EndpointError("no such path")), "no such path", id="no directory"),
]


@pytest.mark.parametrize(("look", "why"), NOT_SEEN)
def test_a_server_that_does_not_list_that_file_is_refused_with_the_reason(
    tmp_path: Path, look: Callable[[Path], list[str]], why: str
) -> None:
    server = Server(tmp_path, look)
    with pytest.raises(EndpointError) as caught:
        server.check()
    assert caught.value.message == f'the server "SITE1" does not see the job\'s directory as "/there/job": {why}'
    assert (caught.value.code, caught.value.subject) == ("server-blind", "SITE1")
    assert len(server.marks) == 1
    assert list(tmp_path.iterdir()) == []


WHO_MAPS = [
    pytest.param(GridftpEndpoint("gsiftp://h"), "the DN of the job's owner", "; if", id="gsiftp"),
    pytest.param(
        GlobusEndpoint("the-id", "SITE1"), "the pilot's Globus client", ", or leaves out the UUID", id="globus"
    ),
]


@pytest.mark.parametrize(("server", "whom", "then"), WHO_MAPS)
def test_a_server_that_denies_the_directory_is_mended_by_its_map_of_accounts(
    tmp_path: Path, server: Endpoint, whom: str, then: str
) -> None:
    listing = Server(tmp_path, _raising(StorageDenied("the storage denies it"))).listing
    service = cast(TransferService, SimpleNamespace(listing=listing))
    with pytest.raises(EndpointError) as caught:
        check_sees(service.listing, server, directory=tmp_path, seen_as="/there/job")
    assert (caught.value.code, caught.value.message.endswith(": the storage denies it")) == ("server-blind", True)
    hint = caught.value.hint
    assert hint.startswith(
        f"the site must map {whom} to the account of the pilot there, which alone may enter the job's"
    )
    assert f"types gc in place of server{then}" in hint
    assert hint.endswith("--sharedFolder HERE=THERE")


def test_a_server_that_cannot_be_asked_now_is_not_called_blind(tmp_path: Path) -> None:
    away = EndpointError("Globus could not be reached", code="globus-unreachable", transient=True)
    with pytest.raises(EndpointError) as caught:
        Server(tmp_path, _raising(away)).check()
    assert caught.value.code == "globus-unreachable"
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_a_server_is_asked_leaves_no_file_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        Server(tmp_path, _raising(KeyboardInterrupt())).check()
    assert list(tmp_path.iterdir()) == []


# --- local ---


@pytest.mark.conformance  # it takes long
def test_a_job_that_only_copies_on_the_node_asks_no_globus_in_either_direction(site: Site, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name, text in {"top": "1", "sub/a": "2", "whole/b": "3", "whole/deep/er/c": "4", "left": "5"}.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)
    script = f"{LIST}mkdir -p res/deep && cat top sub/a > res/deep/x && mv whole tree\n"
    site.submit(script, "--jobParameters", f"in-mode=local dir-in={data} files-in=top,sub/a,whole/ "
                f"out-mode=local dir-out={tmp_path}/new/out files-out=listing.txt,res/deep/x,tree",
                **NO_GLOBUS, GOCLIENT_CLIENT_ID="", GOCLIENT_CLIENT_SECRET="")  # fmt: skip
    result = site.pilot(**NO_CONNECT, **NO_GLOBUS)
    assert result.code == 0, result.err
    out = tmp_path / "new/out"
    assert (out / "listing.txt").read_text() == "./sub/a\n./top\n./whole/b\n./whole/deep/er/c\n"
    assert (out / "res/deep/x").read_text() == "12"
    assert (out / "tree/deep/er/c").read_text() == "4"
    assert "stage-in: 4 files, " in result.err
    assert "output: 4 files, " in result.err
    assert list(tmp_path.rglob(".*")) == []
    assert (site.tasks, site.endpoints) == ([], 0)


@pytest.mark.conformance  # it takes long
def test_input_may_come_through_globus_connect_and_output_stay_on_the_node(site: Site, tmp_path: Path) -> None:
    site.files(FAR, top="one")
    site.submit(IDLE, "--jobParameters", f"in-mode=gc globus-endpoint-in={FAR} dir-in=/{site.name} files-in=top "
                f"out-mode=local dir-out={tmp_path}/out files-out=top")  # fmt: skip
    assert site.pilot().code == 0
    assert (tmp_path / "out/top").read_text() == "one"
    assert site.tasks == [("stage-in", FAR, "gone")]
    assert site.endpoints > 0


@pytest.mark.conformance  # it takes long
def test_input_may_be_on_the_node_and_output_leave_through_globus_connect(site: Site, tmp_path: Path) -> None:
    (tmp_path / "top").write_text("one")
    away = site.files(AWAY)
    site.submit(IDLE, "--jobParameters", f"in-mode=local dir-in={tmp_path} files-in=top "
                f"out-mode=gc globus-endpoint-out={AWAY} dir-out=/{site.name} files-out=top")  # fmt: skip
    assert site.pilot().code == 0
    assert (away / "top").read_text() == "one"
    assert site.tasks == [("output", "gone", AWAY)]


@pytest.mark.parametrize(
    ("folder", "file"),
    [
        ("/proc/self", "environ"),
        ("/proc", "kmsg"),
        ("//proc/self/root/proc/self", "environ"),
        ("/dev", "fd/0"),
        ("", ""),
    ],
)
def test_a_job_that_copies_the_pilot_s_secrets_fails_before_the_payload(
    site: Site, tmp_path: Path, folder: str, file: str
) -> None:
    token = Path(site.sandbox.env["GOCLIENT_PILOT_TOKEN_FILE"])
    (tmp_path / "link").symlink_to(folder or token.parent)  # its name alone would be refused at submission
    words = f"in-mode=local dir-in={tmp_path}/link files-in={file or token.name}"
    site.submit(LIST, "--jobParameters", f"{words} out-mode=local dir-out={site.scratch} files-out=listing.txt")
    result = site.pilot()
    assert (result.code, result.json["state"]) == (40, "failed")
    assert "stage-in: " in site.reason
    assert file or token.name in site.reason


def test_an_input_that_is_not_on_the_node_fails_the_job_before_the_payload(site: Site, tmp_path: Path) -> None:
    site.submit(IDLE, "--jobParameters", f"in-mode=local dir-in={tmp_path} files-in=gone,also/gone")
    result = site.pilot()
    assert (result.code, result.json["error"]["code"]) == (40, "stage-in:path-not-found")
    for name in ("gone", "also/gone"):
        assert f'"{tmp_path}/{name}": it is not on this node' in site.reason
    assert "the payload runs" not in result.err


@pytest.mark.parametrize("allowed", [False, True])
def test_a_file_in_the_way_on_the_node_is_overwritten_only_if_the_user_allowed_it(
    site: Site, tmp_path: Path, allowed: bool
) -> None:
    (tmp_path / "made").write_text("old\n")
    site.submit("#!/bin/sh\necho new > made\n", "--jobParameters", f"out-mode=local dir-out={tmp_path} files-out=made",
                *(["--goOverwrite"] if allowed else []))  # fmt: skip
    result = site.pilot()
    assert result.code == (0 if allowed else 40), result.err
    assert (tmp_path / "made").read_text() == ("new\n" if allowed else "old\n")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    if not allowed:
        assert result.json["error"]["code"] == "output:exists"
        assert "exists by now, and would be overwritten" in site.reason


def test_what_a_job_s_files_out_are_not_is_said_and_nothing_is_copied(site: Site, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not for the job")
    script = f"#!/bin/sh\necho made > made\nln -s {tmp_path}/secret link\nmkfifo pipe\nln -s loop loop\n"
    site.submit(script, "--jobParameters", f"out-mode=local dir-out={tmp_path}/out files-out=made,link,pipe,loop,gone")
    result = site.pilot()
    assert (result.code, result.json["error"]["exit_code"]) == (40, 40)
    for name, why in {
        "link": "it leads outside the job's directory",
        "pipe": "it is a pipe (FIFO), which cannot be taken away",
        "loop": "it cannot be read: Too many levels of symbolic links",
        "gone": "the job did not create this file",
    }.items():
        assert f'"{name}": {why}' in result.err
    assert not (tmp_path / "out").exists()

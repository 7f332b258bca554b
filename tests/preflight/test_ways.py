"""Transfers that cannot be done at all are refused before a job is sent, and whose proxy acts on servers is settled."""

from __future__ import annotations

from typing import Any, cast

import pytest

from goclient.model.endpoint import JOB, UrlEndpoint, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.planner import group_tasks
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parameters import read_typed
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.gridftp import GridftpEngine
from goclient.node.engines.https import HttpsEngine
from goclient.node.engines.local import LocalEngine
from goclient.preflight.ways import find_idle_https, judge_ways
from tests.sandboxes import Sandbox

ACCOUNT = ["u@h:7512"]


def spec_of(text: str = "", **items: list[str]) -> TransferSpec:
    typed = read_typed(text, options=items)
    assert typed.errors == []
    return typed.spec


def judged(spec: TransferSpec) -> list[tuple[str, str, str]]:
    return [(one.level, one.code, one.subject) for one in judge_ways(spec)]


def an_engine_runs_all(spec: TransferSpec) -> bool:
    nobody: Any = None  # who is asked only when a task is carried out
    https = HttpsEngine(nobody, webdav=lambda _: nobody, collections=cast("Any", object()), patience=0.0)
    others = GridftpEngine(nobody, nobody), GlobusEngine(nobody, nobody, nobody), LocalEngine(nobody)
    return all(any(one.can_run(task) for one in (https, *others)) for task in group_tasks(spec))


ENDS = ("A", "gsiftp://g", "davs://w")


@pytest.mark.parametrize("source", ENDS)
@pytest.mark.parametrize("destination", ["B", "gsiftp://g2", "davs://w2"])
def test_past_the_job_files_go_only_between_two_of_a_kind(source: str, destination: str) -> None:
    src, dest = (str(read_endpoint(one).write("/a")) for one in (source, destination))
    spec = spec_of(StageinGOsrc=[src], StageinGOdest=[dest], MyproxyGO=ACCOUNT)
    kinds = {source.partition("://")[0], destination.partition("://")[0]}
    expected = [] if kinds in ({"A", "B"}, {"gsiftp"}) else [("error", "no-way", source)]
    assert judged(spec) == expected
    assert an_engine_runs_all(spec) is (not expected)


@pytest.mark.parametrize("far", ENDS)
@pytest.mark.parametrize("local", ["L", "gsiftp://l", "davs://l"])
def test_a_server_that_sees_the_directory_is_of_the_kind_of_the_other_end(far: str, local: str) -> None:
    text = f"in-mode=server globus-endpoint-in={far} globus-endpoint-local={local} files-in=a"
    kinds = {far.partition("://")[0], local.partition("://")[0]}
    expected = [] if kinds in ({"A", "L"}, {"gsiftp"}) else [("error", "no-way", far)]
    spec = spec_of(text, MyproxyGO=ACCOUNT)
    assert judged(spec) == expected
    assert expected or an_engine_runs_all(spec)


@pytest.mark.parametrize("mode", ["gc", "https"])
@pytest.mark.parametrize("far", ENDS)
def test_through_the_job_everything_goes_everywhere(mode: str, far: str) -> None:
    text = f"in-mode={mode} globus-endpoint-in={far} files-in=a out-mode={mode} globus-endpoint-out=A files-out=b"
    spec = spec_of(text, MyproxyGO=ACCOUNT)
    assert judged(spec) == []
    assert an_engine_runs_all(spec)


class RootEndpoint(UrlEndpoint):
    """A kind of server without an engine."""

    scheme = "root://"
    default_port = 1094
    form = "root://host[:port]"
    title = "an xrootd server"


@pytest.mark.parametrize("phase", ["stage_in", "output"])
def test_a_kind_of_server_without_an_engine_is_refused(phase: str) -> None:
    ends = Location(RootEndpoint("root://h"), "/a"), Location(JOB, "/a")
    transfer = Transfer(*(ends if phase == "stage_in" else reversed(ends)))
    account = {"user": "u", "host": "h", "port": 7512}
    spec = TransferSpec.model_validate({phase: (transfer,), "working": "w", "myproxy": account})
    (found,) = judge_ways(spec)
    assert (found.level, found.code, found.subject) == ("error", "no-way", "root://h")
    assert found.message.endswith('files cannot go between "root://h" (an xrootd server) and the job\'s directory')
    assert found.hint.endswith("on a server gsiftp://host[:port] or davs://host[:port]")
    assert not an_engine_runs_all(spec)


@pytest.mark.parametrize(("words", "idle"), [
    ({"StageinGOsrc": ["gsiftp://g/a"]}, True),
    ({"StageinGOsrc": ["davs://w/a"], "Data": ["o"], "OutputGO": ["gsiftp://g/o/"]}, True),
    ({"StageinGOsrc": ["davs://w/a"], "Data": ["o"], "OutputGO": ["A:/o/"]}, False),
    ({"StageinGOsrc": ["A:/a"]}, False),
])  # fmt: skip
def test_https_that_no_file_uses_is_told(words: dict[str, list[str]], idle: bool) -> None:
    by_https = spec_of("", InmodeGO=["https"], OutmodeGO=["https"], **words)
    assert [one.code for one in find_idle_https(by_https)] == ["no-effect"] * idle
    assert list(find_idle_https(spec_of("", **words))) == []


@pytest.mark.parametrize("far", ENDS[1:])
def test_a_job_with_a_server_names_an_account(far: str) -> None:
    assert judged(spec_of(StageinGOsrc=[f"{far}/a"])) == [("error", "no-account", far)]
    assert judged(spec_of(Data=["o"], OutputGO=[f"{far}/"])) == [("error", "no-account", far)]
    text = f"in-mode=gc globus-endpoint-in={far} files-in=a"
    assert judged(spec_of(text)) == [("error", "no-account", far)]
    assert judged(spec_of(f"{text} globus-user=wdeng")) == [("warning", "account-guessed", far)]


def test_a_collection_needs_no_account() -> None:
    assert judged(spec_of(StageinGOsrc=["A:/a"])) == []


def test_a_name_of_the_catalogue_is_judged_by_what_it_means(shared_sandbox: Sandbox) -> None:
    catalogue = shared_sandbox.root / "servers.toml"
    catalogue.write_text('[SE]\nkind = "webdav"\nurl = "davs://Se.example.org:443"\n')
    words = ("--StageinGOsrc=SE:/a", "--noSubmit", "--noCheck", "--json")
    tried = shared_sandbox.submit(*words, GOCLIENT_ENDPOINTS=str(catalogue))
    assert (tried.code, tried.json["error"]["code"]) == (10, "no-account")
    assert '"SE" is a WebDAV server' in tried.json["error"]["message"]
    sent = shared_sandbox.submit(*words, "--myproxy=u@h:7512", GOCLIENT_ENDPOINTS=str(catalogue))
    assert "--StageinGOsrc=davs://se.example.org/a " in sent.json["record"]
    assert sent.json["spec"]["myproxy"] == {"user": "u", "host": "h", "port": 7512}


@pytest.mark.parametrize(("way", "words"), [("https", ["--InmodeGO=https", "--OutmodeGO=https"]), ("gc", [])])
def test_the_way_is_in_the_record_for_both_directions(shared_sandbox: Sandbox, way: str, words: list[str]) -> None:
    typed = ("--StageinGOsrc=A:/a", f"--goVia={way}", "--noSubmit", "--noCheck", "--json")
    record = shared_sandbox.submit(*typed).json["record"]
    assert [word.rstrip('",') for word in record.split() if "modeGO" in word] == words


@pytest.mark.parametrize(
    ("path", "what"), [("/~/a", "there is no home directory there"), ("/a?b", "a WebDAV server cuts a name at a ?")]
)
def test_a_path_that_a_webdav_server_has_not_is_refused_however_it_is_named(
    shared_sandbox: Sandbox, path: str, what: str
) -> None:
    catalogue = shared_sandbox.root / "servers.toml"
    catalogue.write_text('[SE]\nkind = "webdav"\nurl = "davs://h"\n')
    directory, _, name = path.rpartition("/")
    words = f"in-mode=gc dir-in={directory}/ files-in={name}"
    for typed in (
        f"--StageinGOsrc=SE:{path}",
        f"--StageinGOsrc=davs://h{path}",
        f"--jobParameters={words} globus-endpoint-in=SE",
        f"--jobParameters={words} globus-endpoint-in=davs://h",
    ):
        asked = (typed, "--myproxy=u@h", "--noSubmit", "--noCheck", "--json")
        tried = shared_sandbox.submit(*asked, GOCLIENT_ENDPOINTS=str(catalogue))
        assert (tried.code, tried.json["error"]["code"]) == (10, "location"), tried.err
        assert what in tried.json["error"]["message"]


NO_TARGETS = [("a?b", "cuts a name at a ?"), ("\xe4.root", "keeps \xe4"), ("behind ", "keeps a blank at its end")]


@pytest.mark.parametrize(
    ("typed", "case"),
    [
        ("--Data={} --OutputGO=SE:/d/", 1),
        ("--Data={} --OutputGO=davs://h/d/", 0),
        ("--StageoutGOsrc={} --StageoutGOdest=davs://h/d/", 2),
        ("--StageoutGOsrc=x --StageoutGOdest=SE:/d/{}", 1),
        ("--StageoutGOsrc=SITE1:/x/{} --StageoutGOdest=davs://h/d/", 0),
        ("--StageinGOsrc=SITE1:/x/{} --StageinGOdest=davs://h/d/", 0),
        ("--jobParameters=out-mode=gc globus-endpoint-out=SE dir-out=/d files-out='{}'", 0),
        ("--jobParameters=out-mode=gc globus-endpoint-out=davs://h dir-out=/d files-out='{}'", 2),
    ],
)
def test_what_a_webdav_server_would_not_keep_is_refused_before_a_job_is_sent(
    shared_sandbox: Sandbox, typed: str, case: int
) -> None:
    name, what = NO_TARGETS[case]
    catalogue = shared_sandbox.root / "servers.toml"
    catalogue.write_text('[SE]\nkind = "webdav"\nurl = "davs://h"\n')
    words = [f"--{one.format(name)}" for one in typed.removeprefix("--").split(" --")]
    asked = (*words, "--myproxy=u@h", "--noSubmit", "--noCheck", "--json")
    tried = shared_sandbox.submit(*asked, GOCLIENT_ENDPOINTS=str(catalogue))
    assert (tried.code, tried.json["error"]["code"]) == (10, "location"), tried.err
    assert what in tried.json["error"]["message"]
    assert name in tried.json["error"]["message"]
    checked = shared_sandbox.run("goclient", "check", *asked[:-3], "--json", GOCLIENT_ENDPOINTS=str(catalogue))
    assert ("error", "location") in [(one["level"], one["code"]) for one in checked.json["findings"]], checked.err


def test_the_account_stands_beside_the_words_of_2012() -> None:
    spec = spec_of("in-mode=gc globus-endpoint-in=A files-in=a", MyproxyGO=ACCOUNT)
    assert str(spec.myproxy) == "u@h:7512"


def test_the_way_does_not_stand_beside_the_words_of_2012() -> None:
    typed = read_typed(
        "in-mode=gc globus-endpoint-in=A files-in=a", options={"InmodeGO": ["https"], "OutmodeGO": ["https"]}
    )
    assert [(one.code, one.hint) for one in typed.errors] == [
        ("two-syntaxes", "write in-mode=https and out-mode=https among the words")
    ]


def test_a_way_alone_transfers_nothing_and_is_not_in_the_record() -> None:
    assert spec_of("run", InmodeGO=["https"], OutmodeGO=["https"]) == TransferSpec()


def test_words_that_only_a_record_has_are_left_to_the_payload_with_a_warning(shared_sandbox: Sandbox) -> None:
    words = {"--InmodeGO=https": "--goVia", "--MyproxyGO=u@h:7512": "--myproxy", "--OverwriteGO=yes": "--goOverwrite"}
    text = f"--StageinGOsrc=SITE1:/home/a {' '.join(words)}"
    sent = shared_sandbox.submit(f"--jobParameters={text}", "--noSubmit", "--noCheck", "--json")
    assert sent.code == 0, sent.err
    told = {one["subject"]: one["hint"] for one in sent.json["findings"] if one["code"] == "left-to-payload"}
    for word, option in words.items():
        assert option in told[word.partition("=")[0]]

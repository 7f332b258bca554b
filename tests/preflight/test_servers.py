"""Findings at servers that URLs name, and how seldom they are asked."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from goclient.errors import EndpointError, GoclientError
from goclient.errors.conditions import NotMapped, PermissionDenied
from goclient.errors.findings import Finding
from goclient.errors.myproxy import IdentityError, IdentityExpired, NoIdentity
from goclient.model.endpoint import JOB, Endpoint, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.remote import FileInfo, Listing
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.preflight.base import Context, PreflightOptions
from goclient.preflight.checks import LAST_CHECKS, TRANSFER_CHECKS
from goclient.preflight.myproxy import Account
from goclient.preflight.new_directories import NewDirectories
from goclient.preflight.servers import Servers
from tests.commands import TIMEOUT
from tests.preflight.contexts import ME, SITE, Accounts, Globus, ServerFiles, connected, run

SERVER = "gsiftp://se.example.org"
HERE = Location(JOB, "/")


def file(size: int = 1, rights: str | None = "rwadf") -> FileInfo:
    return FileInfo("", False, size, "file", "0644", rights=rights)


def directory(rights: str | None = "cfmpel", mode: str = "0755") -> FileInfo:
    return FileInfo("", True, 4096, "dir", mode, rights=rights)


DATA = {"/d/": directory(), "/d/hits.root": file(7), "/out/": directory()}


def at(path: str, server: str = SERVER) -> Location:
    return Location(read_endpoint(server), path)


def brought(path: str, to: Location = HERE) -> Transfer:
    return Transfer(at(path), to)


def put(path: str) -> Transfer:
    return Transfer(Location(JOB, "/new.root"), at(path))


def check(
    accounts: Any, *transfers: Transfer, globus: Any = None, overwrite: bool = False, **options: Any
) -> tuple[Context, list[Finding]]:
    accounts = Accounts(accounts) if isinstance(accounts, ServerFiles) else accounts
    spec = TransferSpec(stage_in=transfers, working="w", overwrite=overwrite)
    made = PreflightOptions(**{"seconds": 10.0, **options})
    context = connected(spec, globus, options=made, accounts=accounts)
    return context, run(context, *(kind() for kind in (*TRANSFER_CHECKS, *LAST_CHECKS)))


def wrong(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(one.level, one.code) for one in findings if one.level != "ok"]


def test_a_server_is_asked_as_the_user_and_globus_is_not() -> None:
    _, findings = check(ServerFiles(DATA), brought("/d/hits.root"), put("/out/"))
    assert wrong(findings) == []
    told = [one.message for one in findings]
    assert "servers are asked as /CN=W (X509_USER_PROXY)" in told
    assert f'{SERVER} is a GridFTP server, where you have the account "wdeng"' in told
    assert f"{SERVER}/d/hits.root is there, 7 bytes" in told
    assert f"nothing is in the way of {SERVER}/out/new.root" in told
    assert "1 file of 7 bytes" in told[-1]


def test_a_name_of_the_catalogue_is_the_server_that_it_stands_for() -> None:
    files = ServerFiles(DATA)
    context, findings = check(files, Transfer(Location(read_endpoint("GRID"), "/d/hits.root"), HERE))
    assert wrong(findings) == []
    assert {url for _, url in files.asked} == {"gsiftp://grid.example.org"}
    assert context.resolved.stage_in[0].source.endpoint.text == "gsiftp://grid.example.org"
    assert "GRID is a GridFTP server" in " ".join(one.message for one in findings)


JUDGED = [
    pytest.param(brought("/d/hist.root"), {}, [("error", "path-not-found")], 'mean "hits.root"', id="a near name"),
    pytest.param(brought("/data/a"), {}, [("error", "path-not-found")], "the directory holds", id="a wrong directory"),
    pytest.param(brought("/d/hits.root/"), {}, [("error", "not-a-directory")], "leave out the final /", id="a file"),
    pytest.param(brought("/d/*.root"), {}, [("error", "path-not-found")], 'each of them: "hits.root"', id="wildcards"),
    pytest.param(
        brought("/d/secret"), {"/d/secret": file(rights="")}, [("error", "permission")], "operators", id="unreadable"
    ),
    pytest.param(
        put("/out/"), {"/out/new.root": file()}, [("error", "exists")], "--goOverwrite", id="something in the way"
    ),
    pytest.param(
        put("/out/"), {"/out/": directory("el", "0755")}, [("error", "not-writable")], "--goProbe", id="no right"
    ),
    pytest.param(put("/out/"), {"/out/": directory(None, "0555")}, [("error", "read-only")], "--goProbe", id="a mode"),
    pytest.param(put("/out/"), {"/out/": directory("cfmpel", "0555")}, [], "", id="rights beside a mode"),
    pytest.param(put("/otu/"), {}, [("warning", "no-folder")], 'did you mean "out"?', id="a directory that is new"),
]  # fmt: skip


@pytest.mark.parametrize(("transfer", "more", "codes", "hint"), JUDGED)
def test_paths_of_servers_are_judged_like_those_of_collections(
    transfer: Transfer, more: dict[str, FileInfo], codes: list[tuple[str, str]], hint: str
) -> None:
    _, findings = check(ServerFiles({**DATA, **more}), transfer)
    assert wrong(findings) == codes
    assert hint in " ".join(one.hint for one in findings if one.level != "ok")
    assert "Globus" not in " ".join(one.message + one.hint for one in findings)


def test_a_probe_makes_a_directory_and_removes_it() -> None:
    files = ServerFiles({**DATA, "/out/": directory("el")})
    context, findings = check(files, put("/out/"), probe=True)
    assert wrong(findings) == [("warning", "not-writable")]
    assert [one.code for one in findings][-1] == "probe"
    assert context.writes_proven
    assert set(files.paths) == set(DATA), "nothing is left"


def test_a_directory_that_is_missing_is_made_on_demand() -> None:
    files = ServerFiles(DATA)
    _, findings = check(files, put("/out/deep/er/"), make_directories=True)
    assert wrong(findings) == []
    assert {"/out/deep/", "/out/deep/er/"} < set(files.paths)


def test_a_directory_that_is_there_by_the_time_it_would_be_made_is_right() -> None:
    context, _ = check(ServerFiles(DATA), put("/out/deep/"), make_directories=True)
    (finding,) = NewDirectories().findings(context)  # as if somebody had made it, and a check had seen that
    assert (finding.level, finding.message) == ("ok", f"the directory {SERVER}/out/deep/ is there by now")


def test_a_directory_that_cannot_be_made_says_so() -> None:
    class Closed(ServerFiles):
        def mkdir(self, endpoint: Endpoint, directory: str, /) -> None:
            raise PermissionDenied("the server denies it", hint="ask its operators", subject=endpoint.show(directory))

    _, findings = check(Closed(DATA), put("/out/deep/"), make_directories=True)
    assert wrong(findings) == [("error", "permission")]
    _, findings = check(Closed(DATA), put("/out/"), probe=True)
    assert wrong(findings) == [("error", "probe:permission")]


def test_of_a_directory_that_may_have_been_made_it_is_said() -> None:
    class Away(ServerFiles):
        def mkdir(self, endpoint: Endpoint, directory: str, /) -> None:
            raise EndpointError("it went away", hint="again", code="gridftp-closed", subject=SERVER, transient=True)

    _, findings = check(Away(DATA), put("/out/deep/"), make_directories=True)
    (error,) = [one for one in findings if one.level == "error"]
    assert "it is not known whether the directory" in error.message
    _, findings = check(Away(DATA), put("/out/"), probe=True)
    assert wrong(findings) == [("warning", "probe-left")]
    assert f"remove {SERVER}/out/.goclient-probe-" in findings[-1].hint


PROBLEMS = [
    pytest.param(NoIdentity("there is no proxy", hint="make one"), [("warning", "unchecked")] * 2, id="none"),
    pytest.param(IdentityExpired("it expired", hint="make a new one"), [("error", "proxy-expired")], id="expired"),
    pytest.param(
        IdentityError("it can be read by others", hint="chmod", code="identity-mode"),
        [("error", "identity-mode")],
        id="not private",
    ),
]


@pytest.mark.parametrize(("problem", "codes"), PROBLEMS)
def test_without_a_proxy_servers_are_not_checked(problem: GoclientError, codes: list[tuple[str, str]]) -> None:
    files = ServerFiles(DATA)
    other = Transfer(at("/a", "davs://web.example.org"), HERE)
    _, findings = check(Accounts(files, problem=problem), brought("/d/none"), other, brought("/d/other"))
    assert wrong(findings) == codes
    assert all(one.hint for one in findings)
    assert files.asked == {}
    assert "Globus" not in " ".join(one.message + one.hint for one in findings)


def test_a_key_that_needs_a_pass_phrase_is_not_used() -> None:
    _, findings = check(Accounts(ServerFiles(DATA), identity=ME._replace(encrypted=True)), brought("/d/hits.root"))
    assert wrong(findings) == [("warning", "unchecked")]
    assert "grid-proxy-init" in findings[0].hint


def test_a_limited_proxy_is_a_warning() -> None:
    limited = ME._replace(is_limited=True, warnings=("the proxy is limited",))
    _, findings = check(Accounts(ServerFiles(DATA), identity=limited), brought("/d/hits.root"))
    assert wrong(findings) == [("warning", "proxy-limited")]


def test_a_server_that_does_not_know_the_user_is_one_error_and_is_asked_no_more() -> None:
    files = ServerFiles(failure=NotMapped("no account for /CN=W", hint="ask", code="gridftp-unmapped", subject=SERVER))
    _, findings = check(files, brought("/d/hits.root"), brought("/e/other"), put("/out/"))
    assert wrong(findings) == [("error", "gridftp-unmapped")]
    assert files.asked == {("account", SERVER): 1}


def test_a_server_that_goes_away_is_one_error_and_is_asked_no_more() -> None:
    class Away(ServerFiles):
        def listings(self, endpoint: Endpoint, directories: Sequence[str], /) -> dict[str, Listing | GoclientError]:
            self.asked["listings", endpoint.text] += 1
            raise EndpointError("it went away", hint="again", code="gridftp-closed", subject=SERVER, transient=True)

    files = Away(DATA)
    _, findings = check(files, brought("/d/"), brought("/none/other"), put("/out/new"))
    assert {(one.level, one.code, one.message) for one in findings if one.level != "ok"} == {
        ("error", "gridftp-closed", "it went away")
    }
    assert files.asked["listings", SERVER] == 1


def test_a_silent_server_takes_the_answers_of_no_other_and_gets_the_blame() -> None:
    end = threading.Event()

    class Silent(ServerFiles):
        def listings(self, endpoint: Endpoint, directories: Sequence[str], /) -> dict[str, Listing | GoclientError]:
            if endpoint.text == SERVER:
                end.wait(TIMEOUT)
            return super().listings(endpoint, directories)

    others = [
        Transfer(at("/d/hits.root", "davs://web.example.org"), HERE),
        Transfer(Location(read_endpoint(SITE), "/in/a"), HERE),
    ]
    try:
        transfers = (*(brought(f"/d{number}/a") for number in range(40)), *others)
        for seconds in (0.5, 5.0, 50.0):  # on a busy machine the others take as long
            _, findings = check(Silent(DATA), *transfers, globus=Globus(), seconds=seconds, allow_personal=True)
            told = [one.message for one in findings if one.code == "source"]
            if len(told) > 1:
                break
    finally:
        end.set()
    assert set(wrong(findings)) == {("error", "gridftp-timeout")}
    assert told == ["davs://web.example.org/d/hits.root is there, 7 bytes", f"{SITE}:/in/a is there, 3 bytes"]


def test_servers_are_checked_although_nobody_may_ask_globus() -> None:
    def refuse() -> Any:
        raise EndpointError("no Globus client is set", hint="export one", code="no-client", subject="globus")

    from goclient.preflight.connect import connect

    transfers = (brought("/d/hist.root"), Transfer(Location(read_endpoint(SITE), "/in/a"), HERE))
    context = Context(TransferSpec(stage_in=transfers, working="mine"), accounts=lambda: Accounts(ServerFiles(DATA)))  # type: ignore[arg-type,return-value]
    context.options = PreflightOptions(pilot_identity="them@x")
    connect(context, {}, refuse)
    run(context, *(kind() for kind in TRANSFER_CHECKS))
    assert wrong(context.findings) == [("error", "no-client"), ("error", "path-not-found")]


def test_a_thousand_files_on_ten_servers_are_few_questions() -> None:
    places = [(f"gsiftp://se{number % 10}.example.org", f"/d{number}/") for number in range(20)]
    paths = {directory_path: directory() for _, directory_path in places}
    paths |= {f"{path}f{number}": file() for _, path in places for number in range(50)}
    files = ServerFiles(paths)
    transfers = [
        Transfer(at(f"{path}f{number}", server), Location(JOB, f"/{path.strip('/')}-{number}"))
        for server, path in places
        for number in range(50)
    ]
    _, findings = check(files, *transfers)
    assert wrong(findings) == []
    assert "1000 files of 1000 bytes" in findings[-1].message
    assert Counter(verb for verb, _ in files.asked.elements()) == {"account": 10, "listings": 10}


@pytest.mark.parametrize(("dn", "codes"), [("/CN=W", []), ("/CN=X", ["myproxy-other-dn"])])
def test_a_deposit_of_somebody_else_than_who_asked_the_servers_is_a_warning(dn: str, codes: list[str]) -> None:
    class Deposits(Accounts):
        def service(self, account: MyproxyAccount, *, seconds: float, deposit: bool) -> Any:
            return SimpleNamespace(identity=ME._replace(base=dn), info=lambda user: ())

    account = MyproxyAccount(user="u", host="h", port=7512)
    spec = TransferSpec(stage_in=(brought("/d/hits.root"),), myproxy=account)
    findings = run(connected(spec, None, accounts=Deposits(ServerFiles(DATA))), Servers(), Account())
    assert wrong(findings) == [*(("warning", code) for code in codes), ("error", "myproxy-none")]

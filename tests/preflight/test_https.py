"""A job that goes by HTTPS needs a server of each collection, a token of who transfers, and files of a size for it."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.errors.conditions import NotLoggedIn, StorageDenied
from goclient.errors.findings import ExitCode, Finding
from goclient.model.endpoint import JOB, Endpoint, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.mode import Mode
from goclient.model.remote import FileInfo
from goclient.model.spec import TransferSpec
from goclient.preflight.base import PreflightOptions
from goclient.preflight.endpoints import Endpoints
from goclient.preflight.https import LARGE, Https
from goclient.preflight.login import join_logins
from goclient.services.globus.collection import Collection
from tests.preflight.contexts import GUEST, SITE, Globus, connected, run

ME, OTHER = "33333333-3333-4333-8333-333333333333", "44444444-4444-4444-8444-444444444444"
ENTRIES = {"a": FileInfo("a", False, 3, "file"), "big": FileInfo("big", False, LARGE + 1, "file"),
           "dir": FileInfo("dir", True, 0, "dir")}  # fmt: skip


class Service(Globus):
    """A service whose guest collection serves HTTPS, asked by somebody with tokens or without."""

    identity, nobody = ME, False

    def __init__(self, *, tokens: bool = True, closed: bool = False) -> None:
        super().__init__()
        self._tokens, self._closed = tokens, closed

    def collection(self, collection: Endpoint) -> Collection:
        if self.nobody:
            raise NotLoggedIn.to_globus("nobody is logged in to Globus", subject=collection.display)
        server = "https://guest.example" if collection.text == GUEST else ""
        kind = "GCSv5_guest_collection"
        return Collection(
            collection.text, "", "", kind, "you@x", None, None, False, False, "", (), "you", https_server=server
        )

    def listing(self, collection: Endpoint, path: str) -> dict[str, FileInfo]:
        return dict(ENTRIES)

    def is_empty(self, collection: Endpoint, path: str) -> bool:
        if self._closed:
            raise StorageDenied("denied", subject=path)
        return False

    def has_https_token(self, collection: Endpoint) -> bool:
        return self._tokens


def findings(
    *names: str, service: Any = None, to: str = GUEST, mode: Mode = Mode.HTTPS, pilot: str | None = None
) -> list[Finding]:
    """Findings of a job that brings these files, and takes one to an endpoint."""
    mine = read_endpoint(GUEST, "MINE")
    spec = TransferSpec(
        stage_in=tuple(Transfer(Location(mine, f"/in/{one}"), Location(JOB, "/")) for one in names),
        output=(Transfer(Location(JOB, "/out"), Location(read_endpoint(to), "/out/")),),
        working="w", in_mode=mode, out_mode=mode,
    )  # fmt: skip
    options = PreflightOptions(seconds=10.0, pilot_identity=pilot)
    return run(connected(spec, service or Service(), options=options), Https())


def test_a_server_is_told_with_the_size_that_it_is_for() -> None:
    (found,) = findings("a")
    assert (found.level, found.code, found.subject) == ("ok", "https", "MINE")
    assert found.message == (
        "MINE serves HTTPS at https://guest.example; for a file above 5 GB a transfer task is the better way"
    )


def test_a_collection_without_a_server_is_an_error_with_the_way_round() -> None:
    _, found = findings("a", to=SITE)
    assert (found.level, found.code, found.exit_code) == ("error", "no-https", ExitCode.ENDPOINT)
    assert "it has none (a guest collection)" in found.message
    assert "leave out --goVia https" in found.hint


def test_nothing_is_said_of_another_mode() -> None:
    assert findings("a", "big", mode=Mode.GC, service=Service(tokens=False), to=SITE) == []


@pytest.mark.parametrize(("pilot", "level"), [(None, "warning"), (ME, "error"), (ME.upper(), "error")])
def test_a_consent_is_asked_for_where_the_pilot_may_be_the_user(pilot: str | None, level: str) -> None:
    _, found = findings("a", service=Service(tokens=False), pilot=pilot)
    assert (found.level, found.code, found.hint) == (level, "consent-needed", "type: goclient login --https MINE")


def test_no_consent_is_asked_for_where_somebody_else_transfers() -> None:
    assert [one.code for one in findings("a", service=Service(tokens=False), pilot=OTHER)] == ["https"]


def test_the_consents_are_in_the_one_login_command() -> None:
    spec = TransferSpec(
        stage_in=(Transfer(Location(read_endpoint(GUEST, "MINE"), "/in/a"), Location(JOB, "/")),), working="w",
        in_mode=Mode.HTTPS,
    )  # fmt: skip
    context = connected(spec, Service(tokens=False))
    other = Finding("error", "consent-needed", "C", "m", "", ExitCode.LOGIN, (("--endpoint", "C"),))
    joined = join_logins([*run(context, Https()), other], context)
    assert {one.hint for one in joined if one.login is not None} == {"type: goclient login --https MINE --endpoint C"}


@pytest.mark.parametrize(("pilot", "option"), [(None, "--https"), (OTHER, "--endpoint")])
def test_who_has_not_logged_in_at_all_does_so_for_all_of_it(pilot: str | None, option: str) -> None:
    spec = TransferSpec(
        stage_in=(Transfer(Location(read_endpoint(GUEST, "MINE"), "/in/a"), Location(JOB, "/")),), working="w",
        in_mode=Mode.HTTPS,
    )  # fmt: skip
    service, options = Service(tokens=False), PreflightOptions(seconds=10.0, pilot_identity=pilot)
    service.nobody = True
    context = connected(spec, service, options=options)
    (found,) = join_logins(run(context, Endpoints(), Https()), context)
    assert found.hint == f"type: goclient login {option} MINE"


def test_what_goes_past_the_job_s_directory_is_not_judged() -> None:
    mine, to = read_endpoint(GUEST, "MINE"), Location(read_endpoint(SITE), "/")
    past = tuple(Transfer(Location(mine, f"/in/{name}"), to) for name in ("big", "dir/"))
    spec = TransferSpec(stage_in=past, working="w", in_mode=Mode.HTTPS)
    assert run(connected(spec, Service(closed=True)), Https()) == []


def test_a_large_file_had_better_come_with_a_transfer_task() -> None:
    _, found = findings("a", "big")
    assert (found.level, found.code, found.subject) == ("warning", "https-large", "MINE:/in/big")
    assert f"has {LARGE + 1} bytes" in found.message


def test_a_directory_that_cannot_be_listed_is_refused_as_a_source() -> None:
    assert [one.code for one in findings("dir")] == ["https"]
    _, found = findings("dir", service=Service(closed=True))
    assert (found.level, found.code, found.exit_code) == ("error", "https-directory", ExitCode.ENDPOINT)
    assert found.hint.startswith("name its files, or leave out --goVia https")

"""One command logs in for all that needs it; a login that ends too early is told with what renews it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from goclient.errors import GoclientError
from goclient.errors.conditions import NotLoggedIn
from goclient.errors.findings import ExitCode, Finding
from goclient.model.endpoint import read_endpoint
from goclient.model.spec import TransferSpec
from goclient.preflight.base import Context, PreflightOptions
from goclient.preflight.login import Login, join_logins

SITE = read_endpoint("SITE1")


def context_of(globus: Any, *found: GoclientError, hours: int = 24) -> Context:
    context = Context(TransferSpec(), options=PreflightOptions(hours=hours))
    asked: Any = SimpleNamespace(globus=globus, found=dict.fromkeys([SITE], *found) if found else {}, collections={})
    context.connection = asked
    return context


def globus(*, is_service: bool = False, ends_in: timedelta | None = None) -> Any:
    end = None if ends_in is None else datetime.now(UTC) + ends_in
    return SimpleNamespace(acts_as="me", is_service=is_service, login_end=end)


def needs(*options: tuple[str, str]) -> Finding:
    return Finding("error", "c", "s", "m", "h", ExitCode.LOGIN, options)


def test_what_a_login_mends_has_one_command_for_all_of_it() -> None:
    other = Finding("error", "c", "s", "m", "as it was")
    found = join_logins([needs(("--endpoint", "A")), other, needs(("--endpoint", "B"))], context_of(globus()))
    assert [one.hint for one in found] == [
        "type: goclient login --endpoint A --endpoint B", "as it was", "type: goclient login --endpoint A --endpoint B",
    ]  # fmt: skip


def test_who_has_not_logged_in_at_all_logs_in_for_all_endpoints() -> None:
    (found,) = join_logins([needs()], context_of(None, NotLoggedIn("nobody is logged in")))
    assert found.hint == "type: goclient login --endpoint SITE1"


def test_a_service_has_no_session_and_is_used_as_a_person() -> None:
    (found,) = join_logins([needs(("--session", "x.org"))], context_of(globus(is_service=True)))
    assert found.login is None
    assert found.hint.startswith("a service has no session: use it as a person")
    assert found.hint.endswith("goclient login --session x.org")


@pytest.mark.parametrize(
    ("ends_in", "hours", "codes"),
    [
        (None, 24, []),
        (timedelta(hours=25), 24, []),
        (timedelta(hours=23), 24, ["login-ends"]),
        (timedelta(hours=23), 0, []),
        (timedelta(hours=-1), 0, ["login-ends"]),
    ],
)
def test_a_login_that_ends_within_the_hours_of_a_job_is_told(
    ends_in: timedelta | None, hours: int, codes: list[str]
) -> None:
    found = list(Login().findings(context_of(globus(ends_in=ends_in), hours=hours)))
    assert [one.code for one in found] == codes
    assert all(one.hint == "to renew it, type: goclient login" for one in found)


def test_nobody_who_asks_has_no_login() -> None:
    assert list(Login().findings(context_of(None))) == []

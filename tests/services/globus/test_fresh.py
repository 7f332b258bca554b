"""Tokens that travel with jobs are new, for single collections, and void once they are taken back."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.errors import LoginNeeded, Several
from goclient.errors.conditions import ConsentNeeded
from goclient.model.endpoint import GlobusEndpoint
from goclient.services.globus import fresh
from goclient.services.globus.access import GlobusAccess
from goclient.services.globus.app import token_file
from goclient.services.globus.collection import Collection
from goclient.services.globus.fresh import mint, revoke
from goclient.services.globus.sdk import Globus
from tests.sandboxes import Sandbox
from tests.services.globus.test_tokens import ids, log_in, person, pointed, service

__all__ = ["ids", "person", "pointed", "service"]  # fixtures


def collections(access: GlobusAccess, ids: dict[str, str], *names: str) -> list[Collection]:
    return [Globus(access).collection(GlobusEndpoint(ids[name])) for name in names]


def stored_tokens(access: GlobusAccess) -> dict[str, dict[str, Any]]:
    return {server: one.to_dict() for server, one in token_file(access).get_token_data_by_resource_server().items()}


def scopes(sandbox: Sandbox, token: str) -> list[str]:
    return [row["scope"] for row in sandbox.rows("select scope from tokens where access_token = ?", token)]


@pytest.mark.parametrize("names", [("GUEST1",), ("SITE1", "CONSENT1")])
def test_a_service_gets_a_token_for_each_collection_alone(
    service: GlobusAccess, ids: dict[str, str], shared_sandbox: Sandbox, names: tuple[str, ...]
) -> None:
    found = mint(service, collections(service, ids, *names))
    assert list(found.tokens) == [ids[name] for name in names]
    for one, token in found.tokens.items():
        (scope,) = scopes(shared_sandbox, token)
        assert {part.rpartition("/")[0] for part in scope.split()} == {f"https://auth.globus.org/scopes/{one}"}
        assert token not in repr(found)
    revoke(service, found.tokens.values())
    assert [scopes(shared_sandbox, token) for token in found.tokens.values()] == [[] for _ in names]


def test_a_person_gets_new_ones_and_all_that_is_missing_is_told(person: GlobusAccess, ids: dict[str, str]) -> None:
    log_in(person, "GUEST1")
    stored = stored_tokens(person)
    wanted = collections(person, ids, "GUEST1", "SITE1", "CONSENT1")
    first, second = mint(person, wanted[:1]), mint(person, wanted[:1])
    known = {one[kind] for one in stored.values() for kind in ("access_token", "refresh_token")}
    assert len({*known, *first.tokens.values(), *second.tokens.values()}) == len(known) + 2
    assert stored_tokens(person) == stored, "nothing new is kept"
    with pytest.raises(Several) as raised:
        mint(person, wanted)
    assert [(type(one), one.subject) for one in raised.value.parts] == [
        (ConsentNeeded, "SITE1"), (ConsentNeeded, "CONSENT1"),
    ]  # fmt: skip


def test_a_token_that_opens_more_is_not_used(service: GlobusAccess, ids: dict[str, str]) -> None:
    (one,) = collections(service, ids, "SITE1")
    own = f"https://auth.globus.org/scopes/{one.id}/https"
    fresh._check_scopes(fresh._Token("t", own, 1), one)
    for more in (
        "urn:globus:auth:scope:transfer.api.globus.org:all",
        f"https://auth.globus.org/scopes/{ids['GUEST1']}/https",
    ):
        with pytest.raises(LoginNeeded, match="would open more than it"):
            fresh._check_scopes(fresh._Token("t", f"{own} {more}", 1), one)


@pytest.mark.parametrize("more", ["urn:globus:auth:scope:transfer.api.globus.org:all", "offline_access"])
def test_a_token_that_opens_more_than_its_collection_is_not_used(
    service: GlobusAccess, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    read = fresh._read

    def with_more(answer: Any, collection: Collection) -> Any:
        token = read(answer, collection)
        return fresh._Token(token.access_token, f"{token.scope} {more}", token.expires_at)

    monkeypatch.setattr(fresh, "_read", with_more)
    with pytest.raises(LoginNeeded, match=f'"GUEST1" would open more than it: "{more}"'):
        mint(service, collections(service, ids, "GUEST1"))

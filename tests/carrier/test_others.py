"""Access that credentials give decides whether they may be out together, in whatever order they are handed out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.carrier.others import Other, OtherCredentials, check_same, judge_others, read_opened, read_others
from goclient.carrier.secret import Secret
from goclient.model.request import Credential

ONE, OTHER = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a", "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
CLIENT = Secret.of(Credential(ONE, "a-secret"), "here")


def tokens(*collections: str) -> Secret:
    return Secret.for_tokens(collections).with_tokens(dict.fromkeys(collections, "a-token"), until="", identity="me")


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_what_is_not_ours_opens_nothing(value: str) -> None:
    assert read_opened(value) == frozenset()


def test_what_a_secret_opens_is_read_from_it() -> None:
    assert read_opened(CLIENT.value) == {ONE}
    assert read_opened(tokens(ONE, OTHER.upper()).value) == {ONE, OTHER}
    kept = {CLIENT.key: CLIENT.value, "grid pass": CLIENT.value, tokens(ONE).key: "x"}
    assert [one.key for one in read_others(kept)] == [CLIENT.key]


@pytest.mark.parametrize("other", [tokens(OTHER), tokens(OTHER, ONE), Secret.of(Credential(OTHER, "x"))])
def test_what_opens_other_things_is_refused_in_both_orders(other: Secret) -> None:
    for new, old in ((CLIENT, other), (other, CLIENT)):
        with pytest.raises(OtherCredentials, match=r"the credential of another machine or program \(") as raised:
            check_same(new, {old.key: old.value})
        assert raised.value.hint.endswith("; or accept it with --goShareSecrets")


def test_what_opens_the_same_is_not_refused() -> None:
    check_same(tokens(ONE), {tokens(ONE).key: tokens(ONE).value})
    there = Secret.of(Credential(ONE, "a-secret"), "there")
    check_same(CLIENT, {CLIENT.key: CLIENT.value, there.key: there.value})


@pytest.mark.parametrize(
    ("access", "code"), [((), None), (("S:/a/ (read)",), None), (("S:/b/ (read)",), "other-directories")]
)
def test_other_directories_of_one_client_are_a_warning(access: tuple[str, ...], code: str | None) -> None:
    other = Other(CLIENT.key, frozenset({ONE}), access)
    found = list(judge_others([other], {ONE}, ["S:/a/ (read)"], shares=False))
    assert [(one.level, one.code) for one in found] == ([("warning", code)] if code else [])


def test_who_shares_is_warned_and_many_are_counted() -> None:
    others = [Other(tokens(OTHER).key, frozenset({OTHER}), holders=f"job {number}") for number in range(5)]
    for shares, level in ((True, "warning"), (False, "error")):
        (one,) = judge_others(others, {ONE}, (), shares=shares)
        assert (one.level, one.code) == (level, "shared-credential")
        assert "the credential of job 0; job 1; job 2, and 2 more, and " in one.message
        assert ("--goShareSecrets" in one.hint) is not shares

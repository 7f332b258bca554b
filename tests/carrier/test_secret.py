"""A secret has one name for each machine and client; its key tells that it is ours, its plan what it is for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.carrier.secret import OthersShared, Secret, Use, access_of, check_alone, check_lasts, id_of, tokens_in
from goclient.errors import RequestError
from goclient.journal import Entry
from goclient.model.planner import plan
from goclient.model.request import Credential, Who
from goclient.model.syntax.options import spec_from

ONE, OTHER = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a", "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"
CREDENTIAL = Credential(ONE, "a-secret-of-the-service")


def test_each_machine_has_a_secret_of_its_own_for_a_client() -> None:
    here, there = Secret.of(CREDENTIAL, "here /state"), Secret.of(CREDENTIAL, "there /state")
    assert here == Secret.of(CREDENTIAL, "here /state")
    assert (here.key != there.key, here.value) == (True, there.value)
    assert (here.who, here.identity) == (Who.SERVICE, f"{ONE}@clients.auth.globus.org")
    assert CREDENTIAL.secret not in repr(here)


def test_each_submission_has_tokens_of_its_own() -> None:
    first, second = Secret.for_tokens([ONE]), Secret.for_tokens([ONE])
    assert first.key != second.key
    filled = first.with_tokens({ONE: "a-token-of-one"}, until="2026-11-30T00:00:00Z", identity=OTHER)
    assert (tokens_in(filled.value), filled.until, filled.identity) == (
        ("a-token-of-one",), "2026-11-30T00:00:00Z", OTHER,
    )  # fmt: skip
    assert "a-token-of-one" not in repr(filled)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_what_is_not_ours_has_no_tokens(value: str) -> None:
    assert tokens_in(value) == ()


@pytest.mark.parametrize("secret", [Secret.of(CREDENTIAL), Secret.for_tokens([ONE])])
def test_what_is_ours_is_known_by_its_key(secret: Secret) -> None:
    assert id_of(secret.key) == secret.file[len("goclient-") : -len(".json")]
    check_alone([secret.key])


@pytest.mark.parametrize("key", ["goclient-0123456789abcdef.json", "___file___:goclient-1.json", "x", ""])
def test_what_only_looks_like_ours_is_not(key: str) -> None:
    assert id_of(key) == ""
    with pytest.raises(OthersShared):
        check_alone([Secret.of(CREDENTIAL).key, key])


def test_many_secrets_of_others_are_counted_and_a_few_are_named() -> None:
    with pytest.raises(OthersShared, match=r'7 secrets of yours .*"k0", "k1", "k2", "k3", "k4", and 2 more; '):
        check_alone(f"k{number}" for number in range(7))


def test_what_jobs_need_is_told_by_directories() -> None:
    spec = spec_from({
        "StageinGOsrc": [f"{ONE}:/in/a", f"{ONE}:/in/b", f"{OTHER}:/x/${{SN}}/y"],
        "Data": ["c"],
        "OutputGO": [f"{ONE}:/out/"],
        "InmodeGO": ["https"],
        "OutmodeGO": ["https"],
    })  # fmt: skip
    assert access_of(plan(spec)) == (f"{ONE}:/in/ (read)", f"{OTHER}:/x/ (read)", f"{ONE}:/out/ (write)")


@given(st.lists(st.text(max_size=9), max_size=9).map(tuple))
def test_each_entry_is_a_use(subjects: tuple[str, ...]) -> None:
    use = Use.read(Entry("secret", "k", "intended", subjects))
    assert use.subjects[: len(subjects)] == subjects
    assert Use.read(Entry("secret", "k", "intended", use.subjects)) == use


@pytest.mark.parametrize(
    ("needs", "wait", "hint"), [(40, 12, "--goNeeds=35; "), (1, 48, ""), (49, 0, "--goNeeds=47; ")]
)
def test_tokens_that_end_too_early_are_refused_with_what_they_last(needs: int, wait: int, hint: str) -> None:
    with pytest.raises(RequestError, match="end in 48 hours") as raised:
        check_lasts(datetime.now(UTC) + timedelta(hours=48), needs=needs, wait=wait)
    assert raised.value.hint == ("ask for less: " if hint else "") + hint + "--goCredential=service has no such end"


def test_tokens_that_last_are_good() -> None:
    check_lasts(datetime.now(UTC) + timedelta(hours=48), needs=24, wait=12)

"""Campaigns have names that a label takes, and the names of their jobs tell them."""

from __future__ import annotations

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.campaign import campaign_of, is_campaign, job_label, new_campaign, repair_campaign
from tests.strategies import SOME

UUID = "9f1c7a52-0f5e-4a55-8d5d-3f8f3c1a2b4c"
GOOD = ("a", "2026a", "2-6", "scan_7-b", "x" * 64, "20261129-001955")
BAD = ("", "95", "9" * 64, "a/b", "a b", "_a", "-a", "x" * 65, "a.b", "a\n", "é", "a\0")


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_is_read_from_each_job_s_name(name: str) -> None:
    assert is_campaign(name)
    for end in ("", "_0", "_999", ".try2", "_17.try3"):
        assert campaign_of(f"{name}.{UUID}{end}") == name
    assert job_label(42, name, "stage-in") == f"goclient 42 {name} stage-in"
    assert len(job_label(10**18 - 1, name, "stage-out")) <= 128, "Transfer's limit"


@pytest.mark.parametrize("name", BAD)
def test_no_other_name_is_one(name: str) -> None:
    assert not is_campaign(name)
    assert campaign_of(f"{name}.{UUID}") == ""


@pytest.mark.parametrize(
    "name", [UUID, f"{UUID}_3", f"{UUID}.try2", "user.jdoe.x", f"a.{UUID}.x", f"a.{UUID}_", "", "a."]
)
def test_other_jobs_tell_none(name: str) -> None:
    assert campaign_of(name) == ""


def test_a_name_of_digits_is_mended_as_no_number() -> None:
    assert [repair_campaign(name) for name in ("95", "9" * 64, "9" * 64 + "a")] == ["c95", *["c" + "9" * 63] * 2]


def test_without_a_campaign_labels_are_as_before() -> None:
    assert job_label(42, "", "output") == "goclient 42 output"


def test_the_name_of_the_time_is_a_good_one() -> None:
    assert re.fullmatch("[0-9]{8}-[0-9]{6}", new_campaign())
    assert is_campaign(new_campaign())


@given(st.text(max_size=90))
@SOME
def test_a_repaired_name_is_good_or_empty(text: str) -> None:
    repaired = repair_campaign(text)
    assert not repaired or is_campaign(repaired)
    assert repair_campaign(repaired) == repaired or not repaired
    assert not is_campaign(text) or text.endswith(("-", "_")) or repaired == text
    assert campaign_of(f"{text}.{uuid.uuid4()}") in ("", text)

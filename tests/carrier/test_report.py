"""The end of a carried job is told so that no pilot takes a failure for success, and the cause comes first."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.carrier.report import (
    EXIT,
    LONGEST,
    METADATA,
    REPORT,
    CarrierCode,
    diagnosis,
    exit_code,
    write_metadata,
    write_report,
)
from goclient.errors import (
    EndpointError,
    GoclientError,
    Interrupted,
    LoginNeeded,
    RequestError,
    Several,
    TransferFailed,
    UsageError,
)
from goclient.errors.conditions import ChecksumDiffers
from goclient.journal import Entry, Journal
from goclient.node.payload import PayloadError
from tests.strategies import MANY


def test_no_failure_has_an_exit_code_that_counts_as_success() -> None:
    for status in (*range(-300, 1000), -(10**9), 10**9):
        code = exit_code(PayloadError("it failed", status=status))
        assert 0 < code < 255, "runGen takes 255 for success"
        assert code != 160, "the pilots of ATLAS take it for success"
        assert code == status or status not in range(1, 255) or status == 160


def test_only_a_job_that_is_done_has_the_exit_code_0() -> None:
    assert exit_code(None) == 0
    assert exit_code(GoclientError("x")) == EXIT
    assert exit_code(PayloadError("it cannot be run")) == EXIT


@given(st.lists(st.text(max_size=400), min_size=1, max_size=4))
@MANY
def test_a_diagnosis_is_one_short_line(messages: list[str]) -> None:
    errors = [EndpointError(message) for message in messages]
    text = diagnosis(TransferFailed("stage-in", Several(errors)))
    assert len(text) <= LONGEST
    assert text.isprintable()
    assert text.startswith("goclient: stage-in: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TransferFailed("stage-in", EndpointError("x")), CarrierCode.STAGE_IN),
        (TransferFailed("output", EndpointError("x")), CarrierCode.STAGE_OUT),
        (TransferFailed("stage-in", EndpointError("x", transient=True)), CarrierCode.STAGE_IN_PASSES),
        (TransferFailed("output", ChecksumDiffers("x")), CarrierCode.STAGE_OUT_PASSES),
        (TransferFailed("stage-in", LoginNeeded("x")), CarrierCode.CREDENTIAL),
        (TransferFailed("stage-in", Interrupted("x")), CarrierCode.STOPPED),
        (LoginNeeded("x"), CarrierCode.CREDENTIAL),
        (Interrupted("x"), CarrierCode.STOPPED),
        (PayloadError("x"), CarrierCode.PAYLOAD),
        (EndpointError("x"), CarrierCode.NODE),
        (RequestError("x"), CarrierCode.REQUEST),
        (UsageError("x"), CarrierCode.REQUEST),
        (GoclientError("x"), CarrierCode.GENERAL),
    ],
)
def test_the_monitor_gets_a_code_of_our_own(error: GoclientError, code: CarrierCode, tmp_path: Path) -> None:
    write_report(error, tmp_path)
    report = tmp_path / REPORT
    assert json.loads(report.read_text())["error_code"] == code
    assert stat.S_IMODE(report.stat().st_mode) == 0o444
    assert not 5101 <= code <= 5721, "these are runGen's"


def test_the_payloads_own_failure_is_left_to_rungen(tmp_path: Path) -> None:
    write_report(PayloadError("it failed", status=3), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_report_takes_the_place_of_another(tmp_path: Path) -> None:
    (tmp_path / REPORT).write_text("{}")
    write_report(GoclientError("x"), tmp_path)
    assert json.loads((tmp_path / REPORT).read_text())["error_diag"] == "goclient: x"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """A journal of a job with two transfers."""
    made = Journal(tmp_path / "journal.jsonl")
    made.append(Entry("transfer", "stage-in.1", "done", ("s", "t"), "files=2 bytes=30"))
    made.append(Entry("transfer", "output.1", "failed", detail="it is full"))
    return made


ROWS = [
    {"task_id": "t", "phase": "stage-in", "state": "done", "files": 2, "bytes": 30},
    {"task_id": None, "phase": "output", "state": "failed", "files": 0, "bytes": 0},
]


def test_what_was_transferred_comes_beside_what_the_program_says(journal: Journal, tmp_path: Path) -> None:
    (tmp_path / METADATA).write_text('{"mine": 1}')
    write_metadata(journal, tmp_path)
    assert json.loads((tmp_path / METADATA).read_text()) == {"mine": 1, "goclient": {"transfers": ROWS}}


UNREAD = {"list": "[1]", "text": "no JSON", "large": '{"a": "' + "x" * (1 << 20) + '"}', "deep": "[" * 200_000}


@pytest.mark.parametrize("text", UNREAD.values(), ids=UNREAD)
def test_what_the_program_says_is_never_lost(journal: Journal, tmp_path: Path, text: str) -> None:
    (tmp_path / METADATA).write_text(text)
    write_metadata(journal, tmp_path)
    assert (tmp_path / METADATA).read_text() == text


def test_a_link_of_the_programs_is_not_followed(journal: Journal, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("{}")
    (tmp_path / METADATA).symlink_to(other)
    write_metadata(journal, tmp_path)
    assert other.read_text() == "{}"


def test_what_rungen_would_wait_for_is_replaced(journal: Journal, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / METADATA)
    write_metadata(journal, tmp_path)
    assert json.loads((tmp_path / METADATA).read_text()) == {"goclient": {"transfers": ROWS}}

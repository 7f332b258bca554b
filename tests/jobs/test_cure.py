"""Failures that a second try cures are told from those that it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.carrier.report import CarrierCode
from goclient.jobs.cure import NO_ADVICE, Cure, advice_of, cure_of
from goclient.model.records.answers import CODES, JobState
from goclient.pilot.report import PilotCode

CARRIED = f"run goclient=v1:1 --CarriedGO={'0' * 64}"


def job(state: str = "failed", parameters: str = "run", **codes: Any) -> JobState:
    return JobState.from_answer({"PandaID": 7, "jobStatus": state, "jobParameters": parameters, **codes})


CASES = [
    pytest.param(job(pilotErrorCode="1151"), Cure.AGAIN, id="a source that is away"),
    pytest.param(job(pilotErrorCode=1152), Cure.AGAIN, id="a destination that is away"),
    pytest.param(job(pilotErrorCode="1099"), Cure.MEND, id="no such input"),
    pytest.param(job(pilotErrorCode="1137"), Cure.MEND, id="an output that may not be written"),
    pytest.param(job(pilotErrorCode="1137", parameters=CARRIED), Cure.UNKNOWN, id="the log of another pilot"),
    pytest.param(job(pilotErrorCode="1305", exeErrorCode="5912"), Cure.AGAIN, id="a carrier's source that is away"),
    pytest.param(job(pilotErrorCode="1305", exeErrorCode="5902"), Cure.MEND, id="a carrier's input"),
    pytest.param(job(pilotErrorCode="1305", transExitCode="3"), Cure.UNKNOWN, id="the payload"),
    pytest.param(job(transExitCode="3"), Cure.UNKNOWN, id="the payload at our pilot"),
    pytest.param(job(jobDispatcherErrorCode=100), Cure.AGAIN, id="a heartbeat that was lost"),
    pytest.param(job(ddmErrorCode=100), Cure.MEND, id="an unknown queue"),
    pytest.param(job("cancelled", taskBufferErrorCode=100, pilotErrorCode=1151), Cure.UNKNOWN, id="killed"),
    pytest.param(job("closed"), Cure.UNKNOWN, id="closed"),
    pytest.param(job(pilotErrorCode="many"), Cure.UNKNOWN, id="a code that is not a number"),
    pytest.param(job(), Cure.UNKNOWN, id="no code"),
]


@pytest.mark.parametrize(("state", "cure"), CASES)
def test_the_codes_of_a_job_say_what_cures_it(state: JobState, cure: Cure) -> None:
    assert cure_of(state) is cure


def test_a_carrier_that_could_not_report_is_not_taken_for_its_payload() -> None:
    codes: dict[str, Any] = {"exeErrorCode": 77, "pilotErrorCode": 1305, "transExitCode": "77"}
    carried = advice_of(job(parameters=CARRIED, **codes))
    assert (carried.cure, "CRITICAL" in carried.hint) == (Cure.UNKNOWN, True)
    assert "CRITICAL" not in advice_of(job(**codes)).hint


def test_nothing_is_said_of_a_job_that_has_not_failed() -> None:
    assert advice_of(job("running", pilotErrorCode=1151)) == advice_of(job("finished")) == NO_ADVICE


def test_what_must_be_mended_is_told() -> None:
    advised = [advice_of(job(exeErrorCode=code)) for code in CarrierCode] + [
        advice_of(job(pilotErrorCode=code)) for code in PilotCode
    ]
    assert all(one.hint for one in advised if one.cure is Cure.MEND)
    assert all(not one.hint for one in advised if one.cure is Cure.AGAIN)


@pytest.mark.parametrize("code", [*CarrierCode, *PilotCode], ids=lambda one: f"{type(one).__name__}.{one.name}")
def test_each_code_of_ours_but_the_general_one_is_judged(code: CarrierCode | PilotCode) -> None:
    column = "exeErrorCode" if isinstance(code, CarrierCode) else "pilotErrorCode"
    judged = advice_of(job(**{column: code}))  # type: ignore[arg-type]  # no column is a parameter
    assert judged != NO_ADVICE or code.name == "GENERAL"


@given(st.fixed_dictionaries({key: st.one_of(st.none(), st.text(), st.integers()) for key in CODES}), st.text())
def test_whatever_the_server_says_there_is_a_cure(codes: dict[str, Any], state: str) -> None:
    assert cure_of(job(state, **codes)).word in ("yes", "no", "unknown")

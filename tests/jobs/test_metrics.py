"""Values that a pilot has told in a job's metrics are read again, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goclient.jobs.metrics import PHASES, seconds_of, transfers_told
from goclient.model.records.answers import JobState
from tests.strategies import SOME

TASK = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
JOB = JobState(7, 1, 0, "finished", "", "")


def told(words: str, *, state: str = "finished", reason: str = "") -> list[tuple[str, str, str, int, int]]:
    job = JOB._replace(metrics=words, state=state, reason=reason)
    return [(one.task_id, one.label, one.status, one.files, one.bytes) for one in transfers_told(job)]


def test_each_phase_has_its_seconds() -> None:
    job = JOB._replace(metrics="goclient=v1 stage-in.s=10.0 payload.s=30.5 total.s=41 other.s=1 output.s=x")
    assert seconds_of(job) == {"stage-in": 10.0, "payload": 30.5, "total": 41.0}


def test_a_phase_without_tasks_has_its_files_and_bytes() -> None:
    words = "goclient=v1 stage-in.files=3 stage-in.bytes=150 stage-in.faults=0 output.files=1 output.bytes=9"
    assert told(words) == [
        ("", "goclient 7 stage-in", "SUCCEEDED", 3, 150),
        ("", "goclient 7 output", "SUCCEEDED", 1, 9),
    ]


def test_the_phase_in_which_a_job_failed_has_failed() -> None:
    words = "goclient=v1 stage-in.files=3 stage-in.bytes=150 output.files=0 output.bytes=0"
    found = told(words, state="failed", reason="output: no room")
    assert [one[2] for one in found] == ["SUCCEEDED", "FAILED"]


def test_what_no_task_is_told_of_is_a_row_of_its_own() -> None:
    task = f"stage-in.task={TASK},2,100,done"
    assert told(f"goclient=v1 stage-in.files=2 stage-in.bytes=100 {task}") == [
        (TASK, "goclient 7 stage-in", "SUCCEEDED", 2, 100)
    ]
    assert told(f"goclient=v1 stage-in.files=5 stage-in.bytes=130 {task}")[1] == (
        *("", "goclient 7 stage-in", "SUCCEEDED", 3, 30),
    )


@given(st.text(max_size=200) | st.from_regex(rf"goclient=v1 ({'|'.join(PHASES)})\.(s|files|task)=[0-9a-f,.-]{{1,60}}"))
@SOME
def test_any_text_is_read(words: str) -> None:
    job = JOB._replace(metrics=words)
    assert set(seconds_of(job)) <= set(PHASES)
    assert all(one.files >= 0 and one.bytes >= 0 for one in transfers_told(job))

"""The metrics of a job are what its journal knows, and fit their column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.journal import Entry, Journal
from goclient.pilot.metrics import MAX_METRICS, metrics
from tests.strategies import SOME


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "17-1.jsonl")


def test_a_job_without_transfers_has_the_time_of_its_payload(journal: Journal) -> None:
    journal.append(Entry("job", "17.1", "accepted", time=100.0))
    journal.append(Entry("payload", "payload", "intended", time=101.5))
    journal.append(Entry("payload", "payload", "done", time=161.5))
    assert metrics(journal) == "goclient=v1 payload.s=60.0 total.s=61.5"


def test_each_phase_has_its_time_files_bytes_and_faults(journal: Journal) -> None:
    for entry in (
        Entry("transfer", "stage-in.0", "intended", time=10.0),
        Entry("transfer", "stage-in.1", "intended", time=11.0),
        Entry("transfer", "stage-in.1", "done", time=14.0, detail="files=1 bytes=50 faults=0"),
        Entry("transfer", "stage-in.0", "done", time=20.0, detail="files=2 bytes=100 faults=3"),
        Entry("payload", "payload", "intended", time=20.0),
        Entry("payload", "payload", "done", time=50.0),
        Entry("transfer", "output.0", "intended", time=50.0),
        Entry("transfer", "output.0", "failed", time=51.0, detail="no such directory"),
    ):
        journal.append(entry)
    assert metrics(journal) == (
        "goclient=v1 stage-in.s=10.0 stage-in.files=3 stage-in.bytes=150 stage-in.faults=3 payload.s=30.0 "
        "output.s=1.0 output.files=0 output.bytes=0 output.faults=0 total.s=41.0"
    )


def test_tasks_of_globus_are_named_while_there_is_room(journal: Journal) -> None:
    ids = [f"8b5eb87a-10b2-4626-96dc-d9ab00c6942{number}" for number in range(9)]
    for number, task_id in enumerate(ids):
        entry = Entry("transfer", f"stage-in.{number}", "intended", (f"s{number}",), time=1.0)
        state = "failed" if number else "done"
        journal.append(entry.then(state, f"s{number}", task_id, detail="files=1 bytes=50"))
    words = metrics(journal).split()
    assert f"stage-in.task={ids[0]},1,50,done" in words
    assert f"stage-in.task={ids[1]},0,0,failed" in words
    assert len(" ".join(words)) <= MAX_METRICS
    assert all(word.endswith(("done", "failed")) for word in words if ".task=" in word)


@given(
    found=st.lists(
        st.builds(
            Entry,
            st.sampled_from(["transfer", "payload", "job"]),
            st.sampled_from(["stage-in.0", "stage-out.7", "output.1", "payload"]),
            st.sampled_from(["intended", "done", "failed"]),
            detail=st.from_regex(r"(files|bytes|faults)=[0-9]{1,30}"),
            time=st.floats(0, 4e9),
        )
    )
)
@SOME
def test_metrics_fit_their_column(tmp_path_factory: pytest.TempPathFactory, found: list[Entry]) -> None:
    journal = Journal(tmp_path_factory.mktemp("any") / "17-1.jsonl")
    for entry in found:
        journal.append(entry)
    text = metrics(journal)
    assert len(text) <= MAX_METRICS
    assert all(word.count("=") == 1 for word in text.split()), "no word is cut"

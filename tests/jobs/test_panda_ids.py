"""Numbers of jobs are read as they are written or printed, in ranges and from files, and what is none is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import Collector, UsageError
from goclient.jobs.panda_ids import MOST, as_ranges, read_panda_ids
from tests.strategies import SOME

WORDS = [
    (["42"], [42]),
    (["PandaID=42", "jobName=c.d7d3bb9a"], [42]),
    (["42-45"], [42, 43, 44, 45]),
    (["7,42", "7"], [7, 42]),
    (["PandaID=1-3,9"], [1, 2, 3, 9]),
]


@pytest.mark.parametrize(("words", "ids"), WORDS)
def test_numbers_are_read_as_they_are_written_or_printed(words: list[str], ids: list[int]) -> None:
    assert read_panda_ids(words) == ids


def test_a_file_has_what_sendjob_has_printed(tmp_path: Path) -> None:
    file = tmp_path / "jobs"
    file.write_text("# of today\nPandaID=42 jobName=a\nPandaID=43 jobName=b\n\n50-52, 7\n")
    assert read_panda_ids([f"@{file}"]) == [42, 43, 50, 51, 52, 7]


WRONG = [
    ("x", '"x" is not a PandaID', "a PandaID is a number; several are written 42,43 or 42-141"),
    ("", '"" is not a PandaID', "a PandaID is a number; several are written 42,43 or 42-141"),
    ("42,", '"" is not a PandaID', "a PandaID is a number; several are written 42,43 or 42-141"),
    ("jediTaskID=4", '"jediTaskID=4" is not a PandaID', "it is the number of a task: type --task 4"),
    ("JediTaskID=4", '"JediTaskID=4" is not a PandaID', "it is the number of a task: type --task 4"),
    ("user.jdoe.n4", '"user.jdoe.n4" is not a PandaID', "it is the name of a task: type --task and its number"),
    ("141-42", '"141-42" is upside down', "write 42-141"),
    ("1-10001", "10,001 jobs are more than 10,000", "name fewer at a time, by their numbers, such as 1-10000"),
    ("1-999999999999999999", "999,999,999,999,999,999 jobs are more than 10,000", "name fewer at a time"),
    ("٤٢", '"٤٢" is not a PandaID', "a PandaID is a number; several are written 42,43 or 42-141"),
]


@pytest.mark.parametrize(("word", "message", "hint"), WRONG)
def test_what_is_not_a_number_is_said_with_what_to_write(word: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_panda_ids([word])
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)


def test_the_wrong_words_of_a_list_are_told_once(tmp_path: Path) -> None:
    file = tmp_path / "jobs"
    file.write_text('[\n  {\n    "PandaID": 7,\n')
    with pytest.raises(UsageError) as caught:
        read_panda_ids([f"@{file}"])
    assert caught.value.message == f'"@{file}": 3 words are not PandaIDs; the first: "[" is not a PandaID'
    assert len(caught.value.findings) == 1


def test_too_many_scattered_numbers_are_told_with_some_that_can_be_typed() -> None:
    with pytest.raises(UsageError) as caught:
        read_panda_ids(range(1, 20_003, 2))
    some = caught.value.hint.removeprefix("name fewer at a time, by their numbers, such as ")
    assert (len(some) <= 60, read_panda_ids([some])[:3]) == (True, [1, 3, 5])


def test_what_retry_prints_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "jobs"
    file.write_text("PandaID=94 jobName=a.try2 retryOf=93\n")
    assert read_panda_ids([f"@{file}"]) == read_panda_ids(file.read_text().split()) == [94]


@given(st.lists(st.integers(1, 10**17).flatmap(lambda low: st.integers(low, low + 20).map(lambda high: (low, high)))))
@SOME
def test_ranges_are_what_they_say(ranges: list[tuple[int, int]]) -> None:
    words = [f"{low}-{high}" if low < high else str(low) for low, high in ranges]
    expected = [number for low, high in ranges for number in range(low, high + 1)]
    assert read_panda_ids(words) == list(dict.fromkeys(expected))
    assert read_panda_ids([",".join(words)] if words else []) == list(dict.fromkeys(expected))


@given(st.lists(st.text(max_size=30).filter(lambda text: text != "-" and not text.startswith("@")), max_size=5))
@SOME
def test_any_words_are_numbers_or_an_error(words: list[str]) -> None:
    collector = Collector()
    with collector:
        assert len(read_panda_ids(words)) <= MOST
    assert all(error.exit_code in (0, 2) for error in collector.errors)


@given(st.sets(st.integers(1, 200), min_size=1))
@SOME
def test_ranges_can_be_typed_again(numbers: set[int]) -> None:
    assert read_panda_ids([as_ranges(numbers)]) == sorted(numbers)

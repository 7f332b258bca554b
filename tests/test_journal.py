"""The journal keeps every line whole, whoever writes to it and whatever happened before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError
from goclient.journal import BOOT, CAMPAIGNS, HOST, Entry, Journal
from goclient.secrets import MASK, register
from tests.strategies import SOME

FIRST = Entry("submission", "k1", "intended", ("a", "b"), "2 jobs", time=1.5)
SECOND = Entry("transfer", "k2", "done", (), "é\n\"'\\\0", time=2.0)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "state" / "goclient" / "journal.jsonl")


@pytest.fixture
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_without_a_file_there_are_no_entries(journal: Journal) -> None:
    assert list(journal.entries()) == []
    assert not journal.path.exists()


def test_entries_come_back_in_order(journal: Journal) -> None:
    for entry in (FIRST, SECOND, FIRST):
        journal.append(entry)
    assert list(journal.entries()) == [FIRST, SECOND, FIRST]
    assert list(Journal(journal.path).entries()) == [FIRST, SECOND, FIRST]


def test_a_credential_is_not_written(journal: Journal) -> None:
    register("the-token-of-jdoe")
    journal.append(Entry("submission", "k1", "refused", ("a the-token-of-jdoe",), "the server says the-token-of-jdoe"))
    assert "jdoe" not in journal.path.read_text()
    assert [(one.subjects, one.detail) for one in journal.entries()] == [((f"a {MASK}",), f"the server says {MASK}")]


@given(
    entries=st.lists(
        st.builds(Entry, st.text(), st.text(), st.text(), st.lists(st.text()).map(tuple), st.text(), st.floats(0, 4e9))
    )
)
@SOME
def test_any_entries_come_back(tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]) -> None:
    journal = Journal(tmp_path_factory.mktemp("any") / "journal.jsonl")
    for entry in entries:
        journal.append(entry)
    assert list(journal.entries()) == entries


def test_an_entry_is_one_line_of_json(journal: Journal) -> None:
    journal.append(FIRST)
    journal.append(SECOND)
    first, second, end = journal.path.read_bytes().split(b"\n")
    assert json.loads(first) == {
        "what": "submission",
        "key": "k1",
        "state": "intended",
        "subjects": ["a", "b"],
        "detail": "2 jobs",
        "time": 1.5,
        "host": HOST,
        "boot": BOOT,
        "attempt": 0,
    }
    assert (json.loads(second)["detail"], end) == ("é\n\"'\\\0", b"")


def test_what_came_of_an_entry_keeps_what_is_not_said_anew() -> None:
    after = FIRST.then("accepted", "17")
    assert (after.what, after.key, after.state, after.subjects) == ("submission", "k1", "accepted", ("17",))
    assert after.detail == "2 jobs"
    assert after.time > FIRST.time
    assert FIRST.then("failed", detail="why").subjects == ("a", "b")
    assert FIRST.then("failed", detail="why").detail == "why"


@pytest.mark.usefixtures("_open_umask")
def test_only_its_owner_can_read_it(journal: Journal) -> None:
    journal.append(FIRST)
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "torn",
    [
        pytest.param(b'{"what":"submission","ke', id="half-a-line"),
        pytest.param(b'{"what":"x","key":"k","state":"s","subjects":[],"detail":"\xc3', id="half-a-character"),
        pytest.param(b"{", id="one-byte"),
        pytest.param(b"\0" * 512, id="a-block-of-zeros"),
    ],
)
def test_a_line_torn_by_a_crash_costs_no_other(journal: Journal, torn: bytes) -> None:
    journal.append(FIRST)
    with journal.path.open("ab") as file:
        file.write(torn)
    assert list(journal.entries()) == [FIRST]
    journal.append(SECOND)
    journal.append(FIRST)
    assert list(journal.entries()) == [FIRST, SECOND, FIRST]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"5", id="a-number"),
        pytest.param(b"[]", id="a-list"),
        pytest.param(b"{}", id="an-empty-object"),
        pytest.param(b'{"subjects": 5}', id="subjects-that-are-none"),
        pytest.param(b'{"what":"x","key":"k","state":"s"}', id="no-subjects"),
        pytest.param(b'{"what":"x","subjects":[]}', id="no-key"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b"not json", id="no-json"),
    ],
)
def test_a_line_that_is_no_entry_is_passed_over(journal: Journal, line: bytes) -> None:
    journal.append(FIRST)
    with journal.path.open("ab") as file:
        file.write(line + b"\n")
    journal.append(SECOND)
    assert list(journal.entries()) == [FIRST, SECOND]


_APPENDER = """
import sys
from pathlib import Path
from goclient.journal import Entry, Journal
journal, name = Journal(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
sys.stdin.read()
for i in range(40):
    journal.append(Entry("transfer", f"{name}-{i}", "intended", ("x" * (i * 997 % 20_000),)))
"""


def test_lines_appended_by_several_processes_at_once_are_all_whole(journal: Journal) -> None:
    command = [sys.executable, "-c", _APPENDER, str(journal.path)]
    processes = [
        subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for n in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # they wait for the end of their input
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        with process:
            assert process.wait(60) == 0
    entries = list(journal.entries())
    assert len(journal.path.read_bytes().splitlines()) == len(entries) == 160
    for n in range(4):
        own = [entry for entry in entries if entry.key.startswith(f"{n}-")]
        assert [entry.key for entry in own] == [f"{n}-{i}" for i in range(40)]
        assert [len(entry.subjects[0]) for entry in own] == [i * 997 % 20_000 for i in range(40)]


@pytest.mark.parametrize("name", ["folder", "file/journal.jsonl", "file/sub/journal.jsonl"])
def test_a_journal_that_cannot_be_written_is_our_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(GoclientError) as caught:
        Journal(tmp_path / name).append(FIRST)
    assert (caught.value.code, caught.value.exit_code) == ("journal", 10)
    assert str(tmp_path / name) in caught.value.message
    assert "GOCLIENT_STATE" in caught.value.hint


def test_a_full_disk_is_our_error() -> None:
    with pytest.raises(GoclientError) as caught:
        Journal(Path("/dev/full")).append(FIRST)
    assert "No space left" in caught.value.message


def test_a_device_in_its_place_is_not_read() -> None:
    with pytest.raises(GoclientError, match="it is not a file"):
        Journal(Path("/dev/full")).mentions("x")


def test_it_mentions_what_any_of_its_entries_has(journal: Journal) -> None:
    assert not journal.mentions("k1")
    journal.append(FIRST)
    assert (journal.mentions("k1"), journal.mentions("k2")) == (True, False)


def test_it_has_a_campaign_that_an_entry_or_a_file_of_one_names(journal: Journal) -> None:
    journal.path.with_name(CAMPAIGNS).mkdir(parents=True)
    journal.path.with_name(CAMPAIGNS).joinpath("scan2.key.json").touch()
    journal.append(Entry("request", "k", "done", ("higgs.1", "higgs")))
    assert [journal.has_campaign(name) for name in ("higgs", "scan2", "scan", "new")] == [True, True, False, False]


@pytest.mark.parametrize("name", ["folder", "file/journal.jsonl"])
def test_a_journal_that_cannot_be_read_is_our_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(GoclientError) as caught:
        list(Journal(tmp_path / name).entries())
    assert str(tmp_path / name) in caught.value.message


def test_entries_without_a_host_are_still_read(journal: Journal) -> None:
    journal.append(FIRST)
    old = b'{"what":"endpoint","key":"k","state":"intended","subjects":[],"detail":"","time":1.0}\n'
    journal.path.write_bytes(old + journal.path.read_bytes())
    assert [(one.what, one.is_here) for one in journal.entries()] == [("endpoint", False), ("submission", True)]


def test_the_last_entry_says_what_became_of_a_step(journal: Journal) -> None:
    assert journal.last("submission", "k1") is None
    journal.append(FIRST)
    journal.append(FIRST.then("accepted", "17"))
    for one in (journal, Journal(journal.path)):  # as appended, and as read
        found = one.last("submission", "k1")
        assert found is not None
        assert (found.state, found.subjects) == ("accepted", ("17",))
        assert one.last("submission", "k2") is None


def test_latest_gives_one_entry_a_key(journal: Journal) -> None:
    for entry in (FIRST, SECOND, Entry("transfer", "k3", "intended"), SECOND.then("failed")):
        journal.append(entry)
    assert [(one.key, one.state) for one in journal.latest("transfer")] == [("k2", "failed"), ("k3", "intended")]


# --- journals of jobs ---

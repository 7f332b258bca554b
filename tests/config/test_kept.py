"""Names that are kept on this machine are read without a word, however damaged their files are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from goclient.config import environment, kept
from goclient.jobs.sent import REQUEST, Subjects
from goclient.journal import Entry, Journal


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user whose state, cache and catalogue are in the directory of the test."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "GOCLIENT_STATE": "state",
        "GOCLIENT_ENDPOINTS": "endpoints.toml",
    }.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    for path in (environment.queue_source().file, environment.journal_path()):
        path.parent.mkdir(parents=True, exist_ok=True)


def test_damaged_files_have_no_names(tmp_path: Path) -> None:
    environment.queue_source().file.write_text("[")
    environment.journal_path().write_bytes(b'{"what":"request","subjects":5}\n{"what":"request","\xff')
    Path("endpoints.toml").write_bytes(b"[[[\xff")
    assert (kept.queues(), kept.endpoints(), kept.campaigns()) == ([], [], [])


def test_each_form_of_a_name_in_the_catalogue_is_known() -> None:
    text = '["a b"]\nid="[x]"\n [ bare-1 ] # here\n[\'it#s\']\n[[x]]\nids = [\n"y"]\n'
    Path("endpoints.toml").write_text(text)
    assert kept.endpoints() == ["a b", "bare-1", "it#s"]


def test_a_journal_of_a_year_is_read_at_its_end_only() -> None:
    sent = Subjects("d" * 32, "1.1", "1000", "a" * 40, "b" * 40, campaign="last")
    Journal(environment.journal_path()).append(Entry(REQUEST, "0", "done", sent))
    line = environment.journal_path().read_bytes().splitlines()[-1] + b"\n"
    environment.journal_path().write_bytes(line * 100_000)
    began = time.process_time()
    assert kept.campaigns() == ["last"]
    assert time.process_time() - began < 0.5  # a tenth of it here

"""A carrier says what it does, passes on what its payload writes, and is never silent for long."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.carrier import output as module
from goclient.carrier.output import Output
from goclient.reporter.base import Kind
from goclient.secrets import register
from tests.strategies import MANY

Said = tuple[Output, Callable[[], str]]


@contextmanager
def written(directory: Path) -> Iterator[Said]:
    """An output, and what was written to it, which must be text."""
    with open(directory / "stdout", "w+b") as file:
        yield Output(directory, stdout=file.fileno()), lambda: (directory / "stdout").read_bytes().decode()


@pytest.fixture
def said(tmp_path: Path) -> Iterator[Said]:
    """An output, and what was written to it."""
    with written(tmp_path) as both:
        yield both


def test_messages_are_lines_of_goclients(said: Said) -> None:
    output, text = said
    output.progress("it runs", "", "look at it")
    output.warning("it is slow")
    output.report(Kind.DETAIL, "nobody wants to know")
    assert text() == "goclient: it runs\ngoclient: look at it\ngoclient: warning: it is slow\n"


def test_no_message_has_a_credential_or_a_second_line(said: Said) -> None:
    output, text = said
    register("a-very-secret-word")
    output.progress("it is a-very-secret-word\nCRITICAL goclient: x")
    assert text() == "goclient: it is ***\\nCRITICAL goclient: x\n"


def test_what_the_payload_writes_comes_when_it_is_written(said: Said) -> None:
    output, text = said
    file = output.open_output()
    os.write(file.fileno(), b"first\nsec")
    output.send()
    assert text() == "first\nsec"
    output.progress("a message has a line of its own")
    os.write(file.fileno(), b"third\n")
    output.say("last")
    assert text() == "first\nsec\ngoclient: a message has a line of its own\nthird\nlast\n"
    file.close()


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
@MANY
def test_all_of_it_is_text_however_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cuts: list[int]
) -> None:
    directory = tmp_path_factory.mktemp("out")
    with written(directory) as (output, text), output.open_output() as file:
        for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
            os.write(file.fileno(), data[start:end])
            output.send()
        got = text()
    whole = data.decode(errors="backslashreplace")
    assert whole.startswith(got)
    assert len(whole) - len(got) <= 16, "at most the beginning of one character waits"


def test_too_much_of_it_is_cut(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1 << 20)
    output, text = said
    with output.open_output() as file:
        file.write(b"x" * (3 << 20))
        file.flush()
        output.send()
        output.send()
    assert text().startswith("x" * (1 << 20) + "\ngoclient: no more of the output is shown: it has more than 1 MiB")
    assert len(text()) < (1 << 20) + 100


def test_after_ten_silent_minutes_it_says_that_the_job_lives(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    output, text = said
    output.change("running")
    output.send()
    assert text() == ""
    monkeypatch.setattr(module, "QUIET", 0.0)
    output.send()
    assert text() == "goclient: the job is running, after 0 min\n"


def test_a_reader_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    Output(tmp_path, stdout=writer).progress("nobody hears it")
    os.close(writer)

"""Every reporter does what the interface says, and each what it is for."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from goclient.carrier.output import Output
from goclient.cli.output import TerminalReporter
from goclient.reporter import waiting
from goclient.reporter.base import SILENT, Kind, Reporter, SilentReporter
from goclient.reporter.recording import RecordingReporter, SteadyReporter

REPORTERS: dict[str, Callable[[], Reporter]] = {
    "silent": SilentReporter,
    "steady": SteadyReporter,
    "steady, and passing on": lambda: SteadyReporter(TerminalReporter("goclient")),
    "recording": RecordingReporter,
    "recording, and passing on": lambda: RecordingReporter(TerminalReporter("goclient")),
    "terminal": lambda: TerminalReporter("goclient"),
    "carrier": lambda: Output(Path()),
}


def kinds_of(kind: type[Any]) -> Iterator[type[Any]]:
    """Yield all kinds below one."""
    for one in kind.__subclasses__():
        yield from (one, *kinds_of(one))


def test_every_reporter_of_goclient_is_tried_here() -> None:
    ours = {one for one in kinds_of(Reporter) if one.__module__.startswith("goclient.")}
    assert ours == {type(made()) for made in REPORTERS.values()}


@pytest.mark.parametrize("made", REPORTERS.values(), ids=REPORTERS)
def test_a_reporter_takes_every_kind_of_message(made: Callable[[], Reporter]) -> None:
    reporter = made()
    for report in (reporter.progress, reporter.detail, reporter.warning, reporter.error):
        report("text")
        report("text", "", "hint")
    for kind in Kind:
        reporter.report(kind, "text")


@pytest.mark.parametrize("made", REPORTERS.values(), ids=REPORTERS)
def test_a_reporter_lets_the_error_of_a_wait_pass(made: Callable[[], Reporter]) -> None:
    with pytest.raises(ZeroDivisionError), made().waiting("Globus", 60.0):
        raise ZeroDivisionError


@pytest.mark.parametrize("made", REPORTERS.values(), ids=REPORTERS)
def test_waits_may_overlap_and_be_repeated(made: Callable[[], Reporter]) -> None:
    reporter = made()
    with reporter.waiting("Globus", 60.0), reporter.waiting("Globus", 1.0), reporter.waiting("PanDA", 60.0):
        pass
    with reporter.waiting("Globus", 60.0):
        pass


def test_a_terminal_is_told_what_kind_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = TerminalReporter("goclient check")
    reporter.progress("done")
    reporter.detail("nobody wants to know")
    reporter.warning("look", "type: this", "", "or that")
    reporter.error("wrong\x1b[2J")
    assert capsys.readouterr() == (
        "",
        "goclient check: done\ngoclient check: warning: look\n    type: this\n    or that\n"
        "goclient check: error: wrong\\x1b[2J\n",
    )


def test_details_are_printed_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalReporter("goclient", verbose=True).detail("ok: it answers")
    assert capsys.readouterr().err == "goclient: ok: it answers\n"


def test_a_quiet_terminal_is_told_what_is_wrong_and_all_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[str] = []
    reporter = TerminalReporter("pilot", verbose=True, quiet=True, keep=kept.append).rename("site")
    for kind in Kind:
        reporter.report(kind, kind.value, "hint")
    assert capsys.readouterr().err == "site: warning: warning\n    hint\nsite: error: error\n    hint\n"
    assert [one.split("\n")[0] for one in kept][:2] == ["site: progress", "site: detail"]
    assert len(kept) == len(Kind)


def test_a_silent_reporter_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    SILENT.error("wrong", "hint")
    assert capsys.readouterr() == ("", "")


def test_a_recording_reporter_keeps_the_order_and_the_time() -> None:
    reporter = RecordingReporter()
    reporter.progress("first", "")
    reporter.warning("second", "hint")
    assert [(one.kind, one.text, one.hints) for one in reporter.messages] == [
        (Kind.PROGRESS, "first", ()), (Kind.WARNING, "second", ("hint",)),
    ]  # fmt: skip
    assert reporter.messages[0].time <= reporter.messages[1].time
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d warning: second", reporter.messages[1].line)


def test_a_job_goes_on_if_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    reporter = RecordingReporter(TerminalReporter("pilot"))
    reporter.progress("the payload runs")
    assert [one.text for one in reporter.messages] == ["the payload runs"]


def test_a_recorded_wait_is_told_by_the_reporter_beneath(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "SAY_AFTER", 0.0)
    reporter = RecordingReporter(TerminalReporter("goclient"))
    said = ""
    with reporter.waiting("Globus", 60.0):
        for _ in range(1000):
            said += capsys.readouterr().err
            if said:
                break
            time.sleep(0.01)
    assert said == "goclient: waiting for Globus (60 s at most)\n"
    assert reporter.messages == []

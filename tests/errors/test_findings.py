"""Findings decide the exit code by the most basic of their errors, and name one command that logs in for all."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors.findings import ExitCode, Finding, exit_code, login_command
from tests.strategies import SOME

ERROR = Finding("error", "c", "s", "m", "h", ExitCode.REQUEST, (("--endpoint", "A"),))
ORDER = (2, 10, 4, 40, 80, 90, 1, 130, 5)  # of the contract: what is wrong with the command line comes first


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(ORDER, 2)])
def test_of_two_errors_the_one_that_comes_first_in_the_contract_decides(first: int, second: int) -> None:
    both = [ERROR._replace(exit_code=ExitCode(second)), ERROR._replace(exit_code=ExitCode(first))]
    assert exit_code(both) == exit_code(reversed(both)) == first


@given(st.lists(st.sampled_from(("ok", "warning"))))
@SOME
def test_what_is_no_error_stops_nothing(levels: list[str]) -> None:
    assert exit_code(ERROR._replace(level=level) for level in levels) == ExitCode.DONE  # type: ignore[arg-type]


def test_an_error_as_a_warning_stops_nothing_and_asks_for_no_login() -> None:
    assert ERROR.as_warning() == Finding("warning", "c", "s", "m", "h")
    ok = ERROR._replace(level="ok")
    assert ok.as_warning() is ok


def test_new_words_change_nothing_else() -> None:
    assert ERROR.reword(str.upper) == ERROR._replace(message="M", hint="H")


def test_the_document_is_that_of_the_contract() -> None:
    assert ERROR.document() == {"level": "error", "code": "c", "subject": "s", "message": "m", "hint": "h"}


@pytest.mark.parametrize(
    ("options", "command"),
    [
        ([], "goclient login"),
        (
            [("--endpoint", "A"), ("--endpoint", "a b"), ("--endpoint", "A")],
            "goclient login --endpoint A --endpoint 'a b'",
        ),
        ([("--endpoint", "-A")], "goclient login --endpoint=-A"),
    ],
)
def test_one_command_logs_in_for_all_and_each_option_counts_once(options: list[tuple[str, str]], command: str) -> None:
    assert login_command(options) == command

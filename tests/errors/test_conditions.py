"""Code branches on classes of errors, and people on their codes: no two conditions share one by accident."""

from __future__ import annotations

import inspect

import pytest

from goclient.errors import GoclientError, RequestError, Several, conditions, myproxy
from goclient.errors.conditions import (
    ChecksumDiffers,
    NotADirectory,
    PathExists,
    PathNotFound,
    SourceChanged,
    UnknownOption,
    may_pass,
)
from goclient.errors.myproxy import LifetimeTooLong

CLASSES = [
    one
    for module in (conditions, myproxy)
    for one in vars(module).values()
    if inspect.isclass(one) and issubclass(one, GoclientError) and one.__module__ == module.__name__
]


def test_a_code_of_its_own_has_one_condition() -> None:
    own = [one for one in CLASSES if "code" in vars(one)]
    assert len({one.code for one in own}) == len(own) > 30
    families = {one.code for one in GoclientError.__subclasses__() if one.__module__ == "goclient.errors"}
    assert [one.__name__ for one in own if one.code in families] == []


@pytest.mark.parametrize("kind", CLASSES)
def test_a_condition_has_an_exit_code_that_is_no_accident(kind: type[GoclientError]) -> None:
    assert kind.exit_code not in (0, 1) or kind.__name__ == "SandboxRuns"


def test_what_is_at_a_path_is_told_with_what_to_type() -> None:
    there, file = PathExists.by_now("/a"), NotADirectory.from_path("/a/")
    assert there.message == '"/a" exists by now, and would be overwritten'
    assert there.hint.endswith("or with --goOverwrite")
    assert (file.subject, file.hint) == ("/a/", "leave out the final /")


def test_an_error_keeps_what_code_needs_of_it() -> None:
    assert UnknownOption("m", hint="", code="c", subject="--x", option="--xy").option == "--xy"
    assert LifetimeTooLong("m", hint="h", allowed=12).allowed == 12
    assert LifetimeTooLong("m", hint="h").allowed is None


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (RequestError("a"), False),
        (RequestError("a", transient=True), True),
        (ChecksumDiffers("a"), True),
        (SourceChanged("a"), True),
        (PathNotFound("a"), False),
        (Several([ChecksumDiffers("a"), RequestError("b", transient=True)]), True),
        (Several([ChecksumDiffers("a"), PathNotFound("b")]), False),
    ],
)
def test_the_same_work_may_succeed_later_if_all_that_went_wrong_passes(error: GoclientError, passes: bool) -> None:
    assert may_pass(error) is passes

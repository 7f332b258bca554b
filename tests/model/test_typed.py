"""Options that a program gives are read as those of a command line, and told in its words."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.errors import RequestError
from goclient.model.options import SubmitOptions
from goclient.model.typed import as_keywords, in_keywords, read_keywords

TEXTS = {
    "allow it with --goOverwrite": "allow it with goOverwrite=True",
    "(--goOverwrite), or --njobs 2": "(goOverwrite=True), or njobs 2",
    "give more with --goTimeout": "give more with goTimeout",
    "write --StageinGOsrc=@list": "write StageinGOsrc=@list",
    '"--Data=x" is left to the payload': '"--Data=x" is left to the payload',
    "type: goclient login --endpoint A": "type: goclient login --endpoint A",
    "goclient check --Data=NAME checks it": "goclient check --Data=NAME checks it",
    "goclient will run it (--goLenient)": "goclient will run it (goLenient=True)",
    "--Data-like and x--Data": "--Data-like and x--Data",
    "type --campaign NAME, or --last": "type campaign NAME, or last=True",
    "put it after a bare --": "put it after a bare --",
}


@pytest.mark.parametrize(("text", "keywords"), TEXTS.items())
def test_options_become_keywords_and_command_lines_stay(text: str, keywords: str) -> None:
    assert as_keywords(text) == keywords


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({}, {"njobs": None, "cloud": "S", "priority": 1000}),
        ({"njobs": 2, "cloud": None}, {"njobs": 2, "cloud": "S"}),
        ({"cloud": "C", "goMkdir": False}, {"cloud": "C", "goMkdir": False}),
        ({"Data": ["a", "b"], "OutputGO": []}, {"Data": ("a", "b"), "OutputGO": ()}),
    ],
)
def test_what_a_program_leaves_out_is_as_the_settings_have_it(
    given: dict[str, object], typed: dict[str, object]
) -> None:
    options, errors = read_keywords(SubmitOptions, given, lambda: {"cloud": "S", "Data": ("no",)}, requires=False)
    assert errors == []
    assert {name: getattr(options, name) for name in typed} == typed


@pytest.mark.parametrize(
    ("name", "value", "code", "hint"),
    [
        ("nJobs", 1, "unknown-option", "did you mean njobs?"),
        ("zzz", 1, "unknown-option", "options are named as on the command line, without dashes"),
        ("goOverwrit", True, "unknown-option", "options are named as on the command line, without dashes"),
        ("Data", "a", "wrong-type", 'write Data=["a"]'),
        ("Data", ["a", ""], "wrong-type", 'write Data=["…", "…"]'),
        ("goMkdir", 1, "wrong-type", "write goMkdir=True, or leave it out"),
        ("goMkdir", "no", "wrong-type", "write goMkdir=False, or leave it out"),
        ("njobs", "2", "wrong-type", "write njobs=2"),
        ("njobs", 3.0, "wrong-type", "write njobs=3"),
        ("njobs", "many", "wrong-type", "write njobs=1"),
        ("njobs", True, "wrong-type", "write njobs=1"),
        ("njobs", 0, "out-of-range", "njobs takes a whole number from 1 to 100000"),
        ("cloud", 1, "wrong-type", 'write cloud="1"'),
        ("cloud", True, "wrong-type", 'write cloud="…"'),
        ("transformation", Path("/run.sh"), "wrong-type", 'write transformation="/run.sh"'),
        ("cloud", "", "empty-value", "leave cloud out, or give it a value"),
        ("goVia", "http", "unknown-value", "did you mean https?"),
    ],
)
def test_a_keyword_that_is_wrong_is_told_with_what_to_write(name: str, value: object, code: str, hint: str) -> None:
    options, errors = read_keywords(SubmitOptions, {name: value}, dict, requires=False)
    assert [(error.code, error.subject, error.hint) for error in errors] == [(code, name, hint)]
    assert vars(options) == vars(SubmitOptions()), "the wrong one is left out"


def test_required_options_that_are_missing_are_told_unless_the_settings_have_them() -> None:
    _, errors = read_keywords(SubmitOptions, {}, lambda: {"computingSite": "Q"}, requires=True)
    assert [(error.code, error.hint) for error in errors] == [("missing-option", 'add transformation="…"')]


def test_an_error_is_worded_for_a_program() -> None:
    cause = ValueError("why")
    with pytest.raises(RequestError) as caught, in_keywords():
        raise RequestError("no --njobs", hint="allow it with --goOverwrite") from cause
    assert (caught.value.message, caught.value.hint) == ("no njobs", "allow it with goOverwrite=True")
    assert caught.value.__cause__ is cause

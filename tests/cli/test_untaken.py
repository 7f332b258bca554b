"""No option that sends, removes, overwrites or gives away is offered for a word that is only like it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

import goclient
from goclient.cli.options.myproxy import DepositOptions, DestroyOptions, RetrieveOptions
from goclient.cli.untaken import Line, list_untaken
from goclient.tasks.command_line import TABLES, find_nearest, hint_of_near
from tests.commands import Run
from tests.test_manpages import COMMANDS

GRAVE = {"--again", "--all", "--end", "--goOverwrite", "--goShareSecrets", "--goGrant", "--yes", "--replace-default"}
KINDS: list[type[Any]] = [*COMMANDS.values(), DepositOptions, DestroyOptions, RetrieveOptions]
NEAR = ("--send", "--append", "--against", "--gain", "--call", "--overwrite-all", "--goShare", "--yess", "--goGran")


def _near(option: str) -> Iterator[str]:
    """Words that are like an option: one letter less, another one, two in the other order, or only its beginning."""
    for at in range(3, len(option)):
        before, letter, after = option[:at], option[at], option[at + 1 :]
        words = (before, before + after, f"{before}q{after}", f"{before}{after[:1]}{letter}{after[1:]}")
        yield from (word for word in words if _letters(word) != _letters(option))


def _letters(word: str) -> str:
    return word.replace("-", "").lower()


def test_no_hint_offers_a_grave_option_for_a_likeness() -> None:
    seen = set[str]()
    for kind in KINDS:
        names = {one.metadata["args"][-1]: one.metadata["grave"] for one in fields(kind)}
        grave = [name for name, is_grave in names.items() if is_grave]
        seen.update(grave)
        for word in {*NEAR, *(word for name in grave for word in _near(name))} - names.keys():
            (error,) = list_untaken([word], Line("x", list(names), grave=grave))
            assert not {*error.hint.replace("?", "").split()} & {*grave}, (kind, word, error.hint)
    assert seen == GRAVE


@pytest.mark.parametrize("tool", TABLES)
def test_a_task_offers_none_either(tool: str) -> None:
    table = TABLES[tool]
    for name in (name for name, one in table.items() if one.metadata["grave"]):
        for word in _near(f"--{name}"):
            near = find_nearest(word, table)
            assert near != f"--{name}" or name not in hint_of_near(word, near, table), word
        assert hint_of_near(f"-{name}", f"--{name}", table) == f"did you mean --{name}?"


@pytest.mark.parametrize(
    ("words", "grave"),
    [
        (("goclient", "advance", "C1", "--send"), "--end"),
        (("goclient", "advance", "C1", "--agian"), "--again"),
        (("goclient", "retry", "1", "--al"), "--all"),
        (("sendJob.py", "--goOverwrit"), "--goOverwrite"),
    ],
)
def test_a_command_says_where_its_options_are_listed(run: Run, words: tuple[str, ...], grave: str) -> None:
    told = run(*words)
    assert (told.code, f"{grave}?" in told.err) == (2, False), told.err
    assert "is not an option of" in told.err


def test_a_program_is_offered_none_either() -> None:
    with pytest.raises(goclient.GoclientError, match="not an option") as told:
        goclient.Client().prepare(goOverwrit=True)
    assert "goOverwrite" not in told.value.hint


def test_another_form_of_a_grave_option_is_told(run: Run) -> None:
    assert "did you mean --goOverwrite?" in run("sendJob.py", "--go-overwrite").err

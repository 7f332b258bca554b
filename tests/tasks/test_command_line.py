"""The words of a command line, divided: what is pure in it, and the table of our options."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.task_options import PathenaOptions, TaskOptions
from goclient.tasks.command_line import (
    HIDDEN,
    TABLES,
    divide,
    find_nearest,
    find_option,
    hide,
    show,
    values_of,
    words_of,
)

KINDS = {"prun": TaskOptions, "pathena": PathenaOptions}
TABLE = TABLES["prun"]
OURS = sorted(f"--{name}" for name in TABLE)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
ANY = st.one_of(TEXTS, st.sampled_from([*OURS, "--", "-", "--exec", "--outDS=x", HIDDEN + "x"]))
LINES = st.lists(st.one_of(ANY, st.builds("{}={}".format, st.sampled_from(OURS), TEXTS)), max_size=8)


def _takes_value(word: str) -> bool:
    return word in ("--exec", "--outDS")


@given(LINES)
def test_hidden_words_are_shown_as_they_were(line: list[str]) -> None:
    assert show(hide(line, TABLE)) == line


@given(LINES)
def test_no_word_of_ours_is_left_to_be_taken_for_an_obsolete_one(line: list[str]) -> None:
    words = hide(line, TABLE)
    end = words.index("--") if "--" in words else len(words)
    assert not any(find_option(word, TABLE) for word in words[:end])


@given(LINES.filter(lambda line: not any(find_option(word, TABLE) for word in line)))
def test_a_line_without_a_word_of_ours_passes_byte_for_byte(line: list[str]) -> None:
    assert hide([word for word in line if not word.startswith(HIDDEN)], TABLE) == [
        word for word in line if not word.startswith(HIDDEN)
    ]
    assert divide(line, TABLE, _takes_value) == (line, [])


@given(LINES)
def test_the_words_of_panda_client_keep_their_order_and_none_is_lost(line: list[str]) -> None:
    stock, ours = divide(line, TABLE, _takes_value)
    rest = iter(line)
    assert all(word in rest for word in stock)
    joined = len(line) - len(stock) - len(ours)  # values, each by an equals sign to its option
    assert len("".join(line)) == len("".join([*stock, *ours])) - joined


DIVIDED = {
    "one word": (["--goMkdir"], [], ["--goMkdir"]),
    "with an equals sign": (["--Data=x"], [], ["--Data=x"]),
    "two words": (["--Data", "x", "y"], ["y"], ["--Data=x"]),
    "a flag takes nothing": (["--goMkdir", "jobO.py"], ["jobO.py"], ["--goMkdir"]),
    "no value at the end": (["--Data"], [], ["--Data"]),
    "an option is no value": (["--Data", "--goMkdir"], [], ["--Data", "--goMkdir"]),
    "a dash is a value": (["--Data", "-"], [], ["--Data=-"]),
    "the value of an option of theirs": (["--exec", "--Data x"], ["--exec", "--Data x"], []),
    "an option of theirs without its value": (["--exec", "--goMkdir"], ["--exec"], ["--goMkdir"]),
    "their value in its word": (["--exec=--Data", "--Data=y"], ["--exec=--Data"], ["--Data=y"]),
    "after a bare --": (["--goMkdir", "--", "--Data=y"], ["--", "--Data=y"], ["--goMkdir"]),
    "an abbreviation is not ours": (["--goMk"], ["--goMk"], []),
    "one dash": (["-Data=x"], ["-Data=x"], []),
    "an empty value": (["--Data="], [], ["--Data="]),
}


@pytest.mark.parametrize(
    ("line", "stock", "ours"), [pytest.param(*case, id=name) for name, case in DIVIDED.items()]
)  # fmt: skip
def test_ours_are_taken_out_of_a_line(line: list[str], stock: list[str], ours: list[str]) -> None:
    assert divide(line, TABLE, _takes_value) == (stock, ours)


def test_what_words_give_gives_the_words_again() -> None:
    ours = ["--Data=a", "--Data=b", "--goMkdir", "--goNeeds=5", "--useGOForOutput=S:/o/"]
    given_values = values_of(ours, TABLE)
    assert given_values == {"Data": ["a", "b"], "goMkdir": True, "goNeeds": 5, "useGOForOutput": "S:/o/"}
    assert words_of(given_values, TABLE) == ours
    assert words_of({"goMkdir": False, "Data": None, "goNeeds": "x"}, TABLE) == ["--goNeeds=x"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--useGOForOutputt", "--useGOForOutput"),
        ("--usegoforoutput=x", "--useGOForOutput"),
        ("--useGO", "--useGOForOutput"),
        ("--outputgo", "--OutputGO"),
        ("--Data", ""),
        ("--frobnicate", ""),
        ("Data", ""),
        ("-x", ""),
        ("-useGOForOutput", "--useGOForOutput"),
        ("-Data=x", "--Data"),
        ("-data", "--Data"),
        ("-dat", ""),
        ("useGOForOutput=SITE1:/o/", "--useGOForOutput"),
        ("Data=x", "--Data"),
        ("---Data=x", "--Data"),
        ("--useGOForOutput:SITE1:/o/", "--useGOForOutput"),
        ("\u2014Data=x", "--Data"),
        ("\u2013\u2013OutputGO", "--OutputGO"),
        ("SITE1:/o/", ""),
        ("--Data=x:y", ""),
    ],
)
def test_a_word_that_is_nearly_ours_is_told(word: str, meant: str) -> None:
    assert find_nearest(word, TABLE) == meant


@pytest.mark.parametrize("tool", KINDS)
def test_the_table_has_each_option_of_the_one_table(tool: str) -> None:
    assert list(TABLES[tool]) == [one.name for one in fields(KINDS[tool])]
    for name, option in TABLES[tool].items():
        (one,) = (one for one in fields(KINDS[tool]) if one.name == name)
        assert (option, one.metadata["args"]) == (one, [f"--{name}"])

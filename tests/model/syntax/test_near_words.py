"""A word that is nearly one of ours is a mistake where nobody else writes it, else it is the payload's."""

from __future__ import annotations

import pytest

from goclient.model.syntax.parameters import read_typed

# What nobody else writes, or completes what is there: a mistake, with the word to type.
MISSPELT = [
    ("–StageoutGOsrc=zero.dat", ["--StageoutGOsrc=zero.dat"]),  # noqa: RUF001
    ("—StageinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("\u2212StageinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("-\u2013StageinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("-StageinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("StageinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("---StageinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("\ufeff--StageinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("--Stagein\u200bGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("\uff0d\uff0d\uff33\uff54\uff41\uff47\uff45\uff49\uff4eGOsrc\uff1dA:/a", ["--StageinGOsrc=A:/a"]),
    ("--St\u0430geinGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("\u201c--StageinGOsrc=A:/a\u201d", ["--StageinGOsrc=A:/a"]),
    ("--stageingosrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("--STAGEINGOSRC=A:/a", ["--StageinGOsrc=A:/a"]),
    ("--StageInGOsrc=A:/a", ["--StageinGOsrc=A:/a"]),
    ("--stage-in-go-src=A:/a", ["--StageinGOsrc=A:/a"]),
    ("--StageinGOscr=A:/a", ["--StageinGOsrc=A:/a"]),
    ("--StageinGO=A:/a", ["--StageinGOsrc=A:/a"]),
    ("--StageinGOsrcs=x", ["--StageinGOsrc=x"]),
    ("--StageoutGOscr=zero.dat", ["--StageoutGOsrc=zero.dat"]),
    ("--StageoutGO=zero.dat", ["--StageoutGOsrc=zero.dat"]),
    ("--StageinGOsrc:A:/a", ["--StageinGOsrc=A:/a"]),
    ("StageinGOsrc A:/a", ["--StageinGOsrc=A:/a"]),
    ("—StageinGOsrc A:/a", ["--StageinGOsrc=A:/a"]),
    ("--OuputGO=A:/o", ["--OutputGO=A:/o"]),
    ("--workingendpointgo=W", ["--WorkingendpointGO=W"]),
    ("-Data=x -OutputGO=A:/o", ["--Data=x", "--OutputGO=A:/o"]),
    ("Data=x OutputGO=A:/o", ["--Data=x", "--OutputGO=A:/o"]),
    ("data=x outputgo=A:/o", ["--Data=x", "--OutputGO=A:/o"]),
    ("—Data x --OutputGO=A:/o", ["--Data=x"]),
    ("-Data='a b' --OutputGO=A:/o", ["--Data='a b'"]),
    ("--Data=x -outputGO=A", ["--OutputGO=A"]),
    ("--StageoutGOsrc=x --StageoutGOdst=A", ["--StageoutGOdest=A"]),
]


@pytest.mark.parametrize(("text", "right"), MISSPELT)
def test_an_option_that_nobody_else_writes_is_a_mistake_and_the_right_word_is_shown(
    text: str, right: list[str]
) -> None:
    errors = [error for error in read_typed(f"run {text}").errors if error.code == "misspelt"]
    assert [f"did you mean {word}?" in error.hint for word, error in zip(right, errors, strict=True)] == [True] * len(
        right
    )
    assert '" at column 5 ' in errors[0].message or "--" in text


@pytest.mark.parametrize(
    "text",
    ["-- {}", "\\{}"],
)
@pytest.mark.parametrize("word", ["–StageoutGOsrc=x", "-StageinGOsrc=A:/a", "--stageingosrc=A:/a"])  # noqa: RUF001
def test_a_word_that_is_marked_as_the_payloads_is_never_a_mistake(text: str, word: str) -> None:
    typed = read_typed(f"run {text.format(word)}")
    assert (typed.errors, typed.warnings) == ([], [])


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("Data=2012", "--Data=2012"),
        ("-Data=2012", "--Data=2012"),
        ("—Data=2012", "--Data=2012"),
        ("--stageingosrcs=x", "--StageinGOsrc=x"),
        ("--Stagein=A:/a", "--StageinGOsrc=A:/a"),
        ("--outputGO=main.go", "--OutputGO=main.go"),
        ("--Output=A:/o", "--OutputGO=A:/o"),
    ],
)
def test_an_option_that_may_be_the_payloads_is_left_to_it_with_a_warning(word: str, shown: str) -> None:
    typed = read_typed(f"run {word}")
    assert (typed.payload, typed.errors) == (f"run {word}", [])
    (doubt,) = typed.warnings
    assert f'"{word}" at column 5' in doubt.message
    assert f"did you mean {shown}?" in doubt.hint


@pytest.mark.parametrize(
    "text",
    [
        "run --data x.root --data=y data=z -data w DATA=1",
        "--output=host:/o -o x --Database=prod --Data2=x",
        "-go --golang=1.22 --category=x gosrc=3 --logo=x algorithm=go",
        "--stage=3 --working=here --work-dir=/x stage-in=yes",
        "The Data is here",
        "--dataset=user.jdoe:hits.root --outDS=user.jdoe.x",
        "--url=https://host/Data=x?OutputGO=1",
        "'Data=2012' \"OutputGO=A:/o\"",
        "Data --Data2",
    ],
)
def test_a_payloads_ordinary_words_are_not_doubted(text: str) -> None:
    typed = read_typed(text)
    assert (typed.payload, typed.errors, typed.warnings) == (text, [], [])


def test_a_payloads_own_data_beside_a_complete_pair_is_left_to_it() -> None:
    for word in ("-Data=2012", "Data=2012"):
        typed = read_typed(f"--Data=x --OutputGO=A:/o {word}")
        assert (typed.payload, typed.errors, [doubt.level for doubt in typed.warnings]) == (word, [], ["warning"])
    assert read_typed("-Data=2012", options={"Data": ["x"], "OutputGO": ["A:/o"]}).errors == []
    errors = read_typed("-Data=x", options={"OutputGO": ["A:/o"]}).errors
    assert [error.code for error in errors] == ["misspelt", "list-rule"]


@pytest.mark.parametrize("blank", ["\u00a0", "\u2003", "\u3000", "\u200b", "\ufeff"])
def test_a_blank_that_parts_no_words_is_a_mistake_before_one_of_ours(blank: str) -> None:
    for text, right in (
        (f"--Data=x{blank}--OutputGO=A:/o", "--Data=x --OutputGO=A:/o"),
        (f"run{blank}--StageinGOsrc=A:/a", "run --StageinGOsrc=A:/a"),
    ):
        (error,) = read_typed(text).errors
        assert f"U+{ord(blank):04X}" in error.message
        assert right in error.hint
    assert read_typed(f"a{blank}b --title=x{blank}y").errors == []

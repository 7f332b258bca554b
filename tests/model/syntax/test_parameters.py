"""Our words are found among a payload's own, of either syntax, and the payload's pass byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given

from goclient.model.syntax.options import KEYS, OVERWRITE
from goclient.model.syntax.parameters import read_typed
from goclient.model.syntax.shell import words
from goclient.model.syntax.text_words import find_words
from tests.strategies import MANY, mixed_payloads, payloads, raw_words


def split(text: str) -> tuple[dict[str, list[str]], str]:
    """The items of our dashed words in a text that has no mistakes, and the payload's own words."""
    found = find_words(text)
    assert (found.errors, found.globus) == ([], [])
    return found.items, found.payload


# --- options and the payload's own words ----------------------------------------------------------------------


@given(payloads)
@MANY
def test_a_payload_without_our_words_passes_byte_for_byte(text: str) -> None:
    assert split(text) == ({}, text)


@given(mixed_payloads)
@MANY
def test_without_our_words_the_payloads_own_stay_as_they_stood(text: str) -> None:
    found = find_words(text)
    ours = tuple(f"--{key}=" for key in KEYS)
    own = [raw for raw, word in zip(raw_words(text), words(text), strict=True) if not word.value.startswith(ours)]
    assert raw_words(found.payload) == own
    assert found.items or found.payload == text
    assert split(found.payload) == ({}, found.payload)


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        pytest.param("a --Data=x", "a", id="at-the-end"),
        pytest.param("--Data=x a", "a", id="in-front"),
        pytest.param("a  --Data=x  b", "a  b", id="in-between"),
        pytest.param("--Data=x", "", id="alone"),
        pytest.param("a 'b  c' --Data=x --Data=y \"d\"", "a 'b  c' \"d\"", id="quotes-stay"),
        pytest.param("a \\\n  --Data=x \\\n  b", "a \\\n  b", id="a-command-on-several-lines"),
        pytest.param("a \\\n  --Data=x", "a", id="the-last-line-of-a-command-on-several"),
        pytest.param(r"a\  --Data=x", r"a\ ", id="after-an-escaped-blank"),
        pytest.param("a\\\t --Data=x", "a\\\t", id="after-an-escaped-tab"),
        pytest.param(r"a\\ --Data=x", r"a\\", id="after-an-escaped-backslash"),
    ],
)
def test_a_word_of_ours_is_cut_out_with_its_blanks_and_nothing_else(text: str, payload: str) -> None:
    items, rest = split(text)
    assert rest == payload
    assert set(items) == {"Data"}
    assert raw_words(rest) == [raw for raw in raw_words(text) if not raw.startswith("--Data=")]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("--Database=prod", id="longer-name"),
        pytest.param("--Dat=x", id="shorter-name"),
        pytest.param("-Data=x", id="one-dash"),
        pytest.param("Data=x", id="no-dash"),
        pytest.param("---Data=x", id="three-dashes"),
        pytest.param("--data=x", id="other-case"),
        pytest.param("x--Data=x", id="inside-a-word"),
        pytest.param("'run --Data=x'", id="inside-quotes"),
        pytest.param(r"a\ --Data=x", id="after-an-escaped-blank"),
        pytest.param("-- --Data=x --Data", id="after-a-bare-double-dash"),
        pytest.param("--OverwriteGO=yes", id="a-word-that-nobody-types"),
        pytest.param(r"run \--Data=x", id="after-a-backslash"),
        pytest.param("dir-out=/x files-in=a,b", id="words-of-the-globus-pilot-that-say-no-mode"),
        pytest.param("'globus-user=me' \"dir-out=/x y\"", id="words-of-the-globus-pilot-in-quotes"),
        pytest.param(r"in-\mode=gc \in-mode=gc", id="words-of-the-globus-pilot-with-a-backslash"),
        pytest.param("-- globus-user=me in-mode=x globus-endpoint-inn=A", id="any-words-after-a-bare-double-dash"),
        pytest.param("globus=x globus-online-path=/x xglobus-user=me", id="words-that-are-not-nearly-ours"),
    ],
)
def test_only_whole_words_with_our_names_are_ours(text: str) -> None:
    assert split(text) == ({}, text)


def test_options_that_are_repeated_among_the_words_add_up() -> None:
    found = split("--Data=a,b run --Data=c --OutputGO=B:/o")
    assert found == ({"Data": ["a", "b", "c"], "OutputGO": ["B:/o"]}, "run")


def test_quotes_around_an_option_or_its_value_are_the_shells() -> None:
    items, _ = split("""'--StageinGOsrc=A:/a b' --Data="x y" --OutputGO=B:/o\\ p""")
    assert items == {"StageinGOsrc": ["A:/a b"], "Data": ["x y"], "OutputGO": ["B:/o p"]}


def test_every_option_without_a_value_is_reported_with_its_column() -> None:
    errors = find_words("run --Data x --OutputGO= --WorkingendpointGO=W --StageinGOsrc=''").errors
    text = "\n".join(error.message for error in errors)
    assert [error.subject for error in errors] == ["--Data", "--OutputGO", "--StageinGOsrc"]
    for shown in ('"--Data" has no value (column 5 ', '"--OutputGO=" has no value (column 14 ', '"--StageinGOsrc="'):
        assert shown in text
    assert all("after a bare --" in error.hint for error in errors)


def test_beside_its_mistakes_a_text_is_split() -> None:
    found = find_words("run --Data --OutputGO=B:/o 'x  y' --Data=a,,b")
    assert (found.items["OutputGO"], found.payload) == (["B:/o"], "run 'x  y'")
    assert [(error.subject, error.code) for error in found.errors] == [("--Data", "no-value"), ("--Data", "empty-item")]
    assert "(column 35 of --jobParameters)" in found.errors[1].message


def test_a_text_with_an_unbalanced_quote_is_not_split() -> None:
    found = find_words("run --Data=x 'y")
    assert (found.items, found.payload) == ({}, "run --Data=x 'y")
    assert [error.code for error in found.errors] == ["unbalanced-quote"]


def test_a_list_of_a_text_may_be_in_a_file_where_files_are_read() -> None:
    files = {"l.txt": ["a,b", "# no", "c"]}
    for text, read in (("--Data=@l.txt --OutputGO=B:/o", files.__getitem__), ("--Data=@l.txt --OutputGO=B:/o", None)):
        names = [transfer.source.path for transfer in read_typed(text, read_lines=read).spec.output]
        assert names == (["/a,b", "/c"] if read else ["/@l.txt"])


@pytest.mark.parametrize("key", KEYS)
def test_each_of_the_seven_options_is_known(key: str) -> None:
    assert split(f"a --{key}=x b") == ({key: ["x"]}, "a b")


# --- the two syntaxes -----------------------------------------------------------------------------------------

GLOBUS = "globus-endpoint-in=A in-mode=gc dir-in=/d files-in=f"


@pytest.mark.parametrize(
    ("text", "own"),
    [
        pytest.param(f"{GLOBUS} run", "run", id="in-front"),
        pytest.param(f"run 'a  b' {GLOBUS}", "run 'a  b'", id="at-the-end"),
        pytest.param(f"run -x  {GLOBUS.replace(' ', ' y  ')} 'z'", "run -x  y  y  y  'z'", id="in-between"),
        pytest.param(f"{GLOBUS} 'dir-out=/mine now'", "'dir-out=/mine now'", id="beside-a-quoted-word-like-ours"),
        pytest.param(f"{GLOBUS} -- dir-out=/mine", "-- dir-out=/mine", id="beside-words-after-a-bare-double-dash"),
        pytest.param(f"{GLOBUS} \\dir-out=/mine", "\\dir-out=/mine", id="beside-a-word-with-a-backslash"),
        pytest.param(f"{GLOBUS} file=x dir=y mode=z --in-mode=2 infile=x", "file=x dir=y mode=z --in-mode=2 infile=x",
                     id="beside-words-that-are-a-little-like-ours"),
    ],
)  # fmt: skip
def test_words_of_the_globus_pilot_are_cut_out_and_nothing_else(text: str, own: str) -> None:
    typed = read_typed(text)
    assert (typed.errors, typed.payload) == ([], own)
    assert [str(transfer.source) for transfer in typed.spec.stage_in] == ["A:/d/f"]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("globus-endpoint-inn=A", "globus-endpoint-in"),
        ("globus-endpoint=A", "globus-endpoint-in"),
        ("endpoint-out=A", "globus-endpoint-out"),
        ("globus-dir-in=/d", "dir-in"),
        ("globus-in-mode=gc", "in-mode"),
        ("globus-usr=me", "globus-user"),
        ("globus_user=me", "globus-user"),
        ("Globus-User=me", "globus-user"),
        ("--globus-user=me", "globus-user"),
        ("file-in=a", "files-in"),
        ("files_out=a", "files-out"),
        ("FILES-IN=a", "files-in"),
        ("dirin=/d", "dir-in"),
        ("inmode=gc", "in-mode"),
    ],
)
def test_a_word_that_is_nearly_one_of_the_globus_pilots_is_a_mistake(word: str, near: str) -> None:
    (error,) = read_typed(f"{GLOBUS} {word}").errors
    assert f'"{word}" at column {len(GLOBUS) + 2} ' in error.message
    assert f"did you mean {near}={word.partition('=')[2]}?" in error.hint
    assert "quotes" in error.hint


def test_a_misspelt_word_is_found_even_if_it_is_the_only_one() -> None:
    assert [error.code for error in read_typed("globus-endpoint-inn=A").errors] == ["misspelt"]
    assert [error.code for error in read_typed("globus-endpoint-inn=A file-in=x").errors] == ["misspelt"] * 2


@pytest.mark.parametrize(
    ("text", "options", "locations"),
    [
        pytest.param(
            f"{GLOBUS} --Data=x --OutputGO=B:/o",
            {},
            ["--Data (column 54 of", "--OutputGO (column 63 of"],
            id="in-one-text",
        ),
        pytest.param(
            GLOBUS,
            {"Data": ["x"], "OutputGO": ["B:/o"]},
            ["--Data (an option)", "--OutputGO (an option)"],
            id="in-a-text-and-on-the-command-line",
        ),
    ],
)
def test_both_syntaxes_in_one_job_are_refused_and_both_places_named(
    text: str, options: dict[str, list[str]], locations: list[str]
) -> None:
    errors = [error for error in read_typed(text, options=options).errors if error.code == "two-syntaxes"]
    assert len(errors) == 1
    assert all(location in errors[0].message for location in [*locations, '"globus-endpoint-in=A" at column 1 '])


def test_an_option_that_is_also_in_the_text_is_refused_and_both_places_named() -> None:
    (error,) = read_typed("run --Data=b --OutputGO=B:/o", options={"Data": ["a"]}).errors
    assert (error.code, error.subject) == ("twice", "--Data")
    assert all(shown in error.message for shown in ('as an option ("a")', '("b" at column 5)'))


def test_a_misspelt_mode_is_found_beside_words_that_need_one() -> None:
    for text in (
        "inmode=gc files-in=a globus-endpoint-in=A",
        "in_mode=gc files-in=a",
        "globus-endpoint-inn=A files-in=a in-mode=gc",
    ):
        assert [error.code for error in read_typed(text).errors] == ["misspelt"], text
    assert read_typed("inmode=gc run").payload == "inmode=gc run"


def test_files_may_be_overwritten_in_either_syntax() -> None:
    for text in (f"{GLOBUS}", "--StageinGOsrc=A:/d/f"):
        assert read_typed(text, options={OVERWRITE: ["yes"]}).spec.overwrite
        assert not read_typed(text).spec.overwrite


def test_mistakes_of_lists_in_a_text_say_in_which_column() -> None:
    errors = read_typed("run --Data=/x --StageinGOdest=A:/a --OutputGO=B:o", options={}).errors
    assert [(error.subject, error.message.rpartition(" (")[2]) for error in errors] == [
        ("--StageinGOdest", "column 15 of --jobParameters)"),
        ("--Data", "column 5 of --jobParameters)"),
        ("--OutputGO", "column 36 of --jobParameters)"),
    ]


def test_words_that_would_need_a_mode_are_left_to_the_payload_with_a_warning() -> None:
    typed = read_typed("run dir-in=/d files-in=a")
    assert (typed.payload, bool(typed.spec), typed.errors) == ("run dir-in=/d files-in=a", False, [])
    assert [(one.level, one.subject) for one in typed.warnings] == [("warning", "dir-in"), ("warning", "files-in")]
    assert "in-mode" in typed.warnings[0].hint
    assert [doubt.subject for doubt in read_typed("run dir-in=/d --StageinGOsrc=A:/a").warnings] == ["dir-in"]


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


@pytest.mark.parametrize(
    ("text", "right"),
    [("--Data x", "--Data=x"), ("--Data = x", "--Data=x"), ("--Data =x", "--Data=x"), ("--Data 'a b'", "--Data='a b'")],
)
def test_a_blank_at_the_sign_is_a_mistake_and_the_right_word_is_shown(text: str, right: str) -> None:
    (error, *_) = read_typed(f"{text} --OutputGO=A:/o").errors
    assert (error.code, f"write {right} " in error.hint) == ("no-value", True)


@pytest.mark.parametrize("word", ["in-dir=/d", "outdir=/o", "mode-in=gc", "--dir-in=/d", "infiles=a"])
def test_a_word_that_may_have_been_meant_for_ours_is_left_to_the_payload_with_a_warning(word: str) -> None:
    typed = read_typed(f"{GLOBUS} {word}")
    assert (typed.payload, typed.errors, [doubt.subject for doubt in typed.warnings]) == (
        word,
        [],
        [word.partition("=")[0]],
    )
    assert read_typed(f"run {word}").warnings == []


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        pytest.param(f"{GLOBUS} dir-out /o", "dir-out", id="a-blank-in-place-of-the-equals-sign"),
        pytest.param("globus-user mxp globus-endpoint-in A", "globus-endpoint-in", id="blanks-everywhere"),
        pytest.param(f"{GLOBUS} dir-out:/o", "dir-out:/o", id="a-colon-in-place-of-the-equals-sign"),
        pytest.param(f"{GLOBUS} globus-path=/x", "globus-path", id="a-globus-word-that-nobody-knows"),
    ],
)
def test_a_word_of_ours_that_is_written_wrongly_is_a_mistake(text: str, subject: str) -> None:
    assert subject in [error.subject for error in read_typed(text).errors]


def test_a_payload_alone_keeps_words_that_are_only_a_little_like_ours() -> None:
    for text in ("run dir-out=/x out_node=5", "run in_node=3 dir-in=/a", "in-mode", "run --in-mode=gc", "dir-in /d"):
        assert (read_typed(text).payload, read_typed(text).errors) == (text, [])

"""Our words are found among a payload's own, of either syntax, and the payload's pass byte for byte."""

from __future__ import annotations

import pytest

from goclient.model.syntax.options import OVERWRITE
from goclient.model.syntax.parameters import read_typed

# --- options and the payload's own words ----------------------------------------------------------------------


def test_a_list_of_a_text_may_be_in_a_file_where_files_are_read() -> None:
    files = {"l.txt": ["a,b", "# no", "c"]}
    for text, read in (("--Data=@l.txt --OutputGO=B:/o", files.__getitem__), ("--Data=@l.txt --OutputGO=B:/o", None)):
        names = [transfer.source.path for transfer in read_typed(text, read_lines=read).spec.output]
        assert names == (["/a,b", "/c"] if read else ["/@l.txt"])


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

"""A word that is nearly ours is compared by its form, then by its letters; what a payload may have weighs less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.syntax.keywords import NAMES
from goclient.model.syntax.options import KEYS
from goclient.model.syntax.suggestions import (
    Near,
    Weight,
    is_location,
    likely_bare,
    near_option,
    nearest_bare,
    respell_option,
)
from tests.strategies import MANY


@pytest.mark.parametrize(
    ("name", "value", "near"),
    [
        ("--StageinGOsrc", "A:/a", None),
        ("--stageingosrc", "A:/a", Near("StageinGOsrc", Weight.SURE)),
        ("-StageinGOsrc", "x", Near("StageinGOsrc", Weight.SURE)),
        ("--StageinGOscr", "x", Near("StageinGOsrc", Weight.SURE)),
        ("--stagein", "x", None),
        ("--stagein", "A:/a", Near("StageinGOsrc", Weight.LIKELY)),
        ("--outputgo", "x", Near("OutputGO", Weight.LIKELY)),
        ("--outputgo", "A:/o", Near("OutputGO", Weight.SURE)),
        ("--Output", "A:/o", Near("OutputGO", Weight.LIKELY)),
        ("--Output", "x", None),
        ("Data", "x", Near("Data", Weight.LIKELY)),
        ("--data", "x", Near("Data", Weight.FAINT)),
        ("--golang", "x", None),
        ("-" * 65, "x", None),
    ],
)
def test_an_option_that_is_nearly_ours_has_a_weight(name: str, value: str, near: Near | None) -> None:
    assert near_option(name, value) == near


@pytest.mark.parametrize("key", KEYS)
def test_each_option_is_known_in_any_case_and_by_itself_it_is_not_nearly_anything(key: str) -> None:
    found = near_option(f"--{key.swapcase()}", "A:/a")
    assert found is not None
    assert (found.key, near_option(f"--{key}", "A:/a")) == (key, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("A:/a", True), ("globus://x/a", True), ("davs://h/a", True), ("https://app.globus.org/x", True),
        ("https://h/a", False), (":/a", False), ("/a:b", False), ("", False),
    ],
)  # fmt: skip
def test_a_value_looks_like_a_location_by_its_colon_or_its_scheme(value: str, expected: bool) -> None:
    assert is_location(value) is expected


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("--NJOBS=3", "--njobs=3"),
        ("\u2013\u2013njobs=3", "--njobs=3"),
        ("njobs=3", "--njobs=3"),
        ("NJOBS=3", ""),
        ("njobs", ""),
        ("--njob=3", ""),
    ],
)
def test_an_option_is_respelled_where_only_its_form_is_wrong(word: str, right: str) -> None:
    assert respell_option(word, ["--njobs", "--noSubmit", "NAME"]) == right


@pytest.mark.parametrize(
    ("name", "near", "likely"),
    [
        ("file-in", "files-in", ""),
        ("dir_in", "dir-in", "dir-in"),
        ("globus-dir-in", "dir-in", ""),
        ("user", "globus-user", ""),
        ("in-dir", "", "dir-in"),
        ("dirin", "dir-in", "dir-in"),
        ("--dir-in", "", "dir-in"),
        ("--globus-user", "globus-user", "globus-user"),
        ("x", "", ""),
    ],
)
def test_a_word_of_2012_is_found_by_its_letters_or_by_the_order_of_its_parts(name: str, near: str, likely: str) -> None:
    assert (nearest_bare(name), likely_bare(name)) == (near, likely)


@given(st.text() | st.sampled_from(NAMES))
@MANY
def test_what_is_proposed_is_ours_and_never_the_word_itself(name: str) -> None:
    for found in (nearest_bare(name), likely_bare(name)):
        assert found in ("", *NAMES)
        assert found != name or not name

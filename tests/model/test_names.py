"""A name is text: printable or blank, and no control character at either end of their ranges."""

from __future__ import annotations

import pytest

from goclient.model.endpoint import SCHEMES
from goclient.model.names import (
    Problem,
    endpoint_problem,
    fill_serial,
    find_nearly_serial,
    is_text,
    name_problem,
    queue_problem,
)


@pytest.mark.parametrize("code", [0x00, 0x1F, 0x7F, 0x9F, 0xD800, 0xDFFF])
def test_control_characters_and_halves_of_characters_are_no_text(code: int) -> None:
    assert not is_text(f"a{chr(code)}b")
    assert "control character" in name_problem("endpoint", f"a{chr(code)}b")


@pytest.mark.parametrize("code", [0x20, 0x7E, 0xA0, 0xD7FF, 0xE000, 0x2028, 0x10FFFF])
def test_the_characters_next_to_them_are_text(code: int) -> None:
    assert is_text(f"a{chr(code)}b")


@pytest.mark.parametrize(("length", "right"), [(1, True), (256, True), (257, False)])
def test_a_name_has_256_characters_at_most(length: int, right: bool) -> None:
    assert (name_problem("endpoint", "x" * length) == "") is right


@pytest.mark.parametrize("endpoint", ["globus", "file", *(scheme.removesuffix("://") for scheme in SCHEMES)])
def test_no_endpoint_is_called_as_a_scheme(endpoint: str) -> None:
    problem = endpoint_problem(endpoint)
    assert problem is not None
    assert "scheme" in problem.what


@pytest.mark.parametrize(
    ("endpoint", "good"),
    [
        pytest.param("x" * 256, True, id="as-long-as-may-be"),
        pytest.param("x" * 257, False, id="longer"),
        pytest.param("wdeng#ANLHEP_ATLAS8", True, id="name-of-2012"),
        pytest.param("Große Ablage, 100%", True, id="display-name"),
        pytest.param("", False, id="nothing"),
        pytest.param(" \u00a0", False, id="blanks"),
        pytest.param("a\tb", False, id="tab"),
        pytest.param("a\udfff", False, id="half-a-character"),
    ],
)
def test_an_endpoint_has_a_name(endpoint: str, good: bool) -> None:
    assert (endpoint_problem(endpoint) is None) is good


@pytest.mark.parametrize(
    ("text", "serial", "filled"),
    [
        pytest.param("f_${SN}.root", 7, "f_7.root", id="plain"),
        pytest.param("f_${SN/P}.root", 7, "f_000007.root", id="six-digits"),
        pytest.param("${SN}${SN/P}${SN}", 12, "1200001212", id="several"),
        pytest.param("${SN/P}", 1234567, "1234567", id="more-than-six-digits"),
        pytest.param("$SN ${SNX} ${sn} {SN}", 7, "$SN ${SNX} ${sn} {SN}", id="others-stay"),
        pytest.param("$JEDITASKID ${OUTPUT0}", 7, "$JEDITASKID ${OUTPUT0}", id="the-servers-stay"),
        pytest.param("", 7, "", id="nothing"),
    ],
)
def test_serial_numbers_are_filled_in_as_jedi_does(text: str, serial: int, filled: str) -> None:
    assert fill_serial(text, serial) == filled


def test_other_variables_are_not_the_jobs_number() -> None:
    assert find_nearly_serial("$SNAP ${SNR} $_SN $1 ${SN} ${SN/P} {SN} SN %d %s $$ %S") == {}


@pytest.mark.parametrize("queue", ["", "TEST1", "ANALY_BNL_T3", "BNL-OSG.2/x", "a?b", "A:B@C+D#E=F~G"])
def test_a_queue_has_such_a_name(queue: str) -> None:
    assert queue_problem(queue) is None


@pytest.mark.parametrize(
    ("queue", "right"),
    [
        ("TEST1 ", "TEST1"),
        (" TEST1", "TEST1"),
        ("TEST1\n", "TEST1"),
        ("TEST1,TEST3", "TEST1"),
        ("TEST1; TEST3", "TEST1"),
        ("TEST1 TEST3", "TEST1"),
        ("'TEST1'", "TEST1"),
        ("\u201cTEST1\u201d", "TEST1"),
        ("TEST1\u00a0", "TEST1"),
        ("\uff34EST1", "TEST1"),
        ("T\u0415ST1", "TEST1"),
        ("$QUEUE", ""),
        ("*", ""),
    ],
)
def test_a_queue_with_other_signs_is_a_mistake(queue: str, right: str) -> None:
    problem = queue_problem(queue)
    assert isinstance(problem, Problem)
    assert problem.instead == right
    assert problem.instead or problem.remedy

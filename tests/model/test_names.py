"""A name is text: printable or blank, and no control character at either end of their ranges."""

from __future__ import annotations

import pytest

from goclient.model.names import is_text, name_problem


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

"""Names that are right in their form and cannot be meant are an error, with what is meant."""

from __future__ import annotations

import pytest

from goclient.errors import GoclientError
from goclient.model.syntax.parameters import read_typed
from goclient.preflight.mistakes import find_unlikely_mistakes

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"


def mistakes(**items: list[str]) -> list[GoclientError]:
    typed = read_typed("", options=items)
    assert typed.errors == []
    return list(find_unlikely_mistakes(typed.spec, typed.spec.locations, count=9))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("S:/a;S:/b", "S:/a,S:/b"),
        ("S:/a; S:/b", "S:/a,S:/b"),
        ("S:/a S:/b S:/c", "S:/a,S:/b,S:/c"),
        ("S:/a|S:/b", "S:/a,S:/b"),
        (f"{UUID}:/a {UUID[::-1].replace('-', '')[:8]}{UUID[8:]}:/b", "write"),
        ("\ufeffS:/a", "S:/a"),
        ("\u200bS:/a", "S:/a"),
        ('"S:/a"', "S:/a"),
        ("'S:/a'", "S:/a"),
        (f"{{{UUID}}}:/a", f"{UUID}:/a"),
        (f"<{UUID}>:/a", f"{UUID}:/a"),
    ],
)
def test_a_location_that_is_surely_another_is_a_mistake(text: str, right: str) -> None:
    (error,) = mistakes(StageinGOsrc=[text])
    assert right in error.hint


@pytest.mark.parametrize(
    "text",
    [
        "S:/my file.root",
        "S:/a;b",
        "S:/a b:c",
        "S:/12:30 x:/y",
        "my site:/a",
        '"Big" data:/a',
        f"x {UUID}:/a",
        "S:/a'",
        "S:/a|b",
    ],
)
def test_a_location_that_may_be_meant_is_none(text: str) -> None:
    assert mistakes(StageinGOsrc=[text]) == []


@pytest.mark.parametrize(
    ("name", "is_long"),
    [
        ("n" * 255, False),
        ("n" * 256, True),
        ("é" * 127, False),
        ("é" * 128, True),
        ("日" * 85, False),
        ("日" * 86, True),
        ("n" * 254 + "${SN}", False),
        ("n" * 255 + "${SN}", True),
        ("n" * 249 + "${SN/P}", False),
        ("n" * 250 + "${SN/P}", True),
        ("d/" * 200 + "n", False),
        ("n" * 256 + "/x", True),
    ],
)
def test_a_name_has_at_most_255_bytes(name: str, is_long: bool) -> None:
    assert [error.code for error in mistakes(Data=[name], OutputGO=["S:/o"])] == ["name-too-long"] * is_long

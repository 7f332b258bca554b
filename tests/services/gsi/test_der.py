"""DER is read as it is written, and what is damaged is told without reading past its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.services.gsi.der import (
    INTEGER,
    SEQUENCE,
    UTF8,
    Damaged,
    encode,
    header,
    oid,
    oid_content,
    only,
    read,
    values,
)
from tests.strategies import SOME

_TAGS = st.integers(0, 255).filter(lambda tag: tag & 0x1F != 0x1F)


@given(st.lists(st.tuples(_TAGS, st.binary(max_size=300)), max_size=5))
@SOME
def test_values_are_read_back(parts: list[tuple[int, bytes]]) -> None:
    whole = [encode(tag, content) for tag, content in parts]
    found = values(b"".join(whole))
    assert [(one.tag, one.content, one.whole) for one in found] == [
        (tag, content, one) for (tag, content), one in zip(parts, whole, strict=True)
    ]


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65536])
def test_a_length_has_as_many_bytes_as_it_needs(size: int) -> None:
    data = encode(UTF8, bytes(size))
    assert only(data, UTF8) == bytes(size)
    assert header(data) == (UTF8, len(data) - size, len(data))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends too early"),
        (b"\x02", "ends too early"),
        (b"\x02\x02\x01", "ends too early"),
        (b"\x02\x82\x01", "a length out of range"),
        (b"\x02\x85\0\0\0\0\1\0", "a length out of range"),
        (b"\x02\x80\0\0", "a tag or a length that DER has not"),
        (b"\x1f\x01\0", "a tag or a length that DER has not"),
    ],
)
def test_what_is_damaged_is_told(data: bytes, why: str) -> None:
    with pytest.raises(Damaged, match=why):
        read(data)


def test_one_value_is_of_its_kind_and_alone() -> None:
    for data in (encode(INTEGER, b"\1"), encode(SEQUENCE, b"") + b"\0"):
        with pytest.raises(Damaged, match="of another kind"):
            only(data, SEQUENCE)


@pytest.mark.parametrize(
    ("text", "content"),
    [("2.5.4.3", b"\x55\x04\x03"), ("1.2.840.113549", b"\x2a\x86\x48\x86\xf7\x0d"), ("2.999", b"\x88\x37")],
)  # fmt: skip
def test_an_object_identifier_is_written_with_dots(text: str, content: bytes) -> None:
    assert (oid_content(text), oid(content)) == (content, text)


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 1 << 40), max_size=6))
@SOME
def test_any_object_identifier_comes_back(first: int, second: int, others: list[int]) -> None:
    text = ".".join(map(str, (first, second, *others)))
    assert oid(oid_content(text)) == text


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x55\x84", b"\x55" * 65])
def test_a_damaged_object_identifier_is_told(content: bytes) -> None:
    with pytest.raises(Damaged):
        oid(content)
    with pytest.raises(Damaged):
        oid_content("1.x")

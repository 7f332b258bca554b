"""DER, as much as certificates and keys need: a reader without cryptography, which takes longer to load than INFO."""

from __future__ import annotations

from typing import NamedTuple

INTEGER, OID, SEQUENCE, SET = 0x02, 0x06, 0x30, 0x31
UTF8, PRINTABLE, T61, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18


class Damaged(ValueError):
    """Bytes that are not the DER that they should be."""


class Value(NamedTuple):
    """One value: its tag, its content, and the whole of it with its header."""

    tag: int
    content: bytes
    whole: bytes


def header(data: bytes, at: int = 0) -> tuple[int, int, int]:
    """Return the tag of the value at a place, and where its content begins and ends; raise Damaged."""
    if len(data) < at + 2:
        raise Damaged("it ends too early")
    tag, length, begin = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F or length == 0x80:
        raise Damaged("it has a tag or a length that DER has not")
    if length > 0x80:
        count = length - 0x80
        if count > 4 or len(data) < begin + count:
            raise Damaged("it has a length out of range")
        length = int.from_bytes(data[begin : begin + count], "big")
        begin += count
    return tag, begin, begin + length


def read(data: bytes, at: int = 0) -> tuple[Value, int]:
    """Return the value at a place, and where the next one begins; raise Damaged."""
    tag, begin, end = header(data, at)
    if end > len(data):
        raise Damaged("it ends too early")
    return Value(tag, data[begin:end], data[at:end]), end


def values(content: bytes) -> list[Value]:
    """Return all values one after the other; raise Damaged."""
    found, at = [], 0
    while at < len(content):
        value, at = read(content, at)
        found.append(value)
    return found


def only(data: bytes, tag: int) -> bytes:
    """Return the content of the one value of this tag that the data is; raise Damaged."""
    value, end = read(data)
    if value.tag != tag or end != len(data):
        raise Damaged("it is of another kind")
    return value.content


def oid(content: bytes) -> str:
    """Return an object identifier with dots; raise Damaged."""
    if not content or len(content) > 64 or content[-1] & 0x80:
        raise Damaged("it has an object identifier that is damaged")
    numbers, number = [], 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def oid_content(text: str) -> bytes:
    """Return the content of an object identifier that is written with dots; raise Damaged."""
    try:
        first, second, *others = map(int, text.split("."))
    except ValueError:
        raise Damaged("it has an object identifier that is damaged") from None
    content = b""
    for number in (40 * first + second, *others):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.insert(0, number & 0x7F | 0x80)
        content += bytes(groups)
    return content


def encode(tag: int, content: bytes) -> bytes:
    """Return a value with its header."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content

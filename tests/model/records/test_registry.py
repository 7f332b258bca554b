"""Every version of the record keeps what it is given, and two versions stand side by side."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError, RequestError
from goclient.model.records.base import (
    MAX_BLOCK,
    Block,
    Decoded,
    RecordCodec,
    find_marker,
    read_block,
    refuse_record,
    write_block,
)
from goclient.model.records.registry import RECORDS, RecordCodecs
from goclient.model.records.v1 import V1
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from tests.strategies import MANY, hostile_texts, specs

SPEC = spec_from({"StageinGOsrc": ["SITE1:/a"], "WorkingendpointGO": ["W"]})


class V2(RecordCodec):
    """A version that nobody has written: one word, the hexadecimal digits of version 1."""

    version = 2

    def encode(self, spec: TransferSpec, payload: str, *, lenient: bool = False, limit: int = MAX_BLOCK) -> str:
        inner = V1().encode(spec, "", limit=limit // 2)
        words = [f"--HexGO={inner.encode().hex()}"] if inner else []
        return write_block(Block(words, payload), version=self.version, lenient=lenient)

    def encode_carried(self, spec: TransferSpec, payload: str, carried: str) -> str:
        raise NotImplementedError

    def decode(self, text: str) -> Decoded:
        words, payload = read_block(text)
        try:
            inner = bytes.fromhex("".join(word.removeprefix("--HexGO=") for word in words)).decode()
        except ValueError as error:
            raise refuse_record(str(error)) from error
        return Decoded(V1().decode(inner).spec if find_marker(inner) else TransferSpec(), payload)


def version_of(text: str) -> int | None:
    marker = find_marker(text)
    return marker.version if marker else None


BOTH = RecordCodecs(V2(), V1())
CODECS = [pytest.param(codec, id=f"v{codec.version}") for codec in (*RECORDS.all, V2())]


@pytest.mark.parametrize("codec", CODECS)
@given(st.text(), specs, st.booleans())
@MANY
def test_each_version_gives_back_the_spec_and_the_payload_byte_for_byte(
    codec: RecordCodec, payload: str, spec: TransferSpec, lenient: bool
) -> None:
    text = codec.encode(spec, payload, lenient=lenient)
    if version_of(text) == codec.version:
        assert codec.decode(text) == Decoded(spec, payload)
    else:
        assert (text, spec) == (payload, TransferSpec()), "without a marker it is the payload alone"


@pytest.mark.parametrize("codec", CODECS)
@given(hostile_texts, st.text())
@MANY
def test_each_version_refuses_a_hostile_text_with_our_error(codec: RecordCodec, text: str, more: str) -> None:
    for one in (text, f"{text} --goclient=v{codec.version}:{len(more.split())} {more}"):
        with suppress(GoclientError):
            if version_of(one) == codec.version:
                codec.decode(one)


@pytest.mark.parametrize("codec", CODECS)
def test_each_version_refuses_more_words_than_a_job_takes(codec: RecordCodec) -> None:
    with pytest.raises(RequestError, match="more than the"):
        codec.encode(SPEC, "run", limit=20)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("lenient", [False, True])
def test_each_version_writes_the_marker_that_it_reads(codec: RecordCodec, lenient: bool) -> None:
    text = codec.encode(SPEC, "run", lenient=lenient)
    assert (version_of(text), f" --goclient=v{codec.version}:" in text) == (codec.version, not lenient)
    assert version_of("run") is None, "no record"


def test_two_versions_side_by_side_are_both_read() -> None:
    for codec in BOTH.all:
        assert BOTH.decode(codec.encode(SPEC, "run")) == Decoded(SPEC, "run")


def test_the_version_that_writes_is_the_one_that_is_named_so() -> None:
    assert BOTH.attach("run", SPEC).startswith("run --goclient=v2:1 --HexGO=")
    assert RecordCodecs(V1(), V2()).attach("run", SPEC) == RECORDS.attach("run", SPEC)


def test_the_last_marker_says_which_version_reads() -> None:
    inner = V2().encode(SPEC, "run")
    assert BOTH.decode(V1().encode(TransferSpec(), inner)) == Decoded(TransferSpec(), inner)


def test_a_version_that_nobody_reads_is_named_beside_those_that_are() -> None:
    with pytest.raises(RequestError, match="are of version 3, this goclient reads version 1 and 2"):
        BOTH.decode("run --goclient=v3:0")

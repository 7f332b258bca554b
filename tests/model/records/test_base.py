"""A record is the words behind the last marker; what is before it is the payload, byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.records.base import Block, Decoded, find_marker, read_block, write_block
from goclient.model.records.registry import attach, decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from tests.strategies import MANY

NOTHING = TransferSpec()

SPEC = spec_from(
    {
        "StageinGOsrc": ["SITE1:/home/osg_data/panda/0064.file", "SITE1:/home/osg_data/panda/0065.file"],
        "OutputGO": ["SITE1:/home/osg_data/panda/${SN/P}/"],
        "WorkingendpointGO": ["OSGDEV"],
        "Data": ["10mb-file.bin"],
    }
)


def test_only_the_words_after_the_last_marker_are_ours() -> None:
    text = "run goclient=v1:1 --Data=a --goclient=v9:9 x --goclient=v1:2 --StageinGOsrc=A:/a --WorkingendpointGO=W"
    spec, payload, *_ = decode(text)
    assert payload == "run goclient=v1:1 --Data=a --goclient=v9:9 x"
    assert spec == spec_from({"StageinGOsrc": ["A:/a"], "WorkingendpointGO": ["W"]})


@pytest.mark.parametrize("blank", [" ", "  ", "\t", "\n", "\r\n"])
def test_any_blanks_between_our_words_will_do(blank: str) -> None:
    assert decode(f"run{blank}{attach('', SPEC).replace(' ', blank)}{blank}").spec == SPEC


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("run x--goclient=v1:0", id="inside-a-word"),
        pytest.param("run goclient=fast", id="another-value"),
        pytest.param("run --goclient v1:0", id="without-equals-sign"),
        pytest.param("run -goclient=v1:0", id="one-dash"),
        pytest.param("run --Goclient=v1:0", id="another-name"),
    ],
)
def test_a_word_like_a_marker_is_the_payloads(text: str) -> None:
    assert decode(text) == Decoded(NOTHING, text)


@given(st.text(), st.lists(st.text(st.characters(exclude_characters=" \t\r\n"), min_size=1)), st.booleans())
@MANY
def test_words_and_a_payload_come_back_from_the_text_that_they_are_written_into(
    payload: str, words: list[str], lenient: bool
) -> None:
    text = write_block(Block(words, payload), version=7, lenient=lenient)
    marker = find_marker(text) if "goclient=" not in "".join(words) else None
    if marker is not None:
        assert (marker.version, read_block(text)) == (7, (words, payload))
    elif "goclient=" not in "".join(words):
        assert (text, words) == (payload, [])

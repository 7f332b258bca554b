"""A mode is its word wherever it is written, and tells what the rest of the program asks about it."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from goclient.model.endpoint import read_endpoint
from goclient.model.mode import DEFAULT_MODE, Mode
from goclient.model.records.v1 import block_words
from goclient.model.spec import TransferSpec


@pytest.mark.parametrize(
    ("mode", "needs"),
    [
        (Mode.GC, "makes_endpoint"),
        (Mode.SERVER, "needs_server"),
        (Mode.LOCAL, "copies_on_node"),
        (Mode.HTTPS, "asks_https"),
    ],
)
def test_a_mode_tells_what_it_needs(mode: Mode, needs: str) -> None:
    answers = ("makes_endpoint", "needs_server", "copies_on_node", "asks_https")
    assert [one for one in answers if getattr(mode, one)] == [needs]


@pytest.mark.parametrize("mode", Mode)
def test_a_mode_is_written_as_its_word(mode: Mode) -> None:
    assert f"{mode} {mode!s} {json.dumps(mode)}" == f'{mode.value} {mode.value} "{mode.value}"'
    assert Mode.read(str(mode)) is mode


@pytest.mark.parametrize("word", ["GC", "", "ftp", "Mode.GC", None])
def test_other_words_are_no_mode(word: str | None) -> None:
    assert Mode.read(word) is None


@pytest.mark.parametrize("mode", Mode)
def test_a_spec_has_the_word_in_its_documents(mode: Mode) -> None:
    spec = TransferSpec.model_validate({"in_mode": mode.value})
    assert spec.in_mode is mode
    assert [type(spec.model_dump()["in_mode"]), spec.model_dump()["in_mode"]] == [str, mode.value]
    assert json.loads(spec.model_dump_json())["in_mode"] == mode.value
    with pytest.raises(ValidationError):
        TransferSpec.model_validate({"in_mode": f"{mode}x"})


@pytest.mark.parametrize("mode", Mode)
def test_a_record_leaves_out_the_default_mode(mode: Mode) -> None:
    spec = TransferSpec(working="w", in_mode=mode, local_endpoint=read_endpoint("L") if mode.needs_server else None)
    assert (f"--InmodeGO={mode}" in block_words(spec)) is (mode is not DEFAULT_MODE)

"""Nobody may write to a file while it is copied; what has no file behind it is never changed."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from goclient.errors.conditions import SourceChanged
from goclient.services.contents import Source, grown


def test_a_file_that_stays_as_it_was_is_right(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        source = Source(file, "a")
        file.read()
        source.check()
    assert source.size == 3


@pytest.mark.parametrize("how", ["longer", "shorter", "as long"])
def test_a_file_that_is_written_to_meanwhile_is_an_error(how: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    os.utime(path, ns=(1, 1))
    with path.open("rb") as file:
        source = Source(file, "a")
        path.write_bytes({"longer": b"abcd", "shorter": b"a", "as long": b"abd"}[how])
        with pytest.raises(SourceChanged, match='"a": it was changed while it was copied'):
            source.check()


def test_bytes_in_memory_have_no_size_and_do_not_change() -> None:
    content = io.BytesIO(b"abc")
    source = Source(content, "a")
    content.write(b"xyz")
    source.check()
    assert source.size is None


def test_more_bytes_than_there_were_are_told_with_the_number() -> None:
    assert "more than the 7 bytes came" in grown("a", 7).message

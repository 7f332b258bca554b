"""An output counts as delivered if it was reported with size and checksum, and is there as reported."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.errors import EndpointError
from goclient.jobs.results import MovedFile
from goclient.mending.delivered import is_there, without_delivered
from goclient.model.endpoint import read_endpoint
from goclient.model.records.registry import decode
from goclient.model.remote import FileInfo

UUID = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
SITE = read_endpoint(UUID)


class There:
    """A collection that has one entry, or none."""

    def __init__(self, entry: FileInfo | None) -> None:
        self._entry = entry

    def entry(self, _: object, __: str) -> FileInfo:
        if self._entry is None:
            raise EndpointError("not there", code="not-found")
        return self._entry


CASES = {
    "as reported": (3, "MD5:x", FileInfo("a", False, 3), True),
    "of another size": (3, "MD5:x", FileInfo("a", False, 4), False),
    "a directory": (3, "MD5:x", FileInfo("a", True, 3), False),
    "gone": (3, "MD5:x", None, False),
    "reported without a checksum": (3, None, FileInfo("a", False, 3), False),
    "reported without a size": (None, "MD5:x", FileInfo("a", False, 3), False),
}


@pytest.mark.parametrize(("size", "checksum", "entry", "expected"), CASES.values(), ids=CASES)
def test_what_is_there_as_reported_is_delivered(
    size: int | None, checksum: str | None, entry: FileInfo | None, expected: bool
) -> None:
    there: Any = There(entry)
    assert is_there(there, MovedFile("output", SITE, "/out/a", size, checksum)) is expected


PLACES = {
    "as typed": ("/out/a", 1),
    "inside a directory of that name": ("/out/a/a", 1),
    "another name": ("/out/b", 2),
    "nothing that is made": ("/out", 2),
}


@pytest.mark.parametrize(("path", "left"), PLACES.values(), ids=PLACES)
def test_only_what_is_delivered_is_left_out(path: str, left: int) -> None:
    spec = decode(f"--goclient=v1:2 --StageoutGOsrc=a,c --StageoutGOdest={UUID}:/out/a,{UUID}:/out/c").spec
    kept = without_delivered(spec, [MovedFile("stage-out", SITE, path, 3, "MD5:x")])
    assert len(kept.stage_out) == left
    assert (
        without_delivered(spec, [MovedFile("stage-out", read_endpoint(UUID.replace("8b", "9c")), "/out/a", 3, "x")])
        == spec
    )

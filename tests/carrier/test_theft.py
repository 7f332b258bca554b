"""A thief of logs reaches what was granted, until it is taken back; ``make figures`` has many more rounds."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.carrier.theft import Round
from tests.carrier.trial import find_secrets
from tests.sandboxes import sandbox_in


@pytest.mark.conformance  # it takes long
def test_a_thief_of_all_logs_reaches_what_was_granted_and_nothing_after_the_end(tmp_path: Path) -> None:
    with sandbox_in(tmp_path) as sandbox:
        assert Round(sandbox, 1, jobs=1).play() == []


def test_a_secret_is_found_in_an_archive_that_was_not_finished(tmp_path: Path) -> None:
    packed, content = io.BytesIO(), bytes(1000) + b"secret" + bytes(100_000)
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=0) as archive:
        member = tarfile.TarInfo("log")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    (tmp_path / "whole").write_bytes(packed.getvalue())
    (tmp_path / "half").write_bytes(packed.getvalue()[: len(content) // 2])
    (tmp_path / "none").write_bytes(packed.getvalue()[:100])
    names = {name.removeprefix(f"{tmp_path}/") for name in find_secrets([tmp_path], ["secret"])}
    assert {name for name in names if ":" in name} == {"half: log", "whole: log"}

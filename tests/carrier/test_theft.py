"""A thief of logs reaches what was granted, until it is taken back; ``make figures`` has many more rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.carrier.theft import Round
from tests.sandboxes import sandbox_in


@pytest.mark.conformance  # it takes long
def test_a_thief_of_all_logs_reaches_what_was_granted_and_nothing_after_the_end(tmp_path: Path) -> None:
    with sandbox_in(tmp_path) as sandbox:
        assert Round(sandbox, 1, jobs=1).play() == []

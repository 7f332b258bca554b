"""Whatever becomes of a pilot's calls, it hangs nowhere and leaves nothing; ``make figures`` has all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pilot.call_faults import call_faults, chosen, meet
from tests.sandboxes import sandbox_in


def test_whatever_becomes_of_a_call_nothing_hangs_breaks_or_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    with sandbox_in(Path(tmp_path_factory.mktemp("faults"))) as sandbox:
        faults = list(chosen(call_faults(sandbox, "gc"), 20, seed=13))
        wrong = [meet(sandbox, fault, number=number, mode="gc") for number, fault in enumerate(faults, start=1)]
    assert [one for each in wrong for one in each] == []

"""Fixtures of the tests of several commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandboxes import Sandbox


@pytest.fixture
def new_user(shared_sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """The sandbox's user in a directory of their own, with a journal of their own, and with nothing at PanDA."""
    shared_sandbox.cwd = tmp_path
    shared_sandbox.env["GOCLIENT_STATE"] = str(tmp_path / "state")
    shared_sandbox.rows("delete from secrets")
    shared_sandbox.rows("update jobs set status = 'failed' where status = 'activated'")
    return shared_sandbox

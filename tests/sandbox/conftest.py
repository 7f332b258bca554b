"""Fixtures of the tests of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.panda.test_tasks import call
from tests.sandboxes import Sandbox


@pytest.fixture
def panda(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox whose user has no secrets, and which has no job to give, after the test."""
    yield shared_sandbox
    call(shared_sandbox, "creds/set_user_secrets", {})
    shared_sandbox.rows("update jobs set status = 'cancelled' where status not in ('finished', 'failed')")

"""Fixtures of the tests of tasks: a directory and a server that takes no task, for prun and pathena."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recording import Tool, tool_in


@pytest.fixture
def tool(tmp_path: Path) -> Iterator[Tool]:
    with tool_in(tmp_path) as tool:
        yield tool


@pytest.fixture(scope="module")
def lasting_tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    """One folder and server for lines that submit nothing."""
    with tool_in(tmp_path_factory.mktemp("lasting")) as tool:
        yield tool

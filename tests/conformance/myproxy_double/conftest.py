"""Fixtures of the tests of MyProxy: people with certificates, the double and the real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.myproxy_servers import PEOPLE, Grid, make_grid, the_double, the_real_one


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    return make_grid(tmp_path_factory.mktemp("grid"), PEOPLE)


@pytest.fixture(scope="module")
def double(grid: Grid) -> Iterator[int]:
    with the_double(grid) as port:
        yield port


@pytest.fixture(scope="module")
def real(grid: Grid) -> Iterator[int]:
    with the_real_one(grid) as port:
        yield port

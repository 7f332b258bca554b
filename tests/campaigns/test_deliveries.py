"""A file in the way of a delivery stops it, unless an earlier one of the same job has put it there."""

from __future__ import annotations

import pytest

from goclient.campaigns.deliveries import find_free
from tests.campaigns.world import AREA, DESTINATION, World, batch_of


@pytest.mark.parametrize(
    ("overwrite", "started", "free"), [(False, set(), ()), (False, {1}, (1,)), (False, {2}, ()), (True, set(), (1,))]
)
def test_what_exists_is_only_replaced_where_that_is_meant(
    overwrite: bool, started: set[int], free: tuple[int, ...]
) -> None:
    world = World()
    world.files[AREA.collection.text, f"{AREA.directory}/out/000001.1"] = "made"
    world.files[DESTINATION.text, "/out/1.1"] = "half of it, or somebody else's"
    found = find_free(batch_of(1, overwrite=overwrite), DESTINATION, {1: 1}, started=started, at=world)
    assert (found.free, set(found.taken), found.missing) == (free, set() if free else {1}, {})

"""Data come from where they can be reached."""

from __future__ import annotations

import pytest

from goclient.services.gridftp.data import _reachable


@pytest.mark.parametrize(
    ("host", "peer", "asked"),
    [
        ("10.1.2.3", "8.8.8.8", "8.8.8.8"),
        ("9.9.9.9", "8.8.8.8", "9.9.9.9"),
        ("10.1.2.3", "10.9.9.9", "10.1.2.3"),
        ("127.0.0.2", "127.0.0.1", "127.0.0.2"),
    ],
)
def test_data_come_from_an_address_that_can_be_reached_from_here(host: str, peer: str, asked: str) -> None:
    assert _reachable(host, peer) == asked

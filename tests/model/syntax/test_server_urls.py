"""A URL that names no server is told with what to write instead."""

from __future__ import annotations

import re

import pytest

from goclient.errors import RequestError
from goclient.model.syntax.parse import parse_location


@pytest.mark.parametrize("host", ["[2001:db8::1]2811", "[::1"])
def test_a_message_has_all_of_a_host_that_is_none(host: str) -> None:
    with pytest.raises(RequestError, match=re.escape(f"{host} is not an IPv6 address in brackets")):
        parse_location(f"gsiftp://{host}/a")

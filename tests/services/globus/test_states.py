"""An entry of a directory is read as the service documents it."""

from __future__ import annotations

from typing import Any

import pytest

from goclient.errors import EndpointError
from goclient.services.globus.errors import translate
from goclient.services.globus.states import read_file_info

FILE: dict[str, Any] = {"name": "f", "type": "file", "size": 3}


@pytest.mark.parametrize("name", ["a/b", "/", "../x"])
def test_a_directory_has_no_entry_with_a_slash(name: str) -> None:
    with pytest.raises(EndpointError), translate("SITE1"):
        read_file_info({**FILE, "name": name})

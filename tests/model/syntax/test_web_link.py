"""A link of the web application is the directory that it shows."""

from __future__ import annotations

import pytest

from goclient.model.syntax.parse import parse_destination, parse_location

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"

LINK = f"https://app.globus.org/file-manager?origin_id={UUID}&origin_path=%2F~%2Fa%20b%2F"

OTHER = UUID.replace("9e3c", "1111")


@pytest.mark.parametrize(
    ("text", "origin", "destination"),
    [
        pytest.param(LINK, f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="one-side"),
        pytest.param(
            f"{LINK}&destination_id={OTHER}&destination_path=%2Fb%2F", f"{UUID}:/~/a b/", f"{OTHER}:/b/", id="both"
        ),
        pytest.param(LINK.replace("origin", "destination"), f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="the-right-side"),
        pytest.param(LINK.removeprefix("https://"), f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="without-its-scheme"),
        pytest.param(f"{LINK}&two_pane=true#x", f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="with-more-fields"),
        pytest.param(LINK.replace(UUID, UUID.upper()), f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="capitals"),
        pytest.param(
            LINK.replace("a%20b", "d%C3%A9j%C3%A0%2Cvu"), f"{UUID}:/~/déjà,vu/", f"{UUID}:/~/déjà,vu/", id="utf8"
        ),
        pytest.param(f"{LINK}&origin_id={UUID}", f"{UUID}:/~/a b/", f"{UUID}:/~/a b/", id="one-id-twice"),
    ],
)
def test_a_link_of_the_web_application_is_the_folder_that_it_shows(text: str, origin: str, destination: str) -> None:
    assert (str(parse_location(text)), str(parse_destination(text))) == (origin, destination)

"""Meaning of an error of TLS."""

from __future__ import annotations

import ssl

import pytest

from goclient.errors import EndpointError
from goclient.services.gsi.refusals import raise_refused
from goclient.services.gsi.server import WEBDAV, Server


@pytest.mark.parametrize(
    ("reason", "passes"),
    [
        ("DECRYPTION_FAILED_OR_BAD_RECORD_MAC", True),
        ("SSLV3_ALERT_BAD_RECORD_MAC", True),
        ("TLSV1_ALERT_INTERNAL_ERROR", True),
        ("UNEXPECTED_MESSAGE", False),
    ],
)
def test_what_was_damaged_on_its_way_may_pass(reason: str, passes: bool) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    with pytest.raises(EndpointError, match="TLS failed in the middle") as caught:
        raise_refused(Server("host", 443, WEBDAV), error, step="in the middle")
    assert caught.value.transient is passes

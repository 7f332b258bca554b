"""The clock of a server is compared with ours where its answer has a date."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from goclient.services.clock import clock_ahead


@pytest.mark.parametrize("ahead", [-86400, 0, 3600])
def test_a_date_says_by_how_much_the_clock_is_ahead(ahead: int) -> None:
    found = clock_ahead({"Date": formatdate(time.time() + ahead, usegmt=True)})
    assert found is not None
    assert ahead - 60 < found < ahead + 60


@pytest.mark.parametrize("date", [None, "", "yesterday", "Mon, 99 Jan 2026 00:00:00 GMT", "\0"])
def test_what_is_no_date_says_nothing(date: str | None) -> None:
    assert clock_ahead({} if date is None else {"Date": date}) is None

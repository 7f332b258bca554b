"""A request says of its jobs what is checked beside their transfers, and whether their payload travels with them."""

from __future__ import annotations

import pytest

from goclient.model.records.panda_job import JobTemplate
from goclient.model.request import Carriage, Credential, Request

CARRIAGE = Carriage("https://host/runGen", "https://cache", "https://auth", "https://transfer")


def request_of(payload: str, *, queue: str = "Q", carriage: Carriage | None = None) -> Request:
    common = JobTemplate(payload, queue, "test", "local", "panda.destDB.1", 1, 1000)
    return Request(common, "user.me.x", 1, "", {}, carriage=carriage)


@pytest.mark.parametrize(
    ("payload", "is_carried", "packs"),
    [
        ("./run.sh", True, True),
        ("./run.sh", False, False),
        ("https://host/run.sh", True, False),
        ("gsiftp://host/run.sh", True, False),
        ("https://host/run.sh", False, False),
    ],
)
def test_a_file_here_travels_with_jobs_that_bring_their_own_transfers(
    payload: str, is_carried: bool, packs: bool
) -> None:
    request = request_of(payload, carriage=CARRIAGE if is_carried else None)
    assert request.packs_payload is packs
    assert request.job.payload == ("" if packs else payload)


def test_what_is_checked_has_the_queue_and_the_label() -> None:
    assert request_of("https://h/x").job[:] == (["Q"], "https://h/x", "test")
    assert request_of("https://h/x", queue="").job.queues == []


def test_a_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(CARRIAGE._replace(credential=Credential("id", "s3cret")))

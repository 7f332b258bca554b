"""Transfers of an earlier attempt that still run are cancelled before its directory goes."""

from __future__ import annotations

from pathlib import Path

from goclient.model.plan import TransferItem
from goclient.model.remote import TransferRequest
from goclient.node.left import remove_left
from tests.node.engines.benches import NODE_ID, SITE, GlobusBench, item


def test_what_an_earlier_attempt_still_transfers_is_cancelled_before_its_directory_goes(tmp_path: Path) -> None:
    bench = GlobusBench(tmp_path)
    (bench.job / "result").write_text("out")
    items = (TransferItem("result", "/.goclient-7-1/new/result", recursive=False),)
    bench.service.submit(TransferRequest(NODE_ID.text, SITE.text, items, "goclient 7 output", "earlier", 60.0))
    bench.service.submit(TransferRequest(NODE_ID.text, SITE.text, items, "goclient 77 output", "another", 60.0))
    (bench.there / ".goclient-7-1").mkdir()
    bench.take(item("result", "result"), attempt=2)
    bench.service.stuck = True
    remove_left(bench.used.journal, bench.used.attempt, bench.transfer_service, delivered=True)
    assert "earlier" in bench.service.cancelled
    assert "another" not in bench.service.cancelled
    assert [one.name for one in bench.there.iterdir()] == ["result"]

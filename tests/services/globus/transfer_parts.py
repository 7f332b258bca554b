"""Parts of what Transfer is asked and answers, for tests of the client of a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from goclient.model.endpoint import GlobusEndpoint
from goclient.model.plan import TransferItem
from goclient.model.remote import TransferRequest
from tests.web_server import Request, Response

ID, TASK = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "5176a1aa-8f6c-11f0-8bcd-0affc2b1a0f5"
AT = GlobusEndpoint(ID, "SITE1")
ODD = "/ä b/100%/a+b&c=d;#?'\"\\\n~日本/.."
ITEMS = (TransferItem("/a b", "/c/", True), TransferItem(ODD, "/d", False))
REQUEST = TransferRequest(ID, TASK, ITEMS, "l" * 200, ID, 60.0)
SILENT: Any = {"notify_on_succeeded": False, "notify_on_failed": False, "notify_on_inactive": False}


@dataclass
class Tokens:
    """Tokens that a test counts: each that is asked for because another was refused is a new one."""

    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    renews: bool = True

    def __call__(self, *, refused: str = "", scopes: Sequence[str] = ()) -> str:
        self.asked.append((refused, tuple(scopes)))
        return f"token{sum(1 for one in self.asked if any(one)) if self.renews else 0}"


def good(request: Request) -> Response:
    """An answer that fits every call."""
    data = [{"id": ID, "display_name": "SITE1"}] if "endpoint_search" in request.path else []
    return Response({
        "DATA": data, "id": ID, "globus_connect_setup_key": "k", "value": ID, "task_id": TASK, "code": "Accepted",
        "https_server": "https://x.org",
    })  # fmt: skip

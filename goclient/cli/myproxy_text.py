"""Texts and documents of deposits, as ``goclient myproxy`` prints them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from goclient.cli.tables import print_pairs
from goclient.config.grid import HOUR, hours_text
from goclient.services.gsi.certificate import time_text
from goclient.services.myproxy.policy import dn_of

if TYPE_CHECKING:
    from goclient.deposit import Proof
    from goclient.services.myproxy.wire import Deposit


def print_proof(proof: Proof) -> None:
    """Print who can now retrieve what, until when."""
    found, who, spec = proof.found, proof.identity, proof.spec
    by_pattern = f"every DN that fits the pattern {found.retrievers}"
    lasts = f"{hours_text(spec.proxy_lifetime)} at most" if spec.proxy_lifetime else "as the deposit"
    rows = [
        ("deposited", f"{found.owner}, from {who.certificate} ({who.found})"),
        ("at", f"{proof.server}, account {spec.account}" + (f", credential {found.name}" if found.name else "")),
        ("until", time_text(found.end)),
        ("retriever", proof.retriever or by_pattern),
        ("proxies", f"last {lasts}"),
        ("renewer", found.renewers or "nobody"),
        ("a pilot types", proof.request),
        ("not known", "whether the server's own policy lets that pilot in: it cannot be seen from here"),
    ]
    print_pairs(rows)


def deposit_document(one: Deposit) -> dict[str, object]:
    """Return the JSON object of a deposit as the server shows it; times are Unix times, policies its patterns."""
    return {
        "name": one.name, "owner": one.owner, "start": one.start, "end": one.end, "expired": one.end <= time.time(),
        "retrievers": one.retrievers, "renewers": one.renewers, "description": one.description,
    }  # fmt: skip


def print_deposit(one: Deposit) -> None:
    """Print one deposit as the server shows it."""
    left = one.end - time.time()
    lasts = f"{int(left // HOUR)} h {int(left % HOUR // 60)} min left" if left > 0 else "EXPIRED"
    retrievers = "anyone whom the server trusts: no policy is set"
    if one.retrievers:
        retrievers = dn_of(one.retrievers) or f"every DN that fits the pattern {one.retrievers}"
    rows = [
        ("credential", one.name or "(without a name)"),
        ("owner", one.owner),
        ("until", f"{time_text(one.end)}, {lasts}"),
        ("retriever", retrievers),
    ]
    rows += [("renewer", one.renewers)] if one.renewers else []
    rows += [("described", one.description)] if one.description else []
    print_pairs(rows)

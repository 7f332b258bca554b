"""What Transfer says of a collection: what it is, whether it is up, whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The kinds of the service's ``entity_type`` that hold data, in words for a person; a bare GCSv5 endpoint holds none.
KINDS = {
    "GCSv5_mapped_collection": "a mapped collection",
    "GCSv5_guest_collection": "a guest collection",
    "GCP_mapped_collection": "a Globus Connect Personal collection",
    "GCP_guest_collection": "a guest collection of a Globus Connect Personal",
    "GCSv4_host": "a GCSv4 host",
    "GCSv4_share": "a GCSv4 share",
}
MAPPED, GUEST, BARE = "GCSv5_mapped_collection", "GCSv5_guest_collection", "GCSv5_endpoint"


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection; ``connected`` and ``paused`` are None unless it is a Globus Connect Personal one.

    ``entity_type`` is the service's word for its kind; ``roles`` are those of whoever asked.
    """

    id: str
    name: str
    canonical_name: str
    entity_type: str
    owner: str
    connected: bool | None
    paused: bool | None
    high_assurance: bool
    subscribed: bool
    default_directory: str
    roles: tuple[str, ...]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Collection:
        """The collection of an endpoint document; raises KeyError if that is none."""
        personal = bool(document.get("is_globus_connect"))
        return cls(
            id=document["id"],
            name=document.get("display_name") or "",
            canonical_name=document.get("canonical_name") or "",
            entity_type=document.get("entity_type") or "",
            owner=document.get("owner_string") or document.get("username") or "",
            connected=bool(document.get("gcp_connected")) if personal else None,
            paused=bool(document.get("gcp_paused")) if personal else None,
            high_assurance=bool(document.get("high_assurance")),
            subscribed=bool(document.get("subscription_id")),
            default_directory=document.get("default_directory") or "",
            roles=tuple(document.get("my_effective_roles") or ()),
        )

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return KINDS.get(self.entity_type, f"of the kind {self.entity_type or 'unknown'}")

    @property
    def is_personal(self) -> bool:
        """True for Globus Connect Personal, which is up while its computer is."""
        return self.connected is not None

    @property
    def holds_data(self) -> bool:
        """False for a bare GCSv5 endpoint, whose collections hold the data."""
        return self.entity_type != BARE

    @property
    def may_ask_consent(self) -> bool:
        """True if it may ask for a data_access consent: for any other collection, asking fails the login."""
        return self.entity_type == MAPPED and not self.high_assurance

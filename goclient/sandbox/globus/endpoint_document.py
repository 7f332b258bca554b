"""Describe an endpoint or a collection as Transfer does."""

from __future__ import annotations

import json
from typing import Any

from goclient.sandbox.globus import storage
from goclient.sandbox.globus.permissions import Rights
from goclient.sandbox.globus.storage import BARE, GUEST, MAPPED, PERSONAL
from goclient.sandbox.state import State

# Fields of the service's document that say nothing any more, or nothing here.
_LEGACY: dict[str, Any] = {
    **dict.fromkeys(
        "department keywords info_link contact_info contact_email user_message user_message_link "
        "s3_url host_path myproxy_server myproxy_dn oauth_server gcs_manager_url gcs_version "
        "tlsftp_server non_functional_endpoint_display_name non_functional_endpoint_id "
        "authentication_timeout_mins".split()
    ),
    **dict.fromkeys(
        "french_english_bilingual s3_owner_activated disable_verify disable_anonymous_writes force_verify "
        "force_encryption mfa_required activated shareable acl_available acl_editable in_use "
        "local_user_info_available requester_pays".split(),
        False,
    ),
    "expires_in": -1,
    "expire_time": None,
}

# The fields that are kept as an administrator sends them, beside display_name and public.
KEPT = (
    "contact_email contact_info default_directory department description force_encryption info_link keywords "
    "organization user_message user_message_link"
).split()


def describe(state: State, rights: Rights) -> dict[str, Any]:
    """Return the document of a collection, for an identity with these rights."""
    row = rights.collection
    personal = row["entity_type"] == PERSONAL
    guest = row["entity_type"] == GUEST
    owner = state.row("select username from identities where id = ?", row["owner"]) or {"username": None}
    host = state.row("select id, display_name from collections where id = ?", row["host"]) or {}
    name = row["display_name"]
    address = f"m-{row['id'][:8]}.data.sandbox.example"
    server = {
        "DATA_TYPE": "server",
        "id": int(row["id"][:6], 16),
        "hostname": address,
        "port": 443,
        "scheme": "tlsftp",
        "uri": f"tlsftp://{address}:443",
        "subject": None,  # any certificate will do
    }
    return {
        **_LEGACY,
        "organization": None if personal else "Sandbox",
        "description": None,
        "DATA": [server] if row["entity_type"] == MAPPED else [],
        "default_directory": None if row["entity_type"] == BARE else "/" if guest else "/~/",
        **json.loads(row["fields"]),
        "DATA_TYPE": "endpoint",
        "id": row["id"],
        "display_name": name,
        "canonical_name": name if "#" in name else f"{row['owner']}#{row['id']}",
        "entity_type": row["entity_type"],
        "https_server": f"{state.fact('url')}/https/{row['id']}" if row["https"] else None,
        "is_globus_connect": personal,
        "gcp_connected": storage.is_connected(row) if personal else None,
        "gcp_paused": False if personal else None,
        "globus_connect_setup_key": row["setup_key"] if personal and rights.administers else None,
        "high_assurance": False,
        "non_functional": row["entity_type"] == BARE,
        "public": bool(row["public"]),
        "owner_id": row["owner"],
        "owner_string": owner["username"],
        "username": owner["username"],
        "host_endpoint_id": host.get("id"),
        "host_endpoint_display_name": host.get("display_name"),
        "mapped_collection_id": host.get("id"),
        "mapped_collection_display_name": host.get("display_name"),
        "acl_available": guest,
        "acl_editable": guest and rights.manages_access,
        "my_effective_roles": sorted(rights.roles),
        "subscription_id": None,
    }

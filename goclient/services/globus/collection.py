"""Read what Transfer says of a collection, and of a file that a task has transferred."""

from __future__ import annotations

from dataclasses import dataclass

from goclient.errors.conditions import ConsentNeeded
from goclient.errors.wording import quote
from goclient.model.remote import TransferredFile
from goclient.services.globus.documents import Document, flag, number, text, text_or_none, texts, uuid
from goclient.services.globus.states import https_url

# The kinds of the service's ``entity_type``, in words for a person.
KINDS = {
    "GCSv5_mapped_collection": "a mapped collection",
    "GCSv5_guest_collection": "a guest collection",
    "GCP_mapped_collection": "a Globus Connect Personal collection",
    "GCP_guest_collection": "a guest collection of a Globus Connect Personal",
    "GCSv4_host": "a GCSv4 host",
    "GCSv4_share": "a GCSv4 share",
    "GCSv5_endpoint": "a GCSv5 endpoint, which holds no data itself",
}
MAPPED, GUEST, BARE = "GCSv5_mapped_collection", "GCSv5_guest_collection", "GCSv5_endpoint"
GUEST_KINDS = frozenset({GUEST, "GCP_guest_collection", "GCSv4_share"})  # those with access rules
RULE_READERS = frozenset({"administrator", "access_manager"})  # the roles that may read these

# The kinds of principals of an access rule that are nobody in particular, in words.
_EVERYBODY = {"all_authenticated_users": "everybody who has logged in", "anonymous": "everybody"}


@dataclass(frozen=True, slots=True)
class AccessRule:
    """An access rule of a guest collection: ``permissions`` is r or rw; ``expires`` is empty for never."""

    path: str
    permissions: str
    principal_type: str
    principal: str
    expires: str
    id: str = ""

    @classmethod
    def from_document(cls, document: Document) -> AccessRule:
        """Return the rule of an access document; raise KeyError or TypeError for another document."""
        return cls(
            path=text(document, "path"),
            permissions=text(document, "permissions"),
            principal_type=text(document, "principal_type"),
            principal=text_or_none(document, "principal"),
            expires=text_or_none(document, "expiration_date"),
            id=text_or_none(document, "id"),
        )

    def document(self) -> dict[str, str | None]:
        """Return the JSON object of the rule."""
        return {
            "path": self.path,
            "permissions": self.permissions,
            "principal_type": self.principal_type,
            "principal": self.principal or None,
            "expires": self.expires or None,
        }

    def words(self) -> str:
        """Return the rule in words."""
        who = _EVERYBODY.get(self.principal_type, f"{self.principal_type} {self.principal}")
        until = f" until {self.expires}" if self.expires else ""
        return f"{self.path}: {'read and write' if 'w' in self.permissions else 'read only'}, {who}{until}"


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection; ``connected`` and ``paused`` are known of a Globus Connect Personal one only.

    ``entity_type`` is the service's word for its kind; ``roles`` are those of the identity that asks; ``https_server``
    is a URL, empty if it serves no HTTPS.
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
    owner_id: str = ""
    https_server: str = ""

    @classmethod
    def from_document(cls, document: Document) -> Collection:
        """Return the collection of an endpoint document; raise KeyError, TypeError or ValueError for another one."""
        personal = flag(document, "is_globus_connect")
        return cls(
            id=uuid(document, "id"),
            name=text_or_none(document, "display_name"),
            canonical_name=text_or_none(document, "canonical_name"),
            entity_type=text_or_none(document, "entity_type"),
            owner=text_or_none(document, "owner_string") or text_or_none(document, "username"),
            connected=flag(document, "gcp_connected") if personal else None,
            paused=flag(document, "gcp_paused") if personal else None,
            high_assurance=flag(document, "high_assurance"),
            subscribed=bool(text_or_none(document, "subscription_id")),
            default_directory=text_or_none(document, "default_directory"),
            roles=texts(document, "my_effective_roles"),
            owner_id=text_or_none(document, "owner_id"),
            https_server=text_or_none(document, "https_server"),
        )

    def is_of(self, identity: str) -> bool:
        """Return True for a collection that an identity owns: nobody is asked to ask themselves."""
        return bool(identity) and self.owner_id == identity

    @property
    def kind(self) -> str:
        """Return what it is, in words."""
        return KINDS.get(self.entity_type, f"of the kind {self.entity_type or 'unknown'}")

    @property
    def is_personal(self) -> bool:
        """Return True for Globus Connect Personal, which is up while its computer is."""
        return self.connected is not None

    @property
    def holds_data(self) -> bool:
        """Return False for a bare GCSv5 endpoint, whose collections hold the data."""
        return self.entity_type != BARE

    def https_url(self, name: str) -> str:
        """Return the URL of its HTTPS server, for tokens to be sent to; raise EndpointError, which calls it ``name``.

        That of a real one is https; plain http is a sandbox's, on this machine.
        """
        return https_url(self.https_server, name, kind=self.kind)

    @property
    def first_directory(self) -> str:
        """Return the directory to show first: the default one, or the home directory, which a guest does not have."""
        return self.default_directory or ("/" if self.entity_type in GUEST_KINDS else "/~/")

    @property
    def may_ask_consent(self) -> bool:
        """Return True if it may ask for a data_access consent: for any other collection, asking fails the login."""
        return self.entity_type == MAPPED and not self.high_assurance


def https_consent(name: str) -> ConsentNeeded:
    """Return the error for a person who has no token for the HTTPS server of a collection."""
    message = f"{quote(name)} needs a consent that you have not given, to its HTTPS server"
    return ConsentNeeded.to_globus(message, options=[("--https", name)], subject=name)


def read_transferred_file(document: Document) -> TransferredFile:
    """Return the file of one successful transfer; raise KeyError, TypeError or ValueError for another document."""
    checksum, algorithm = text_or_none(document, "checksum"), text_or_none(document, "checksum_algorithm")
    return TransferredFile(
        path=text(document, "destination_path"),
        size=number(document, "size") if document.get("size") is not None else None,
        checksum=f"{algorithm or 'unknown'}:{checksum}" if checksum else None,
    )

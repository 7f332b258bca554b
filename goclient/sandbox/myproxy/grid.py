"""Certificates of the sandbox's grid: where they are, and whose they are.

To name these files does not load cryptography; ``authority.py`` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SCOPE = "/C=TW/O=Sandbox"
AUTHORITY = f"{SCOPE}/CN=Sandbox CA"
HOST, HOST_NAME = "host", "localhost"
SUBJECTS = {
    HOST: f"{SCOPE}/OU=Hosts/CN={HOST_NAME}",
    "user": f"{SCOPE}/OU=People/CN=Jane Doe",
    "other": f"{SCOPE}/OU=People/CN=Alex Smith",
    "pilot": f"{SCOPE}/OU=Robots/CN=Pilot",
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and its key, as files, and the name in it as OpenSSL writes it on one line."""

    certificate: Path
    key: Path
    dn: str


class Grid:
    """Paths of the files of a grid, below its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.certificates = directory / "certificates"  # the directory of the authorities, for X509_CERT_DIR
        self.authority_key = directory / "authority.key"
        self.host = self.credential(HOST)

    def credential(self, name: str) -> Credential:
        """Return the certificate and the key of one of :data:`SUBJECTS`."""
        return Credential(self.directory / f"{name}.pem", self.directory / f"{name}.key", SUBJECTS[name])

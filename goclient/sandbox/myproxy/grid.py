"""The sandbox's grid: a certificate authority, and certificates for the server, the users and the pilot."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goclient.sandbox.myproxy.credential import Credential

if TYPE_CHECKING:
    from goclient.sandbox.myproxy.authority import Authority

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
class Grid:
    """The files of a grid, below its folder."""

    folder: Path

    @property
    def certificates(self) -> Path:
        """The folder of the authorities, for X509_CERT_DIR."""
        return self.folder / "certificates"

    @property
    def authority_key(self) -> Path:
        """The file with the authority's key."""
        return self.folder / "authority.key"

    def authority(self) -> Authority:
        """The authority, with its key."""
        from goclient.sandbox.myproxy.authority import Authority  # who only names files needs no cryptography

        return Authority.load(self.certificates, self.authority_key, subject=AUTHORITY)

    def credential(self, name: str) -> Credential:
        """The certificate and the key of one of :data:`SUBJECTS`."""
        return Credential(self.folder / f"{name}.pem", self.folder / f"{name}.key", SUBJECTS[name])


def ready(folder: Path) -> Grid:
    """The grid in a folder, made if it is not there; it is there as a whole or not at all."""
    if not folder.exists():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        _make(Grid(part))
        os.rename(part, folder)
    return Grid(folder)


def _make(grid: Grid) -> None:
    from goclient.sandbox.myproxy.authority import Authority, make_key

    grid.folder.mkdir(mode=0o700)
    with ThreadPoolExecutor() as pool:  # OpenSSL makes keys without Python's lock
        own, *keys = pool.map(lambda _: make_key(), [AUTHORITY, *SUBJECTS])
    authority = Authority.make(grid.certificates, subject=AUTHORITY, key=grid.authority_key, use=own)
    for (name, subject), key in zip(SUBJECTS.items(), keys, strict=True):
        names = (HOST_NAME,) if name == HOST else ()
        authority.issue(subject, into=grid.folder, name=name, names=names, key=key)

"""A certificate with its key: where they are, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and its key, as files, and the name in it as OpenSSL writes it on one line."""

    certificate: Path
    key: Path
    dn: str

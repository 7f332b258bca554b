"""The folder of CA certificates: which it is, what its signing policies allow, which revocation lists it has.

Its files are named after the hash of a CA's name: ``<hash>.0`` the certificate, ``<hash>.signing_policy``, and
``<hash>.r0`` the list of what was revoked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from goclient.errors import MyproxyError, quoted
from goclient.services.gsi.certificate import Certificate, read_certificate
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.pem import MAX_FILE, blocks

_MAX_CHAIN = 20
_SYSTEM = "/etc/grid-security/certificates"


def find_authorities(env: Mapping[str, str], home: str | os.PathLike[str]) -> str:
    """The folder of CA certificates that the C tools use, too; raises MyproxyError if there is none."""
    named = env.get("X509_CERT_DIR")
    if named:
        if os.path.isdir(named):
            return named
        raise _missing(f"X509_CERT_DIR={quoted(named)} is not a folder", "set it to the folder of your CAs")
    own = os.path.join(home, ".globus", "certificates")
    for folder in (own, _SYSTEM):
        if os.path.isdir(folder):
            return folder
    raise _missing(
        f"there is no folder of CA certificates, neither {quoted(own)} nor {quoted(_SYSTEM)}",
        "set X509_CERT_DIR to it, such as the one in /cvmfs/grid.cern.ch/etc/grid-security/certificates",
    )


def _missing(message: str, hint: str) -> MyproxyError:
    return MyproxyError(message, hint=hint, code="myproxy-authorities")


def has_any_list(folder: str) -> bool:
    """Whether any list of revoked certificates is in the folder."""
    try:
        return any(name.endswith(".r0") for name in os.listdir(folder))
    except OSError as error:
        raise _missing(
            f"the folder {quoted(folder)} cannot be read: {error.strerror}", "check X509_CERT_DIR"
        ) from error


def has_list(folder: str, name_hash: str) -> bool:
    """Whether the list of what one CA revoked is in the folder."""
    return os.path.exists(os.path.join(folder, f"{name_hash}.r0"))


def policy_fault(folder: str, certificate: Certificate) -> str:
    """Why a certificate was not to be signed by its CA, as the signing policies of the folder say; "" if it was.

    As in GSI each CA on the way to the root must have a policy that allows the name it signed.
    """
    for _ in range(_MAX_CHAIN):
        if certificate.is_self_signed:
            return ""
        path = os.path.join(folder, f"{certificate.issuer_hash}.signing_policy")
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                text = file.read(MAX_FILE)
        except OSError as error:
            return f"the signing policy {quoted(path)} of its CA cannot be read: {error.strerror}"
        if not allows(text, issuer=certificate.issuer, subject=certificate.subject):
            return f"the signing policy {quoted(path)} does not let its CA sign {quoted(certificate.subject)}"
        above = _issuer_of(folder, certificate)
        if above is None:
            return ""  # OpenSSL has built the chain: the rest of it came from the server
        certificate = above
    return "its chain of CAs has no end"


def _issuer_of(folder: str, certificate: Certificate) -> Certificate | None:
    for number in range(10):  # names may share a hash
        try:
            with open(os.path.join(folder, f"{certificate.issuer_hash}.{number}"), "rb") as file:
                found = [read_certificate(block.data) for block in blocks(file.read(MAX_FILE))]
        except FileNotFoundError:
            return None
        except (OSError, Damaged):
            continue
        for one in found:
            if one.subject == certificate.issuer:
                return one
    return None


def allows(policy: str, *, issuer: str, subject: str) -> bool:
    """Whether a signing policy, in the language of the Globus Toolkit's EACL, lets a CA sign a name."""
    ours = False
    for line in policy.splitlines():
        words = line.split(None, 2)
        if len(words) < 3 or words[0].startswith("#"):
            continue
        kind, _, value = words
        if kind == "access_id_CA":
            ours = value.strip().strip("'\"") == issuer
        elif kind == "cond_subjects" and ours:
            patterns = re.findall(r'"([^"]*)"', value) or [value.strip().strip("'")]
            if any(_fits(pattern, subject) for pattern in patterns):
                return True
    return False


def _fits(pattern: str, subject: str) -> bool:
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), subject, re.DOTALL) is not None

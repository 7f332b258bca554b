"""A certificate authority in miniature: it issues certificates that grid tools take, and revokes them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from goclient.files.private import make_directory, replace
from goclient.sandbox.myproxy.grid import AUTHORITY, HOST, HOST_NAME, SUBJECTS, Credential, Grid
from goclient.sandbox.myproxy.names import Typed, oneline, parse_name, subject_hash

TEST_GRID = "/C=TW/O=Test Grid/CN=Test Grid CA"
LIFETIME = timedelta(days=3650)  # of the authority, and of its revocation list: a sandbox does not renew them
CERTIFICATE_LIFETIME = timedelta(days=365)
EARLIER = timedelta(minutes=5)  # for clocks that are behind
AUTHORITY_EARLIER = timedelta(days=400)  # certificates that have expired were issued by it, too

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)

# What Globus's gsi_callback looks for beside the authority's certificate.
SIGNING_POLICY = """\
access_id_CA  X509   '{subject}'
pos_rights    globus CA:sign
cond_subjects globus '"{scope}/*"'
"""


class IssueOptions(TypedDict, total=False):
    """Options of a certificate."""

    names: Sequence[str]  # the host names in it, which may be none; by default localhost
    key: Literal["rsa", "ec"] | Key  # its kind, or a key to use
    bits: int  # of an RSA key
    start: datetime | None
    end: datetime | None
    passphrase: str | None


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority: the directory that trusts it, its certificate and its key."""

    directory: Path
    certificate: x509.Certificate
    key: Key

    @classmethod
    def make(
        cls, directory: Path, *, subject: Typed = TEST_GRID, key: Path | None = None, use: Key | None = None
    ) -> Authority:
        """Make an authority that a directory trusts: write its certificate, signing policy and empty revocation list.

        Write its key to the file ``key``, which must not be in that directory, or keep it in memory only.  ``use``: a
        key that exists already.
        """
        private = use or make_key()
        name = parse_name(subject)
        now = datetime.now(UTC)
        builder = _builder(name, private, start=now - AUTHORITY_EARLIER, end=now + LIFETIME).issuer_name(name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
        authority = cls(directory, builder.sign(private, SHA256()), private)
        make_directory(directory)
        if key is not None:
            replace(key, pem(private), mode=0o600)
        replace(authority.file("0"), authority.certificate.public_bytes(Encoding.PEM), mode=0o644)
        policy = SIGNING_POLICY.format(subject=authority.dn, scope=authority.dn.rpartition("/CN=")[0])
        replace(authority.file("signing_policy"), policy.encode(), mode=0o644)
        authority._revoke(())
        return authority

    @classmethod
    def load(cls, directory: Path, key: Path, *, subject: Typed = TEST_GRID) -> Authority:
        """Load the authority that was made in a directory, with its key from a file."""
        certificate = x509.load_pem_x509_certificate(
            (directory / f"{subject_hash(parse_name(subject))}.0").read_bytes()
        )
        private = serialization.load_pem_private_key(key.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(private, Key)
        return cls(directory, certificate, private)

    @property
    def dn(self) -> str:
        """Return its name, as OpenSSL writes it on one line."""
        return oneline(self.certificate.subject)

    def file(self, suffix: str) -> Path:
        """Return one of its files in the directory: ``0``, ``signing_policy`` or ``r0``."""
        return self.directory / f"{subject_hash(self.certificate.subject)}.{suffix}"

    def issue(self, subject: Typed, *, into: Path, name: str, **options: Unpack[IssueOptions]) -> Credential:
        """Issue a certificate for ``subject`` (see :func:`parse_name`), as ``into/name.pem`` and ``into/name.key``."""
        key, names, passphrase = (
            options.get("key", "rsa"),
            options.get("names", ("localhost",)),
            options.get("passphrase"),
        )
        private, now = make_key(key, bits=options.get("bits", 2048)) if isinstance(key, str) else key, datetime.now(UTC)
        start, end = options.get("start") or now - EARLIER, options.get("end") or now + CERTIFICATE_LIFETIME
        builder = _builder(parse_name(subject), private, start=start, end=end)
        builder = builder.issuer_name(self.certificate.subject)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(usage(digital_signature=True, key_encipherment=True), critical=True)
        builder = builder.add_extension(_issuer_key(self.certificate), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        certificate = builder.sign(self.key, SHA256())
        make_directory(into)
        made = Credential(into / f"{name}.pem", into / f"{name}.key", oneline(certificate.subject))
        replace(made.key, pem(private, passphrase.encode() if passphrase else None), mode=0o400)
        replace(made.certificate, certificate.public_bytes(Encoding.PEM), mode=0o644)
        return made

    def revoke(self, credential: Credential) -> None:
        """Put a certificate on the revocation list of the directory."""
        revoked = x509.load_pem_x509_certificate(credential.certificate.read_bytes())
        before = x509.load_pem_x509_crl(self.file("r0").read_bytes())
        entry = x509.RevokedCertificateBuilder().serial_number(revoked.serial_number)
        self._revoke((*before, entry.revocation_date(datetime.now(UTC) - EARLIER).build()))

    def has_revoked(self, certificate: x509.Certificate) -> bool:
        """Return True if a certificate is on the revocation list."""
        listed = x509.load_pem_x509_crl(self.file("r0").read_bytes())
        return listed.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def _revoke(self, entries: Sequence[x509.RevokedCertificate]) -> None:
        """Write a revocation list with these entries and no others."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, now - EARLIER, now + LIFETIME)
        builder = builder.add_extension(_issuer_key(self.certificate), critical=False)
        builder = builder.add_extension(x509.CRLNumber(len(entries) + 1), critical=False)
        for entry in entries:
            builder = builder.add_revoked_certificate(entry)
        replace(self.file("r0"), builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM), mode=0o644)


def make_key(kind: str = "rsa", *, bits: int = 2048) -> Key:
    """Make a key: ``rsa`` of so many bits, or ``ec`` on the curve P-256."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, bits)


def _builder(name: x509.Name, key: Key, *, start: datetime, end: datetime) -> x509.CertificateBuilder:
    """Begin a certificate with what all have: a subject, its key, a number, a time."""
    public = key.public_key()
    builder = x509.CertificateBuilder().subject_name(name).public_key(public).not_valid_before(start)
    builder = builder.not_valid_after(end).serial_number(x509.random_serial_number())
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def usage(**uses: bool) -> x509.KeyUsage:
    """Return a key usage with these uses and no others."""
    return x509.KeyUsage(**{**dict.fromkeys(USES, False), **uses})


def _issuer_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def pem(key: Key, passphrase: bytes | None = None) -> bytes:
    """Return a key in PEM, encrypted if there is a pass phrase."""
    kept = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, kept)


def load_authority(grid: Grid) -> Authority:
    """Load the authority of a grid, with its key."""
    return Authority.load(grid.certificates, grid.authority_key, subject=AUTHORITY)


def make_grid(grid: Grid) -> None:
    """Make the files of a grid unless they exist, as a whole or not at all."""
    if grid.directory.exists():
        return
    part = Grid(grid.directory.with_name(f"{grid.directory.name}.part"))
    shutil.rmtree(part.directory, ignore_errors=True)
    part.directory.mkdir(mode=0o700)
    with ThreadPoolExecutor() as pool:  # OpenSSL makes keys without Python's lock
        own, *keys = pool.map(lambda _: make_key(), [AUTHORITY, *SUBJECTS])
    authority = Authority.make(part.certificates, subject=AUTHORITY, key=part.authority_key, use=own)
    for (name, subject), key in zip(SUBJECTS.items(), keys, strict=True):
        names = (HOST_NAME,) if name == HOST else ()
        authority.issue(subject, into=part.directory, name=name, names=names, key=key)
    os.rename(part.directory, grid.directory)

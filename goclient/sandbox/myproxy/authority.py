"""A certificate authority in miniature: it issues certificates that grid tools take, and revokes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from goclient.files.private import make_directory, replace
from goclient.sandbox.myproxy.credential import Credential
from goclient.sandbox.myproxy.names import Typed, oneline, parsed, subject_hash

TEST_GRID = "/C=TW/O=Test Grid/CN=Test Grid CA"
LIFETIME = timedelta(days=3650)  # of the authority, and of its revocation list: a sandbox does not renew them
CERTIFICATE_LIFETIME = timedelta(days=365)
EARLIER = timedelta(minutes=5)  # for clocks that are behind
AUTHORITY_EARLIER = timedelta(days=400)  # certificates that have expired were issued by it, too

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

__all__ = ["Authority", "Credential", "Key", "make_key", "pem", "usage"]

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


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority: the folder that trusts it, its certificate and its key."""

    folder: Path
    certificate: x509.Certificate
    key: Key

    @classmethod
    def make(
        cls, folder: Path, *, subject: Typed = TEST_GRID, key: Path | None = None, use: Key | None = None
    ) -> Authority:
        """A new authority that ``folder`` trusts: its certificate, signing policy and empty revocation list are there.

        Its key is written to the file ``key``, which is not to be in that folder, or kept in memory only.  ``use``: a
        key that is there already.
        """
        private = use or make_key()
        name = parsed(subject)
        authority = cls(folder, _authority_certificate(name, private), private)
        make_directory(folder)
        if key is not None:
            replace(key, pem(private), mode=0o600)
        replace(authority.file("0"), authority.certificate.public_bytes(Encoding.PEM), mode=0o644)
        replace(authority.file("signing_policy"), _signing_policy(name).encode(), mode=0o644)
        authority._revoke(())
        return authority

    @classmethod
    def load(cls, folder: Path, key: Path, *, subject: Typed = TEST_GRID) -> Authority:
        """The authority that was made in a folder, with its key from a file."""
        certificate = x509.load_pem_x509_certificate((folder / f"{subject_hash(parsed(subject))}.0").read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        assert isinstance(private, Key)
        return cls(folder, certificate, private)

    @property
    def dn(self) -> str:
        """Its name, as OpenSSL writes it on one line."""
        return oneline(self.certificate.subject)

    def file(self, suffix: str) -> Path:
        """One of its files in the folder: ``0``, ``signing_policy`` or ``r0``."""
        return self.folder / f"{subject_hash(self.certificate.subject)}.{suffix}"

    def issue(
        self,
        subject: Typed,
        *,
        into: Path,
        name: str,
        names: Sequence[str] = ("localhost",),
        key: Literal["rsa", "ec"] | Key = "rsa",
        bits: int = 2048,
        start: datetime | None = None,
        end: datetime | None = None,
        passphrase: str | None = None,
    ) -> Credential:
        """A new certificate for ``subject`` (see :func:`names.parsed`), as ``into/name.pem`` and ``into/name.key``.

        ``names``: the host names in it; none makes a certificate without.  ``key``: its kind, or a key to use.
        """
        private = make_key(key, bits=bits) if isinstance(key, str) else key
        now = datetime.now(UTC)
        builder = _builder(parsed(subject), private, start or now - EARLIER, end or now + CERTIFICATE_LIFETIME)
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
        """None, once the certificate is on the revocation list of the folder."""
        revoked = x509.load_pem_x509_certificate(credential.certificate.read_bytes())
        before = x509.load_pem_x509_crl(self.file("r0").read_bytes())
        entry = x509.RevokedCertificateBuilder().serial_number(revoked.serial_number)
        self._revoke((*before, entry.revocation_date(datetime.now(UTC) - EARLIER).build()))

    def has_revoked(self, certificate: x509.Certificate) -> bool:
        """Whether the certificate is on the revocation list."""
        listed = x509.load_pem_x509_crl(self.file("r0").read_bytes())
        return listed.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def _revoke(self, entries: Sequence[x509.RevokedCertificate]) -> None:
        """None, once the revocation list has these entries and no others."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, now - EARLIER, now + LIFETIME)
        builder = builder.add_extension(_issuer_key(self.certificate), critical=False)
        builder = builder.add_extension(x509.CRLNumber(len(entries) + 1), critical=False)
        for entry in entries:
            builder = builder.add_revoked_certificate(entry)
        replace(self.file("r0"), builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM), mode=0o644)


def make_key(kind: str = "rsa", *, bits: int = 2048) -> Key:
    """A new key: ``rsa`` of so many bits, or ``ec`` on the curve P-256."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, bits)


def _authority_certificate(name: x509.Name, key: Key) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = _builder(name, key, now - AUTHORITY_EARLIER, now + LIFETIME).issuer_name(name)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True)
    return builder.sign(key, SHA256())


def _builder(name: x509.Name, key: Key, start: datetime, end: datetime) -> x509.CertificateBuilder:
    """What all certificates have: a subject, its key, a number, a time."""
    public = key.public_key()
    builder = x509.CertificateBuilder().subject_name(name).public_key(public).not_valid_before(start)
    builder = builder.not_valid_after(end).serial_number(x509.random_serial_number())
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def usage(**uses: bool) -> x509.KeyUsage:
    """A key usage with these uses and no others."""
    return x509.KeyUsage(**{**dict.fromkeys(USES, False), **uses})


def _issuer_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _signing_policy(name: x509.Name) -> str:
    """The policy that lets an authority sign the names beside its own."""
    subject = oneline(name)
    return SIGNING_POLICY.format(subject=subject, scope=subject.rpartition("/CN=")[0])


def pem(key: Key, passphrase: bytes | None = None) -> bytes:
    """The key in PEM, encrypted if there is a pass phrase."""
    kept = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, kept)

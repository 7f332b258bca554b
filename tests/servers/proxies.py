"""Proxies of a certificate, made here: of any life, limited or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from goclient.files.private import replace
from goclient.sandbox.myproxy.authority import usage
from goclient.sandbox.myproxy.grid import Credential

_PROXY_INFO = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14")  # RFC 3820
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")
LIMITED = bytes.fromhex("300f300d060b2b060104019b5001010109")


def make_proxy(of: Credential, path: Path, *, seconds: float = 43200, limited: bool = False) -> Path:
    """Write a proxy of a certificate to a file that only its owner can read; with negative seconds, an expired one."""
    above = x509.load_pem_x509_certificate(of.certificate.read_bytes())
    signer = load_pem_private_key(of.key.read_bytes(), None)
    assert isinstance(signer, rsa.RSAPrivateKey)
    key = rsa.generate_private_key(65537, 2048)
    now, serial = datetime.now(UTC), x509.random_serial_number() >> 100
    subject = x509.Name([*above.subject, x509.NameAttribute(NameOID.COMMON_NAME, str(serial))])
    end = now + timedelta(seconds=seconds)
    start = min(now, end) - timedelta(seconds=60)
    builder = x509.CertificateBuilder(above.subject, subject, key.public_key(), serial, start, end)
    builder = builder.add_extension(usage(digital_signature=True, key_encipherment=True), critical=True)
    info = x509.UnrecognizedExtension(_PROXY_INFO, LIMITED if limited else INHERIT_ALL)
    made = builder.add_extension(info, critical=True).sign(signer, SHA256())
    pem = made.public_bytes(Encoding.PEM)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    replace(path, pem + of.certificate.read_bytes())
    return path

"""The files of an identity, loaded: a chain of certificates and the block of a key."""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from goclient.errors import Collector, quoted, raise_all
from goclient.services.gsi.certificate import Certificate, read_certificate, rsa_public_key
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.pem import Block, Mendable, Refusal, blocks, read_file

MAX_CHAIN = 20
_KEY = "PRIVATE KEY"


class Loaded(NamedTuple):
    """What is in the files of an identity."""

    certificate: str
    key: str
    chain: tuple[Certificate, ...]
    key_block: Block

    @property
    def is_limited(self) -> bool:
        """Whether any proxy of the chain is a limited one."""
        return any(one.is_limited for one in self.chain)


def load(certificate: str, key: str | None, *, uid: int, proxy: bool) -> Loaded:
    """What is in the files; raises everything that is wrong with them as files.

    Without a ``key``, or if that is not there, the key must be in the certificate's own file.
    """
    what = "proxy" if proxy else "certificate"
    found: list[Block] = []
    chain: tuple[Certificate, ...] = ()
    key_block = Block("", b"", encrypted=False)
    collector = Collector()
    with collector:
        found = _blocks(certificate, what, read_file(certificate, what=what, uid=uid, secret=proxy, follow=not proxy))
        chain = _chain(certificate, what, found)
    if key is None or (not os.path.lexists(key) and any(block.label.endswith(_KEY) for block in found)):
        key = certificate
    if key != certificate or not (collector.errors or proxy):
        with collector:
            found = _blocks(key, "key", read_file(key, what="key", uid=uid, secret=True))
    if not collector.errors:
        with collector:
            key_block = _key(key, found)
    raise_all(collector.errors)
    return Loaded(certificate, key, chain, key_block)


def _blocks(path: str, what: str, content: bytes) -> list[Block]:
    try:
        return blocks(content)
    except Mendable as error:
        raise _damaged(path, what, str(error), hint=f"type: {error.command(path)}") from error
    except Damaged as error:
        raise _damaged(path, what, str(error)) from error


def _chain(path: str, what: str, found: list[Block]) -> tuple[Certificate, ...]:
    certificates = [block.data for block in found if block.label in ("CERTIFICATE", "X509 CERTIFICATE")]
    if not certificates:
        key = any(block.label.endswith(_KEY) for block in found)
        raise _damaged(path, what, "it has a private key, and no certificate" if key else "it has no certificate in it")
    try:
        read = [read_certificate(data) for data in certificates[:MAX_CHAIN]]
    except Damaged as error:
        raise _damaged(path, what, str(error)) from error
    chain = read[:1]
    for one in read[1:]:  # from a proxy to the certificate that it was made of; no CA, and nothing that is of no chain
        if chain[-1].is_proxy and one.subject == chain[-1].issuer:
            chain.append(one)
    return tuple(chain)


def _key(path: str, found: list[Block]) -> Block:
    block = next((block for block in found if block.label.endswith(_KEY)), None)
    if block is None:
        raise Refusal(
            f"the file {quoted(path)} has no key in it", hint="name the key's file: --key FILE",
            code="identity-garbage", subject=path,
        )  # fmt: skip
    if not block.encrypted:
        try:
            rsa_public_key(block.data)
        except Damaged as error:
            raise _damaged(path, "key", str(error)) from error
    return block


def _damaged(path: str, what: str, why: str, *, hint: str = "") -> Refusal:
    hint = hint or ("make a new one: grid-proxy-init -rfc" if what == "proxy" else "name a PEM file")
    return Refusal(f"the {what} {quoted(path)} cannot be used: {why}", hint=hint, code="identity-garbage", subject=path)


def time_text(seconds: float) -> str:
    """A Unix time as ``2026-11-24 19:30 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))

"""Find the user's identity: a certificate and its key, or a proxy, and what is wrong with it.

It is searched for where the C tools search.  Those go on to the next one without a word if one is bad; here one that
was named is an error, and one that was only found is a warning, in ``Identity.warnings``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from goclient.errors import Collector, GoclientError, raise_all
from goclient.errors.myproxy import IdentityError, IdentityExpired, IdentityMendable, IdentityNotNamed, NoIdentity
from goclient.errors.wording import quote
from goclient.services.gsi.certificate import Certificate, read_certificate, rsa_public_key, time_text
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.names import base_dn
from goclient.services.gsi.pem import Block, Mendable, blocks, read_file

MIN_RSA_BITS = 2048
MAX_CHAIN = 20
_KEY = "PRIVATE KEY"


class Identity(NamedTuple):
    """A certificate that may be used now: ``end`` is the earliest of its chain, ``found`` says where it was found."""

    certificate: str  # a path; of a proxy, which holds all, it is the same as ``key``
    key: str
    found: str
    dn: str
    base: str  # the DN without proxies: the one that servers compare
    start: int
    end: int  # Unix times
    is_proxy: bool
    is_limited: bool
    rsa_bits: int  # 0 for another kind of key
    encrypted: bool  # the key needs a pass phrase
    chain: tuple[bytes, ...]  # DER, the identity's own first
    warnings: tuple[str, ...] = ()


class Search(NamedTuple):  # a dataclass would load inspect
    """Places where an identity is searched for, and its use.

    ``certificate``, ``key`` and ``proxy`` are what options name.  ``deposit``: a certificate is preferred to a proxy,
    as myproxy-init does, and must be one that pilots can retrieve from.  ``allow_limited``: so may a limited proxy be.
    """

    env: Mapping[str, str]
    home: str | os.PathLike[str]
    uid: int
    certificate: str | None = None
    key: str | None = None
    proxy: str | None = None
    deposit: bool = False
    allow_limited: bool = False


class _Candidate(NamedTuple):
    """A place where an identity may be: without a ``key`` that must be in the certificate's file."""

    found: str
    certificate: str
    key: str | None
    named: bool
    is_proxy: bool

    @property
    def what(self) -> str:
        """Return what its file is called in a message."""
        return "proxy" if self.is_proxy else "certificate"


class _Loaded(NamedTuple):
    """Files of a candidate, read."""

    certificate: str
    key: str
    chain: tuple[Certificate, ...]
    key_block: Block

    @property
    def is_limited(self) -> bool:
        """Return whether any proxy of the chain is a limited one."""
        return any(one.is_limited for one in self.chain)


def find_identity(search: Search, *, now: float | None = None) -> Identity:
    """Return the identity to use; raise MyproxyError with everything that is wrong with the ones that were found."""
    warnings: list[str] = []
    errors: list[GoclientError] = []
    for candidate in _candidates(search):
        if not candidate.named and not os.path.lexists(candidate.certificate):
            continue
        collector = Collector()
        with collector:
            identity = _identity(candidate, search, now=time.time() if now is None else now)
            return identity._replace(warnings=(*warnings, *identity.warnings))
        found = [_or_unset(part, candidate, search.env) for error in collector.errors for part in error.parts]
        if candidate.named:
            raise_all(found)
        errors += found
        warnings += (f"not used: {error.message}" for error in found)
    raise_all(errors)
    globus = os.path.join(search.home, ".globus")
    hint = f"put your certificate into {globus}/usercert.pem and userkey.pem, or name it: --cert FILE --key FILE"
    if os.path.lexists(bundle := os.path.join(globus, "usercred.p12")):
        hint = (
            f"take {bundle} apart: openssl pkcs12 -in {bundle} -clcerts -nokeys -out {globus}/usercert.pem; "
            f"(umask 077; openssl pkcs12 -in {bundle} -nocerts -out {globus}/userkey.pem)"
        )
    raise NoIdentity("no certificate and no proxy of yours was found", hint=hint)


def _or_unset(error: GoclientError, candidate: _Candidate, env: Mapping[str, str]) -> GoclientError:
    """Return the error of a candidate; its hint has the variable that names the file, if one does."""
    variable = candidate.found if error.subject == candidate.certificate else "X509_USER_KEY"
    if isinstance(error, IdentityMendable) or env.get(variable) != error.subject:
        return error
    return error.replace(hint=f"{error.hint}; or unset {variable}, which names it")


def _candidates(search: Search) -> Iterator[_Candidate]:
    """Yield where an identity may be, in order."""
    env, certificate, key = search.env, search.certificate, search.key
    if certificate or key:
        option = "--cert" if certificate else "--key"
        yield _Candidate(option, certificate or key or "", key, named=True, is_proxy=False)
        return
    if search.proxy:
        yield _Candidate("--proxy", search.proxy, None, named=True, is_proxy=True)
        return
    globus = os.path.join(search.home, ".globus")
    pair = os.path.join(globus, "usercert.pem"), env.get("X509_USER_KEY") or os.path.join(globus, "userkey.pem")
    own = _Candidate("the default place", *pair, named=False, is_proxy=False)
    if named := env.get("X509_USER_CERT"):
        own = _Candidate("X509_USER_CERT", named, pair[1], named=True, is_proxy=False)
    proxy = _Candidate("the default place", f"/tmp/x509up_u{search.uid}", None, named=False, is_proxy=True)  # noqa: S108
    if named := env.get("X509_USER_PROXY"):
        proxy = _Candidate("X509_USER_PROXY", named, None, named=True, is_proxy=True)
    yield from (own, proxy) if search.deposit else (proxy, own)


# --- one candidate ----------------------------------------------------------------------------------------------


def _identity(candidate: _Candidate, search: Search, *, now: float) -> Identity:
    """Return the identity that a candidate is; raise everything that is wrong with it."""
    loaded = _load(candidate, search.uid)
    leaf = loaded.chain[0]
    message = f"the proxy {quote(loaded.certificate)} is limited: "
    errors = [*_time_faults(loaded, now), *_key_faults(loaded, deposit=search.deposit)]
    if search.deposit and loaded.is_limited and not search.allow_limited:
        why = f"{message}pilots could only retrieve limited ones"
        errors.append(_fault(loaded, why, hint="make a full one: grid-proxy-init -rfc", code="identity-limited"))
    raise_all(errors)
    person = next((one.subject for one in loaded.chain if not one.is_proxy), None)
    return Identity(
        certificate=loaded.certificate,
        key=loaded.key,
        found=candidate.found,
        dn=leaf.subject,
        base=base_dn(leaf.subject) if person is None else person,
        start=leaf.start,
        end=min(one.end for one in loaded.chain),
        is_proxy=leaf.is_proxy,
        is_limited=loaded.is_limited,
        rsa_bits=leaf.rsa_bits,
        encrypted=loaded.key_block.encrypted,
        chain=tuple(one.whole for one in loaded.chain),
        warnings=(f"{message}so is all that is made of it",) if loaded.is_limited else (),
    )


def _time_faults(loaded: _Loaded, now: float) -> Iterator[IdentityError]:
    """Yield an error if a certificate of the chain is not valid now."""
    what, hint = "certificate", "get a new one from your CA"
    if loaded.chain[0].is_proxy:
        what, hint = "proxy", "make a new one: grid-proxy-init -rfc"
    name = f"the {what} {quote(loaded.certificate)}"
    end = min(one.end for one in loaded.chain)
    start = max(one.start for one in loaded.chain)
    if end <= now:
        yield IdentityExpired(f"{name} expired on {time_text(end)}", hint=hint, subject=loaded.certificate)
    elif start > now:
        hint = "wait, or set the clock of this machine: it says " + time_text(now)
        yield _fault(loaded, f"{name} is not valid before {time_text(start)}", hint=hint, code="identity-early")


def _key_faults(loaded: _Loaded, *, deposit: bool) -> Iterator[IdentityError]:
    """Yield an error if the key is of a kind that is not safe or of no use, or not the certificate's."""
    leaf, block = loaded.chain[0], loaded.key_block
    name = f"the certificate {quote(loaded.certificate)}"
    hint = f"get one with an RSA key of at least {MIN_RSA_BITS} bits"
    if leaf.key_kind != "RSA":
        if deposit:
            why = f"{name} has an {leaf.key_kind} key: a deposit could be made, but nobody could retrieve from it"
            yield _fault(loaded, why, hint=hint, code="identity-kind")
        return  # TLS will tell whether the two belong together
    if leaf.rsa_bits < MIN_RSA_BITS:
        yield _fault(loaded, f"{name} has an RSA key of only {leaf.rsa_bits} bits", hint=hint, code="identity-kind")
    if not block.encrypted and rsa_public_key(block.data) != leaf.public_key:
        message = f"the key {quote(loaded.key)} is not the key of {name}"
        hint = "name the two that belong together: --cert FILE --key FILE"
        yield IdentityNotNamed(message, hint=hint, code="identity-mismatch", subject=loaded.certificate)


def _fault(loaded: _Loaded, message: str, *, hint: str, code: str) -> IdentityError:
    return IdentityError(message, hint=hint, code=code, subject=loaded.certificate)


# --- its files --------------------------------------------------------------------------------------------------


def _load(candidate: _Candidate, uid: int) -> _Loaded:
    """Read the files of a candidate; raise everything that is wrong with them as files.

    Without a ``key``, or if that is not there, the key must be in the certificate's own file.
    """
    certificate, key, what, proxy = candidate.certificate, candidate.key, candidate.what, candidate.is_proxy
    found: list[Block] = []
    chain: tuple[Certificate, ...] = ()
    collector = Collector()
    with collector:
        content = read_file(certificate, what=what, uid=uid, secret=proxy, follow=not proxy)
        found = _blocks(certificate, content, what=what)
        chain = _chain(certificate, found, what=what)
    if key is None or (not os.path.lexists(key) and any(block.label.endswith(_KEY) for block in found)):
        key = certificate
    if key != certificate or not (collector.errors or proxy):
        with collector:
            found = _blocks(key, read_file(key, what="key", uid=uid, secret=True), what="key")
    raise_all(collector.errors)
    block = next((block for block in found if block.label.endswith(_KEY)), None)
    if block is None:
        message, hint = f"the file {quote(key)} has no key in it", "name the key's file: --key FILE"
        raise IdentityNotNamed(message, hint=hint, code="identity-garbage", subject=key)
    try:
        if not block.encrypted:
            rsa_public_key(block.data)
    except Damaged as error:
        raise _damage_error(key, error, what="key") from error
    return _Loaded(certificate, key, chain, block)


def _blocks(path: str, content: bytes, *, what: str) -> list[Block]:
    try:
        return blocks(content)
    except Damaged as error:
        raise _damage_error(path, error, what=what) from error


def _chain(path: str, found: list[Block], *, what: str) -> tuple[Certificate, ...]:
    """Return the certificates from a proxy to what it was made of; no CA's, and none of another chain."""
    certificates = [block.data for block in found if block.label in ("CERTIFICATE", "X509 CERTIFICATE")]
    try:
        if not certificates and any(block.label.endswith(_KEY) for block in found):
            raise Damaged("it has a private key, and no certificate")
        if not certificates:
            raise Damaged("it has no certificate in it")
        chain = [read_certificate(certificates[0])]
        for one in map(read_certificate, certificates[1:MAX_CHAIN]):
            if chain[-1].is_proxy and one.subject == chain[-1].issuer:
                chain.append(one)
    except Damaged as error:
        raise _damage_error(path, error, what=what) from error
    return tuple(chain)


def _damage_error(path: str, why: Damaged, *, what: str) -> IdentityError:
    """Return the error of a file whose content cannot be used."""
    message = f"the {what} {quote(path)} cannot be used: {why}"
    if isinstance(why, Mendable):
        hint = f"type: {why.command(path)}"
        return IdentityMendable(message, hint=hint, code="identity-garbage", subject=path)
    hint = "make a new one: grid-proxy-init -rfc" if what == "proxy" else "name a PEM file"
    return IdentityError(message, hint=hint, code="identity-garbage", subject=path)

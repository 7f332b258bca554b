"""Who the user is: a certificate and its key, or a proxy, and what is wrong with it.

They are looked for where the C tools look.  Those go on to the next one without a word if one is bad; here one that
was named is an error, and one that was only found is said in ``Identity.remarks``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from goclient.errors import Collector, GoclientError, MyproxyError, quoted, raise_all
from goclient.services.gsi.certificate import Certificate, rsa_public_key
from goclient.services.gsi.loaded import Loaded, load, time_text
from goclient.services.myproxy.policy import base_dn

MIN_RSA_BITS = 2048


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
    remarks: tuple[str, ...] = ()


class Candidate(NamedTuple):
    """Where an identity may be: ``key`` is None if it must be in the certificate's file."""

    found: str
    certificate: str
    key: str | None
    named: bool
    is_proxy: bool


def find_identity(
    env: Mapping[str, str],
    home: str | os.PathLike[str],
    uid: int,
    *,
    certificate: str | None = None,
    key: str | None = None,
    proxy: str | None = None,
    deposit: bool = False,
    allow_limited: bool = False,
    now: float | None = None,
) -> Identity:
    """The identity to use; raises MyproxyError with everything that is wrong with the ones that were found.

    ``certificate``, ``key`` and ``proxy`` are what options name.  ``deposit``: a certificate is preferred to a proxy,
    as myproxy-init does, and must be one that pilots can retrieve from.  ``allow_limited``: so may a limited proxy be.
    """
    now = time.time() if now is None else now
    remarks: list[str] = []
    errors: list[GoclientError] = []
    for candidate in _candidates(env, os.fspath(home), uid, certificate, key, proxy, deposit=deposit):
        if not candidate.named and not os.path.lexists(candidate.certificate):
            continue
        collector = Collector()
        with collector:
            identity = _identity(candidate, uid, now, deposit=deposit, allow_limited=allow_limited)
            return identity._replace(remarks=(*remarks, *identity.remarks))
        if candidate.named:
            raise_all(_with_unset(part, candidate.found) for one in collector.errors for part in one.parts)
        errors += (part for error in collector.errors for part in error.parts)
        remarks += (f"not used: {part.message}" for error in collector.errors for part in error.parts)
    raise_all(errors)
    raise _none(home)


def _with_unset(error: GoclientError, variable: str) -> GoclientError:
    """Return the error of a file that a variable names, whose hint also says that the variable can be unset."""
    if not variable.startswith("X509_") or error.hint.startswith("type: "):
        return error
    return error.replace(hint=f"{error.hint}; or unset {variable}, which names it")


def _candidates(
    env: Mapping[str, str],
    home: str,
    uid: int,
    certificate: str | None,
    key: str | None,
    proxy: str | None,
    *,
    deposit: bool,
) -> Iterator[Candidate]:
    """Where to look, in order."""
    if certificate or key:
        yield Candidate("--cert" if certificate else "--key", certificate or key or "", key, named=True, is_proxy=False)
        return
    if proxy:
        yield Candidate("--proxy", proxy, None, named=True, is_proxy=True)
        return
    globus = os.path.join(home, ".globus")
    pair = os.path.join(globus, "usercert.pem"), env.get("X509_USER_KEY") or os.path.join(globus, "userkey.pem")
    own = [Candidate("the default place", *pair, named=False, is_proxy=False)]
    if named := env.get("X509_USER_CERT"):
        own = [Candidate("X509_USER_CERT", named, pair[1], named=True, is_proxy=False)]
    proxies = [Candidate("the default place", f"/tmp/x509up_u{uid}", None, named=False, is_proxy=True)]  # noqa: S108
    if named := env.get("X509_USER_PROXY"):
        proxies = [Candidate("X509_USER_PROXY", named, None, named=True, is_proxy=True)]
    yield from (*own, *proxies) if deposit else (*proxies, *own)


def _none(home: str | os.PathLike[str]) -> MyproxyError:
    globus = os.path.join(home, ".globus")
    hint = f"put your certificate into {globus}/usercert.pem and userkey.pem, or name it: --cert FILE --key FILE"
    if os.path.lexists(bundle := os.path.join(globus, "usercred.p12")):
        hint = (
            f"take {bundle} apart: openssl pkcs12 -in {bundle} -clcerts -nokeys -out {globus}/usercert.pem; "
            f"(umask 077; openssl pkcs12 -in {bundle} -nocerts -out {globus}/userkey.pem)"
        )
    return MyproxyError("no certificate and no proxy of yours was found", hint=hint, code="identity-missing")


# --- one candidate ----------------------------------------------------------------------------------------------


def _identity(candidate: Candidate, uid: int, now: float, *, deposit: bool, allow_limited: bool) -> Identity:
    """The identity that a candidate is; raises everything that is wrong with it."""
    loaded = load(candidate.certificate, candidate.key, uid=uid, proxy=candidate.is_proxy)
    leaf = loaded.chain[0]
    collector = Collector()
    for check in (_time_fault(loaded, now), _kind_fault(loaded, deposit=deposit), _match_fault(loaded)):
        collector.errors += [check] if check else []
    if deposit and loaded.is_limited and not allow_limited:
        collector.errors.append(_limited(loaded))
    raise_all(collector.errors)
    limited = f"the proxy {quoted(loaded.certificate)} is limited: so is all that is made of it"
    return Identity(
        loaded.certificate, loaded.key, candidate.found, leaf.subject, _base(loaded.chain), leaf.start,
        min(one.end for one in loaded.chain), leaf.is_proxy, loaded.is_limited, leaf.rsa_bits,
        loaded.key_block.encrypted, tuple(one.whole for one in loaded.chain), (limited,) if loaded.is_limited else (),
    )  # fmt: skip


def _base(chain: tuple[Certificate, ...]) -> str:
    for one in chain:
        if not one.is_proxy:
            return one.subject
    return base_dn(chain[0].subject)


def _time_fault(loaded: Loaded, now: float) -> MyproxyError | None:
    what, hint = "certificate", "get a new one from your CA"
    if loaded.chain[0].is_proxy:
        what, hint = "proxy", "make a new one: grid-proxy-init -rfc"
    path = quoted(loaded.certificate)
    end = min(one.end for one in loaded.chain)
    start = max(one.start for one in loaded.chain)
    if end <= now:
        return _fault(loaded, f"the {what} {path} expired on {time_text(end)}", hint, "identity-expired")
    if start > now:
        hint = "wait, or set the clock of this machine: it says " + time_text(now)
        return _fault(loaded, f"the {what} {path} is not valid before {time_text(start)}", hint, "identity-early")
    return None


def _kind_fault(loaded: Loaded, *, deposit: bool) -> MyproxyError | None:
    leaf = loaded.chain[0]
    if leaf.key_kind == "RSA" and leaf.rsa_bits >= MIN_RSA_BITS:
        return None
    if leaf.key_kind != "RSA" and not deposit:
        return None
    kind = f"an RSA key of only {leaf.rsa_bits} bits" if leaf.key_kind == "RSA" else f"an {leaf.key_kind} key"
    why = "" if leaf.key_kind == "RSA" else ": a deposit could be made, but nobody could retrieve from it"
    message = f"the certificate {quoted(loaded.certificate)} has {kind}{why}"
    return _fault(loaded, message, f"get one with an RSA key of at least {MIN_RSA_BITS} bits", "identity-kind")


def _match_fault(loaded: Loaded) -> MyproxyError | None:
    if loaded.key_block.encrypted or loaded.chain[0].key_kind != "RSA":
        return None  # TLS will tell
    if rsa_public_key(loaded.key_block.data) == loaded.chain[0].public_key:
        return None
    message = f"the key {quoted(loaded.key)} is not the key of the certificate {quoted(loaded.certificate)}"
    return _fault(loaded, message, "name the two that belong together: --cert FILE --key FILE", "identity-mismatch")


def _limited(loaded: Loaded) -> MyproxyError:
    message = f"the proxy {quoted(loaded.certificate)} is limited: pilots could only retrieve limited ones"
    return _fault(loaded, message, "make a full one: grid-proxy-init -rfc", "identity-limited")


def _fault(loaded: Loaded, message: str, hint: str, code: str) -> MyproxyError:
    return MyproxyError(message, hint=hint, code=code, subject=loaded.certificate)

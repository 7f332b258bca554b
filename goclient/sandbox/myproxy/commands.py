"""Commands of the MyProxy server in miniature, by the rules of myproxy-server 6.2.

They differ where the real one is careless: a deposit must be of the connection's own identity and for the key that was
sent, and a broken chain is answered instead of a closed connection.
"""

from __future__ import annotations

import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from goclient.sandbox.myproxy import delegation
from goclient.sandbox.myproxy.authority import Authority, make_key, pem
from goclient.sandbox.myproxy.connection import Connection
from goclient.sandbox.myproxy.delegation import NotValidError
from goclient.sandbox.myproxy.deposits import Deposit, Deposits
from goclient.sandbox.myproxy.policy import ServerPolicy, judge_retrieval, matches
from goclient.sandbox.myproxy.request import OK, Command, MyProxyRequest, RefusedError, describe, response

MIN_PASSPHRASE = 6  # characters; the real server's MIN_PASS_PHRASE_LEN
SKEW = 3599  # seconds; the real server gives an hour for clocks that differ


class Commands:
    """Commands on the deposits of a server."""

    def __init__(self, deposits: Deposits, authority: Authority, policy: ServerPolicy) -> None:
        self._deposits, self._authority, self._policy = deposits, authority, policy

    def answer(self, peer: Connection, request: MyProxyRequest) -> bytes:
        """Carry out a request; return the last response to it; raise RefusedError."""
        match request.command:
            case Command.GET:
                return self._get(peer, request)
            case Command.PUT:
                return self._put(peer, request)
            case Command.INFO:
                return self._info(peer.dn, request)
            case Command.DESTROY:
                return self._destroy(peer.dn, request)

    def _info(self, dn: str, request: MyProxyRequest) -> bytes:
        owned = self._deposits.find_owned(request.username, request.name, dn)
        if owned:
            return describe(owned)
        name = "" if request.name is None else f" with name {request.name}"
        comma = "" if request.name is None else ", "  # the real server's
        raise RefusedError(f'no credentials found{name} for user {request.username}, {comma}owner "{dn}" ')

    def _destroy(self, dn: str, request: MyProxyRequest) -> bytes:
        self._check_owner(dn, request)
        if not self._deposits.remove(request.username, request.name):
            raise RefusedError("Credentials do not exist. ")
        return response(OK)

    def _check_owner(self, dn: str, request: MyProxyRequest) -> None:
        """Raise RefusedError for a client that may not change what is at a place."""
        if not matches(self._policy.accepted_credentials, dn):
            why = "not authorized to store credentials on this server (accepted_credentials policy)"
            raise RefusedError(f'"{dn}" {why}')
        there = self._deposits.one(request.username, request.name)
        if there is None or there.owner == dn:
            return
        if request.command is Command.DESTROY:
            raise RefusedError(f'Credentials not owned by "{dn}".')
        name = "" if request.name is None else f'and credential name "{request.name}"\n'
        raise RefusedError(
            f"Credentials are already stored for user {request.username}\n{name}"
            f'and they are not owned by\n"{dn}",\nso you may not overwrite them.\n'
            "Please choose a different username or credential name or\ncontact your myproxy-server administrator."
        )

    def _put(self, peer: Connection, request: MyProxyRequest) -> bytes:
        self._check_owner(peer.dn, request)
        if 0 < len(request.passphrase) < MIN_PASSPHRASE:
            raise RefusedError(f"Pass phrase too short.  Must be at least {MIN_PASSPHRASE} characters long.")
        peer.write(response(OK))
        key = make_key()
        assert isinstance(key, rsa.RSAPrivateKey)
        peer.write(delegation.signing_request(key))
        chain = self._receive_chain(peer, key)
        self._deposits.put(
            Deposit(
                username=request.username,
                name=request.name,
                owner=peer.dn,
                description=request.description,
                lifetime=request.lifetime,
                retrievers=request.retrievers,
                key_retrievers=request.key_retrievers,
                trusted=request.trusted,
                renewers=request.renewers,
                certificates=b"".join(one.public_bytes(Encoding.PEM) for one in chain),
                key=pem(key, request.passphrase.encode("latin-1") or None),
            )
        )
        return response(OK)

    def _receive_chain(self, peer: Connection, key: rsa.RSAPrivateKey) -> delegation.Chain:
        """Return the chain that a client signs for a key; raise RefusedError for one that must not be stored."""
        try:
            chain = delegation.unpack(peer.read())
        except ValueError as error:
            raise RefusedError("Failed to accept credentials.") from error
        try:
            delegation.check_chain(chain, self._authority)
            if chain[0].public_key() != key.public_key() or delegation.identity(chain) != peer.dn:
                raise NotValidError("not for this key, or of another identity")
        except NotValidError as error:
            raise RefusedError("Credentials are not valid.") from error
        left = int(min(one.not_valid_after_utc for one in chain).timestamp()) - int(time.time())
        most = self._policy.max_cred_lifetime
        if most and left > most + SKEW:
            hours, allowed = left // 3600, most // 3600
            text = f"Credential lifetime ({hours} hours) exceeds maximum allowed by server ({allowed} hours)."
            raise RefusedError(text)
        return chain

    def _get(self, peer: Connection, request: MyProxyRequest) -> bytes:
        deposit, key = self._release(peer.dn, request)
        chain = x509.load_pem_x509_certificates(deposit.certificates)
        try:
            delegation.check_chain(chain, self._authority)
        except NotValidError as error:
            raise RefusedError(f"X509_verify_cert() failed: {error}") from error
        peer.write(response(OK))
        lifetime = min((one for one in (request.lifetime, deposit.lifetime) if one), default=0)
        limited = delegation.is_limited(peer.chain)
        try:
            signed = x509.load_der_x509_csr(peer.read())
            made = delegation.make_proxy(signed, chain, key, lifetime=lifetime, limited=limited)
        except (ValueError, TypeError) as error:
            raise RefusedError("Unable to delegate credentials.") from error
        peer.write(delegation.pack(made))
        return response(OK)

    def _release(self, dn: str, request: MyProxyRequest) -> tuple[Deposit, rsa.RSAPrivateKey]:
        """Return a deposit and its key to a client that may retrieve it; raise RefusedError for any other."""
        deposit = self._deposits.one(request.username, request.name)
        retrievers = trusted = of = None
        if deposit is not None:
            retrievers, trusted = deposit.retrievers, deposit.trusted
            of = delegation.identity(x509.load_pem_x509_certificates(deposit.certificates))
        allowed = judge_retrieval(self._policy, dn, of=of, retrievers=retrievers, trusted=trusted)
        if not allowed.at_all:
            raise RefusedError("\n".join(allowed.reasons))
        if deposit is None:
            named = f'for username "{request.username}".'
            if request.name is not None:
                named = f'with username "{request.username}" and credential name "{request.name}".'
            raise RefusedError(f"No credentials exist {named}")
        return deposit, _unlock(deposit, request.passphrase, trusted=allowed.trusted)


def _unlock(deposit: Deposit, passphrase: str, *, trusted: bool) -> rsa.RSAPrivateKey:
    """Return the key of a deposit; even a trusted retriever must give the pass phrase, if it has one."""
    encrypted = b"ENCRYPTED" in deposit.key
    if not encrypted and not trusted:
        raise RefusedError("authentication failed" if passphrase else "no passphrase\nauthentication failed")
    if encrypted and len(passphrase) < MIN_PASSPHRASE - 1:
        raise RefusedError("invalid credential passphrase")
    secret = passphrase.encode("latin-1") if encrypted else None
    try:  # the key is the server's own, and needs none of the checks that take a tenth of a second
        key = serialization.load_pem_private_key(deposit.key, secret, unsafe_skip_rsa_key_validation=True)
    except ValueError as error:
        raise RefusedError("Bad password\ninvalid credential passphrase") from error
    assert isinstance(key, rsa.RSAPrivateKey)
    return key

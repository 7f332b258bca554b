"""RSA keys of the tests: each is another one, of primes that are here.

To find the primes of a key takes a sixth of a second, and the tests need hundreds of keys.  Of the 24 primes in
``primes.txt`` there are 276 keys; then there are new ones.  Nothing but a test trusts one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from goclient.services.myproxy import delegation

EXPONENT, BITS = 65537, 2048  # of all keys of a grid
PRIMES = Path(__file__).with_name("primes.txt")  # in hexadecimal

_find = rsa.generate_private_key
_one_at_a_time = threading.Lock()


def _keys() -> Iterator[rsa.RSAPrivateKey]:
    for p, q in combinations([int(line, 16) for line in PRIMES.read_text().split()], 2):
        yield _key_of(p, q)
    while True:
        yield _find(EXPONENT, BITS)


def _key_of(p: int, q: int) -> rsa.RSAPrivateKey:
    d = pow(EXPONENT, -1, (p - 1) * (q - 1))
    first, second, inverse = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    return rsa.RSAPrivateNumbers(p, q, d, first, second, inverse, public).private_key(
        unsafe_skip_rsa_key_validation=True
    )


_all = _keys()


def _next_key(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
    if (public_exponent, key_size) != (EXPONENT, BITS):
        return _find(public_exponent, key_size)
    with _one_at_a_time:
        return next(_all)


def make_quickly() -> None:
    """Let all that needs a key in this process get it so."""
    for module in (rsa, delegation):
        setattr(module, _find.__name__, _next_key)

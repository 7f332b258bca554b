"""Conditions of the family of MyproxyError: those of certificates and proxies, and of MyProxy servers.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

from typing import Any

from goclient.errors import MyproxyError


class IdentityError(MyproxyError):
    """User's certificate, key or proxy cannot be used, at no server."""

    code = "identity"


class IdentityNotNamed(IdentityError):
    """Another certificate, key or pass phrase has to be named; the hint has the option of ``goclient myproxy``."""


class IdentityMissing(IdentityError):
    """A certificate, a key or a proxy is not there."""

    code = "identity-missing"


class NoIdentity(IdentityNotNamed, IdentityMissing):
    """No certificate and no proxy of the user is in any place where they are searched for."""


class IdentityExpired(IdentityError):
    """A proxy or a certificate of its chain has expired."""

    code = "identity-expired"


class IdentityMendable(IdentityError):
    """A file of the identity is wrong, and the hint has the command that corrects it."""


class IdentityRefused(MyproxyError):
    """A MyProxy server does not accept the user's certificate."""

    code = "myproxy-identity-refused"


class NotMyproxy(MyproxyError):
    """No MyProxy server has the name and the port that were given: the name is not known, or something else answers."""

    code = "myproxy-server"


class ConnectionClosed(MyproxyError):
    """A MyProxy server closed the connection."""

    code = "myproxy-closed"


class NoDeposit(MyproxyError):
    """Nothing of the user is deposited there."""

    code = "myproxy-none"


class NotRetriever(MyproxyError):
    """A deposit is not for the identity that asks for it, or the server does not trust that to retrieve."""

    code = "myproxy-not-retriever"


class DepositExpired(MyproxyError):
    """A deposit has ended, or what it was made of."""

    code = "myproxy-expired"


class NoUserProxy(MyproxyError):
    """Proxy of a job's owner that was not retrieved, for a reason that is not this pilot's own certificate."""

    code = "no-user-proxy"


class LifetimeTooLong(MyproxyError):
    """A deposit would last longer than its certificate, or than the server allows: ``allowed`` hours, if it says so."""

    code = "myproxy-lifetime"

    def __init__(self, message: str, *, hint: str, allowed: int | None = None, **more: Any) -> None:
        super().__init__(message, hint=hint, **more)
        self.allowed = allowed

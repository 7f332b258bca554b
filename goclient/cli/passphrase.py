"""Read the pass phrase of a key: from a descriptor, or typed on the terminal; never an argument, and never shown."""

from __future__ import annotations

import os
import sys

from goclient import secrets
from goclient.errors import UsageError
from goclient.errors.myproxy import IdentityError
from goclient.errors.wording import printable, quote

LONGEST = 1024  # bytes, of OpenSSL


def passphrase(key: str, descriptor: int | None = None, *, option: str = "--passphrase-fd N") -> str:
    """Return the pass phrase of a key; raise UsageError or MyproxyError without one.

    ``option`` is what a user without a terminal is told to type; the empty string if there is no such option.
    """
    if descriptor is not None:
        try:
            with os.fdopen(descriptor, "rb", closefd=False) as stream:
                return _register(stream.readline(4 * LONGEST).rstrip(b"\r\n").decode())
        except (OSError, UnicodeDecodeError) as error:
            message = f"--passphrase-fd {descriptor} cannot be read: {getattr(error, 'strerror', '') or error}"
            hint = "open it: --passphrase-fd 3 3<FILE"
            raise UsageError(message, hint=hint, code="passphrase-fd", subject="--passphrase-fd") from error
    without = f"give it with {option}" if option else "make a proxy first: voms-proxy-init, or grid-proxy-init -rfc"
    if sys.stdin is None or not sys.stdin.isatty():
        message = f"the key {quote(key)} needs a pass phrase, and there is no terminal to ask for it"
        raise IdentityError(message, hint=without, code="identity-encrypted", subject=key)
    import getpass  # only who is asked pays for it

    try:
        return _register(getpass.getpass(f"Pass phrase of {printable(key)}: "))
    except (EOFError, UnicodeDecodeError) as error:
        message = f"no pass phrase was typed for the key {quote(key)}"
        raise IdentityError(message, hint=without, code="identity-encrypted", subject=key) from error


def _register(text: str) -> str:
    """Return a pass phrase that is hidden from now on; raise UsageError if OpenSSL does not take it."""
    if len(text.encode()) >= LONGEST:
        message = f"the pass phrase is longer than the {LONGEST - 1} bytes that OpenSSL takes"
        raise UsageError(message, hint="check that the right file is read", code="passphrase", subject="pass phrase")
    secrets.register(text)
    return text

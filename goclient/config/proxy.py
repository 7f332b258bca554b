"""User's proxy certificate, which a PanDA server is shown where no token is."""

from __future__ import annotations

import os
from collections.abc import Mapping

from goclient.errors import LoginNeeded
from goclient.errors.wording import quote
from goclient.files.text import credential_in, lines_joined, split_command
from goclient.services.panda.token import MAX_FILE, VARIABLES

_NEITHER = (
    "with a token, type: export PANDA_AUTH=oidc PANDA_AUTH_VO=your-vo OIDC_AUTH_TOKEN_FILE=your-token-file\n"
    "with a certificate, type: voms-proxy-init (Debian: voms-clients, EL: voms-clients-cpp)"
)


def proxy_file(env: Mapping[str, str]) -> str | None:
    """Return the file of the user's proxy certificate, where all grid tools look for it; None if none can be read."""
    path = env.get("X509_USER_PROXY") or f"/tmp/x509up_u{os.getuid()}"  # noqa: S108
    return path if os.access(path, os.R_OK) else None


def has_certificate(env: Mapping[str, str]) -> bool:
    """Return True if panda-client has a certificate to show: the user's proxy, or another that PANDA_AUTH allows."""
    return env.get("PANDA_AUTH") == "x509_no_grid" or proxy_file(env) is not None


def find_proxy(env: Mapping[str, str], scheme: str) -> str:
    """Return the file of the proxy certificate that is shown; raises LoginNeeded if there is none to show."""
    named, path = env.get("X509_USER_PROXY"), proxy_file(env)
    if named and path is None:
        raise LoginNeeded(f"X509_USER_PROXY={quote(named)} cannot be read", hint="type: voms-proxy-init")
    if path is not None and scheme == "https":
        _check(path)
        return path
    token = any(env.get(name) for name in VARIABLES)
    reason = "there is no proxy certificate" if path is None else "a proxy certificate can only be shown with https"
    raise LoginNeeded(
        f"there is no credential for the PanDA server: PANDA_AUTH is not oidc, so no token is shown, and {reason}",
        hint="type: export PANDA_AUTH=oidc" if token or path is not None else _NEITHER,
    )


def _check(path: str) -> None:
    """Raise LoginNeeded for a file that is not a proxy; its content is not shown."""
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_FILE).decode("ascii", "replace")
    except OSError as error:
        message = f"the proxy {quote(path)} cannot be read: {error.strerror}"
        raise LoginNeeded(message, hint="type: voms-proxy-init") from error
    kind = credential_in(text)
    hint = "type: voms-proxy-init"
    if lines_joined(text):
        problem, hint = "its line breaks are lost", f"type: {split_command(path)}"
    elif "CERTIFICATE-----" not in text:
        problem = f"it is {kind}, not a certificate with its key" if kind else "it has no certificate in it"
    else:
        return
    raise LoginNeeded(f"the proxy {quote(path)} cannot be used: {problem}", hint=hint, subject=path)

"""What a pilot keeps from its children: the variables with its credentials, and its own files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from goclient.config import environment
from goclient.secrets import CALLED_SECRET, SHORTEST, hidden

# What a pilot's environment may hold and its children must not see: all that these names begin with,
_OWN = (
    "GOCLIENT_", "PANDA_AUTH", "OIDC_", "GLOBUS_CLI_", "GLOBUS_SDK_SERVICE_URL_", "X509_USER_",
    "BEARER_TOKEN", "MYPROXY_", "SSH_AUTH_SOCK",
)  # fmt: skip
# what is called a credential, or the place of one, whatever program it is for, and a URL with a password in it.
# Web proxies are for everybody on the node: without them, nothing could be fetched.
_PASSWORD = re.compile(r"://[^/?#@\s]*:[^/?#@\s]+@")
# Where Globus, Globus Connect and grid tools keep a user's credentials.
_FOLDERS = ("~/.globus", "~/.globusonline")


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the pilot's credentials and what says where they are, under whatever name."""
    kept = {name: value for name, value in env.items() if not _is_secret(name)}
    held = [value for name, value in env.items() if CALLED_SECRET.search(name) and _is_credential(value)]
    return {
        name: value
        for name, value in kept.items()
        if name in environment.WEB_PROXIES
        or not (hidden(value) != value or _PASSWORD.search(value) or any(one in value for one in held))
    }


def _is_secret(name: str) -> bool:
    return name.startswith(_OWN) or CALLED_SECRET.search(name) is not None


def _is_credential(value: str) -> bool:
    """Return True for a credential itself, False for the place of one."""
    return len(value) >= SHORTEST and not value.startswith("/")


def own_files(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the real paths of the files and folders that belong to the pilot, not to its jobs.

    They are those that the variables with its credentials name, and those in the places where its tools keep theirs.
    """
    named = [value for name, value in env.items() if _is_secret(name) and os.path.isfile(value)]
    panda = env.get("PANDA_CONFIG_ROOT") or ".token"  # without the variable, panda-client looks here
    proxy = f"/tmp/x509up_u{os.getuid()}"  # noqa: S108  # where all grid tools put it
    state, catalogue = str(environment.journal_path(env).parent), environment.user_catalogue(env)
    found = (*named, panda, proxy, state, catalogue, *map(os.path.expanduser, _FOLDERS))
    return tuple(dict.fromkeys(map(os.path.realpath, found)))

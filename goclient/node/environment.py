"""Environment of a job's processes: without the variables that hold the pilot's credentials."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from goclient.secrets import SHORTEST, WEB_PROXIES, hide, is_called_secret

# All variables that begin with these hold the pilot's credentials, or where they are,
_OWN = (
    "GOCLIENT_", "PANDA_AUTH", "OIDC_", "GLOBUS_CLI_", "GLOBUS_SDK_SERVICE_URL_", "X509_USER_",
    "BEARER_TOKEN", "MYPROXY_", "SSH_AUTH_SOCK",
)  # fmt: skip
# and all that are called a credential, or the location of one, whatever program they are for, and a URL with a
# password in it.  Web proxies are for everybody on the node: without them, nothing could be fetched.
_PASSWORD = re.compile(r"://[^/?#@\s]*:[^/?#@\s]+@")
# Where Globus, Globus Connect and grid tools keep a user's credentials.
_DIRECTORIES = ("~/.globus", "~/.globusonline")


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the pilot's credentials, and without where they are, under whatever name."""
    held = [  # credentials themselves, not the locations of credentials
        value
        for name, value in env.items()
        if is_called_secret(name) and len(value) >= SHORTEST and not value.startswith("/")
    ]
    return {
        name: value
        for name, value in env.items()
        if not _is_secret(name)
        and (
            name in WEB_PROXIES
            or not (hide(value) != value or _PASSWORD.search(value) or any(one in value for one in held))
        )
    }


def _is_secret(name: str) -> bool:
    return name.startswith(_OWN) or is_called_secret(name)


def own_files(env: Mapping[str, str], *, others: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the real paths of the files and directories that belong to the pilot, not to its jobs.

    They are those that the variables with its credentials name, those in which its tools keep theirs, and ``others``.
    """
    named = [value for name, value in env.items() if _is_secret(name) and os.path.isfile(value)]
    panda = env.get("PANDA_CONFIG_ROOT") or ".token"  # without the variable, panda-client looks here
    proxy = f"/tmp/x509up_u{os.getuid()}"  # noqa: S108  # where all grid tools put it
    found = (*named, panda, proxy, *others, *map(os.path.expanduser, _DIRECTORIES))
    return tuple(dict.fromkeys(map(os.path.realpath, found)))

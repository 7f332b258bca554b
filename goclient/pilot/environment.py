"""What a pilot keeps from its children: the variables with its credentials, and its own files."""

from __future__ import annotations

import os
from collections.abc import Mapping

from goclient import config

# What a pilot's environment may hold and its children must not see.
_SECRETS = ("GOCLIENT_", "PANDA_AUTH", "OIDC_", "GLOBUS_CLI_", "X509_USER_", "BEARER_TOKEN", "MYPROXY_")
# Where Globus, Globus Connect and grid tools keep a user's credentials.
_FOLDERS = ("~/.globus", "~/.globusonline")


def clean_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without the pilot's credentials and what says where they are."""
    return {name: value for name, value in env.items() if not name.startswith(_SECRETS)}


def own_files(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the real paths of the files and folders that belong to the pilot, not to its jobs.

    They are those that the variables with its credentials name, and those in the places where its tools keep theirs.
    """
    named = [value for name, value in env.items() if name.startswith(_SECRETS) and os.path.isfile(value)]
    panda = env.get("PANDA_CONFIG_ROOT") or ".token"  # without the variable, panda-client looks here
    proxy = f"/tmp/x509up_u{os.getuid()}"  # noqa: S108  # where all grid tools put it
    state, catalogue = str(config.journal_path(env).parent), config.user_catalogue(env)
    found = (*named, panda, proxy, state, catalogue, *map(os.path.expanduser, _FOLDERS))
    return tuple(dict.fromkeys(map(os.path.realpath, found)))

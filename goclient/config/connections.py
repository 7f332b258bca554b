"""Services, reached as the environment and the settings say, each when it is first needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from goclient.config import environment
from goclient.config.settings import Setting, Settings, missing_file, read_settings
from goclient.errors import LoginNeeded
from goclient.model.endpoint import GlobusEndpoint
from goclient.reporter.base import SILENT, Reporter

if TYPE_CHECKING:
    from goclient.config.grid import Accounts
    from goclient.model.endpoint import Endpoint
    from goclient.services.globus.access import GlobusAccess
    from goclient.services.globus.fresh import Fresh
    from goclient.services.globus.rest import RestTransfer
    from goclient.services.globus.sdk import Globus
    from goclient.services.globus.tokens import CollectionTokens
    from goclient.services.panda.access import QueueSource
    from goclient.services.panda.client import PandaServer

# Imports inside these methods: globus-sdk, requests and cryptography take longer than all of a command that asks
# nobody.


class Connections:
    """Reach the services for one command, or one client in a program.

    ``passphrase`` gives that of a key, by the key's file; without it, such a key cannot be used.
    """

    def __init__(
        self,
        reporter: Reporter = SILENT,
        *,
        passphrase: Callable[[str], str] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.reporter = reporter
        self._passphrase = lru_cache(passphrase) if passphrase is not None else None  # asked for once
        self._environ = environ

    @cached_property
    def settings(self) -> Settings:
        """Read the settings of the user and the site; raises RequestError with everything that is wrong in them."""
        if missing := missing_file(self._environ):
            self.reporter.warning(*missing)
        return read_settings(self._environ)

    @cached_property
    def env(self) -> Mapping[str, str]:
        """Return the environment, with what the settings say for variables that are not set."""
        env = self.settings.environment(self._environ)
        environment.register_secrets(env)
        return env

    def globus_access(self) -> GlobusAccess:
        """Return who asks Globus; raises LoginNeeded if nobody is set."""
        return environment.globus_access(self.env, reporter=self.reporter)

    def globus(self) -> Globus:
        """Return the Transfer service; raises LoginNeeded if nobody may ask it."""
        from goclient.services.globus.sdk import Globus  # 0.1 s: only what asks Globus pays for it

        return Globus(self.globus_access())

    def carry_globus(self) -> Globus:
        """Return the Transfer service, asked as the service client that acts for carried jobs.

        Raises LoginNeeded if there is none.
        """
        from goclient.config.carried import carry_access  # as in globus
        from goclient.services.globus.sdk import Globus

        access = carry_access(self.env, reporter=self.reporter)
        if access is None:
            raise LoginNeeded("no service client is set", hint="set GOCLIENT_CARRY_CLIENT_ID", code="no-client")
        return Globus(access)

    def transfer(self, patience: float) -> RestTransfer:
        """Return the Transfer service, as a pilot asks it; raises LoginNeeded if nobody may ask it.

        While it is too busy it is asked again, for ``patience`` seconds.
        """
        from goclient.services.globus.tokens import transfer_service  # as in globus

        authorities = environment.bundles(self.env)
        return transfer_service(self.globus_access(), authorities=authorities, patience=patience)

    def tokens(self) -> CollectionTokens:
        """Return tokens for the HTTPS servers of collections; raises LoginNeeded if nobody may ask for them."""
        from goclient.services.globus.tokens import CollectionTokens  # as in globus

        return CollectionTokens(self.globus_access(), self.settings.https_servers)

    def panda(self, *, pilot: bool = False) -> PandaServer:
        """Return the PanDA server, as a user or as a pilot."""
        from goclient.services.panda.client import PandaServer  # 0.1 s: only what asks PanDA pays for it

        return PandaServer(environment.panda_access(self.env, pilot=pilot, reporter=self.reporter))

    def fresh_tokens(self, collection_ids: Sequence[str]) -> Fresh:
        """Return new tokens of the user for the HTTPS servers of collections; raises LoginNeeded if one is missing."""
        from goclient.services.globus.fresh import mint  # as in globus

        globus = self.globus()
        return mint(self.globus_access(), [globus.collection(GlobusEndpoint(one)) for one in collection_ids])

    def revoke_tokens(self, tokens: Sequence[str]) -> None:
        """Make access tokens of the user void, which jobs had; raises LoginNeeded if nobody may ask for that."""
        from goclient.services.globus.fresh import revoke  # as in globus

        revoke(self.globus_access(), tokens)

    def queues(self) -> QueueSource:
        """Return where the PanDA server lists its queues."""
        return environment.queue_source(self.env)

    def accounts(self) -> Accounts:
        """Return the MyProxy accounts."""
        from goclient.config.grid import Accounts  # TLS and certificates: only with a MyProxy account

        return Accounts(self.env, self._passphrase, self.reporter)

    def catalogue(self) -> dict[str, Endpoint]:
        """Return the endpoints that have a name."""
        return environment.catalogue(self.env)

    def list_settings(self) -> list[Setting]:
        """Return every setting, as it counts now, with where it comes from."""
        return self.settings.list_settings(self._environ)

"""Settings of a site's pilots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from goclient.model.mode import Mode
from goclient.node.engines.base import TransferService
from goclient.node.engines.globus_task import Patience
from goclient.node.shared_filesystem import SAME, Shared

if TYPE_CHECKING:
    from goclient.config.grid import Accounts
    from goclient.services.globus.tokens import CollectionTokens


@dataclass(frozen=True)
class Services:
    """Services that a pilot asks beside the PanDA server, each made only for a job that needs it."""

    globus: Callable[[], TransferService]
    accounts: Callable[[], Accounts]  # MyProxy, asked with the pilot's own certificate
    tokens: Callable[[], CollectionTokens]  # for the HTTPS servers of collections


@dataclass(frozen=True)
class Settings:
    """Settings of the pilots of one queue; times in seconds."""

    site: str  # the queue
    work: Path  # where jobs run
    state: Path  # where journals and logs stay
    patience: Patience
    heartbeat: float
    connect: str  # the program globusconnectpersonal
    env: Mapping[str, str]  # the pilot's own
    own: tuple[str, ...]  # the real paths of the pilot's own files and directories, which no job copies
    shared: Shared = SAME
    modes: frozenset[Mode] = frozenset(Mode)  # how jobs of the queue may reach their directory
    report_within: float = 60.0  # how long the end of a job is told again before another pilot is left to do it

    @property
    def logs(self) -> Path:
        """Return where the jobs' logs stay."""
        return self.state / "logs"

    @property
    def needs_globus(self) -> bool:
        """Return True if jobs of the queue may need the Globus service."""
        return need_globus(self.modes)


def need_globus(modes: Iterable[Mode]) -> bool:
    """Return True if a job of one of these modes may need the Globus service."""
    return any(mode.makes_endpoint or mode.needs_server or mode.asks_https for mode in modes)

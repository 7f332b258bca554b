"""Site of a carried job: the directory and the environment that its pilot, and runGen, give the job.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from goclient.node.engines.base import Attempt

_PRELOADED = ("LD_PRELOAD", "PANDA_PRELOAD")  # runGen's tracer, in every process
_REPORTS_COUNT = (3, 7, 6, 6)  # the pilot that takes a report whatever the exit code (control/payload.py)
_TOKENS = ("GOCLIENT_", "PANDA_AUTH", "OIDC_")  # ours, and the pilot's own, which some pilots leave there


@dataclass(frozen=True)
class Site:
    """Site of a job: its directory, where its pilot looks for reports, and the environment."""

    directory: Path
    home: Path
    env: Mapping[str, str]

    @classmethod
    def here(cls) -> Site:
        """Return it as this process has it, without what runGen makes every process load."""
        env = {name: value for name, value in os.environ.items() if name not in _PRELOADED}
        home = Path(env.get("TRF_EXEC_HOME_DIR", ""))
        return cls(Path.cwd(), home if os.path.isdir(home) else Path.cwd(), env)

    @property
    def panda_id(self) -> int:
        """Return the job's PandaID, 0 if the pilot does not tell it."""
        text = self.env.get("PANDAID", "")
        return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0

    def attempt(self, clock: float) -> Attempt:
        """Return this attempt of the job: a later one has a higher number, whatever site it is at.

        ``clock``: the seconds by which the clock that all attempts ask is ahead of this node's.
        """
        return Attempt(str(self.panda_id or time.time_ns()), int(time.time() + clock))

    @property
    def report_decides(self) -> bool:
        """Return True for root, whose report runGen replaces at any other exit code than 0, where it fails the job."""
        home = self.env.get("TRF_EXEC_HOME_DIR", "")
        version = re.match(r"(\d{1,5})\.(\d{1,5})\.(\d{1,5})\.(\d{1,5})", self.env.get("PILOT_VERSION", ""))
        if version is None or os.geteuid() != 0 or not (home and os.path.isdir(home)):
            return False
        return tuple(map(int, version.groups())) >= _REPORTS_COUNT

    @property
    def own_env(self) -> dict[str, str]:
        """Return the environment of the carrier's own processes, which need no Python but the carrier's."""
        return {name: value for name, value in self.env.items() if not name.startswith("PYTHON")}

    @property
    def variables(self) -> dict[str, str]:
        """Return the program's environment: all that the site gives its jobs but tokens, and the names of 2012."""
        queue = self.env.get("PILOT_SITENAME", "")
        given = {name: value for name, value in self.env.items() if not name.startswith(_TOKENS)}
        own = {"PandaID": str(self.panda_id), "PandaSite": queue, "QueueName": queue}
        return {**given, **own, "PandaWorkdir": str(self.directory)}

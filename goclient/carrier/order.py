"""Order of a carrier: what the command of its job says, by which it knows its plan.

Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from goclient.errors import UsageError
from goclient.errors.wording import quote

_ORDER = re.compile(r"--plan=([0-9a-f]{64}) --job=([0-9]{1,9})(?: --task=([0-9]{1,18}))?")


@dataclass(frozen=True)
class Order:
    """Order on the command line: the checksum of the plan, the number of the job, and the words of the program.

    ``task`` is the number of the job's PanDA task, None if it has none.
    """

    sha256: str
    serial: int
    words: tuple[str, ...]
    task: int | None = None

    @classmethod
    def read(cls, argv: Sequence[str]) -> Order:
        """Read the words of a command line; raise UsageError."""
        end = argv.index("--") if "--" in argv else 0
        found = _ORDER.fullmatch(" ".join(argv[:end]))
        if found is None:
            usage = "goclient-carry --plan=SHA256 --job=NUMBER [--task=NUMBER] -- WORDS"
            raise UsageError(f"the command is not {quote(usage)}", hint="submit the job again")
        task = int(found[3]) if found[3] else None
        return cls(found[1], int(found[2]), tuple(argv[end + 1 :]), task)

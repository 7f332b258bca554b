"""Write the log of a job as pilot 3 does: its whole directory, links followed, with the pilot's own log."""

from __future__ import annotations

import logging
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "pilotlog.txt"


@contextmanager
def pilot_log(path: Path) -> Iterator[logging.Logger]:
    """Run the body with a logger that writes the pilot's log."""
    logger = logging.getLogger(f"{__name__}.{path}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s | %(levelname)s | %(message)s"))
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


def write(directory: Path, archive: IO[bytes]) -> None:
    """Pack a job's directory; a link that leads nowhere, a pipe and a socket are left out."""
    with tarfile.open(fileobj=archive, mode="w:gz", compresslevel=1, dereference=True) as packed:
        for path in sorted(directory.rglob("*")):
            if path.is_file() or path.is_dir():
                packed.add(path, f"{directory.name}/{path.relative_to(directory)}", recursive=False)

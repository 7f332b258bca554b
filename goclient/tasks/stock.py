"""panda-client's own code: run as it is, under a command line of ours."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from goclient.errors import GoclientError
from goclient.tasks import hooks

UPLOAD_FAILED = 50  # panda-client's EC_Post, with which it says no more than a number
NOT_UPLOADED = (
    "nothing was submitted, because the files of the task could not be uploaded",
    "see above why; PANDA_URL_SSL and PANDACACHE_URL name the server that must answer, and PANDA_AUTH_ID_TOKEN or the "
    "proxy must be valid",
)


@contextmanager
def command_line(line: list[str]) -> Iterator[None]:
    """Make the line that of the program, while a block runs."""
    before, sys.argv = sys.argv, line
    try:
        yield
    finally:
        sys.argv = before


def run_stock(tool: str, version: str) -> int:
    """Return the exit code of panda-client's own code, which ends by SystemExit."""
    try:
        if tool == "prun":
            hooks.found(hooks.PRUN)()
        else:
            sys.modules.pop("pandaclient.PathenaScript", None)  # it runs when it is imported
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, signal.default_int_handler)  # ours would wait for the end of the import
            import_module("pandaclient.PathenaScript")
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except GoclientError:
        raise
    except Exception as error:
        message = f"{tool} of panda-client {version} stopped: {type(error).__name__}: {error}"
        raise GoclientError(message, hint="-vv shows where", code="panda-client") from error
    return 0

"""Programs ``goclient`` and ``sendJob``: from its first line to its last, Ctrl-C ends one without a traceback.

At first it ends the process at once: nothing was done yet.  Once a command runs it raises KeyboardInterrupt, which
``_run`` catches, but never in the middle of an import: Python turns it into other errors there.  The programs
(``_goclient.py``) block SIGINT until this module is loaded.
"""

from __future__ import annotations

import _signal  # signal itself makes enumerations first, which takes as long as all else here
import atexit
import os
import sys

TYPE_CHECKING = False  # as type checkers have it; to import typing takes longer than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130


def goclient() -> int:
    """Return the exit code of ``goclient``, its arguments those of the process."""

    def main(argv: Sequence[str]) -> int:
        from goclient.cli.main import main  # SIGINT is held while it loads

        return main(argv)

    return _program(main)


def send_job() -> int:
    """Return the exit code of ``sendJob``, its arguments those of the process."""

    def main(argv: Sequence[str]) -> int:
        from goclient.cli.commands.sendjob import main  # SIGINT is held while it loads

        return main(argv)

    return _program(main)


def _program(main: Callable[[Sequence[str]], int]) -> int:
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:  # in the background it is ignored
        _signal.signal(_signal.SIGINT, _end_at_once)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {_signal.SIGINT})
    code: int | None = None

    def leave(*_: object) -> None:
        """End the process, all being done: to take it apart, object by object, is a fifth of a short command's time."""
        if code is not None:
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except (OSError, ValueError):
                    continue  # stdout's failure was told; nobody is left to tell of stderr's
            os._exit(code)

    atexit.register(leave)  # the first that is registered is the last that is called
    try:
        code = main(sys.argv[1:])
        if _signal.getsignal(_signal.SIGINT) is not _signal.SIG_IGN:
            _signal.signal(_signal.SIGINT, leave)
        sys.settrace(None)
    except KeyboardInterrupt:  # a second one, while the first is told
        _end_at_once()
    return code


def raise_from_now_on() -> None:
    """Let Ctrl-C raise KeyboardInterrupt instead of ending the process, if it does that."""
    if _signal.getsignal(_signal.SIGINT) is _end_at_once:
        _signal.signal(_signal.SIGINT, _raise_between_imports)


def _end_at_once(*_: object) -> NoReturn:
    name = os.path.basename(sys.argv[0])
    if "--json" in sys.argv:
        _write(1, '{"error": {"code": "interrupted", "message": "interrupted", "hint": "", "exit_code": 130}}\n')
    _write(2, f"{'goclient' if name == '__main__.py' else name}: error: interrupted\n")
    os._exit(INTERRUPTED)


def _write(descriptor: int, text: str) -> None:
    try:
        os.write(descriptor, text.encode(errors="replace"))
    except OSError:
        return  # nobody listens


def _raise_between_imports(_: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, or see to it that it is raised at the end of the import that goes on."""
    importer, importing = None, False
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            importing = True
        elif importing:
            importer, importing = frame, False
        frame = frame.f_back
    if importer is None or importer.f_trace is _raise:  # none goes on, or Ctrl-C was typed twice
        _raise()
    importer.f_trace = _raise  # called when its next line begins, or it ends
    sys.settrace(lambda *_: None)


def _raise(*_: object) -> NoReturn:
    sys.settrace(None)
    raise KeyboardInterrupt

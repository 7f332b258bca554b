"""Ctrl-C in a command: at first it ends the process at once, later it raises KeyboardInterrupt between imports."""

from __future__ import annotations

import _signal  # signal itself makes enumerations first, which takes as long as all else here
import os
import sys

TYPE_CHECKING = False  # as type checkers have it; to import typing takes longer than all of this
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130


def raise_from_now_on() -> None:
    """Let Ctrl-C raise KeyboardInterrupt instead of ending the process, if it does that."""
    if _signal.getsignal(_signal.SIGINT) is end_at_once:
        _signal.signal(_signal.SIGINT, _raise_between_imports)


def end_at_once(*_: object) -> NoReturn:
    """End the process, and say that it was interrupted."""
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

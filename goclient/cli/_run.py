"""One place that runs a command: catches what goes wrong, prints it, gives the exit code."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from goclient import waiting
from goclient.errors import ExitCode, GoclientError, Interrupted, printable, quoted

if TYPE_CHECKING:
    from goclient.services.globus import Globus


def run(prog: str, command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """The exit code of ``command(argv)``; every error is printed, none escapes as a traceback.

    With ``--json`` in ``argv`` the error is also a JSON document on stdout.  With ``-vv`` the traceback is shown.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # it stays open until the process ends
    if sys.stdout is None:
        sys.stdout = sys.stderr
        return _failed(prog, GoclientError("standard output is closed", hint="nothing was done", code="stdout"), ())
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a letter gets an escape of it
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    waiting.report_to(lambda text: say(prog, text))
    try:
        code = command(argv)
    except SystemExit as stop:  # argparse's --help and --version
        code = int(stop.code or 0)
    except GoclientError as error:
        code = _failed(prog, error, argv)
    except KeyboardInterrupt:
        code = _failed(prog, Interrupted("interrupted", hint="nothing more was done"), argv)
    except BrokenPipeError:
        code = ExitCode.UNEXPECTED
    except Exception as error:
        code = _failed(prog, _unexpected(error), argv)
    return _flushed(prog, code)


def _flushed(prog: str, code: int) -> int:
    """The exit code, once all output has got where it goes; 1 instead of 0 if it cannot."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains when it flushes again
        if not code and not isinstance(error, BrokenPipeError):
            return _failed(prog, _unexpected(error), ())
        return code or ExitCode.UNEXPECTED
    return code


def _unexpected(error: Exception) -> GoclientError:
    if isinstance(error, OSError):
        name = f" {quoted(error.filename)}" if error.filename else ""
        return GoclientError(f"the operating system refused{name}: {error.strerror or error}", code="os-error")
    hint = "this is a defect of goclient: please report it with the output of the same command and -vv"
    return GoclientError(f"unexpected {type(error).__name__}: {error}", hint=hint)


def _failed(prog: str, error: GoclientError, argv: Sequence[str]) -> int:
    """The exit code of an error, which is printed, with its traceback and its document if they are wanted."""
    for part in error.parts:
        say(prog, f"error: {part.message}", part.hint)
    if sum(word.count("v") for word in argv if re.fullmatch("-v+", word)) > 1:
        import traceback

        traceback.print_exc()
    if "--json" in argv:
        with suppress(OSError):  # the error's own words and exit code count more
            print_json({"error": error_document(error), **error.extra})
    return int(error.exit_code)


def say(prog: str, text: str, hint: str = "") -> None:
    """Prints a line, and its hint below it, on stderr; nothing in them moves the cursor."""
    print(f"{prog}: {printable(text)}", file=sys.stderr)
    if hint:
        print(f"    {printable(hint)}", file=sys.stderr)


def error_document(error: GoclientError) -> dict[str, Any]:
    """The contract's JSON object of an error: code, message, hint, exit_code."""
    return {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": int(error.exit_code)}


def print_json(document: Any, **pieces: Iterable[str]) -> None:
    """Prints one JSON document on stdout, and makes sure that it got there.

    ``pieces`` are further keys of the document, each a long string that comes in pieces, written as in JSON.
    """
    import json  # --help and --version are faster without

    text = json.dumps(document)
    sys.stdout.write(text if not pieces else text[:-1])
    for key, parts in pieces.items():
        sys.stdout.write(f', "{key}": "')
        sys.stdout.writelines(parts)
        sys.stdout.write('"')
    sys.stdout.write("}\n" if pieces else "\n")
    sys.stdout.flush()


def globus() -> Globus:
    """The Transfer service, asked by whom the environment names; raises LoginNeeded if it names nobody."""
    from goclient import config
    from goclient.services.globus import Globus

    return Globus(config.globus_access())


def inside_json(text: str) -> str:
    """The text as it stands between the quotes of a JSON string."""
    from json.encoder import encode_basestring_ascii

    return encode_basestring_ascii(text)[1:-1]

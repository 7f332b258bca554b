"""One place that runs a command: catches what goes wrong, prints it, gives the exit code."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO, cast

from goclient.cli.start import raise_from_now_on
from goclient.errors import ExitCode, GoclientError, Interrupted, printable, quoted
from goclient.reporter import waiting
from goclient.secrets import hidden

if TYPE_CHECKING:
    from goclient.services.globus.sdk import Globus


def run(prog: str, command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """The exit code of ``command(argv)``; every error is printed, none escapes as a traceback.

    With ``--json`` in ``argv`` the error is also a JSON document on stdout.  With ``-vv`` the traceback is shown.
    """
    raise_from_now_on()
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # it stays open until the process ends
    if sys.stdout is None:
        sys.stdout = sys.stderr
        return _failed(prog, GoclientError("standard output is closed", hint="nothing was done", code="stdout"), ())
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a letter gets an escape of it
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    waiting.report_to(lambda text: say(prog, text))
    with _hiding():
        return _flushed(prog, _code(prog, command, argv))


class HidingStream:
    """A text stream that hides credentials in all that is written to it; ``beneath`` is the stream itself."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        """Write the text, which is one line or more."""
        self.beneath.write(hidden(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines one by one."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # as the stream's
        return getattr(self.beneath, name)


@contextmanager
def _hiding() -> Iterator[None]:
    """Hide credentials in all that Python writes to stdout and stderr while a block runs, libraries included."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, HidingStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _code(prog: str, command: Callable[[Sequence[str]], int], argv: Sequence[str]) -> int:
    """Return the exit code of ``command(argv)``, whose errors are printed."""
    try:
        return command(argv)
    except SystemExit as stop:  # argparse's --help and --version
        return int(stop.code or 0)
    except GoclientError as error:
        return _failed(prog, error, argv)
    except KeyboardInterrupt:
        return _failed(prog, Interrupted("interrupted", hint="nothing more was done"), argv)
    except BrokenPipeError:
        return ExitCode.UNEXPECTED
    except Exception as error:
        return _failed(prog, _unexpected(error), argv)


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
    for finding in error.findings:
        if finding.is_error:
            say(prog, f"error: {finding.message}", finding.hint)
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
    """Print one JSON document on stdout, and make sure that it got there.

    Credentials are hidden in its texts, never in what makes it JSON.  ``pieces`` are further keys of the document, each
    a long string that comes in pieces, written as in JSON: a job's record, which is what the user typed.
    """
    import json  # --help and --version are faster without

    text = json.dumps(document)
    if hidden(text) != text:
        text = json.dumps(_hidden_texts(document))
    out = getattr(sys.stdout, "beneath", sys.stdout)
    out.write(text if not pieces else text[:-1])
    for key, parts in pieces.items():
        out.write(f', "{key}": "')
        out.writelines(parts)
        out.write('"')
    out.write("}\n" if pieces else "\n")
    out.flush()


def _hidden_texts(value: Any) -> Any:
    """Return a JSON value with the credentials hidden in its texts."""
    if isinstance(value, dict):
        return {key: _hidden_texts(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden_texts(one) for one in value]
    return hidden(value) if isinstance(value, str) else value


def catalogue(prog: str) -> dict[str, str]:
    """Return the endpoints that have a name; says if the file that should have them does not exist."""
    from goclient.config import environment

    if missing := environment.missing_catalogue():
        say(prog, f"warning: {missing[0]}", missing[1])
    return environment.catalogue()


def globus() -> Globus:
    """The Transfer service, asked by whom the environment names; raises LoginNeeded if it names nobody."""
    from goclient.config import environment
    from goclient.services.globus.sdk import Globus

    return Globus(environment.globus_access())


def inside_json(text: str) -> str:
    """The text as it stands between the quotes of a JSON string."""
    from json.encoder import encode_basestring_ascii

    return encode_basestring_ascii(text)[1:-1]

"""Run a command: catch what goes wrong, print it, and return the exit code."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO, cast

from goclient.cli.general import General, read_general
from goclient.cli.interrupts import raise_from_now_on
from goclient.cli.output import HidingStream, TerminalReporter, error_document, print_json
from goclient.errors import GoclientError, Interrupted
from goclient.errors.findings import ExitCode
from goclient.errors.grouping import group_findings
from goclient.errors.wording import quote
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.client import Client
    from goclient.config.connections import Connections

Command = Callable[[Sequence[str], TerminalReporter], int]


def run(prog: str, command: Command, argv: Sequence[str]) -> int:
    """Return the exit code of ``command(argv, reporter)``; every error is printed, none escapes as a traceback.

    With ``--json`` in ``argv`` the error is also a JSON document on stdout.  With ``-vv`` the traceback is shown.
    ``--log-file`` is taken out of ``argv``.
    """
    raise_from_now_on()
    general = read_general(argv)
    reporter = TerminalReporter(prog, verbose=_verbosity(argv) > 0, quiet=general.quiet)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # it stays open until the process ends
    if sys.stdout is None:
        sys.stdout = sys.stderr
        return _report(GoclientError("standard output is closed", hint="nothing was done", code="stdout"), (), reporter)
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a letter gets an escape of it
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    with _hide_credentials():
        if general.log_file:
            return _run_logged(command, argv, general, reporter)
        return _flush(_code(command, argv, reporter), reporter)


def _run_logged(command: Command, argv: Sequence[str], general: General, reporter: TerminalReporter) -> int:
    """Return the exit code of a command that keeps what it tells in a file; without the file it is not run."""
    from goclient.cli.log_file import LogFile  # commands without one need none of it

    try:
        log = LogFile(general.log_file, reporter.prog, argv)
    except GoclientError as error:
        return _report(error, argv, reporter)
    reporter.keep = log.write
    code = _flush(_code(command, general.words, reporter), reporter)
    if log.failure is not None:
        message = f"the log file {quote(general.log_file)} lacks what was told last: {log.failure.strerror}"
        reporter.warning(message, "make room on its disk before the next command, or name another file")
    log.end(code)
    return code


@contextmanager
def _hide_credentials() -> Iterator[None]:
    """Hide credentials in all that Python writes to stdout and stderr while a block runs, libraries included."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, HidingStream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _code(command: Command, argv: Sequence[str], reporter: TerminalReporter) -> int:
    """Return the exit code of a command, whose errors are printed."""
    try:
        return command(argv, reporter)
    except SystemExit as stop:  # argparse's --help and --version
        return int(stop.code or 0)
    except GoclientError as error:
        return _report(error, argv, reporter)
    except KeyboardInterrupt:
        return _report(Interrupted("interrupted", hint="nothing more was done"), argv, reporter)
    except BrokenPipeError:
        return ExitCode.UNEXPECTED
    except Exception as error:
        return _report(_convert(error), argv, reporter)


def _flush(code: int, reporter: TerminalReporter) -> int:
    """Return the exit code, after all output has got where it goes; 1 instead of 0 if it cannot."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains when it flushes again
        if not code and not isinstance(error, BrokenPipeError):
            return _report(_convert(error), (), reporter)
        return code or ExitCode.UNEXPECTED
    return code


def _convert(error: Exception) -> GoclientError:
    if isinstance(error, OSError):
        name = f" {quote(error.filename)}" if error.filename else ""
        return GoclientError(f"the operating system refused{name}: {error.strerror or error}", code="os-error")
    hint = "this is a defect of goclient: please report it with the output of the same command and -vv"
    return GoclientError(f"unexpected {type(error).__name__}: {error}", hint=hint)


def _report(error: GoclientError, argv: Sequence[str], reporter: TerminalReporter) -> int:
    """Print an error, with its traceback and its document if they are wanted; return its exit code."""
    for finding in group_findings(one for one in error.findings if one.is_error):
        reporter.error(finding.message, finding.hint)
    if _verbosity(argv) > 1:
        import traceback  # only a mistake pays for it

        traceback.print_exc()
        reporter.keep(traceback.format_exc())
    if "--json" in argv:
        with suppress(OSError):  # the error's own words and exit code count more
            print_json({"error": error_document(error), **error.extra})
    return int(error.exit_code)


def _verbosity(argv: Sequence[str]) -> int:
    """Return how often ``-v`` is among the words; ``-vv`` is twice."""
    return sum(word.count("v") for word in argv if re.fullmatch("-v+", word))


class Session:
    """Hold what a command reaches services with, loaded when it is first used: ``--help`` loads nothing of it."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    @cached_property
    def connections(self) -> Connections:
        """Reach the services as the environment and the settings say."""
        # 20 ms and, of the client, 0.19 s: --help and a usage error do not pay for them.
        from goclient.config.connections import Connections

        def ask(key: str) -> str:
            from goclient.cli.passphrase import passphrase  # few have a key with one

            return passphrase(key, option="")

        return Connections(self._reporter, passphrase=ask)

    @cached_property
    def client(self) -> Client:
        """Return the client that does what the command is asked for."""
        from goclient.client import Client  # 0.19 s, as above

        return Client(connections=self.connections)

    def defaults(self) -> Mapping[str, Any]:
        """Return what the settings say for options that are left out."""
        return self.connections.settings.job

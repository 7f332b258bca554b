"""Print JSON documents on stdout and messages on stderr; credentials are hidden in both."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from typing import Any, TextIO

from goclient.errors import GoclientError
from goclient.errors.findings import Finding
from goclient.errors.grouping import group_findings
from goclient.errors.wording import printable
from goclient.reporter.base import Kind, Reporter
from goclient.reporter.waiting import Waits
from goclient.secrets import hide


class TerminalReporter(Reporter):
    """Print what is reported on stderr, behind the program's name; nothing in it moves the cursor.

    ``verbose``: details are printed, too.  ``quiet``: neither they nor progress.  ``keep`` is given every message.
    """

    def __init__(
        self, prog: str, *, verbose: bool = False, quiet: bool = False, keep: Callable[[str], None] = lambda _: None
    ) -> None:
        self.prog, self._verbose, self._quiet, self.keep = prog, verbose, quiet, keep
        self._waits = Waits(self.progress)

    def rename(self, prog: str) -> TerminalReporter:
        """Return a reporter that prints another name in front, and the same otherwise."""
        return TerminalReporter(prog, verbose=self._verbose, quiet=self._quiet, keep=self.keep)

    def report(self, kind: Kind, text: str, *hints: str) -> None:
        """Print a line, and its hints below it."""
        lines = [f"{self.prog}: {kind.prefix}{printable(text)}"]
        lines += [f"    {printable(line)}" for hint in hints if hint for line in hint.split("\n")]
        self.keep("\n".join(lines))
        if kind in (Kind.WARNING, Kind.ERROR) or (not self._quiet and (self._verbose or kind is not Kind.DETAIL)):
            with suppress(OSError):  # nobody listens any more: what is done goes on, and its results count
                print("\n".join(lines), file=sys.stderr)

    def waiting(self, service: str, seconds: float) -> AbstractContextManager[None]:
        """Say whom a command waits for, if it takes long."""
        return self._waits.waiting(service, seconds)


class HidingStream:
    """A text stream that hides credentials in all that is written to it; ``beneath`` is the stream itself."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        """Write the text, which is one line or more."""
        self.beneath.write(hide(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines one by one."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # as the stream's
        return getattr(self.beneath, name)


def report_findings(findings: Iterable[Finding], reporter: Reporter) -> None:
    """Report warnings, and to those who ask for more what is right; errors are printed as such."""
    for finding in group_findings(findings):
        if finding.level == "warning":
            reporter.warning(finding.message, finding.hint)
        elif finding.level == "ok":
            reporter.detail(f"ok: {finding.message}")


def print_findings(findings: Iterable[Finding]) -> None:
    """Print a line for each finding, its hint below it."""
    for finding in group_findings(findings):
        print(f"{finding.level:<7}  {printable(finding.message)}")
        for line in finding.hint.split("\n") if finding.hint else ():
            print(f"         {printable(line)}")


def error_document(error: GoclientError) -> dict[str, Any]:
    """Return the contract's JSON object of an error: code, message, hint, exit_code."""
    return {"code": error.code, "message": error.message, "hint": error.hint, "exit_code": int(error.exit_code)}


def print_json(document: Any, **pieces: Iterable[str]) -> None:
    """Print one JSON document on stdout, and make sure that it got there.

    Credentials are hidden in its texts, never in what makes it JSON.  ``pieces`` are further keys of the document, each
    a long string that comes in pieces, written as in JSON: a job's record, which is what the user typed.
    """
    import json  # --help and --version are faster without

    text = json.dumps(document)
    if hide(text) != text:
        text = json.dumps(_hide_texts(document))
    out = getattr(sys.stdout, "beneath", sys.stdout)
    out.write(text if not pieces else text[:-1])
    for key, parts in pieces.items():
        out.write(f', "{key}": "')
        out.writelines(parts)
        out.write('"')
    out.write("}\n" if pieces else "\n")
    out.flush()


def inside_json() -> Callable[[str], str]:
    """Return what writes a text as it stands between the quotes of a JSON string."""
    from json.encoder import encode_basestring_ascii  # --help and --version are faster without

    return lambda text: encode_basestring_ascii(text)[1:-1]


def _hide_texts(value: Any) -> Any:
    """Return a JSON value with the credentials hidden in its texts."""
    if isinstance(value, dict):
        return {key: _hide_texts(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hide_texts(one) for one in value]
    return hide(value) if isinstance(value, str) else value

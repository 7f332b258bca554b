"""``goclient check``: look at a job's transfers as sendJob.py does, and send nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from goclient.cli import output
from goclient.cli import parser as _argparse
from goclient.cli.options.transfers import (
    JobOptions,
    TransferOptions,
    check_identities,
    job_request,
    preflight_of,
    read_lines,
    transfer_items,
)
from goclient.cli.parser import option
from goclient.errors import printable
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.errors import GoclientError
    from goclient.preflight.base import Report

PROG = "goclient check"
OWN = "check"


@dataclass(frozen=True, repr=False, eq=False)
class OwnOptions:
    """What was typed of the check itself."""

    TEXT: tuple[str, ...] = option(
        "TEXT", help="a jobParameters text instead of options; - reads standard input", group=OWN, many=True
    )
    pandaid: Optional[int] = option(
        "--pandaid", help="check a submitted job instead", group=OWN, metavar="N", minimum=1
    )
    json: bool = option("--json", help="print one JSON document", group=OWN, default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group=OWN, default=0, count=True)


@dataclass(frozen=True, repr=False, eq=False)
class CheckOptions(OwnOptions, TransferOptions, JobOptions):
    """What was typed."""


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """The exit code of one ``goclient check`` command line: 0 unless a finding is an error."""
    parser = _argparse.Parser(
        CheckOptions,
        prog=PROG,
        usage=f"{PROG} [{{TEXT | - | --pandaid N}}] [OPTION ...]",
        description="Look at a job's transfers as sendJob.py does before it submits; nothing is sent.",
        epilog="The options are those of sendJob.py, and none is required. A TEXT that begins with dashes follows --.",
        needs_nothing=True,
    )
    from goclient.cli.pasted import sendjob_words

    pasted = sendjob_words(argv)
    words = (
        _record_last(argv) if pasted is None else [word for word in pasted if word not in ("--noSubmit", "--noCheck")]
    )
    options, errors = parser.read(words)
    from goclient.errors import Collector, ExitCode, PreflightFailed

    collected = Collector(errors)
    if not any(error.code == "unknown-option" for error in errors):  # its value would count as a text
        with collected:
            _one_source(options)
    items = transfer_items(options, collected)
    with collected:
        check_identities(options)
    report = _checked(options, items, collected.errors, reporter)
    if report.exit_code == ExitCode.USAGE:
        raise PreflightFailed([one for one in report.findings if one.is_error])
    if options.json:
        output.print_json(report.document())
    else:
        _print(report)
    return report.exit_code


def _record_last(argv: Sequence[str]) -> list[str]:
    """The words with a record that begins with our marker behind a bare ``--``: it is a text, no option."""
    records = [word for word in argv if word.startswith("--goclient=")]
    if not records or "--" in argv:
        return list(argv)
    return [*(word for word in argv if word not in records), "--", *records]


def _one_source(options: CheckOptions) -> None:
    """Raise UsageError if more is given than one text, one job, or options of transfers."""
    from goclient.cli.text import several_words
    from goclient.errors import UsageError
    from goclient.model.syntax.options import KEYS

    typed = [f"--{key}" for key in KEYS if getattr(options, key)] + (
        [name for name in ("--jobParameters", "--myproxy") if getattr(options, name[2:])]
    )
    others = [*(["--pandaid"] if options.pandaid is not None else []), *(["TEXT"] if options.TEXT else [])]
    if len(options.TEXT) > 1:
        message = f"one text is needed, not {len(options.TEXT)} words"
        raise UsageError(message, hint=several_words(options.TEXT), code="one-text", subject="TEXT")
    if len(others) + bool(typed) > 1:
        message = f"more than one job is given: {', '.join([*others, *typed])}"
        raise UsageError(message, hint="give a text, or --pandaid, or options", code="one-text", subject=others[0])


def _checked(
    options: CheckOptions, items: dict[str, list[str]], errors: Sequence["GoclientError"], reporter: Reporter
) -> "Report":
    from goclient.cli.text import job_text
    from goclient.preflight.report import check_request, check_text

    preflight, request = preflight_of(options, reporter), job_request(options, options, items)
    if errors or not (options.TEXT or options.pandaid is not None):
        return check_request(request, preflight, read_lines=read_lines, errors=errors)
    return check_text(job_text("".join(options.TEXT), options.pandaid, reporter), preflight, request.job)


def _print(report: "Report") -> None:
    """Prints a line for each finding, its hint below it, and what they come to."""
    for finding in report.findings:
        print(f"{finding.level:<7}  {printable(finding.message)}")
        if finding.hint:
            print(f"         {printable(finding.hint)}")
    errors = sum(finding.is_error for finding in report.findings)
    warnings = sum(finding.level == "warning" for finding in report.findings)
    result = "not ready" if errors else "ready" if report.spec else "nothing to check"
    print(f"{result} ({errors} error(s), {warnings} warning(s))")

"""Check a job's transfers as sendJob.py does, and send nothing: ``goclient check``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional

from goclient.cli import job_text, output, run
from goclient.cli.parser import LenientParser
from goclient.errors import PreflightFailed, UsageError
from goclient.errors.conditions import UnknownOption
from goclient.errors.findings import ExitCode
from goclient.errors.wording import pluralize
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.model.options import RequestOptions
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.preflight.base import Report

PROG = "goclient check"
OWN = "check"


class OwnOptions(Frozen):
    """Hold what was typed of the check itself."""

    TEXT: tuple[str, ...] = option(
        "TEXT", help="a jobParameters text instead of options; - reads standard input", group=OWN, many=True
    )
    pandaid: Optional[str] = option("--pandaid", help="check a submitted job instead", group=OWN, metavar="N")
    json: bool = option("--json", help="print one JSON document", group=OWN, default=False)


class CheckOptions(OwnOptions, RequestOptions):
    """Hold what was typed."""


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Check a job, and return the exit code: 0 unless a finding is an error."""
    parser = LenientParser(
        CheckOptions,
        prog=PROG,
        arguments="[{TEXT | - | --pandaid N}] [OPTION ...]",
        description="Check a job's transfers as sendJob.py does before it submits; nothing is sent.",
        epilog="The options are those of sendJob.py, and none is required. A TEXT that begins with dashes follows --.",
    )
    session = run.Session(reporter)
    pasted = job_text.sendjob_words(argv)
    typed = parser.read(_record_last(argv) if pasted is None else pasted, session.defaults)
    options, client = typed.options, session.client
    if not any(isinstance(error, UnknownOption) for error in typed.errors):  # its value would count as a text
        typed.errors.extend(_more_than_one(options))
    text = None
    if not typed.errors and (options.TEXT or options.pandaid is not None):
        text = job_text.read("".join(options.TEXT), options.pandaid, client)
    report = client.check_typed(typed, text)
    if report.exit_code == ExitCode.USAGE:
        raise PreflightFailed(dict.fromkeys(one for one in report.findings if one.is_error))
    if options.json:
        output.print_json(report.document())
    else:
        _print(report)
    return report.exit_code


def _record_last(argv: Sequence[str]) -> list[str]:
    """Return the words with a record that begins with our marker behind a bare ``--``: it is a text, not an option."""
    records = [word for word in argv if word.startswith("--goclient=")]
    if not records or "--" in argv:
        return list(argv)
    return [*(word for word in argv if word not in records), "--", *records]


def _more_than_one(options: CheckOptions) -> list[UsageError]:
    """Return the mistake if more is given than one text, one job, or options of transfers."""
    from goclient.model.syntax.options import KEYS  # --help and --version need none of the grammar

    typed = [f"--{key}" for key in (*KEYS, "jobParameters", "myproxy") if getattr(options, key)]
    others = [*(["--pandaid"] if options.pandaid is not None else []), *(["TEXT"] if options.TEXT else [])]
    if len(options.TEXT) > 1:
        message, hint = f"one text is needed, not {len(options.TEXT)} words", job_text.several_words(options.TEXT)
        return [UsageError(message, hint=hint, code="one-text", subject="TEXT")]
    if len(others) + bool(typed) > 1:
        message = f"more than one job is given: {', '.join([*others, *typed])}"
        hint = "give a text, or --pandaid, or options"
        return [UsageError(message, hint=hint, code="one-text", subject=others[0])]
    return []


def _print(report: "Report") -> None:
    """Print what was found, and what it comes to."""
    if report.deal is not None:
        from goclient.cli.tables import DEAL_ROWS, print_deal  # hardly any check prints one

        print_deal(report.deal.table(report.spec), most=DEAL_ROWS)
    output.print_findings(report.findings)
    errors = sum(finding.is_error for finding in report.findings)
    warnings = sum(finding.level == "warning" for finding in report.findings)
    result = "not ready" if errors else "ready" if report.spec else "nothing to check"
    print(f"{result} ({pluralize(errors, 'error')}, {pluralize(warnings, 'warning')})")

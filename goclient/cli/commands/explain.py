"""``goclient explain``: what a jobParameters text will do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from goclient.cli import output, run
from goclient.cli import parser as _argparse
from goclient.cli.parser import option
from goclient.errors import printable
from goclient.reporter.base import Reporter

PROG = "goclient explain"
OWN_WORDS = {"--json", "-v", "-vv", "-h", "--help", "--version"}


@dataclass(frozen=True, repr=False, eq=False)
class ExplainOptions:
    """What was typed."""

    TEXT: tuple[str, ...] = option(
        "TEXT", help="the text, which may begin with dashes; - reads standard input", group="explain", many=True
    )
    pandaid: Optional[int] = option(
        "--pandaid", help="explain a submitted job instead", group="explain", metavar="N", minimum=1
    )
    json: bool = option("--json", help="print one JSON document", group="explain", default=False)
    verbose: int = option("-v", help="-vv shows the traceback of an error", group="explain", default=0, count=True)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """The exit code of one ``goclient explain`` command line."""
    parser = _argparse.Parser(
        ExplainOptions,
        prog=PROG,
        usage=f"{PROG} {{TEXT | - | --pandaid N}} [OPTION ...]",
        description="Show what a jobParameters text will do: what goes from where to where, when, in how many tasks.",
        epilog="Nothing is looked up but the catalogue. A text of 2012 is explained, too. Quote the text.",
    )
    from goclient.cli.pasted import sendjob_words

    pasted = sendjob_words(argv)
    if pasted is None:
        options = parser.parse(_text_last(argv))
        text, json = _text(options, reporter), options.json
    else:
        text, json = _text_of_line(pasted, reporter), "--json" in pasted
    from goclient.jobs.explain import explain

    catalogue = run.catalogue(reporter)
    explained = explain(text, catalogue=catalogue)
    for doubt in explained.warnings:
        reporter.warning(doubt.message, doubt.hint)
    if not explained.spec:
        _warn_of_no_transfers(text, reporter)
    if json:
        output.print_json(explained.document())
        return 0
    from goclient.cli.tables import print_plan

    print_plan(explained.plan, explained.spec, catalogue=catalogue)
    print(f"the payload's own words: {printable(explained.payload) or '(none)'}")
    return 0


def _text_of_line(words: Sequence[str], reporter: Reporter) -> str:
    """Return the parameters of the job, or of the jobs, that a line of sendJob.py would submit."""
    from goclient.cli.commands.sendjob import SendJobOptions
    from goclient.cli.options.transfers import job_request, read_lines, transfer_items
    from goclient.errors import Collector, raise_all
    from goclient.model.records.registry import attach
    from goclient.model.serial import fill_serial
    from goclient.preflight.validation import validate_request

    parser = _argparse.Parser(SendJobOptions, prog=PROG, usage="", description="", needs_nothing=True)
    options, errors = parser.read(words)
    collected = Collector(errors)
    items = transfer_items(options, collected)
    request = job_request(options, options, items)
    spec, payload, mistakes, doubts = validate_request(request, read_lines, collected.errors)
    raise_all(mistakes)
    for doubt in doubts:
        reporter.warning(doubt.message, doubt.hint)
    text = attach(payload, spec, lenient=options.goLenient)
    return fill_serial(text, 1) if options.njobs == 1 else text


def _warn_of_no_transfers(text: str, reporter: Reporter) -> None:
    """Report what the user of a text without transfers may have meant, if that is known."""
    from goclient.preflight.report import hint_for_words

    if hint := hint_for_words(text.split()):
        reporter.warning("no transfer is named", hint)


def _text_last(argv: Sequence[str]) -> list[str]:
    """The words with the text behind a bare ``--``, so that its dashes are not taken for options."""
    own, rest = [], []
    words = iter(argv)
    for word in words:
        if word == "--pandaid":
            own += [word, *([value] if (value := next(words, None)) is not None else [])]
        elif word in OWN_WORDS or (word.startswith("--pandaid=") and " " not in word):
            own.append(word)
        else:
            rest.append(word)
    guarded = len(rest) == 2 and rest[0] == "--"  # typed as a guard before the text
    return [*own, "--", *rest[guarded:]]


def _text(options: ExplainOptions, reporter: Reporter) -> str:
    """The text to explain; raises UsageError unless there is one."""
    from goclient.cli.text import job_text, several_words
    from goclient.errors import UsageError

    if (options.pandaid is None) != (len(options.TEXT) == 1) or len(options.TEXT) > 1:
        hint = several_words(options.TEXT, "quote the whole text, or give - or --pandaid N instead")
        raise UsageError(
            f"one text is needed, not {len(options.TEXT)} words", hint=hint, code="one-text", subject="TEXT"
        )
    return job_text("".join(options.TEXT), options.pandaid, reporter)

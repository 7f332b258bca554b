"""Explain what a jobParameters text will do: ``goclient explain``."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional

from goclient.cli import job_text, output, run
from goclient.cli.parser import LenientParser, Parser
from goclient.errors import UsageError
from goclient.errors.wording import printable
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.jobs.explain import Explained

PROG = "goclient explain"
OF_FOLLOWING = {"--last", "--task"}  # options that choose jobs, and are none of sendJob.py
OWN_WORDS = {"--json", "-v", "-vv", "-h", "--help", "--version", "--quiet"}


class ExplainOptions(Frozen):
    """Hold what was typed."""

    TEXT: tuple[str, ...] = option(
        "TEXT", help="the text, which may begin with dashes; - reads standard input", group="explain", many=True
    )
    pandaid: Optional[str] = option("--pandaid", help="explain a submitted job instead", group="explain", metavar="N")
    json: bool = option("--json", help="print one JSON document", group="explain", default=False)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Explain a text, a submitted job, or a pasted line of sendJob.py."""
    parser = Parser(
        ExplainOptions,
        prog=PROG,
        arguments="{TEXT | - | --pandaid N} [OPTION ...]",
        description="Show what a jobParameters text will do: what goes from where to where, when, in how many tasks.",
        epilog="Nothing is looked up but the catalogue. A text of 2012 is explained, too. Quote the text.",
    )
    session = run.Session(reporter)
    pasted = job_text.sendjob_words(argv)
    if pasted is None:
        options = parser.parse(_text_last(argv))
        json = options.json
        text = job_text.read(_one_text(options), options.pandaid, session.client)
        explained = session.client.explain(text)
    else:
        from goclient.cli.commands.sendjob import SendJobOptions  # only a pasted line needs them

        line = LenientParser(SendJobOptions, prog=PROG)
        json = "--json" in pasted
        explained = session.client.explain_typed(line.read(pasted, session.defaults))
    output.report_findings(explained.warnings, reporter)
    if pasted is None:
        _warn_of_options(explained, text, reporter)
    if json:
        output.print_json(explained.document())
        return 0
    from goclient.cli.tables import print_deal, print_plan  # --json and --help print none

    if explained.deal is not None:
        print_deal(explained.deal)
        print("the first job:")
    print_plan(explained.plan, explained.spec, staged=explained.staged, lines=explained.summary())
    print(f"the payload's own words: {printable(explained.payload) or '(none)'}")
    return 0


def _warn_of_options(explained: "Explained", text: str, reporter: Reporter) -> None:
    """Warn of words that a job does not have in its text: options of commands, PandaIDs, locations."""
    from goclient.model.records.base import find_marker  # --help reads none

    words = explained.payload.split()
    if names := job_text.sending_options(words) if find_marker(text) is None else []:
        what, them = ("is an option", "it") if len(names) == 1 else ("are options", "them")
        message = f"{', '.join(names)} {what} of sendJob.py, which no pilot reads: here the payload gets {them}"
        hint = "type it to sendJob.py itself, outside of --jobParameters"
        if text.startswith("--"):
            hint = f"to explain what sendJob.py would send, type: goclient explain {shlex.quote('sendJob.py ' + text)}"
        reporter.warning(message, hint)
    elif words and words[0].partition("=")[0] in OF_FOLLOWING:
        message = f"{words[0]} chooses jobs in goclient status, retry and kill: here it is the payload's own word"
        reporter.warning(message, "to explain a job that was submitted, type --pandaid N")
    elif not explained.spec and (hint := job_text.several_words(words, "")):
        reporter.warning("no transfer is named", hint)


def _text_last(argv: Sequence[str]) -> list[str]:
    """Return the words with the text behind a bare ``--``, so that its dashes are not taken for options."""
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


def _one_text(options: ExplainOptions) -> str:
    """Return the text to explain; raises UsageError unless there is one, or a job."""
    if (options.pandaid is None) != (len(options.TEXT) == 1) or len(options.TEXT) > 1:
        hint = job_text.several_words(options.TEXT, "quote the whole text, or give - or --pandaid N instead")
        if job_text.sending_options(options.TEXT):
            hint = f"to explain a line of sendJob.py, type: goclient explain sendJob.py {shlex.join(options.TEXT)}"
        message = f"one text is needed, not {len(options.TEXT)} words"
        raise UsageError(message, hint=hint, code="one-text", subject="TEXT")
    return "".join(options.TEXT)

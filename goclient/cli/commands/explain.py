"""Explain what a jobParameters text will do: ``goclient explain``."""

import re
from collections.abc import Sequence
from typing import Optional

from goclient.cli import job_text, output, run
from goclient.cli.parser import LenientParser, Parser
from goclient.errors import UsageError
from goclient.errors.wording import printable, quoted
from goclient.model.option import Options, frozen_options, option
from goclient.reporter.base import Reporter

PROG = "goclient explain"
# Options of sendJob.py and of status that are not about one transfer, and hardly a payload's.
_OF_COMMANDS = re.compile(r"--(?:last|campaign|nFilesPerJob|go[A-Z]\w*)(?:=|$)")
OWN_WORDS = {"--json", "-v", "-vv", "-h", "--help", "--version", "--quiet"}


@frozen_options
class ExplainOptions(Options):
    """Hold what was typed."""

    TEXT: tuple[str, ...] = option(
        "TEXT", help="the text, which may begin with dashes; - reads standard input", group="explain", many=True
    )
    pandaid: Optional[int] = option(
        "--pandaid", help="explain a submitted job instead", group="explain", metavar="N", minimum=1
    )
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
        explained = session.client.explain(job_text.read(_one_text(options), options.pandaid, session.client))
    else:
        from goclient.cli.commands.sendjob import SendJobOptions  # only a pasted line needs them

        line = LenientParser(SendJobOptions, prog=PROG)
        json = "--json" in pasted
        explained = session.client.explain_typed(line.read(pasted, session.defaults))
    output.report_findings(explained.warnings, reporter)
    words = explained.payload.split()
    if not explained.spec and (hint := job_text.several_words(words, "")):
        reporter.warning("no transfer is named", hint)
    for ours in filter(_OF_COMMANDS.match, words):
        hint = "type it behind the command that has it; a submitted job is explained by --pandaid N"
        reporter.warning(f"{quoted(ours)} is an option of goclient, and in a text the payload's own word", hint)
    if json:
        output.print_json(explained.document())
        return 0
    from goclient.cli.tables import print_deal, print_plan  # --json and --help print none

    if explained.deal is not None:
        print_deal(explained.deal)
        print("the first job:")
    print_plan(explained.plan, explained.spec, lines=explained.summary())
    print(f"the payload's own words: {printable(explained.payload) or '(none)'}")
    return 0


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
        message = f"one text is needed, not {len(options.TEXT)} words"
        raise UsageError(message, hint=hint, code="one-text", subject="TEXT")
    return "".join(options.TEXT)

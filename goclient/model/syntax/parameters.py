"""Transfers as users type them: options, and words of both syntaxes of 2012 among a payload's own words.

``model/syntax/text_words.py`` finds the words; here they are read, and what stands twice is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from goclient.errors import GoclientError, RequestError, UsageError
from goclient.errors.conditions import ListRuleError, UnreadWord, UntakenWord
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.model.spec import TransferSpec
from goclient.model.syntax.keywords import read_globus_words
from goclient.model.syntax.lists import ReadLines
from goclient.model.syntax.options import KEYS, LISTS, OPTIONS, read_spec
from goclient.model.syntax.shell import JOB_PARAMETERS, Source
from goclient.model.syntax.text_words import TextWords, find_words
from goclient.model.syntax.word_reader import Items


class Typed(NamedTuple):
    """Job parameters as typed: the transfers, the payload's own words as they stood, every mistake, and warnings.

    What is wrong is left out of the spec.
    """

    spec: TransferSpec
    payload: str
    errors: list[GoclientError]
    warnings: list[Finding]


def read_typed(
    text: str,
    *,
    options: Items | None = None,
    read_lines: ReadLines | None = None,
    source: Source = JOB_PARAMETERS,
) -> Typed:
    """Return what the words of a text and the ``options`` beside it (items of KEYS and of OPTIONS) mean.

    ``read_lines`` reads the file of a list that was typed as ``@FILE``; without it, that is a
    name like any other, and a mistake where locations are.
    ``source`` is the option that the text was typed for.
    """
    options = options or {}
    found = find_words(text, read_lines, options, source=source)
    errors = [*found.errors, *_twice(found, options)]
    if found.globus:
        read = read_globus_words(found.globus, options, read_lines=read_lines, misspelt=found.misspelt)
        errors += read.errors
        if not (found.items or options.keys() - OPTIONS):
            return Typed(read.spec, found.payload, errors, found.warnings + read.warnings)
        errors.append(_both(found, options))
    columns = {key: numbers for key, numbers in found.columns.items() if key not in options}
    spec, mistakes = read_spec({**found.items, **options}, columns)
    return Typed(spec, found.payload, errors + mistakes, found.warnings)


# --- one job, one syntax, each word once ----------------------------------------------------------------------


def _twice(found: TextWords, options: Items) -> Iterator[RequestError]:
    """Yield a mistake for each word that is an option and also in the text."""
    for key in found.items:
        if key in options:
            word, text = found.first[key], found.first[key].source.option
            yield RequestError(
                f"--{key} is given as an option ({quote(','.join(options[key]))}) and inside {text} "
                f"({quote(','.join(found.items[key]))} at column {word.start + 1})",
                hint=f"give it once; if the payload needs this word itself, put it after a bare -- in {text}",
                code="twice",
                subject=f"--{key}",
            )


def _both(found: TextWords, options: Items) -> RequestError:
    """Return the mistake of both syntaxes in one job."""
    dashed = [f"--{key} (an option)" for key in KEYS if key in options]
    dashed += [f"--{key}{word.in_column}" for key, word in found.first.items()]
    text = found.globus[0].source.option
    return RequestError(
        f"two ways to write transfers in one job: {', '.join(dashed)} and {found.globus[0]} of {text}",
        hint="use one of them; if the second is the payload's own word, put it in quotes",
        code="two-syntaxes",
        subject=text,
    )


# --- errors because of others ---------------------------------------------------------------------------------------


def without_consequences(errors: Sequence[GoclientError]) -> list[GoclientError]:
    """Return the errors without the list rules that are broken only because one of the two lists could not be read."""
    parts = [part for error in errors for part in error.parts]
    unread = {part.subject for part in parts if isinstance(part, UsageError | UnreadWord)}
    unread |= {part.option for part in parts if isinstance(part, UntakenWord)}
    pairs = [(f"--{one}", f"--{other}") for one, other in LISTS]
    unread |= {partner for pair in pairs for partner in pair if not unread.isdisjoint(pair)}
    return [part for part in parts if not isinstance(part, ListRuleError) or part.subject not in unread]

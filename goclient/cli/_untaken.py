"""What is said of the words that no option takes."""

from collections.abc import Iterator, Sequence

from goclient.errors import UsageError, quoted

_DASHES = tuple("\u2010\u2011\u2012\u2013\u2014\u2212")  # what word processors make of a hyphen
_CURLY = "\u201c\u201d\u201e\u2018\u2019\u201a"  # and of quotes
SHOWN = 5  # words of one error


def untaken(words: Sequence[str], *, prog: str, known: Sequence[str]) -> Iterator[UsageError]:
    """An error for each unknown option, and one for all other words; ``known`` are the options of the program.

    A bare word after an unknown option is its value.
    """
    after_unknown, strays = False, []
    for word in words:
        if word.startswith("-") and word != "-":
            name = word.split("=", 1)[0]
            message = f"{quoted(name)} is not an option of {prog}"
            yield UsageError(message, hint=_nearest(name, prog, known), code="unknown-option", subject=name)
            after_unknown = "=" not in word
        else:
            strays += [] if after_unknown else [word]
            after_unknown = False
    if strays:
        yield _unexpected(strays, prog)


def _unexpected(words: Sequence[str], prog: str) -> UsageError:
    """The error of words that no option takes: most often a value that was not quoted."""
    text = " ".join(words)
    hint = f"every value belongs to an option; quote values with blanks; see {prog} --help"
    if len(words) > 1:
        hint = f"a value with blanks needs quotes around all of it, as in --jobParameters='a b c'; see {prog} --help"
    if any(word.startswith(_DASHES) for word in words):
        hint = "its first dash is not a hyphen (-), as in pasted text: retype it"
    elif any(mark in text for mark in _CURLY):
        hint = "curly quotes, as in pasted text, quote nothing: retype them as '"
    shown = " ".join(map(quoted, words[:SHOWN])) + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")
    message = f"{shown} {'is' if len(words) == 1 else 'are'} not expected here"
    return UsageError(message, hint=hint, code="unexpected-word", subject=words[0])


def _nearest(name: str, prog: str, known: Sequence[str]) -> str:
    """A hint with the options that are nearly this one."""
    import difflib  # only a mistake pays for it

    longer = [one for one in known if len(name) > 2 and one.lower().startswith(name.lower())]
    lowered = {one.lower().lstrip("-"): one for one in known}
    near = difflib.get_close_matches(name.lower().lstrip("-"), list(lowered), n=3, cutoff=0.65)
    found = longer or [lowered[one] for one in near]
    return (
        f"did you mean {' or '.join(found)}? Options are written in full"
        if found
        else f"{prog} --help lists the options"
    )

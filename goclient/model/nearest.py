"""Find what a user may have meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable

LIKELY = 0.6  # of difflib's ratio: half of the letters, in their order
CLOSE = 0.8  # one or two letters: for a word that may well be somebody else's, and not a mistake


def nearest(word: str, known: Iterable[str], *, most: int = 3, ratio: float = LIKELY) -> list[str]:
    """Return the known words that are nearly this one, whatever the case of their letters; the nearest first."""
    import difflib  # only a mistake pays for it

    lowered = {one.lower(): one for one in known}
    return [lowered[one] for one in difflib.get_close_matches(word.lower(), list(lowered), n=most, cutoff=ratio)]


def hint_of_known(word: str, known: Iterable[str]) -> str:
    """Return the hint for a word that is not one of those that are known: the nearest one, or all."""
    near = nearest(word, known, most=1)
    return f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"

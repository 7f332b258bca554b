"""Wildcards of a shell, which mean nothing here: whether a name has some, and what they would match.

Paths and names are taken as they are.  A name that has wildcards may still be what it says, so it is never refused for
them: they explain why nothing of that name is there.  Patterns are hostile input, and no regular expression is made of
them; matching costs the product of the two lengths at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

MOST_ALTERNATIVES = 100  # of the braces of one pattern; beyond them braces are taken as they are
_LONGEST = 4096  # characters of a pattern; no path that Linux takes is longer

Token = str | frozenset[str] | None  # a character, a class of characters, or None for any character
_STAR, _END = "", "\0\0"  # the tokens of any number of characters, and of none


def has_wildcards(name: str) -> bool:
    """Return True if a shell would take the name for a pattern: ``*``, ``?``, ``[ab]`` or ``{a,b}``.

    A number in brackets is not one: ``hits[12].root`` is an ordinary name.
    """
    if "*" in name or "?" in name:
        return True
    bracketed = [one.partition("]") for one in name.split("[")[1:]] if "[" in name else []
    if any(end and len(inside) > 1 and not inside.isdigit() and inside[0] not in "!^" for inside, end, _ in bracketed):
        return True
    return "{" in name and len(alternatives(name)) > 1


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that the pattern of a shell matches, in their order; a leading dot must be typed."""
    patterns = [(one.startswith("."), _tokens(one)) for one in alternatives(pattern)]
    return [
        name
        for name in names
        if any((dotted or not name.startswith(".")) and _matches(tokens, name) for dotted, tokens in patterns)
    ]


def alternatives(pattern: str) -> list[str]:
    """Return what a shell makes of the braces of a pattern, ``{a,b}`` and ``{1..3}``; the pattern if it has none."""
    found, done = [pattern[:_LONGEST]], 0
    for _ in range(MOST_ALTERNATIVES):
        braces = next(((at, *one) for at in range(done, len(found)) if (one := _braces(found[at]))), None)
        if braces is None:
            return found
        done, start, end, choices = braces
        whole = found[done]
        found[done : done + 1] = [whole[:start] + choice + whole[end:] for choice in choices]
        if len(found) > MOST_ALTERNATIVES:
            break
    return [pattern]


def _braces(text: str) -> tuple[int, int, Sequence[str]] | None:
    """Return where the first innermost braces with a choice stand in a text, and the choices."""
    start = -1
    for at, character in enumerate(text):
        if character == "{" and text[at - 1 : at] != "$":  # ${SN} is the job's number
            start = at
        elif character == "}" and start >= 0:
            choices = _choices(text[start + 1 : at])
            if choices:
                return start, at + 1, choices
            start = -1
    return None


def _choices(inside: str) -> Sequence[str]:
    if "," in inside:
        return inside.split(",") if inside.strip(",") else ()
    first, dots, last = inside.partition("..")
    if not dots or not all(one.isascii() and one.isdigit() and len(one) < 7 for one in (first, last)):
        return ()
    low, high = sorted((int(first), int(last)))
    width = len(first) if first.startswith("0") else 0
    return [f"{number:0{width}d}" for number in range(low, min(high, low + MOST_ALTERNATIVES) + 1)]


def _tokens(pattern: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        end = pattern.find("]", at + 2, at + 64) if character == "[" else -1
        if end > 0 and pattern[at + 1] not in "!^":
            found.append(frozenset(_class(pattern[at + 1 : end])))
            at = end
        else:
            found.append({"*": _STAR, "?": None}.get(character, character))
        at += 1
    return found


def _class(inside: str) -> Iterator[str]:
    """Yield the characters of a class: ``a-c`` is three."""
    at = 0
    while at < len(inside):
        low, high = (
            ord(inside[at]),
            ord(inside[at + 2]) if inside[at + 1 : at + 2] == "-" and at + 2 < len(inside) else 0,
        )
        yield from map(chr, range(low, min(high, low + 256) + 1)) if high >= low else inside[at]
        at += 3 if high else 1


def _matches(tokens: Sequence[Token], name: str) -> bool:
    """Return True if the tokens match the whole name; only the last star is ever tried again."""
    at = token = 0
    star, resumed = -1, 0
    while at < len(name):
        one = tokens[token] if token < len(tokens) else _END
        if one == _STAR:
            star, resumed = token, at
            token += 1
        elif one is None or (isinstance(one, frozenset) and name[at] in one) or one == name[at]:
            at, token = at + 1, token + 1
        elif star >= 0:
            resumed += 1
            at, token = resumed, star + 1
        else:
            return False
    return all(one == _STAR for one in tokens[token:])

"""POSIX extended regular expressions, as far as a policy may be judged, in time that only grows with their length.

A policy comes from a server, so that Python's ``re``, which tries one way after the other, could be kept busy for
ever.  Here all ways are gone at once (Thompson's construction).  What glibc reads in a way of its own, such as ``\\w``
or ``a||b``, is not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

SPECIAL = frozenset(".[]{}()*+?^$|\\")
MAX_STATES = 2_000  # each character of a text is tried on each
_MAX_REPEAT = 255  # RE_DUP_MAX of POSIX
_MAX_DEPTH = 50
_CLASSES: dict[str, Callable[[str], bool]] = {
    "alnum": str.isalnum, "alpha": str.isalpha, "digit": str.isdigit, "lower": str.islower, "upper": str.isupper,
    "space": str.isspace, "blank": lambda c: c in " \t",
    "punct": lambda c: c.isprintable() and not c.isalnum() and c != " ",
    "xdigit": lambda c: c in "0123456789abcdefABCDEF", "print": str.isprintable,
    "graph": lambda c: c.isprintable() and c != " ", "cntrl": lambda c: not c.isprintable(),
}  # fmt: skip


class Unjudged(Exception):
    """The expression has what is not read here, or is no expression at all."""


class Node(NamedTuple):
    """A part of an expression: ``test`` one character, or a kind with parts; ``bounds`` of a repetition."""

    kind: str  # "one", "start", "end", "all", "any", "repeat"
    test: Callable[[str], bool] | None = None
    parts: tuple[Node, ...] = ()
    bounds: tuple[int, int | None] = (1, 1)


def fits(expression: str, text: str) -> bool:
    """Whether the expression has a match of the whole text; raises Unjudged."""
    machine = _Machine(_Parser(expression).parse())
    return machine.accepts(text)


class _Parser:
    """Reads an expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def parse(self) -> Node:
        node = self._alternatives()
        if self._at < len(self._text):
            raise Unjudged  # a closing parenthesis that nothing opened
        return node

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _alternatives(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unjudged
        found = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            found.append(self._sequence())
        self._depth -= 1
        return found[0] if len(found) == 1 else Node("any", parts=tuple(found))

    def _sequence(self) -> Node:
        found: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            found.append(self._repeated(self._atom()))
        if not found:
            raise Unjudged  # an empty alternative: each regcomp has its own mind
        return Node("all", parts=tuple(found))

    def _atom(self) -> Node:
        char = self._peek()
        self._at += 1
        if char == "(":
            node = self._alternatives()
            if self._peek() != ")":
                raise Unjudged
            self._at += 1
            return node
        if char in "^$":
            return Node("start" if char == "^" else "end")
        if char == ".":
            return Node("one", lambda _: True)
        if char == "[":
            return Node("one", self._bracket())
        if char == "\\":
            char = self._peek()
            self._at += 1
            if char not in SPECIAL or not char:
                raise Unjudged  # GNU's \w, \<, \1, and what POSIX leaves open
        elif char in "*+?{":
            raise Unjudged  # nothing to repeat
        return Node("one", lambda c, char=char: c == char)  # type: ignore[misc]  # mypy infers no type for the default

    def _repeated(self, node: Node) -> Node:
        while (char := self._peek()) and char in "*+?{":
            if node.kind in ("start", "end", "repeat"):
                raise Unjudged  # of a**, too, each regcomp has its own mind
            self._at += 1
            bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char) or self._interval()
            node = Node("repeat", parts=(node,), bounds=bounds)
        return node

    def _interval(self) -> tuple[int, int | None]:
        text, closed, _ = self._text[self._at :].partition("}")
        self._at += len(text) + 1
        low, comma, high = text.partition(",")
        if not closed or not _number(low) or not (_number(high) or high == ""):
            raise Unjudged
        least, most = int(low), (int(high) if high else None if comma else int(low))
        if (most is not None and not least <= most) or max(least, most or 0) > _MAX_REPEAT:
            raise Unjudged
        return least, most

    def _bracket(self) -> Callable[[str], bool]:
        negated = self._peek() == "^"
        self._at += negated
        tests: list[Callable[[str], bool]] = []
        while self._peek() != "]" or not tests:
            tests.append(self._member())
        self._at += 1
        return lambda c: any(test(c) for test in tests) != negated

    def _member(self) -> Callable[[str], bool]:
        start = self._text[self._at : self._at + 2]
        if start == "[:":
            name, closed, _ = self._text[self._at + 2 :].partition(":]")
            if not closed or name not in _CLASSES:
                raise Unjudged
            self._at += len(name) + 4
            return _CLASSES[name]
        first = self._member_char()
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("", "]"):
            return lambda c: c == first
        self._at += 1
        last = self._member_char()
        if first > last or not (first + last).isascii():
            raise Unjudged  # elsewhere the order is the locale's
        return lambda c: first <= c <= last

    def _member_char(self) -> str:
        char = self._peek()
        if not char or (char == "[" and self._text[self._at + 1 : self._at + 2] in (".", "=", ":")):
            raise Unjudged
        self._at += 1
        return char


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3


class _Machine:
    """The states of an expression: from each, a tested step, or free steps to others."""

    def __init__(self, node: Node) -> None:
        self._tests: list[Callable[[str], bool] | None] = []
        self._free: list[list[tuple[str, int]]] = []  # ("" or an anchor, state)
        first, self._last = self._state(), self._state()
        self._build(node, first, self._last)

    def _state(self) -> int:
        if len(self._tests) >= MAX_STATES:
            raise Unjudged
        self._tests.append(None)
        self._free.append([])
        return len(self._tests) - 1

    def _build(self, node: Node, first: int, last: int) -> None:
        if node.kind == "one":
            step = self._state()
            self._tests[step] = node.test
            self._free[step].append(("", last))  # gone after the test
            self._free[first].append(("", step))
        elif node.kind in ("start", "end"):
            self._free[first].append((node.kind, last))
        elif node.kind == "any":
            for part in node.parts:
                self._build(part, first, last)
        elif node.kind == "all":
            for part in node.parts[:-1]:
                between = self._state()
                self._build(part, first, between)
                first = between
            self._build(node.parts[-1], first, last)
        else:
            self._repeat(node, first, last)

    def _repeat(self, node: Node, first: int, last: int) -> None:
        least, most = node.bounds
        part = node.parts[0]
        for _ in range(least):
            after = self._state()
            self._build(part, first, after)
            first = after
        if most is None:
            loop = self._state()
            self._free[first].append(("", loop))
            self._build(part, loop, loop)
            first = loop
        else:
            for _ in range(most - least):
                self._free[first].append(("", last))
                after = self._state()
                self._build(part, first, after)
                first = after
        self._free[first].append(("", last))

    def accepts(self, text: str) -> bool:
        states = self._closure({0}, at_start=True, at_end=not text)
        for location, char in enumerate(text, 1):
            stepped = {
                state
                for one in states
                if (test := self._tests[one]) is not None and test(char)
                for _, state in self._free[one]
            }
            states = self._closure(stepped, at_start=False, at_end=location == len(text))
            if not states:
                return False
        return self._last in states

    def _closure(self, states: set[int], *, at_start: bool, at_end: bool) -> set[int]:
        found, todo = set(states), list(states)
        open_anchors = {"": True, "start": at_start, "end": at_end}
        while todo:
            state = todo.pop()
            if self._tests[state] is not None:
                continue
            for anchor, target in self._free[state]:
                if open_anchors[anchor] and target not in found:
                    found.add(target)
                    todo.append(target)
        return found

"""Which branches the tests take: each outcome of a decision is one, and is known once it was taken."""

from __future__ import annotations

import ast
import builtins

import pytest

from tests.branches import TABLE, Marked

TEXT = '''
def decide(one):
    """Decide."""
    if one == "if":
        return 1
    elif one == "elif":
        return 2
    for letter in one:
        if letter == "b":
            break
    while one == "while":
        return 3
    try:
        int(one)
    except ValueError:
        pass
    match one:
        case "m":
            return 4
class Interface:
    def left_out(self) -> None: ...
'''


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([], []),
        (["if"], [2, 5]),
        (["elif"], [2, 6, 7]),
        (["m", "elif"], [2, 6, 6, 7, 8, 9, 9, 11, 15, 18]),
        (["b"], [2, 6, 6, 9, 10, 11, 15, 17]),
        (["while"], [2, 6, 6, 8, 9, 9, 12]),
        (["7"], [2, 6, 6, 8, 9, 9, 11, 17]),
    ],
)
def test_what_is_decided_is_taken(monkeypatch: pytest.MonkeyPatch, given: list[str], taken: list[int]) -> None:
    marked = Marked(first=3)
    tree = marked.visit(ast.parse(TEXT))
    table = bytearray(3 + len(marked.lines))
    monkeypatch.setattr(builtins, TABLE, table, raising=False)
    module: dict[str, object] = {}
    exec(compile(tree, "text", "exec"), module)
    for one in given:
        module["decide"](one)  # type: ignore[operator]
    assert sorted(line for line, seen in zip(marked.lines, table[3:], strict=True) if seen) == taken
    assert not any(table[:3])

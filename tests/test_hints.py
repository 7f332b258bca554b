"""No hint is the input pasted back together: what it proposes is made from the cause, in a shell's quotes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import goclient

SOURCE = Path(goclient.__file__).parent

# Parameters that are no input: names of options and words, parts of a hint, and ids that a service gave.
NO_INPUT = {
    ("preflight/https.py", "other_way"),  # words of ours
    ("preflight/myproxy.py", "remedy"),
    ("preflight/https.py", "other_way"),  # a command of ours
    ("cli/parser.py", "typed"),  # the option's name
    ("config/environment.py", "name"),  # of a variable
    ("config/grid.py", "option"),
    ("errors/sent.py", "key"),  # of the journal, a UUID
    ("errors/sent.py", "ids"),  # numbers
    ("campaigns/transfers.py", "remedy"),  # words of ours
    ("campaigns/unfinished.py", "campaign"),  # a name that was checked when it was sent
    ("errors/sent.py", "campaign"),  # the same
    ("submission.py", "key"),
    ("model/option.py", "typed"),  # the option's name
    ("model/syntax/lists.py", "word"),  # the option's name
    ("model/syntax/misread.py", "word"),
    ("model/syntax/text_words.py", "hint"),
    ("model/syntax/text_words.py", "near"),  # one of our words
    ("node/engines/globus_task.py", "task_id"),
    ("tasks/outputs.py", "nickname"),
    ("mending/client.py", "call"),  # retry or kill
    ("tasks/api.py", "tool"),  # prun or pathena
}
HINTS = re.compile("hint|remedy|Problem")
TEXTS = ("str", "str | None", "Optional[str]", "object", "Location", "Word", "Sequence[str]")


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def inputs(function: ast.FunctionDef) -> set[str]:
    """The parameters of a function that are texts, and what a loop gives of them."""
    arguments = [*function.args.args, *function.args.kwonlyargs]
    names = {one.arg for one in arguments if one.annotation is not None and ast.unparse(one.annotation) in TEXTS}
    if not names:
        return set()
    for node in ast.walk(function):
        if isinstance(node, ast.For) and isinstance(node.iter, ast.Name) and node.iter.id in names:
            names |= {one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)}
    return names


def hints(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """Yield what a function says to do: ``hint=…``, the second value of a Problem, what is kept as one or a remedy."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            yield from (one.value for one in node.keywords if one.arg in ("hint", "remedy"))
            if isinstance(node.func, ast.Name) and node.func.id == "Problem":
                yield from node.args[1:2]
        elif isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id in ("hint", "remedy") for one in targets):
                yield node.value


def pasted(source: str, module: str) -> Iterator[str]:
    """The places in a module where a hint has a piece of the input as it was typed."""
    for function in functions(ast.parse(source)) if HINTS.search(source) else ():
        typed = inputs(function)
        for hint in hints(function) if typed else ():
            for piece in ast.walk(hint):
                name = piece.value if isinstance(piece, ast.FormattedValue) else None
                whole = name.value if isinstance(name, ast.Attribute) else name  # word.value
                if isinstance(whole, ast.Name) and whole.id in typed and (module, whole.id) not in NO_INPUT:
                    yield f"{module}:{hint.lineno}: {whole.id}"


def test_no_hint_has_the_input_as_it_was_typed() -> None:
    found = [
        location
        for path in sorted(SOURCE.rglob("*.py"))
        for location in pasted(path.read_text(encoding="utf-8"), str(path.relative_to(SOURCE)))
    ]
    assert found == []


def test_a_hint_with_a_command_that_is_not_ours_says_which_package_has_it() -> None:
    for path in SOURCE.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\bhint\b.*\bglobus (?:ls|task|endpoint|session|transfer) ", line):
                assert "globus-cli" in line, f"{path}:{number}"


def test_a_hint_that_pastes_the_input_is_found() -> None:
    for body in (
        'raise E("x", hint=f"write {text}")',
        'hint = f"write {text}:/path"',
        'return Problem("x", f"write {text}")',
        'for one in text:\n        raise E("x", hint=f"write {one}")',
        'remedy = f"write {text.value}"',
    ):
        assert list(pasted(f"def f(text: str) -> None:\n    {body}\n", "m.py"))
    for body in ('raise E("x", hint=f"write {quote(text)}")', 'raise E(f"{text}", hint="retype it")'):
        assert not list(pasted(f"def f(text: str) -> None:\n    {body}\n", "m.py"))

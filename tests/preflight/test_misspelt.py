"""A name that is not there is answered with those that are; a pattern with the list that it stands for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from goclient.model.endpoint import read_endpoint
from goclient.model.location import Location
from goclient.model.remote import FileInfo
from goclient.preflight.misspelt import LIST, SHOWN, Wildcards, hint_of_near, judge_wildcards, list_first

SITE, SERVER = read_endpoint("SITE1"), read_endpoint("davs://h")
ENTRIES = {
    name: FileInfo(name, name.startswith("run"), 1) for name in ("hits1.root", "hits2.root", "a'b.root", "run1", "run2")
}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hit1.root", 'did you mean "hits1.root" or'),
        ("HITS1.ROOT", 'did you mean "hits1.root"'),
        ("h\u0456ts1.root", "hits1.root is there and looks the same as h\u0456 (U+0456)ts1.root: copy that name"),
        ("zzz", ""),
    ],
)
def test_a_hint_has_the_names_that_are_nearly_this_one(name: str, hint: str) -> None:
    found = hint_of_near(name, ENTRIES)
    assert found.startswith(hint) if "looks" not in hint else "looks the same as" in found
    assert bool(found) == bool(hint)


def test_of_many_names_the_first_are_listed() -> None:
    assert list_first("ba") == '"a", "b"'
    assert list_first(map(str, range(10, 10 + SHOWN + 2))).endswith(f'"{9 + SHOWN}", and 2 more')


@pytest.mark.parametrize("name", ["hits", "hits[12", "none[12].root"])
def test_a_name_without_wildcards_has_none(name: str) -> None:
    assert judge_wildcards(Location(SITE, f"/d/{name}"), "", ENTRIES) == Wildcards()


@pytest.mark.parametrize(
    ("name", "rest", "message", "hint"),
    [
        ("hits*.root", "", "2 names there would match", f"| sed 's|^|SITE1:/d/|' > {LIST}; and name @{LIST} instead"),
        ("run?", "x", "2 directories there would match", "| sed -n 's|.*/$|SITE1:/d/&x|p' > "),
        ("*.txt", "", "0 names there would match", ""),
        ("a?b.root", "", "1 name there would match", "grep -xE"),
    ],
)
def test_a_pattern_is_told_with_the_command_that_makes_its_list(name: str, rest: str, message: str, hint: str) -> None:
    found = judge_wildcards(Location(SITE, f"/d/{name}"), rest, ENTRIES)
    assert found.message == f"; there are no wildcards, and {message}"
    assert hint in found.hint
    assert bool(found.hint) == bool(hint)


def test_on_a_server_which_no_command_lists_the_names_are_told() -> None:
    found = judge_wildcards(Location(SERVER, "/d/hits*.root"), "", ENTRIES)
    assert found.hint == 'name each of them: "hits1.root", "hits2.root"'


@pytest.mark.parametrize(
    ("pattern", "rest", "made"),
    [
        ("hits?.root", "", ["SITE1:/d e/hits1.root", "SITE1:/d e/hits2.root"]),
        ("{a'b,hits1}.root", "", ["SITE1:/d e/a'b.root", "SITE1:/d e/hits1.root"]),
        ("run[12]", "b&c|d", ["SITE1:/d e/run1/b&c|d", "SITE1:/d e/run2/b&c|d"]),
        ("run*", "x", ["SITE1:/d e/run1/x", "SITE1:/d e/run2/x"]),
    ],
)
def test_the_command_makes_the_list_in_a_shell(pattern: str, rest: str, made: list[str], tmp_path: Path) -> None:
    """The list of ``globus ls`` is that of a program which knows one directory; only a pattern of * is its own."""
    names = sorted(f"{name}/" if one.is_directory else name for name, one in ENTRIES.items())
    wanted = [name for name in names if name.startswith("run")] if pattern == "run*" else names
    program = tmp_path / "globus"
    program.write_text("#!/bin/sh\ncat <<'EOF'\n" + "\n".join(wanted) + "\nEOF\n")
    program.chmod(0o755)
    hint = judge_wildcards(Location(SITE, f"/d e/{pattern}"), rest, ENTRIES).hint
    command = hint.removeprefix("type: ").partition("; and name")[0]
    subprocess.run(["bash", "-c", command], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    assert (tmp_path / LIST).read_text().splitlines() == made

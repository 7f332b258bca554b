"""A catalogue is a text whose entries come and go without losing a byte of what others wrote."""

from __future__ import annotations

import subprocess
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.config.catalogue_toml import (
    check_name,
    check_where,
    command,
    fields_of,
    read_entries,
    with_entry,
    without_entry,
)
from goclient.config.toml_text import key
from goclient.errors import RequestError
from goclient.errors.wording import printable
from goclient.model.endpoint import read_endpoint
from goclient.model.syntax.lists import split_items
from goclient.model.syntax.parse import parse_location
from tests.strategies import MANY, endpoint_names, endpoints, hosts, servers

UUID, OTHER = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
LINK = "https://app.globus.org/file-manager"

SITE1 = f'[SITE1]\nkind = "globus"\nid = "{UUID}"\n'


def _is_name(text: str) -> bool:
    try:
        return check_name(text) == text
    except RequestError:
        return False


names = endpoint_names.filter(_is_name)

wheres = st.uuids().map(str) | servers | hosts.map(lambda host: read_endpoint(f"davs://{host}").text)

_COMMENTS = st.sampled_from(("# mine", "  # [SITE1]", '# kind = "s3"', "#", "# é '''"))

_BLANKS = st.sampled_from(("", "  ", "\t"))

_MORE = st.sampled_from(
    (
        'owner = "me" # not a comment: #',
        'note = """\n[SITE1]\n\n# no comment\nkind = "s3"\n"""',
        "note = '''[B]\n'''",
        'also = [\n  "[x]", # why\n\n  1,\n]',
        "# inside",
    )
)


class Written(NamedTuple):
    """A catalogue as somebody might have written it: its entries, and its comments outside of tables, in order."""

    text: str
    entries: dict[str, str]
    comments: list[str]


@st.composite
def written(draw: st.DrawFn) -> Written:
    """A catalogue with inline entries, then tables, among comments and blank lines; of one kind of line end."""
    entries = draw(st.dictionaries(names, wheres, max_size=4))
    inline = draw(st.integers(0, len(entries)))
    lines: list[str] = []
    comments: list[str] = []

    def between() -> None:
        for number in range(draw(st.integers(0, 2))):
            comment = f"{draw(_COMMENTS)} {len(comments)}-{number}"
            comments.append(comment)
            lines.extend((comment, draw(_BLANKS))[: draw(st.integers(1, 2))])

    for number, (name, where) in enumerate(entries.items()):
        between()
        fields = [f'{field} = "{value}"' for field, value in fields_of(where).items()]
        if number < inline:
            dotted = [f"{key(name)}.{field}" for field in fields]
            lines += draw(st.sampled_from(([f"{key(name)} = {{ {', '.join(fields)} }}"], dotted)))
        else:
            body = draw(st.permutations([*fields, *draw(st.lists(_MORE, max_size=1))]))
            lines += [f"[{key(name)}]", *body] if not body[-1].startswith("#") else [f"[{key(name)}]", *reversed(body)]
            if draw(st.booleans()):
                lines += ["", f"  [{key(name)}.more]", "x = 1"]
    between()
    end = draw(st.sampled_from(("\n", "\r\n")))
    text = "\n".join(lines) + draw(st.sampled_from(("\n", ""))) * bool(lines)
    return Written(text.replace("\n", end), entries, comments)


@MANY
@given(written(), names, wheres)
def test_what_was_added_is_read_and_all_else_as_before(old: Written, name: str, where: str) -> None:
    others = {one: entry for one, entry in old.entries.items() if one != name}
    text = without_entry(old.text, name) if name in old.entries else old.text
    assert read_entries(text) == (others, [])
    added = with_entry(text, name, where)
    assert read_entries(added) == ({**others, name: where}, [])
    assert added.startswith(text)


@MANY
@given(written(), names, wheres)
def test_what_was_added_and_removed_leaves_the_bytes_before(old: Written, name: str, where: str) -> None:
    if name not in old.entries:
        assert without_entry(with_entry(old.text, name, where), name) == old.text


@MANY
@given(written())
def test_removing_one_leaves_the_others_and_every_comment(old: Written) -> None:
    for name in old.entries:
        text = without_entry(old.text, name)
        left = {one: entry for one, entry in old.entries.items() if one != name}
        assert read_entries(text) == (left, [])
        kept = iter(text.split("\n"))
        assert all(any(line.rstrip("\r") == comment for line in kept) for comment in old.comments)


@MANY
@given(st.text() | st.lists(st.sampled_from(("[", "]", '"', "'''", "=", "\n", "A", "1" * 5000, "#", "."))).map("".join))
def test_a_text_is_a_catalogue_or_says_on_which_line_it_is_none(text: str) -> None:
    entries, problems = read_entries(text)
    assert all(0 <= one.line <= text.count("\n") + 1 and one.text for one in problems)
    assert not entries or all(map(fields_of, entries.values()))


def test_a_text_that_is_nested_without_end_is_no_catalogue() -> None:
    ((problem),) = read_entries("a = " + "[" * 100_000)[1]
    assert "too deeply" in problem.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(f"{SITE1}\n[B]\nx = 1\n", "[B]\nx = 1\n", id="the first"),
        pytest.param(f"# all\n\n{SITE1}\n# of B\n[B]\nx = 1\n", "# all\n\n# of B\n[B]\nx = 1\n", id="in the middle"),
        pytest.param(f"[B]\nx = 1\n# of SITE1\n{SITE1}# the end", "[B]\nx = 1\n# of SITE1\n# the end", id="the last"),
        pytest.param('SITE1.kind = "s3"\n# why\nSITE1.id = 5\nB = 1\n', "# why\nB = 1\n", id="keys above all tables"),
        pytest.param("[SITE1]\na = 1\n[B]\nx = 1\n[SITE1.c]\ny = 1\n", "[B]\nx = 1\n", id="a table in two places"),
        pytest.param('[SITE1]\n# inside\na = """\n[B]\n"""\n[B]\n', "[B]\n", id="with all that is inside"),
        pytest.param("[B]\nx = 1\n", "[B]\nx = 1\n", id="not there"),
    ],
)
def test_removing_takes_the_tables_own_lines(before: str, after: str) -> None:
    assert without_entry(before, "SITE1") == after


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param('[A]\nkind = "globus\n', 2, "not TOML", id="a quote that is missing"),
        pytest.param(f"{SITE1}\n[B", 5, "not TOML", id="a bracket that is missing"),
        pytest.param(f"{SITE1}\n{SITE1}", 5, "twice", id="a name that is there twice"),
        pytest.param(f'{SITE1}\n[B]\nkind = "s3"\n', 5, '[B] has the kind "s3"', id="an unknown kind"),
        pytest.param(f'{SITE1}[B]\nid = "{UUID}"\n', 4, "[B] has no kind", id="no kind"),
        pytest.param(f"# x\n\n{SITE1.replace(UUID, 'SITE1')}", 3, '[SITE1] has the id "SITE1"', id="a bad UUID"),
        pytest.param('\n[B]\nkind = "globus"\n', 2, "[B] has no id", id="no id"),
        pytest.param('[B]\nkind = "gridftp"\nurl = "ftp://h"\n', 1, '[B] has the url "ftp://h"', id="no gridftp"),
        pytest.param(f"[A]\n{SITE1}", 1, "[A] has no kind", id="an empty table"),
        pytest.param(f'[a.b]\nkind = "globus"\nid = "{UUID}"', 1, '["a.b"]', id="a dot without quotes"),
        pytest.param('x = """\n\n"""\nB = 5\n', 4, "[B] is not a table", id="no table"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, words: str) -> None:
    problems = read_entries(text)[1]
    assert [one.line for one in problems if words in one.text] == [line], problems


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "no name"),
        ("  ", "no name"),
        ("a:b", "colon"),
        (UUID, "UUID"),
        (UUID.upper(), "UUID"),
        ("globus", "scheme"),
        ("gsiftp", "scheme"),
        ("file", "scheme"),
        ("a$b", "$"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\ud800", "Unicode"),
        ("a,b", "comma"),
        ("@a", "file"),
        ("#a", "comment"),
        (" a", "blank"),
        ("a\t", "control"),
        ("goclient", "the job's own endpoint"),
        ("x" * 257, "256"),
    ],
)
def test_a_name_that_a_location_would_misread_is_none(name: str, why: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_name(name)
    assert why in caught.value.message
    assert (caught.value.code, bool(caught.value.hint)) == ("name", True)


@MANY
@given(st.text(max_size=12) | endpoints)
def test_a_name_is_none_or_every_location_on_it_reads_so(text: str) -> None:
    if _is_name(text):
        location = f"{text}:/a b"
        assert split_items("--Data", [location], lambda _: []) == [location]
        assert (parse_location(location).endpoint.text, parse_location(location).path) == (text, "/a b")


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        (UUID, UUID),
        (UUID.upper(), UUID),
        (f"globus://{UUID}", UUID),
        (f"globus://{UUID}/", UUID),
        ("gsiftp://H.example.org", "gsiftp://h.example.org"),
        ("gsiftp://h:2811/", "gsiftp://h"),
        ("davs://H:443/", "davs://h"),
        ("davs://[0:0::1]:8443", "davs://[::1]:8443"),
    ],
)
def test_an_endpoint_is_a_uuid_or_a_server(typed: str, where: str) -> None:
    assert check_where(typed) == where


@pytest.mark.parametrize(
    "typed",
    ["", "SITE1", UUID[:-1], "globus://x", "gsiftp://", "ftp://h", f"{LINK}?origin_path=%2F"],
)
def test_what_is_no_endpoint_is_quoted_with_what_to_type(typed: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_where(typed)
    assert (f'"{typed}"' in caught.value.message, caught.value.code) == (True, "no-endpoint")
    assert "endpoint list --search" in caught.value.hint


NASTY = [
    "$(touch pwned)",
    "`touch pwned`",
    "a; touch pwned",
    "a'b",
    'a"b',
    "a\nb\\",
    "'\x1b$(x)\u2028é1",
    "-x",
    "a b",
    "\t",
]


def words_of(line: str) -> list[str]:
    """Return what a shell makes of a line that was printed."""
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {printable(line)}"], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("name", NASTY)
def test_a_command_in_a_hint_is_one_line_whose_words_a_shell_leaves_alone(name: str) -> None:
    start, guard = ["goclient", "endpoint"], ["--"] if name.startswith("-") else []
    assert words_of(command("remove", name)) == [*start, "remove", *guard, name]
    found = words_of(command("list", search=name))
    assert found == [*start, "list", *([f"--search={name}"] if guard else ["--search", name])]
    assert command("add", name, "UUID").isprintable()


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("gsiftp://h:0", "gsiftp://h"),
        ("davs://h/a", "davs://h"),
        ("webdav://h:8443", "davs://h:8443"),
        ("gsiftp://::1", "'gsiftp://[::1]'"),
        ("gridftp://me@h", "gsiftp://h"),
        (f"{UUID}:/a", UUID),
        (f"globus://{UUID}/a", UUID),
        (f"{LINK}?origin_id={UUID}&origin_path=%2F", UUID),
    ],
)
def test_a_url_that_is_nearly_a_servers_is_mended(typed: str, right: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_where(typed)
    assert caught.value.hint == f"write {right}"

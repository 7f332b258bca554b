"""The words of runGen start the carrier with the payload's own words, whatever is in them, and are read back."""

from __future__ import annotations

import re
import shlex
import subprocess
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goclient.carrier.rungen import Start, Wrapping, read_start, within_quote
from goclient.model.names import fill_serial
from tests.strategies import payloads

PLAN = "0f" * 32
WORDS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=4)
AWKWARD = st.lists(st.text(st.sampled_from("'\"\\%$`IN \n{}/SNP*?;&|<>()#~!"), max_size=8), max_size=4)


def start(words: list[str]) -> Start:
    return Start("https://h:25443", "jobO.x.tar.gz", PLAN, tuple(words))


@given(WORDS | AWKWARD)
def test_what_is_written_is_read_back(words: list[str]) -> None:
    filled = fill_serial(start(words).parameters(), 7)
    assert read_start(filled) == start([fill_serial(word, 7) for word in words])


@given(WORDS | AWKWARD)
@example(['a"""""b', "x\\", '"""'])
def test_the_command_is_one_that_rungen_runs_as_it_stands(words: list[str]) -> None:
    given = shlex.split(start(words).parameters())
    command = unquote(given[given.index("-p") + 1])
    assert '"""' not in command
    assert not command.endswith(("\\", '"'))
    assert not re.search("%[A-Za-z]", command), "runGen fills in %IN and the like"


@pytest.mark.parametrize("words", [["a b", "$HOME", "`id`", "'\"'", "%IN", "${SN}", "x\\"], [], ["", "é"]])
def test_a_shell_makes_the_same_words_of_the_command(words: list[str]) -> None:
    given = shlex.split(fill_serial(start(words).parameters(), 7))
    command = unquote(given[given.index("-p") + 1]).partition(" -- ")[2]
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' x {command}"], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[1:-1] == [fill_serial(word, 7) for word in words]


@given(st.lists(st.text(st.sampled_from("'\"\\%$`IN \n{};"), max_size=6) | st.text(max_size=4), max_size=3))
@example(['""', '"', "'"])
@example(['"""""'])
@example(['"', '"', '"'])
def test_the_command_of_a_task_is_one_word_of_the_shell_that_runs_the_carrier(pieces: list[str]) -> None:
    pieces = [piece.encode("utf-8", "replace").decode() for piece in pieces]
    around = Wrapping.of(PLAN)
    text = around.begin + "".join(within_quote(quote(piece)) for piece in pieces) + around.end
    filled = text.replace("${SN}", "7").replace("$JEDITASKID", "12")
    command = unquote(filled)
    assert '"""' not in command
    assert shlex.split(command)[-3:] == ["/bin/sh", "-c", "".join(pieces)]
    start = read_start(f'-j "" --sourceURL https://h -r . -l LIB --useX -o "{{}}" -p "{filled}" --more')
    assert start == Start("https://h", "", PLAN, ("/bin/sh", "-c", "".join(pieces)))
    assert start.url == ""


@given(payloads | st.text())
def test_any_other_text_is_not_taken_for_it(text: str) -> None:
    assert read_start(text) is None
    assert read_start(f"-p {shlex.quote(text)}") is None


def test_the_words_are_those_that_a_site_lets_in() -> None:
    assert start(["-n", "5"]).parameters() == (
        '-j "" --sourceURL https://h:25443 -r . -a jobO.x.tar.gz -o "{}" -p '
        f'"python3%20-I%20.%2Fgoclient-carry%20--plan%3D{PLAN}%20--job%3D${{SN}}%20--%20-n%205"'
    )

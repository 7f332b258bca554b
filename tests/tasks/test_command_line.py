"""The words of a command line, divided: what is pure in it, and the table of our options."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.cli.options.prun import KINDS
from goclient.errors import RequestError
from goclient.model.endpoint import read_endpoint
from goclient.model.spec import TransferSpec
from goclient.tasks.command_line import HIDDEN, Option, divide, find_nearest, hide, show, values_of, words_of
from goclient.tasks.output_server import OutputServer
from goclient.tasks.outputs import Outputs, expect_outputs, list_declared, read_outputs
from goclient.tasks.table import TABLES
from goclient.tasks.transfers import add_outputs

TABLE = TABLES["prun"]
OURS = sorted(f"--{name}" for name in TABLE.options)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)
ANY = st.one_of(TEXTS, st.sampled_from([*OURS, "--", "-", "--exec", "--outDS=x", HIDDEN + "x"]))
LINES = st.lists(st.one_of(ANY, st.builds("{}={}".format, st.sampled_from(OURS), TEXTS)), max_size=8)


def _takes_value(word: str) -> bool:
    return word in ("--exec", "--outDS")


@given(LINES)
def test_hidden_words_are_shown_as_they_were(line: list[str]) -> None:
    assert show(hide(line, TABLE)) == line


@given(LINES)
def test_no_word_of_ours_is_left_to_be_taken_for_an_obsolete_one(line: list[str]) -> None:
    words = hide(line, TABLE)
    end = words.index("--") if "--" in words else len(words)
    assert not any(TABLE.find(word) for word in words[:end])


@given(LINES.filter(lambda line: not any(TABLE.find(word) for word in line)))
def test_a_line_without_a_word_of_ours_passes_byte_for_byte(line: list[str]) -> None:
    assert hide([word for word in line if not word.startswith(HIDDEN)], TABLE) == [
        word for word in line if not word.startswith(HIDDEN)
    ]
    assert divide(line, TABLE, _takes_value) == (line, [])


@given(LINES)
def test_the_words_of_panda_client_keep_their_order_and_none_is_lost(line: list[str]) -> None:
    stock, ours = divide(line, TABLE, _takes_value)
    rest = iter(line)
    assert all(word in rest for word in stock)
    joined = len(line) - len(stock) - len(ours)  # values, each by an equals sign to its option
    assert len("".join(line)) == len("".join([*stock, *ours])) - joined


DIVIDED = {
    "one word": (["--goMkdir"], [], ["--goMkdir"]),
    "with an equals sign": (["--Data=x"], [], ["--Data=x"]),
    "two words": (["--Data", "x", "y"], ["y"], ["--Data=x"]),
    "a flag takes nothing": (["--goMkdir", "jobO.py"], ["jobO.py"], ["--goMkdir"]),
    "no value at the end": (["--Data"], [], ["--Data"]),
    "an option is no value": (["--Data", "--goMkdir"], [], ["--Data", "--goMkdir"]),
    "a dash is a value": (["--Data", "-"], [], ["--Data=-"]),
    "the value of an option of theirs": (["--exec", "--Data x"], ["--exec", "--Data x"], []),
    "an option of theirs without its value": (["--exec", "--goMkdir"], ["--exec"], ["--goMkdir"]),
    "their value in its word": (["--exec=--Data", "--Data=y"], ["--exec=--Data"], ["--Data=y"]),
    "after a bare --": (["--goMkdir", "--", "--Data=y"], ["--", "--Data=y"], ["--goMkdir"]),
    "an abbreviation is not ours": (["--goMk"], ["--goMk"], []),
    "one dash": (["-Data=x"], ["-Data=x"], []),
    "an empty value": (["--Data="], [], ["--Data="]),
}


@pytest.mark.parametrize(
    ("line", "stock", "ours"), [pytest.param(*case, id=name) for name, case in DIVIDED.items()]
)  # fmt: skip
def test_ours_are_taken_out_of_a_line(line: list[str], stock: list[str], ours: list[str]) -> None:
    assert divide(line, TABLE, _takes_value) == (stock, ours)


def test_what_words_give_gives_the_words_again() -> None:
    ours = ["--Data=a", "--Data=b", "--goMkdir", "--goNeeds=5", "--useGOForOutput=S:/o/"]
    given_values = values_of(ours, TABLE)
    assert given_values == {"Data": ["a", "b"], "goMkdir": True, "goNeeds": 5, "useGOForOutput": "S:/o/"}
    assert words_of(given_values, TABLE) == ours
    assert words_of({"goMkdir": False, "Data": None, "goNeeds": "x"}, TABLE) == ["--goNeeds=x"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--useGOForOutputt", "--useGOForOutput"),
        ("--usegoforoutput=x", "--useGOForOutput"),
        ("--useGO", "--useGOForOutput"),
        ("--outputgo", "--OutputGO"),
        ("--Data", ""),
        ("--frobnicate", ""),
        ("Data", ""),
        ("-x", ""),
        ("-useGOForOutput", "--useGOForOutput"),
        ("-Data=x", "--Data"),
        ("-data", "--Data"),
        ("-dat", ""),
        ("useGOForOutput=SITE1:/o/", "--useGOForOutput"),
        ("Data=x", "--Data"),
        ("---Data=x", "--Data"),
        ("--useGOForOutput:SITE1:/o/", "--useGOForOutput"),
        ("\u2014Data=x", "--Data"),
        ("\u2013\u2013OutputGO", "--OutputGO"),
        ("SITE1:/o/", ""),
        ("--Data=x:y", ""),
    ],
)
def test_a_word_that_is_nearly_ours_is_told(word: str, meant: str) -> None:
    assert find_nearest(word, TABLE) == meant


@pytest.mark.parametrize("tool", KINDS)
def test_the_table_is_that_of_the_option_dataclass(tool: str) -> None:
    made = {}
    for field in fields(KINDS[tool]):
        meta, number = field.metadata, field.type is int
        text = meta["help"] + (f" (default: {field.default})" if number else "")
        flag = field.type is bool
        metavar = "" if flag else meta["metavar"] or field.name.upper()
        made[field.name] = Option(field.name, metavar, text, flag=flag, many=meta["many"], number=number)
        assert meta["args"] == [f"--{field.name}"]
    assert TABLES[tool].options == made


# --- outputs, and where they go -------------------------------------------------------------------------------


def test_outputs_are_read_as_both_tools_write_them() -> None:
    def task(text: str, *lfns: str) -> dict[str, object]:
        outputs = [{"type": "template", "param_type": "output", "hidden": True, "value": lfn} for lfn in lfns]
        return {"jobParameters": [*outputs, {"type": "constant", "value": text}], "log": {"value": "log"}}

    assert read_outputs(task("-o \"{'a': 'lfn.a'}\"", "lfn.a")) == ({"a": "lfn.a"}, "log")
    pathena = "-o \"{'IROOT': [('a', 'lfn.a')], 'hist': 'lfn.h'}\" "
    assert read_outputs(task(pathena, "lfn.a", "lfn.h")).names == {"a": "lfn.a", "hist": "lfn.h"}
    assert read_outputs(task("run.sh")).names == {}
    for text in ("-o unknown", '-o "{broken}"', "-o \"{'a': 'lfn.a'}\""):
        with pytest.raises(RequestError, match="does not say"):
            read_outputs(task(text, "lfn.b"))


def test_outputs_are_expected_as_a_line_declares_them() -> None:
    assert list_declared("A:x.dat, y*.dat,regex|z.*", "", ["more"]) == ["x.dat", "y*.dat", "regex|z.*", "more"]
    assert list_declared("", "Reco_tf.py out=%OUT.a.root,b", []) == ["a.root"]
    assert expect_outputs(["a"], "group.phys.ds").names == {"a": "group.phys.$JEDITASKID._${SN/P}.a"}
    assert expect_outputs(["a"], "user.jdoe").names == {"a": "user.jdoe.$JEDITASKID._${SN/P}.a"}
    assert expect_outputs([], "user.jdoe.ds").log == "user.jdoe.ds.log.$JEDITASKID.${SN/P}.log.tgz"
    assert expect_outputs(["y*.dat"], "user.jdoe.ds").names == {"y*.dat": "user.jdoe.$JEDITASKID._${SN/P}.yXYZ.dat.tgz"}


@pytest.mark.parametrize(
    ("text", "endpoint", "directory"),
    [
        ("wdeng#ANLHEP_ATLAS8:/atlas/dq2/test/", "wdeng#ANLHEP_ATLAS8", "/atlas/dq2/test/"),
        ("wdeng#ANLHEP_ATLAS8", "wdeng#ANLHEP_ATLAS8", None),
        ("SITE1:", "SITE1", None),
        ("SITE1:/", "SITE1", "/"),
        ("SITE1:/~/x", "SITE1", "/~/x"),
        ("gsiftp://host:2811", "gsiftp://host:2811", None),
        ("gsiftp://host/x", "gsiftp://host", "/x"),
        ("globus://" + "a" * 8 + "-aaaa-aaaa-aaaa-" + "a" * 12, "a" * 8 + "-aaaa-aaaa-aaaa-" + "a" * 12, None),
    ],
)
def test_a_server_is_an_endpoint_with_or_without_a_directory(text: str, endpoint: str, directory: str | None) -> None:
    assert OutputServer.read(text) == OutputServer(read_endpoint(endpoint), directory)


@pytest.mark.parametrize("text", ["/atlas", "a/b", "SITE1:x/", "$X", "", "SITE1:/../"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="--useGOForOutput="):
        OutputServer.read(text)


def test_a_dataset_that_makes_no_directory_is_refused() -> None:
    with pytest.raises(RequestError, match="the files would go to"):
        OutputServer(read_endpoint("SITE1"), "/o/").directory_of("jdoe", "user.jdoe.x/../y")


def test_each_output_goes_once() -> None:
    spec = add_outputs(
        TransferSpec(), OutputServer(read_endpoint("S"), "/o").directory_of("j", "d"), Outputs({"a": "l", "b": "l"}, "")
    )
    assert [str(transfer.target) for transfer in spec.output] == ["S:/o/j/d/l"]
    assert spec.working == "goclient"


def test_a_link_with_two_sides_means_the_right_one_as_the_place_of_outputs() -> None:
    left, right = "0f3a7bb4-3bd1-4b0e-8b0c-3a2f9d6a1c11", "5b1f6f0e-7a39-4f0f-8d52-7c1f0e3b9a22"
    link = f"https://app.globus.org/file-manager?origin_id={left}&origin_path=%2Fa%2F"
    assert OutputServer.read(f"{link}&destination_id={right}&destination_path=%2Fb%2F") == OutputServer(
        read_endpoint(right), "/b/"
    )
    assert OutputServer.read(link) == OutputServer(read_endpoint(left), "/a/")

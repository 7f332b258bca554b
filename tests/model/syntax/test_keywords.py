"""The words of the globusPilot mean what they meant in 2012, and every mistake in them is said at once."""

from __future__ import annotations

import pytest
from hypothesis import given

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.model.endpoint import JOB
from goclient.model.plan import TransferTask
from goclient.model.planner import plan
from goclient.model.records.registry import attach, decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.keywords import NAMES
from goclient.model.syntax.lists import MISTAKES_SHOWN
from goclient.model.syntax.parameters import read_typed
from tests.strategies import MANY, Globus, globus, payloads, raw_words

# The words of the example in "Full Globus interface for the globusPilot", verbatim, lines and blanks as on the page.
SEED = r"""globus-user=mxp \
                                  globus-endpoint-in=mxp#MXP_BNL_TEST globus-endpoint-local=mxp#MXP_BNL_TEST globus-endpoint-out=mxp#MXP_OU_TEST \
                                  in-mode=server dir-in=/direct/usatlas+u/mxp/ files-in=xs.sh \
                                  out-mode=server dir-out=/home/usatlas1 files-out=xs.sh"""  # noqa: E501


def spec_of(text: str) -> TransferSpec:
    typed = read_typed(text)
    raise_all(typed.errors)
    return typed.spec


def items(spec: TransferSpec) -> list[tuple[str, str | None, str, str | None, str]]:
    """Each item of a plan: its phase, from which endpoint and path, to which."""
    return [
        (t.phase, t.source.text or None, i.source, t.destination.text or None, i.destination)
        for t in plan(spec)
        for i in t.items
    ]


def mistakes(text: str) -> list[GoclientError]:
    return read_typed(text).errors


# --- what they mean -------------------------------------------------------------------------------------------


def test_the_example_of_2012_is_read_as_it_stands_on_the_page() -> None:
    typed = read_typed(SEED)
    assert (typed.payload, typed.errors, typed.warnings) == ("", [], [])
    spec = typed.spec
    assert (spec.user, spec.in_mode, spec.out_mode) == ("mxp", "server", "server")
    assert str(spec.local_endpoint) == "mxp#MXP_BNL_TEST"
    assert not spec.makes_endpoint
    assert items(spec) == [
        ("stage-in", "mxp#MXP_BNL_TEST", "/direct/usatlas+u/mxp/xs.sh", None, "xs.sh"),
        ("output", None, "xs.sh", "mxp#MXP_OU_TEST", "/home/usatlas1/xs.sh"),
    ]
    assert [task.server and task.server.text for task in plan(spec)] == ["mxp#MXP_BNL_TEST"] * 2
    assert decode(SEED).spec == decode(attach("", spec)).spec == spec


def test_line_breaks_between_the_words_are_blanks_with_or_without_a_backslash() -> None:
    one_line = " ".join(SEED.replace("\\\n", " ").split())
    for text in (one_line, one_line.replace(" ", "\n"), one_line.replace(" ", "\\\n"), SEED.replace("\n", "\r\n")):
        assert read_typed(text) == read_typed(SEED)


def test_the_encoding_is_that_of_the_dashed_words() -> None:
    assert attach("run", spec_of(SEED)) == (
        "run --goclient=v1:8 --StageinGOsrc=mxp#MXP_BNL_TEST:/direct/usatlas+u/mxp/xs.sh "
        "--OutputGO=mxp#MXP_OU_TEST:/home/usatlas1/ --WorkingendpointGO=goclient --Data=xs.sh "
        "--InmodeGO=server --OutmodeGO=server --LocalendpointGO=mxp#MXP_BNL_TEST --UserGO=mxp"
    )
    gc = "globus-endpoint-in=A in-mode=gc dir-in=/d files-in=f globus-endpoint-out=B out-mode=gc dir-out=/o files-out=x"
    assert attach("", spec_of(gc)) == attach("", spec_of("--StageinGOsrc=A:/d/f --Data=x --OutputGO=B:/o"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "in-mode=gc globus-endpoint-in=A dir-in=/in files-in=f1,f2",
            [("stage-in", "A", "/in/f1", None, "f1"), ("stage-in", "A", "/in/f2", None, "f2")],
            id="gc-in",
        ),
        pytest.param(
            "out-mode=gc globus-endpoint-out=A dir-out=/out files-out=f1",
            [("output", None, "f1", "A", "/out/f1")],
            id="gc-out",
        ),
        pytest.param(
            "in-mode=local dir-in=/in/ files-in=f1 out-mode=local dir-out=/out files-out=f2",
            [("stage-in", "file://", "/in/f1", None, "f1"), ("output", None, "f2", "file://", "/out/f2")],
            id="local-both-ways",
        ),
        pytest.param(
            "in-mode=server globus-endpoint-local=L files-in=f1 dir-in=/in",
            [("stage-in", "L", "/in/f1", None, "f1")],
            id="server-without-an-endpoint-means-the-local-one",
        ),
        pytest.param(
            "in-mode=gc globus-endpoint-in=A files-in=f1",
            [("stage-in", "A", "/f1", None, "f1")],
            id="without-a-directory-it-is-the-root",
        ),
        pytest.param(
            "in-mode=gc globus-endpoint-in=A dir-in=/~/x files-in=f1",
            [("stage-in", "A", "/~/x/f1", None, "f1")],
            id="below-a-home-directory",
        ),
        pytest.param(
            "in-mode=gc globus-endpoint-in=A dir-in=/in files-in=run7/",
            [("stage-in", "A", "/in/run7/", None, "run7/")],
            id="a-directory",
        ),
        pytest.param(
            "in-mode=gc globus-endpoint-in=A dir-in=/in files-in=a/x,b/x",
            [("stage-in", "A", "/in/a/x", None, "a/x"), ("stage-in", "A", "/in/b/x", None, "b/x")],
            id="a-file-keeps-its-path-below-the-directory",
        ),
        pytest.param(
            "out-mode=gc globus-endpoint-out=A dir-out=/out/ files-out=r/x",
            [("output", None, "r/x", "A", "/out/r/x")],
            id="an-output-keeps-its-path-below-the-directory",
        ),
        pytest.param(
            "in-mode=gc globus-endpoint-in=gsiftp://H:2811 dir-in=/in files-in=f",
            [("stage-in", "gsiftp://h", "/in/f", None, "f")],
            id="a-gridftp-server",
        ),
        pytest.param("in-mode=server out-mode=gc globus-user=me", [], id="a-direction-without-files-moves-nothing"),
        pytest.param(
            "in-mode=gc globus-endpoint-in=A files-in=a files-in=b,c",
            [
                ("stage-in", "A", "/a", None, "a"),
                ("stage-in", "A", "/b", None, "b"),
                ("stage-in", "A", "/c", None, "c"),
            ],
            id="lists-that-are-repeated-add-up",
        ),
        pytest.param(
            "in-mode='gc' globus-endpoint-in='My data' files-in='a b'",
            [("stage-in", "My data", "/a b", None, "a b")],
            id="values-in-quotes",
        ),
    ],
)
def test_the_words_mean_what_they_meant(text: str, expected: list[tuple[str, ...]]) -> None:
    assert items(spec_of(text)) == expected


@pytest.mark.parametrize(("folder", "file"), [("/in", "f1"), ("/in/", "f1"), ("/in//", "f1"), ("/in", "./f1")])
def test_a_directory_and_a_file_are_joined_with_one_slash(folder: str, file: str) -> None:
    spec = spec_of(f"in-mode=gc globus-endpoint-in=A dir-in={folder} files-in={file}")
    assert items(spec) == [("stage-in", "A", "/in/f1", None, "f1")]


@pytest.mark.parametrize(
    ("in_mode", "out_mode", "makes"),
    [
        ("gc", "gc", True),
        ("gc", "server", True),
        ("server", "gc", True),
        ("server", "server", False),
        ("local", "local", False),
        ("local", "server", False),
        ("gc", "local", True),
    ],
)
def test_each_direction_has_its_own_mode(in_mode: str, out_mode: str, makes: bool) -> None:
    spec = spec_of(
        f"in-mode={in_mode} files-in=a globus-endpoint-in=A out-mode={out_mode} files-out=b globus-endpoint-out=B "
        "globus-endpoint-local=L"
    )
    assert (spec.in_mode, spec.out_mode, spec.makes_endpoint) == (in_mode, out_mode, makes)
    assert str(spec.local_endpoint) == ("L" if "server" in (in_mode, out_mode) else "None")
    stage_in, output = plan(spec)
    assert [task.server and task.server.text for task in (stage_in, output)] == [
        "L" if m == "server" else None for m in (in_mode, out_mode)
    ]


def test_a_plan_in_json_calls_the_jobs_directory_by_the_server_that_sees_it() -> None:
    stage_in, output = plan(spec_of("in-mode=server globus-endpoint-local=L files-in=a out-mode=local files-out=b"))
    assert (stage_in.document("goclient")["destination"], stage_in.is_copy) == ("L", False)
    document = output.document("goclient")
    assert (document["source"], document["destination"], output.is_copy) == ("goclient", "file://", True)


def test_ten_thousand_files_between_two_endpoints_are_one_task() -> None:
    names = ",".join(f"f{number}" for number in range(10_000))
    for text in (f"in-mode=gc globus-endpoint-in=A dir-in=/d files-in={names}",
                 "--StageinGOsrc=" + ",".join(f"A:/d/{name}" for name in names.split(","))):  # fmt: skip
        (task,) = plan(spec_of(text))
        assert [item.destination for item in task.items] == names.split(",")


@given(globus)
@MANY
def test_what_means_a_spec_gives_that_spec_and_comes_back_from_the_record(typed: Globus) -> None:
    read = read_typed(typed.text)
    assert (read.errors, read.spec, read.payload) == ([], typed.spec, "")
    assert decode(attach("", read.spec)).spec == typed.spec
    if "goclient=" not in typed.text:  # a marker, wherever it is in the text of a record
        assert decode(typed.text).spec == typed.spec


@given(globus, payloads)
@MANY
def test_among_a_payloads_words_they_mean_the_same(typed: Globus, payload: str) -> None:
    if not typed.words or any(f"{name}=" in payload for name in NAMES):
        return  # those would be ours, too
    for text in (f"{typed.text} {payload}", f"{payload} {typed.text}"):
        read = read_typed(text)
        assert (read.errors, read.spec) == ([], typed.spec)
        assert raw_words(read.payload) == raw_words(payload)


def _targets(task: TransferTask) -> list[str]:
    return [item.destination for item in task.items]


@given(globus)
@MANY
def test_nothing_is_written_outside_the_directory_that_the_user_named(typed: Globus) -> None:
    given_words = dict(typed.words)
    try:
        tasks = plan(typed.spec)
    except GoclientError:
        return  # two would be written to one place
    for task in tasks:
        folder = given_words.get("dir-out", "/").rstrip("/") if task.phase == "output" else ""
        for target in _targets(task):
            assert target.startswith(f"{folder}/") if task.destination != JOB else not target.startswith("/")
            assert ".." not in target.split("/")


# --- what is wrong with them ----------------------------------------------------------------------------------

IN = "globus-endpoint-in=A in-mode=gc files-in=f"


@pytest.mark.parametrize(
    ("text", "subject", "shown"),
    [
        pytest.param(
            "globus-endpoint-in=A files-in=xs.sh",
            "in-mode",
            ['"files-in=xs.sh" at column 22', "without in-mode"],
            id="files-without-a-mode",
        ),
        pytest.param(
            "globus-user=m files-out=x dir-out=/o",
            "out-mode",
            ['"files-out=x"', "without out-mode"],
            id="output-without-a-mode",
        ),
        pytest.param(
            "in-mode=sever files-in=a", "in-mode", ['"in-mode=sever" at column 1', "not a mode"], id="no-mode"
        ),
        pytest.param(
            "in-mode=gc files-in=a",
            "globus-endpoint-in",
            ['"in-mode=gc"', "without globus-endpoint-in"],
            id="gc-without-an-endpoint",
        ),
        pytest.param(
            "in-mode=server files-in=a globus-endpoint-in=A",
            "globus-endpoint-local",
            ['"in-mode=server"', "without globus-endpoint-local"],
            id="server-without-the-local-endpoint",
        ),
        pytest.param(
            f"{IN} dir-in=data", "dir-in", ['"dir-in=data" at column 44', "begin with /"], id="relative-directory"
        ),
        pytest.param(f"{IN} dir-in=~/x", "dir-in", ['"dir-in=~/x"', "/~/"], id="home-without-a-slash"),
        pytest.param(f"{IN} dir-in=/a/../b", "dir-in", ['"dir-in=/a/../b"', ".."], id="directory-with-dots"),
        pytest.param(f"{IN} dir-in=/$HOME", "dir-in", ['"dir-in=/$HOME"', "evaluate"], id="directory-with-a-dollar"),
        pytest.param("in-mode=local files-in=a dir-in=/~/x", "dir-in", ["home directory"], id="a-home-on-the-node"),
        pytest.param(f"{IN},../x", "files-in", ['files-in="../x"', "(column 33)"], id="file-above-the-directory"),
        pytest.param(f"{IN},", "files-in", ['"files-in=f,"', "empty item"], id="empty-item"),
        pytest.param("out-mode=local files-out=/x", "files-out", ['files-out="/x"', "relative"], id="absolute-output"),
        pytest.param(f"{IN} dir-in=", "dir-in", ['"dir-in="', "no value"], id="empty-directory"),
        pytest.param("globus-user= run", "globus-user", ['"globus-user=" at column 1', "no value"], id="empty-user"),
        pytest.param(
            "globus-user='a\nb'", "globus-user", ['"globus-user=a\\nb"', "control character"], id="newline-in-user"
        ),
        pytest.param(
            f"{IN} dir-in=/a dir-in=/b", "dir-in", ['"dir-in=/a" at column 44', '"dir-in=/b" at column 54'], id="twice"
        ),
        pytest.param(
            "globus-endpoint-in=A:/d in-mode=gc files-in=f",
            "globus-endpoint-in",
            ['"A:/d"', "path, or a colon"],
            id="endpoint-with-a-path",
        ),
        pytest.param(
            "globus-endpoint-in=goclient in-mode=gc files-in=f",
            "globus-endpoint-in",
            ['"globus-endpoint-in=goclient"'],
            id="endpoint-that-is-called-as-the-jobs-own",
        ),
        pytest.param(
            "globus-endpoint-in=file:// in-mode=gc files-in=f", "globus-endpoint-in", ['"file://"'], id="the-node"
        ),
    ],
)
def test_a_mistake_quotes_the_word_its_column_and_the_rule(text: str, subject: str, shown: list[str]) -> None:
    (error,) = mistakes(text)
    assert isinstance(error, RequestError)
    assert error.message.startswith("--jobParameters: ")
    assert all(part in error.message for part in shown), error.message
    assert (error.subject, bool(error.hint)) == (subject, True)


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("files-in=/d/e/f", "dir-in=/d/e files-in=f"),
        ("files-in=/f", "files-in=f"),
        ("files-in=//f", "files-in=f"),
        ("files-in=/d/e/", "dir-in=/d files-in=e/"),
        ("files-in=~/e/f", "dir-in=/~/e files-in=f"),
        ("files-in=~/f", "dir-in=/~/ files-in=f"),
        ("dir-in=/d files-in=/d/e/f", "files-in=e/f"),
        ("dir-in=/d/ files-in=/d//f", "files-in=f"),
        ("dir-in=/d files-in=/f", "files-in=f"),
        ("dir-in=/d files-in=/x/f", "dir-in=/x files-in=f"),
        ("dir-in=/d/e files-in=job.out", "dir-in=/d files-in=e/job.out"),
        ("dir-in=/e files-in=job.out", "dir-in=/ files-in=e/job.out"),
        ("dir-in=/d/e files-in=job.out/x", "dir-in=/d files-in=e/job.out/x"),
    ],
)
def test_a_file_that_cannot_be_brought_so_has_the_words_that_mend_it(words: str, right: str) -> None:
    text = f"in-mode=gc globus-endpoint-in=A {words}"
    (error,) = mistakes(text)
    assert f"write {right}" in error.hint
    kept = " ".join(word for word in text.split() if word.partition("=")[0] + "=" not in right)
    assert mistakes(f"{kept} {right}") == []


def test_the_payloads_output_at_the_top_gets_another_name_with_the_options() -> None:
    (error,) = mistakes("in-mode=gc globus-endpoint-in=A files-in=job.out")
    right = "--StageinGOsrc=A:/job.out --StageinGOdest=goclient:/input.job.out"
    assert right in error.hint
    assert read_typed(right).errors == []


def test_files_that_are_taken_to_the_top_are_a_warning() -> None:
    for mode, where in (("gc globus-endpoint-out=A", "dir-out=/~/"), ("local", "dir-out=/PATH")):
        typed = read_typed(f"out-mode={mode} files-out=x")
        assert (typed.errors, [doubt.code for doubt in typed.warnings]) == ([], ["no-directory"])
        assert where in typed.warnings[0].hint
    assert read_typed("out-mode=gc globus-endpoint-out=A files-out=x dir-out=/").warnings == []


def test_all_mistakes_are_reported_at_once() -> None:
    text = (
        "globus-user= globus-usr=x in-mode=sever dir-in=d files-in=a,../b globus-endpoint-in=A:/x "
        "out-mode=server files-out=/abs dir-out=o dir-out=p globus-endpoint-out=B --Data=x"
    )
    subjects = [error.subject for error in mistakes(text)]
    words = ["globus-usr", "globus-user", "in-mode", "dir-in", "files-in", "globus-endpoint-in", "files-out", "dir-out"]
    assert sorted(subjects) == sorted([*words, "globus-endpoint-local", "--jobParameters", "--Data"])


def test_a_mistake_says_the_column_of_its_own_word_and_many_are_counted() -> None:
    errors = mistakes("in-mode=gc globus-endpoint-in=A files-in=ok " + "files-in=../x " * 1000)
    assert len(errors) == MISTAKES_SHOWN + 1
    assert [f"(column {45 + 14 * number})" in errors[number].message for number in range(3)] == [True] * 3
    assert f"{1000 - MISTAKES_SHOWN} more" in errors[-1].message
    assert sum(len(error.message) for error in errors) < 5_000
    dashed = read_typed("run " + "--Data=../x " * 1000 + "--OutputGO=A:/o").errors
    assert (len(dashed), "(column 17 of" in dashed[1].message) == (MISTAKES_SHOWN + 1, True)


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        pytest.param("globus-endpoint-in=A dir-in=/d run", ["globus-endpoint-in", "dir-in"], id="without-files"),
        pytest.param(f"globus-endpoint-local=L {IN}", ["globus-endpoint-local"], id="a-server-that-no-mode-uses"),
        pytest.param(
            "in-mode=local files-in=a globus-endpoint-in=A", ["globus-endpoint-in"], id="local-asks-no-endpoint"
        ),
        pytest.param("in-mode=local out-mode=gc run", ["in-mode", "out-mode"], id="modes-alone"),
        pytest.param("globus-user=mxp run", ["globus-user"], id="a-user-alone"),
        pytest.param(f"{IN} out-mode=gc", [], id="a-mode-of-a-direction-that-moves-nothing-beside-one-that-does"),
        pytest.param(IN, [], id="nothing-to-doubt"),
    ],
)
def test_a_word_without_effect_is_a_warning(text: str, subjects: list[str]) -> None:
    typed = read_typed(text)
    assert bool(typed.spec) == ("files-in" in text)
    assert (typed.errors, [doubt.subject for doubt in typed.warnings]) == ([], subjects)
    assert all(doubt.level == "warning" and "no effect" in doubt.message for doubt in typed.warnings)


def test_a_list_may_be_in_a_file_where_files_are_read() -> None:
    lines = ["# inputs", "a,b", "", "c d"]
    typed = read_typed("in-mode=gc globus-endpoint-in=A files-in=x,y files-in=@l", read_lines={"l": lines}.__getitem__)
    assert [transfer.source.path for transfer in typed.spec.stage_in] == ["/x", "/y", "/a,b", "/c d"]

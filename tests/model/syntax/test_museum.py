"""The museum: what the pilots of 2012 did wrong with the transfer options. None of it is to come back."""

from __future__ import annotations

import pytest

from goclient.errors import GoclientError, RequestError, raise_all
from goclient.model.endpoint import JOB
from goclient.model.location import JOB_DIRECTORY, Location
from goclient.model.planner import plan
from goclient.model.records.registry import attach, decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.parameters import read_typed
from goclient.model.syntax.shell import words


def submitted(parameters: str) -> tuple[TransferSpec, list[str]]:
    """Return what a pilot reads after a submission: the transfers, and the words that the payload gets."""
    typed = read_typed(parameters)
    raise_all(typed.errors)
    spec, own, *_ = decode(attach(typed.payload, typed.spec))
    return spec, [word.value for word in words(own)]


def items_of_plan(spec: TransferSpec) -> list[tuple[str | None, str, str | None, str]]:
    """Each transfer: from which endpoint and path to which."""
    return [
        (t.source.text or None, item.source, t.destination.text or None, item.destination)
        for t in plan(spec)
        for item in t.items
    ]


def refusal(parameters: str) -> str:
    """Return what a user is told instead of a submission."""
    with pytest.raises(GoclientError) as caught:
        submitted(parameters)
    assert all(isinstance(part, RequestError) for part in caught.value.parts)
    return "\n".join(part.message for part in caught.value.parts)


def test_01_an_equals_sign_in_a_value_does_not_end_it() -> None:
    """In 2012, ``opt.split('=')[1]`` cut a value at its second ``=``: ``/data/run=7/a`` became ``/data/run``."""
    spec, own = submitted("--StageinGOsrc=SITE1:/data/run=7/a=b go --WorkingendpointGO=W=1")
    assert [str(transfer.source) for transfer in spec.stage_in] == ["SITE1:/data/run=7/a=b"]
    assert (spec.working, own) == ("W=1", ["go"])


def test_01_an_equals_sign_in_a_word_of_the_globus_pilot_does_not_end_it() -> None:
    spec, _ = submitted("in-mode=gc globus-endpoint-in=A dir-in=/data/run=7 files-in=a=b")
    assert items_of_plan(spec) == [("A", "/data/run=7/a=b", None, "a=b")]


@pytest.mark.parametrize("word", ["--Database=prod", "--DataSet=x", "--OutputGOal=x", "--WorkingendpointGO_2=x"])
def test_02_a_payload_keeps_an_option_that_begins_like_ours(word: str) -> None:
    """In 2012, options were recognised by their beginning: ``--Database=prod`` was taken for ``--Data``."""
    spec, own = submitted(f"run {word} --Data=x --OutputGO=A:/o")
    assert own == ["run", word]
    assert [str(transfer.source) for transfer in spec.output] == ["x"]


@pytest.mark.parametrize(
    "parameters", ["--Data x --OutputGO=A:/o", "--OutputGO=A:/o --Data", "--Data= --OutputGO=A:/o"]
)
def test_03_an_option_without_a_value_is_refused_before_the_submission(parameters: str) -> None:
    """In 2012, ``--Data x`` was an IndexError on the worker node, after the job had been taken."""
    assert '"--Data' in refusal(parameters)


@pytest.mark.parametrize("word", ["files-out=", "dir-out=", "globus-endpoint-out=", "out-mode="])
def test_03_a_word_of_the_globus_pilot_without_a_value_is_refused_before_the_submission(word: str) -> None:
    """In 2012, such a word was taken as it was: an empty ``dir-out`` was an IndexError on the worker node."""
    assert f'"{word}"' in refusal(f"in-mode=gc globus-endpoint-in=A files-in=a {word}")


def test_04_a_payload_keeps_its_quotes_its_blanks_and_its_words() -> None:
    """In 2012, the text was split at blanks and joined again, and any word ``dir-out=…`` was taken away."""
    payload = "run 'a  b' \"it's\" c\\ d  dir-out=/mine files-in='x y' ''"
    spec, own = submitted(f"{payload} --Data=x --OutputGO=A:/o")
    assert own == ["run", "a  b", "it's", "c d", "dir-out=/mine", "files-in=x y", ""]
    assert decode(attach(payload, spec)).payload == payload


def test_04_a_payload_keeps_a_quoted_word_that_looks_like_one_of_the_globus_pilots() -> None:
    """In 2012, every word ``dir-out=…`` was the pilot's, wherever it stood."""
    payload = "run 'dir-out=/mine now'  \\files-out=x -- in-mode=fast"
    spec, own = submitted(f"in-mode=gc globus-endpoint-in=A files-in=a {payload}")
    assert own == ["run", "dir-out=/mine now", "files-out=x", "--", "in-mode=fast"]
    assert items_of_plan(spec) == [("A", "/a", None, "a")]


def test_05_more_destinations_than_sources_are_refused() -> None:
    """In 2012, the shorter list was padded until the lengths were equal, for ever if the destinations were more."""
    message = refusal("--StageinGOsrc=A:/a --StageinGOdest=B:/x,B:/y,B:/z")
    assert all(word in message for word in ('"A:/a"', '"B:/x", "B:/y", "B:/z"'))


def test_06_equal_lists_and_one_working_endpoint_all_go_to_it() -> None:
    """In 2012, the second of several files went to ``None:/wn/job/b``: the working endpoint was padded with None."""
    parameters = "--StageinGOsrc=A:/a,A:/b --StageinGOdest=W:/a,W:/b --WorkingendpointGO=W"
    spec, _ = submitted(parameters)
    assert items_of_plan(spec) == [("A", "/a", None, "a"), ("A", "/b", None, "b")]
    assert "None" not in attach("", spec)
    (task,) = plan(spec)
    assert task.document(spec.working)["destination"] == "W"


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param("--StageinGOsrc=A:/1,A:/2,A:/3 --StageinGOdest=B:/x/,C:/y/", id="stage-in"),
        pytest.param("--StageoutGOsrc=1,2,3 --StageoutGOdest=B:/x/,C:/y/", id="stage-out"),
        pytest.param("--Data=1,2,3 --OutputGO=B:/x/,C:/y/", id="output"),
    ],
)
def test_07_destinations_are_never_cycled(parameters: str) -> None:
    """In 2012, three sources and the destinations B and C were silently paired as B, C, B."""
    message = refusal(parameters)
    assert all(word in message for word in ("2 destinations", '"B:/x/", "C:/y/"', "the 3 of"))


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        pytest.param("--StageinGOdest=B:/x", "--StageinGOdest without --StageinGOsrc", id="stage-in-destination"),
        pytest.param("--StageoutGOdest=B:/x", "--StageoutGOdest without --StageoutGOsrc", id="stage-out-destination"),
        pytest.param("--StageoutGOsrc=x", "--StageoutGOsrc without --StageoutGOdest", id="stage-out-source"),
        pytest.param("--Data=x", "--Data without --OutputGO", id="data"),
        pytest.param("--OutputGO=B:/x", "--OutputGO without --Data", id="output"),
    ],
)
def test_08_half_a_pair_is_refused(parameters: str, told: str) -> None:
    """In 2012, these were an AttributeError on the node, or were silently ignored."""
    assert told in refusal(parameters)


def test_08_transfers_without_a_working_endpoint_get_one() -> None:
    """In 2012, anything without ``--WorkingendpointGO`` was an AttributeError."""
    spec, _ = submitted("--StageinGOsrc=A:/a --Data=x --OutputGO=A:/o")
    assert spec.working
    assert len(plan(spec)) == 2


def test_08_an_input_without_a_destination_lands_in_the_jobs_directory() -> None:
    """In 2012, ``--StageinGOdest`` was read and never used."""
    spec, _ = submitted("--StageinGOsrc=A:/d/a,A:/d/b")
    assert {transfer.destination for transfer in spec.stage_in} == {JOB_DIRECTORY}
    assert items_of_plan(spec) == [("A", "/d/a", None, "a"), ("A", "/d/b", None, "b")]


@pytest.mark.parametrize("source", ["o1", "./o1", "W:/o1"])
def test_09_a_stage_out_source_is_a_name_or_a_location(source: str) -> None:
    """In 2012, the documented ``W:/job/o1`` became ``W:/job/W:/job/o1``."""
    spec, _ = submitted(f"--StageoutGOsrc={source} --StageoutGOdest=A:/o/ --WorkingendpointGO=W")
    assert [transfer.source for transfer in spec.stage_out] == [Location(JOB, "/o1")]
    assert items_of_plan(spec) == [(None, "o1", "A", "/o/o1")]


@pytest.mark.parametrize(
    ("parameters", "item"),
    [
        pytest.param("--Data=f1 --OutputGO=A:/out", (None, "f1", "A", "/out/f1"), id="output"),
        pytest.param("--Data=f1 --OutputGO=A:/out/", (None, "f1", "A", "/out/f1"), id="output-with-slash"),
        pytest.param("--Data=r/f1 --OutputGO=A:/", (None, "r/f1", "A", "/f1"), id="output-to-the-root"),
        pytest.param(
            "--StageoutGOsrc=f1 --StageoutGOdest=A:/out/", (None, "f1", "A", "/out/f1"), id="stage-out-with-slash"
        ),
        pytest.param(
            "--StageinGOsrc=A:/in//f1 --StageinGOdest=W:/sub/ --WorkingendpointGO=W",
            ("A", "/in//f1", None, "sub/f1"),
            id="stage-in",
        ),
    ],
)
def test_10_a_folder_and_a_name_are_joined_with_one_slash(
    parameters: str, item: tuple[str | None, str, str | None, str]
) -> None:
    """In 2012, the folder ``/in`` and the file ``f1`` became ``/inf1``."""
    spec, _ = submitted(parameters)
    assert items_of_plan(spec) == [item]


@pytest.mark.parametrize(
    ("folder", "file", "path"),
    [("/in", "f1", "/in/f1"), ("/in/", "f1", "/in/f1"), ("/", "f1", "/f1"), ("/in", "./f1", "/in/f1")],
)
def test_10_a_folder_and_a_name_of_the_globus_pilot_are_joined_with_one_slash(
    folder: str, file: str, path: str
) -> None:
    """In 2012, ``dir-in=/in`` and ``f1`` became ``/inf1``; ``dir-out`` got its slash."""
    spec, _ = submitted(f"in-mode=gc globus-endpoint-in=A dir-in={folder} files-in={file}")
    assert items_of_plan(spec) == [("A", path, None, "f1")]
    spec, _ = submitted(f"out-mode=gc globus-endpoint-out=A dir-out={folder} files-out=f1")
    assert items_of_plan(spec) == [(None, "f1", "A", path)]


@pytest.mark.parametrize("parameters", ["--Data=x --OutputGO=", "--Data=x --OutputGO=A:", "--Data=x --OutputGO=A:/o,"])
def test_10_an_empty_folder_is_refused(parameters: str) -> None:
    """In 2012, an empty folder was an IndexError on the node."""
    assert "--OutputGO" in refusal(parameters)

"""Files that pass through a site: each file is brought once, and the jobs copy on the node."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import RequestError
from goclient.model.endpoint import JOB, NODE, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.names import fill_serial
from goclient.model.records.registry import attach, decode
from goclient.model.spec import TransferSpec
from goclient.model.staging import StagingArea, stage

ONE, TWO, SITE = (read_endpoint(f"{n}" * 8 + "-0000-0000-0000-000000000000") for n in "123")
AREA = StagingArea(SITE, "/staging/C.1", "/node/C.1")
HOME = Location(JOB, "/")

_DIRECTORIES = st.lists(st.sampled_from(["x", "y", "z${SN}"]), max_size=2).map(lambda names: "/".join(["", *names]))
_PATHS = st.builds("{}/{}".format, _DIRECTORIES, st.sampled_from(["a", "c${SN}", "d.root", "x/", "z${SN}/"]))
_SOURCES = st.lists(st.builds(Location, st.sampled_from([ONE, TWO]), _PATHS), min_size=1, max_size=8, unique=True)


def spec_of(sources: list[Location], *outputs: Transfer) -> TransferSpec:
    brought = tuple(Transfer(one, Location(JOB, f"/{n}/")) for n, one in enumerate(sources))
    return TransferSpec(stage_in=brought, stage_out=outputs, working="goclient")


@given(_SOURCES, st.integers(1, 3))
def test_each_file_is_brought_once_to_where_each_job_finds_it(sources: list[Location], jobs: int) -> None:
    staged = stage(spec_of(sources), AREA, jobs)
    brought = {(one.source, item.source): item.destination for one in staged.brings for item in one.items}
    assert len(brought) == sum(len(one.items) for one in staged.brings)
    assert len(set(brought.values())) == len(brought)
    for serial in range(1, jobs + 1):
        for source, copy in zip(sources, staged.spec.stage_in, strict=True):
            path = fill_serial(source.path, serial).rstrip("/")
            found = fill_serial(copy.source.path, serial).rstrip("/")
            own = [name for end, name in brought if end == source.endpoint]
            above = [name for name in own if f"{path}/".startswith(f"{name.rstrip('/')}/")]
            assert len(above) == 1, "by itself, or in a directory that is brought"
            assert f"{found}/".startswith(f"{AREA.node}/{brought[source.endpoint, above[0]]}".rstrip("/") + "/")
            assert found.endswith(path)


@given(_SOURCES)
def test_the_record_of_a_job_that_copies_reads_back(sources: list[Location]) -> None:
    out = Transfer(Location(JOB, "/x.root"), Location(ONE, "/out/${SN}.root"))
    staged = stage(spec_of(sources, out), AREA, 2)
    assert decode(attach("-n 1", staged.spec)).spec == staged.spec
    assert {one.source.endpoint for one in staged.spec.stage_in} == {NODE}


def test_outputs_are_called_after_the_job_and_go_to_their_final_names() -> None:
    out = Transfer(Location(JOB, "/x.root"), Location(ONE, "/out/${SN}.root"))
    into = Transfer(Location(JOB, "/d/"), Location(TWO, "/all/${SN}/"))
    staged = stage(TransferSpec(stage_out=(out,), output=(into,), working="goclient"), AREA, 2)
    first, second = staged.outputs
    assert [one.destination.path for one in staged.spec.stage_out] == [f"{AREA.node}/out/${{SN/P}}.{n}" for n in (1, 2)]
    assert (first.path, first.renames, first.is_directory) == ("/out/${SN}.root", True, False)
    assert (second.path, second.renames, second.is_directory) == ("/all/${SN}/d/", False, True)


PAST = (Transfer(Location(ONE, "/a"), Location(TWO, "/b/")),)
BAD = {
    "past the job": TransferSpec(stage_in=PAST, working="goclient"),
    "from elsewhere": TransferSpec(stage_out=PAST, working="goclient"),
    "all of an endpoint": spec_of([Location(ONE, "/")]),
    "a server of GridFTP": spec_of([Location(read_endpoint("gsiftp://h"), "/a")]),
    "nothing": TransferSpec(),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_pass_through_the_jobs_directories_is_refused(what: str) -> None:
    with pytest.raises(RequestError) as refused:
        stage(BAD[what], AREA, 1)
    assert refused.value.code == "combination"

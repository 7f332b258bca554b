"""No job takes a file of its pilot away, whatever name it gives it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goclient.errors import EndpointError
from goclient.node.engines.own import OwnFiles
from tests.node.engines.benches import Bench, item

TRICKS: dict[str, Callable[[Bench, Path], object]] = {
    "another name": lambda bench, name: os.link(bench.own, name),
    "another name of a file beside the job": lambda bench, name: os.link(beside(bench), name),
    "a link": lambda bench, name: name.symlink_to(bench.own),
    "a link to its directory": lambda bench, name: name.symlink_to(bench.own.parent),
}


def beside(bench: Bench) -> Path:
    """A file beside the job's directory, such as its proxy."""
    made = bench.context.scratch / "user.pem"
    made.write_text("secret")
    return made


@pytest.mark.parametrize("place", ["out", "run/deep/out"])
@pytest.mark.parametrize("trick", TRICKS)
def test_a_file_of_the_pilot_stays(bench: Bench, trick: str, place: str) -> None:
    (bench.job / "run" / "deep").mkdir(parents=True)
    TRICKS[trick](bench, bench.job / place)
    with pytest.raises(EndpointError) as caught:
        bench.take(item("run", "run", recursive=True) if "/" in place else item("out", "out"))
    assert bench.delivered() == []
    assert "secret" not in str(caught.value)


def test_a_file_with_two_names_of_the_job_s_own_goes(bench: Bench) -> None:
    (bench.job / "out").write_text("out")
    os.link(bench.job / "out", bench.job / "again")
    assert bench.take(item("again", "again")).files == 1
    assert (bench.there / "again").read_text() == "out"


def test_a_file_that_is_swapped_for_another_is_judged_as_opened(tmp_path: Path) -> None:
    job, own = tmp_path / "job", tmp_path / "own"
    (job / "scratch").mkdir(parents=True)
    own.write_text("secret")
    (job / "scratch" / "token").write_text("secret")
    known = OwnFiles((str(own), str(job / "scratch")), job)  # a carrier's own directory is in the job's
    for path, code in ((own, "outside"), (job / "scratch" / "token", "forbidden"), (job, "not-a-file")):
        descriptor = os.open(path, os.O_RDONLY)
        with pytest.raises(EndpointError) as caught:
            known.check_opened(descriptor, path)
        assert caught.value.code == code
        os.close(descriptor)

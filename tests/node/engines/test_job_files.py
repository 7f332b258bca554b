"""Files arrive in the job's directory whole, or not at all, and nowhere else."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from goclient.errors import EndpointError
from goclient.errors.conditions import PathExists
from goclient.node.engines.job_files import Arrivals

FREE = pytest.mark.parametrize("unnamed", [True, False], ids=["unnamed", "named"])


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "job").mkdir()
    return tmp_path / "job"


@pytest.fixture(autouse=True)
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a disk that knows no files without names, if a test says so."""
    if request.node.callspec.params.get("unnamed", True):
        return
    opened = os.open

    def refuses(path: str, flags: int, *more: Any, **how: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return opened(path, flags, *more, **how)

    monkeypatch.setattr(os, "open", refuses)


@FREE
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_has_its_name_when_all_of_it_is_there(job: Path, *, unnamed: bool, overwrite: bool) -> None:
    arrivals, target = Arrivals(job, overwrite=overwrite), job / "a" / "file"
    if overwrite:
        target.parent.mkdir()
        target.write_bytes(b"old")
    arrivals.check(target)
    arrivals.make(target.parent)
    with arrivals.arriving(target) as file:
        file.write(b"new")
        file.flush()
        assert [one.read_bytes() for one in target.parent.glob("f*")] == [b"old"] * overwrite
        assert len(list(target.parent.iterdir())) == overwrite + (not unnamed)
    assert [(one.name, one.read_bytes()) for one in target.parent.iterdir()] == [("file", b"new")]


@FREE
@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_is_left_of_a_file_that_fails(job: Path, *, unnamed: bool, overwrite: bool) -> None:
    def ended() -> None:
        with Arrivals(job, overwrite=overwrite).arriving(job / "file") as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ended()
    assert list(job.iterdir()) == []


@FREE
def test_what_comes_in_the_way_meanwhile_is_not_overwritten(job: Path, *, unnamed: bool) -> None:
    def met() -> None:
        with Arrivals(job, overwrite=False).arriving(job / "file"):
            (job / "file").write_bytes(b"old")

    with pytest.raises(PathExists):
        met()
    assert [(one.name, one.read_bytes()) for one in job.iterdir()] == [("file", b"old")]


@FREE
def test_a_directory_that_is_replaced_by_a_link_leads_no_file_out(job: Path, tmp_path: Path, *, unnamed: bool) -> None:
    (tmp_path / "out").mkdir()
    (job / "in").mkdir()
    arrivals = Arrivals(job, overwrite=True)
    with arrivals.arriving(job / "in" / "one") as file:
        (job / "in").rename(job / "moved")
        (job / "in").symlink_to(tmp_path / "out")
        file.write(b"1")
    assert (job / "moved" / "one").read_bytes() == b"1"
    with (
        pytest.raises(EndpointError, match="leads outside"),
        Arrivals(job, overwrite=True).arriving(job / "in" / "two"),
    ):
        pass
    assert list((tmp_path / "out").iterdir()) == []

"""A record has the bytes of panda-client and fits the columns of the server."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandaclient.FileSpec import FileSpec
from pandaclient.JobSpec import JobSpec
from pandaclient.MiscUtils import dump_jobs_json

from goclient.errors import GoclientError, RequestError
from goclient.model.records.panda_job import (
    FILE_ATTRIBUTES,
    JOB_ATTRIBUTES,
    JobRecord,
    JobTemplate,
    decode_jobs,
    encode_jobs,
    encode_pieces,
    job_records,
)
from tests.strategies import MANY

COMMON = JobTemplate(
    transformation="http://example.org/datatransfer.sh",
    computingSite="TEST1",
    prodSourceLabel="user",
    destinationSE="local",
    destinationDBlock="panda.destDB.5b0c9ee7",
    jobDefinitionID=4711,
    currentPriority=1000,
)
NASTY = "'a\"b\\c\n\t%,=$`;é日本\U0001f600\u2028\x7f</script>"


def reference(records: list[JobRecord]) -> str:
    """Return what panda-client makes of the same jobs."""
    jobs = []
    for record in records:
        job = JobSpec()
        for name in JobTemplate.__dataclass_fields__:
            setattr(job, name, getattr(record.common, name))
        job.jobName, job.jobParameters = record.jobName, record.jobParameters
        log = FileSpec()
        log.lfn, log.type = f"{record.jobName}.job.log.tgz", "log"
        log.dataset = log.destinationDBlock = record.common.destinationDBlock
        job.addFile(log)
        jobs.append(job)
    return str(dump_jobs_json(jobs))


# --- to the wire --------------------------------------------------------------------------------------------


def test_the_attributes_are_those_of_panda_client() -> None:
    assert JobSpec._attributes == JOB_ATTRIBUTES
    assert FileSpec._attributes == FILE_ATTRIBUTES
    assert (len(JOB_ATTRIBUTES), len(FILE_ATTRIBUTES)) == (126, 18)


OTHER = replace(COMMON, computingSite="TEST3", cloud="OSG", VO="osg", processingType="panda-client")


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([], id="no-job"),
        pytest.param([JobRecord(COMMON, "one", "run 1")], id="one-job"),
        pytest.param([JobRecord(OTHER, "one", "run 1")], id="everything-set"),
        pytest.param([JobRecord(COMMON, "one", "")], id="no-parameters"),
        pytest.param([JobRecord(replace(COMMON, VO="", cloud=""), "", "")], id="empty-is-not-unset"),
        pytest.param([JobRecord(COMMON, "NULL", "NULL")], id="the-word-for-unset"),
        pytest.param([JobRecord(replace(COMMON, transformation=NASTY), NASTY, NASTY)], id="quotes-and-unicode"),
        pytest.param([JobRecord(COMMON, "\0", "\0 \ud800")], id="what-the-encoder-marks-places-with"),
        pytest.param([JobRecord(replace(COMMON, cloud=r'"\u0000"'), "one", r'"\u0000"')], id="and-its-escaped-form"),
        pytest.param([JobRecord(COMMON, "[, ", ", [")], id="separators"),
        pytest.param(job_records(COMMON, name="n", parameters="run ${SN/P}", count=200), id="many-jobs"),
        pytest.param(
            [JobRecord((COMMON, OTHER, replace(COMMON))[i // 3 % 3], f"n{i}", str(i)) for i in range(200)],
            id="several-kinds-of-jobs",
        ),
    ],
)
def test_the_bytes_are_those_of_panda_client(records: list[JobRecord]) -> None:
    assert encode_jobs(records) == reference(records)


_texts = st.text(max_size=20)
_names = _texts.filter(lambda text: "\0" not in text)  # refused before it is encoded
_commons = st.builds(
    JobTemplate,
    transformation=_names,
    computingSite=_names,
    prodSourceLabel=_names,
    destinationSE=_names,
    destinationDBlock=_names,
    jobDefinitionID=st.integers(1, 9999),
    currentPriority=st.integers(-100_000, 100_000),
    cloud=st.none() | _names,
    VO=st.none() | _names,
    processingType=st.none() | _names,
)


@given(st.lists(st.builds(JobRecord, st.sampled_from((COMMON, OTHER)) | _commons, _texts, _texts), max_size=5))
@MANY
def test_any_jobs_have_the_bytes_of_panda_client(records: list[JobRecord]) -> None:
    assert encode_jobs(records) == reference(records)


def test_a_record_in_another_json_document_is_the_same_record() -> None:
    records = [*job_records(COMMON, name="n", parameters=NASTY, count=70), JobRecord(OTHER, "\0", "\0")]

    def escaped(text: str) -> str:
        return json.dumps(text)[1:-1]

    document = f'{{"record": "{"".join(encode_pieces(records, escaped))}"}}'
    assert json.loads(document) == {"record": encode_jobs(records)}


def test_a_single_job_has_the_plain_name_and_the_first_number() -> None:
    (record,) = job_records(COMMON, name="n", parameters="${SN} ${SN/P}", count=1)
    assert (record.jobName, record.jobParameters) == ("n", "1 000001")
    (job,) = decode_jobs(encode_jobs([record]))
    assert [file["lfn"] for file in job["Files"]] == ["n.job.log.tgz"]


def test_several_jobs_have_their_own_names_and_numbers() -> None:
    records = job_records(COMMON, name="n", parameters="${SN} ${SN/P}", count=3)
    assert [record.jobName for record in records] == ["n_0", "n_1", "n_2"]
    assert [record.jobParameters for record in records] == ["1 000001", "2 000002", "3 000003"]


# --- widths -------------------------------------------------------------------------------------------------

# The columns of the server's database, measured.
WIDTHS = {
    "transformation": 250,
    "computingSite": 128,
    "prodSourceLabel": 20,
    "destinationSE": 250,
    "destinationDBlock": 255,
    "cloud": 32,
    "VO": 32,
    "processingType": 64,
}


def common_with(values: Any) -> JobTemplate:
    """The common values of a submission, some of them replaced."""
    return replace(COMMON, **values)


def test_every_text_that_jobs_share_has_a_width() -> None:
    texts = {name for name, kind in JobTemplate.__annotations__.items() if "str" in str(kind)}
    assert texts - {"specialHandling"} == set(WIDTHS), "that is a constant"


@pytest.mark.parametrize("letter", ["x", "日"])
@pytest.mark.parametrize(("field", "width"), WIDTHS.items())
def test_what_fits_its_column_exactly_passes(field: str, width: int, letter: str) -> None:
    if field != "computingSite" or letter == "x":  # no queue has another alphabet in its name
        common_with({field: letter * width}).check()


@pytest.mark.parametrize("queue", ["TEST1 ", "TEST1,TEST3", "TEST1\t", "“TEST1”", "TEST 1"])
def test_a_queue_that_cannot_be_one_is_refused_with_the_right_name(queue: str) -> None:
    with pytest.raises(RequestError) as caught:
        common_with({"computingSite": queue}).check()
    assert (caught.value.code, caught.value.subject) == ("queue", "--computingSite")
    assert "write --computingSite=TEST" in caught.value.hint


@pytest.mark.parametrize(("field", "width"), WIDTHS.items())
def test_one_character_more_than_the_column_has_is_refused(field: str, width: int) -> None:
    common = common_with({field: "x" * (width + 1)})
    with pytest.raises(RequestError) as caught:
        common.check()
    assert (caught.value.code, caught.value.subject) == ("too-wide", f"--{field}")
    assert all(part in caught.value.message for part in (f"{width + 1} characters", f"stores {width}", '"xxxx'))
    assert str(width) in caught.value.hint


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\udcff"])
def test_what_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        replace(COMMON, cloud=text).check()
    assert (caught.value.code, caught.value.subject) == ("not-text", "--cloud")


def test_everything_that_does_not_fit_is_reported_at_once() -> None:
    common = common_with({field: "x" * (width + 1) for field, width in WIDTHS.items()})
    with pytest.raises(GoclientError) as caught:
        common.check()
    assert sorted(part.subject for part in caught.value.parts) == sorted(f"--{field}" for field in WIDTHS)


# --- from the wire ------------------------------------------------------------------------------------------


def test_the_jobs_of_a_record_have_what_was_set() -> None:
    record = JobRecord(COMMON, "n", NASTY)
    (job,) = decode_jobs(encode_jobs([record]))
    assert (job["jobName"], job["jobParameters"], job["currentPriority"]) == ("n", NASTY, 1000)
    assert "cloud" not in job
    assert [file["lfn"] for file in job["Files"]] == ["n.job.log.tgz"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("[", id="cut-off"),
        pytest.param("5", id="a-number"),
        pytest.param("null", id="null"),
        pytest.param("[[]]", id="an-empty-row"),
        pytest.param("[5]", id="a-number-for-a-row"),
        pytest.param('[{"a": 1}]', id="an-object-for-a-row"),
        pytest.param("[[1, 2]]", id="no-files"),
        pytest.param("[[1, [2]]]", id="a-number-for-a-file"),
        pytest.param("9" * 5000, id="an-endless-number"),
        pytest.param("[" * 100_000, id="too-deep"),
    ],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(RequestError) as caught:
        decode_jobs(text)
    assert caught.value.code == "bad-record"

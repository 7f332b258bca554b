"""A record is read by the PanDA server's own code, and comes back as it was submitted."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.model.records.answers import ErrorCodes, JobState, KnownJob
from goclient.model.records.base import Decoded
from goclient.model.records.panda_job import (
    FILE_ATTRIBUTES,
    JOB_ATTRIBUTES,
    JobRecord,
    decode_jobs,
    encode_jobs,
    job_records,
)
from goclient.model.records.registry import attach, decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from tests.model.records.test_panda_job import COMMON, OTHER
from tests.strategies import FEW, payloads, specs

# What the server's own code makes of a record, as JSON: its attributes, and the set values of each job.
_SERVER = """
import json, sys
from pandaserver.taskbuffer.FileSpec import FileSpec
from pandaserver.taskbuffer.JobSpec import JobSpec
from pandaserver.taskbuffer.JobUtils import load_jobs_json

def values(spec):
    every = {name: getattr(spec, name) for name in spec._attributes}
    return {name: value for name, value in every.items() if value != "NULL"}

read = load_jobs_json(sys.stdin.read())
described = [job.to_dict_advanced() for job in read]
jobs = [{**values(job), "Files": [values(file) for file in job.Files]} for job in read]
json.dump({"jobs": jobs, "described": described, "job": JobSpec._attributes, "file": FileSpec._attributes}, sys.stdout)
"""

Server = Callable[[str], Any]


@pytest.fixture(scope="module")
def server() -> Server:
    """Reads a record with the server's own code."""
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        reason = "GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    def read(record: str) -> Any:
        done = subprocess.run(
            [python, "-c", _SERVER],
            input=record.encode("ascii"),
            capture_output=True,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    return read


def test_the_attributes_stand_where_the_server_looks_for_them(server: Server) -> None:
    answer = server("[]")
    assert answer["job"] == list(JOB_ATTRIBUTES)
    # The server writes row_ID, and has four more behind, which it leaves unset.
    assert answer["file"][1 : len(FILE_ATTRIBUTES)] == list(FILE_ATTRIBUTES[1:])


def test_the_server_reads_what_was_submitted(server: Server) -> None:
    spec = spec_from({"StageinGOsrc": ["SITE1:/a b,c/é"], "Data": ["x"], "OutputGO": ["SITE1:/o/${SN/P}/"]})
    text = attach("run '1  2'", spec)
    records = job_records(OTHER, name="n", parameters=text, count=2)
    jobs = server(encode_jobs(records))["jobs"]
    assert jobs == decode_jobs(encode_jobs(records))
    assert jobs[1] == {
        "jobDefinitionID": 4711,
        "transformation": "http://example.org/datatransfer.sh",
        "prodSourceLabel": "user",
        "currentPriority": 1000,
        "jobName": "n_1",
        "computingSite": "TEST3",
        "jobParameters": text.replace("${SN/P}", "000002"),
        "destinationDBlock": "panda.destDB.5b0c9ee7",
        "destinationSE": "local",
        "cloud": "OSG",
        "VO": "osg",
        "processingType": "panda-client",
        "Files": [
            {
                "lfn": "n_1.job.log.tgz",
                "type": "log",
                "dataset": "panda.destDB.5b0c9ee7",
                "destinationDBlock": "panda.destDB.5b0c9ee7",
            }
        ],
    }


@given(jobs=st.lists(st.tuples(payloads, specs), min_size=20, max_size=20))
@FEW
def test_another_try_is_made_of_what_the_server_tells_of_a_job(
    server: Server, jobs: list[tuple[str, TransferSpec]]
) -> None:
    """As ``get_description`` of the server makes it of its own job."""
    sent = [JobRecord(COMMON, f"n{i}", attach(payload, spec)) for i, (payload, spec) in enumerate(jobs)]
    told = server(encode_jobs(sent))["described"]
    known = [KnownJob.from_answer({**job, "PandaID": 7, "jobStatus": "failed"}) for job in told]
    assert [one.record for one in known] == sent
    assert all(one.is_ours for one in known)
    assert encode_jobs([one.record for one in known]) == encode_jobs(sent)


@given(jobs=st.lists(st.tuples(payloads, specs), min_size=20, max_size=20))
@FEW
def test_through_the_server_every_spec_and_payload_comes_back(
    server: Server, jobs: list[tuple[str, TransferSpec]]
) -> None:
    records = [JobRecord(COMMON, f"n{i}", attach(payload, spec)) for i, (payload, spec) in enumerate(jobs)]
    read = server(encode_jobs(records))["jobs"]
    assert [decode(job["jobParameters"]) for job in read] == [Decoded(spec, payload) for payload, spec in jobs]


# How the server describes a job: JobSpec's own document, in the JSON of its WSGI application, which needs a database.
_DESCRIBED = """
import ast, datetime, decimal, json, pathlib
import pandaserver
from pandaserver.taskbuffer.JobSpec import JobSpec
source = (pathlib.Path(pandaserver.__file__).parent / "server" / "panda.py").read_text()
body = [one for one in ast.parse(source).body if getattr(one, "name", "") == "encode_special_cases"]
exec(compile(ast.Module(body, []), "panda.py", "exec"))
job = JobSpec()
job.PandaID, job.jobName, job.jobStatus, job.attemptNr = 42, "muons.x", "failed", 2
job.creationTime = datetime.datetime(2026, 11, 29, 0, 0, 1)
job.startTime = datetime.datetime(2026, 11, 29, 1, 0, 0, 500000)
job.computingSite, job.pilotErrorCode, job.transExitCode = "TEST1", 1137, "1"
print(json.dumps([job.to_dict_advanced()], default=encode_special_cases))
"""


def test_a_job_is_read_as_the_server_describes_it() -> None:
    python = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not python:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source")
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    done = subprocess.run([python, "-c", _DESCRIBED], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    (document,) = json.loads(done.stdout)
    state = JobState.from_answer(document)
    assert (state.panda_id, state.name, state.site, state.attempt) == (42, "muons.x", "TEST1", 2)
    assert (state.created, state.started, state.ended) == (1795910401.0, 1795914000.5, None)
    assert state.codes == ErrorCodes(pilot=1137, exit=1)

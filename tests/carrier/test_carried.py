"""A request becomes a plan, an archive and a record that say the same; what is the same content has one checksum."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from goclient.carrier.carried import CarriedJobs, prepare_carried
from goclient.carrier.plan import PLAN, CarrierPlan
from goclient.carrier.rungen import read_start
from goclient.errors import RequestError
from goclient.jobs.sent import digest_of
from goclient.model.planner import plan
from goclient.model.records.panda_job import JobRecord, records_of
from goclient.model.records.registry import decode
from goclient.model.request import Carriage, Credential, Request
from goclient.model.spec import TransferSpec
from goclient.model.syntax.options import spec_from
from goclient.model.syntax.word_reader import Items
from goclient.submission import new_job_template

COLLECTION = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
CREDENTIAL = Credential("9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "a-secret-of-the-service")
CARRIAGE = Carriage(
    "https://trf.example/runGen-00-00-02", "https://cache.example:25443", "https://auth", "https://transfer",
    credential=CREDENTIAL, needs=24,
)  # fmt: skip
HTTPS: Items = {
    "StageinGOsrc": [f"{COLLECTION}:/in/${{SN/P}}"],
    "Data": ["a.root"],
    "OutputGO": [f"{COLLECTION}:/out/${{SN}}/"],
    "InmodeGO": ["https"],
    "OutmodeGO": ["https"],
}
LOCAL: Items = {"StageinGOsrc": ["/data/a"], "InmodeGO": ["local"]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    return tmp_path


def request(**more: object) -> Request:
    template, name = new_job_template(
        transformation="./run.sh", computingSite="TEST1", prodSourceLabel="user", destinationSE="local",
        destinationDBlock=None, currentPriority=1000,
    )  # fmt: skip
    return replace(Request(template, name, 2, "", {}, carriage=CARRIAGE), **more)  # type: ignore[arg-type]


def carried(spec: TransferSpec, payload: str = "", **more: object) -> tuple[CarriedJobs, list[JobRecord]]:
    made = request(**more)
    jobs = prepare_carried(made, spec, payload)
    return jobs, records_of(jobs.common, name=made.name, texts=jobs.parameters * made.count)


def test_the_plan_in_the_archive_is_the_one_of_the_word_and_of_the_spec() -> None:
    spec = spec_from(HTTPS)
    jobs, records = carried(spec, "-n '${SN}' 'a b'")
    with tarfile.open(fileobj=io.BytesIO(jobs.luggage.data)) as archive:
        file = archive.extractfile(PLAN)
        assert file is not None
        made = CarrierPlan.decode(file.read())
    assert made == jobs.luggage.plan
    assert (made.tasks, made.program) == (plan(spec), "./run.sh")
    for serial, record in enumerate(records, 1):
        found = decode(record.jobParameters)
        start = read_start(found.payload)
        assert start is not None
        assert (found.carried, start.plan) == (made.sha256, made.sha256)
        assert start.words == ("-n", str(serial), "a b")
        assert f"--job%3D{serial}%20" in record.jobParameters
        assert plan(found.spec) == made.for_job(serial).tasks


def test_the_credential_is_a_file_that_the_plan_names_and_the_job_asks_for() -> None:
    jobs, records = carried(spec_from(HTTPS))
    secret = jobs.luggage.secret
    assert secret is not None
    assert (jobs.common.specialHandling, jobs.luggage.plan.credential) == ("us", secret.file)
    assert json.loads(base64.b64decode(secret.value)) == {
        "client_id": CREDENTIAL.client_id,
        "client_secret": CREDENTIAL.secret,
    }
    assert jobs.luggage.plan.scopes == (
        "urn:globus:auth:scope:transfer.api.globus.org:all",
        f"https://auth.globus.org/scopes/{COLLECTION}/https",
    )
    everything = repr(jobs) + jobs.luggage.data.hex() + "".join(one.jobParameters for one in records)
    for text in (CREDENTIAL.secret, secret.value):
        assert text not in everything
        assert text.encode().hex() not in everything


def test_a_job_that_asks_no_service_has_no_credential() -> None:
    jobs, _ = carried(spec_from(LOCAL))
    made = jobs.luggage.plan
    assert (jobs.luggage.secret, jobs.common.specialHandling) == (None, None)
    assert (made.credential, made.auth, made.transfer, made.scopes) == ("", "", "", ())


def test_the_same_request_is_known_again_and_another_content_is_not(here: Path) -> None:
    def digest() -> str:
        jobs, records = carried(spec_from(HTTPS))
        return digest_of(records, "https://panda.example", jobs.luggage)

    first = digest()
    assert digest() == first, "though the archive, the plan and the jobs have new names"
    (here / "run.sh").write_text("#!/bin/sh\nexit 1\n")
    assert digest() != first


def test_the_parameters_must_pass_through_a_shell() -> None:
    with pytest.raises(RequestError, match="more than the 120000"):
        carried(spec_from(LOCAL), "x" * 130_000)

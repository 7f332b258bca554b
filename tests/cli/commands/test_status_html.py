"""``goclient status --html`` writes a page beside what it prints, and takes the place of no other file."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from goclient import Client
from tests.commands import TIMEOUT, started
from tests.sandboxes import Sandbox


@pytest.fixture(scope="module")
def sent(shared_sandbox: Sandbox) -> Sandbox:
    """A sandbox with two jobs of a campaign, one of which has run and failed."""
    words = ("--njobs=2", "--campaign=zmumu", "--Data=x", "--OutputGO=SITE1:/home/osg_data/panda/${SN}/", "--noCheck")
    assert shared_sandbox.submit(*words).code == 0
    shared_sandbox.pilot()
    return shared_sandbox


def data(path: Path) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_about_jobs_that_nobody_knows_replaces_none(sent: Sandbox, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert sent.run("goclient", "status", "1", "--html", str(page)).code == 0
    before = page.read_text()
    for words in ((), ("--watch",), ("--json",)):
        told = sent.run("goclient", "status", "99999", "--html", str(page), *words)
        assert (told.code, "a page about" in told.err, page.read_text() == before) == (90, False, True), told


@pytest.mark.conformance  # it takes long
def test_the_page_has_what_is_printed(sent: Sandbox, tmp_path: Path) -> None:
    page = tmp_path / "zmumu.html"
    shown = sent.run("goclient", "status", "--campaign=zmumu", "--html", str(page), "--json")
    assert shown.code == 0, shown.err
    assert f'"{page}": a page about 2 jobs' in shown.err
    found = data(page)
    printed = [(one["PandaID"], one["state"], one["reason"], one["jobName"]) for one in shown.json]
    assert [(row[0], found["texts"][row[1]], found["texts"][row[12]], row[2]) for row in found["rows"]] == printed
    assert "<h1>2 jobs of campaign zmumu</h1>" in page.read_text()
    assert f"From {sent.env['PANDA_URL_SSL'].removesuffix('/server/panda')}" in page.read_text()


def test_a_page_is_written_while_jobs_are_watched(sent: Sandbox, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("goclient", "status", "1", "2", "--watch", "--html", str(page))
    process = started(words, env=sent.env, cwd=tmp_path, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("2 jobs")
        assert [row[0] for row in data(page)["rows"]] == [1, 2]
    finally:
        process.kill()
        process.communicate(timeout=TIMEOUT)
    assert sent.run("goclient", "status", "1", "--watch", "--html", str(page)).code == 0
    assert [row[0] for row in data(page)["rows"]] == [1], "an ended job is not waited for"


def test_jobs_that_nobody_knows_are_named_in_the_page(sent: Sandbox, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    shown = sent.run("goclient", "status", "1", "4711", "--html", str(page))
    assert shown.code == 90
    assert [row[0] for row in data(page)["rows"]] == [1]
    assert "does not know PandaID 4711" in page.read_text()


def test_another_file_stays_and_the_server_is_not_asked(sent: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    file.write_text("42")
    shown = sent.run("goclient", "status", "1", "--html", str(file), PANDA_URL_SSL="http://127.0.0.1:9")
    assert shown.code == 10
    assert "is not a page about jobs" in shown.err
    assert file.read_text() == "42"


def test_a_page_that_cannot_be_written_is_an_error_that_names_it(sent: Sandbox, tmp_path: Path) -> None:
    shown = sent.run("goclient", "status", "1", "--html", str(tmp_path / "no/page.html"))
    assert shown.code == 10
    assert "no/page.html" in shown.err
    assert "No such file" in shown.err


def test_a_program_writes_a_page_too(sent: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sent.env.items():
        monkeypatch.setenv(name, value)
    page = tmp_path / "page.html"
    (job, _) = Client().page(str(page), campaign="zmumu")
    assert next(row[0] for row in data(page)["rows"]) == job.panda_id

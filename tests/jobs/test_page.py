"""A page about jobs is one file that needs nothing else, in which all that jobs have written is text."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient import secrets
from goclient.errors import GoclientError, RequestError
from goclient.jobs.follow import Followed
from goclient.jobs.page import check_place, page, write_page
from goclient.jobs.status import JobStatus
from goclient.model.remote import TaskState
from tests.jobs.pages import HOSTILE, NOW, campaign, followed, hostile, transfer

ASKS = ("src", "href", "srcset", "action", "poster", "data", "background")
TASK = "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"
ROOT = Path(__file__).parents[2]


class Elements(HTMLParser):
    """The elements of a page, and the text in it, as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def made(jobs: list[JobStatus]) -> str:
    return page(followed(jobs), now=NOW)


def document(text: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_page_asks_for_nothing() -> None:
    elements = Elements(made(campaign(50))).found
    values = [(tag, value) for tag, attributes in elements for name, value in attributes.items() if name in ASKS]
    assert {value for tag, value in values if tag != "a"} == {"data:,"}
    assert {(value or "").rpartition("/")[0] for _, value in values} == {"", "https://app.globus.org/activity"}
    assert not [name for name, _ in elements if name in ("iframe", "object", "embed", "base", "form action")]
    assert "url(" not in (ROOT / "goclient/jobs/page.css").read_text()
    assert "@import" not in (ROOT / "goclient/jobs/page.css").read_text()


@given(st.text(min_size=1, max_size=80) | st.sampled_from(HOSTILE))
def test_what_a_job_has_written_makes_no_element(text: str) -> None:
    calm, wild = (
        [JobStatus(1, "failed", word, (transfer(word, task_id=word),), name=word, site=word, campaign=word, hint=word)]
        for word in ("calm", text)
    )
    assert Elements(made(wild)).found[2:] == Elements(made(calm)).found[2:]


def test_hostile_texts_are_in_the_page_as_text_only() -> None:
    text = made(hostile())
    elements = Elements(text)
    assert [name for name, _ in elements.found].count("script") == 2
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    shown = "".join(elements.texts)
    assert [one for one in HOSTILE if one.isprintable() and one not in shown] == []
    assert [one for one in text if not one.isprintable() and one != "\n"] == []
    rows = document(text)["rows"]
    assert {task for row in rows for *_, task in row[-1]} == {""}, "what is not an id makes no link"


def test_the_table_has_a_row_for_each_job() -> None:
    jobs = campaign(30)
    found = document(made(jobs))
    assert [row[0] for row in found["rows"]] == [job.panda_id for job in jobs]
    assert [found["texts"][row[1]] for row in found["rows"]] == [job.state for job in jobs]
    assert [found["texts"][row[12]] for row in found["rows"]] == [job.reason for job in jobs]


def test_no_credential_of_the_process_is_in_a_page() -> None:
    secrets.register("hunter2-hunter2")
    text = made(
        [JobStatus(1, "failed", "token hunter2-hunter2 refused", name="hunter2-hunter2", site="hunter2-hunter2")]
    )
    assert "hunter2" not in text


def test_the_user_s_own_transfers_are_in_the_page_before_there_are_jobs() -> None:
    own = TaskState(TASK, "goclient zmumu bring", "ACTIVE", 5, 12_000_000, faults=1, reason="the <b>disk</b> is full")
    text = page(Followed("https://panda.example", transfers=(own,), later={7: 205}, warning="no login"), now=NOW)
    assert f'<a href="https://app.globus.org/activity/{TASK}"' in text
    shown = " ".join(Elements(text).texts)
    for words in ("bring", "active", "12 MB", "the <b>disk</b> is full", "7 as 205", "no login."):
        assert words in shown
    alone = page(Followed("https://panda.example", transfers=(own,), has_pages=False), now=NOW)
    assert TASK in alone
    assert "app.globus.org" not in alone


def test_no_jobs_make_a_page_that_says_so() -> None:
    assert "<h1>0 jobs</h1>" in made([])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_stands_out_from_its_paper(scheme: str) -> None:
    """WCAG 2.2: 4.5 to 1 for text (1.4.3), 3 to 1 for what a person must tell apart (1.4.11)."""
    css = (ROOT / "goclient/jobs/page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[: 2 if scheme == "dark" else 1]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", "".join(blocks)))
    for name, least in {"ink": 7, "note": 4.5, "link": 4.5, "bad-ink": 4.5}.items():
        assert contrast(colours[name], colours["paper"]) >= least, name
    assert contrast(colours["ink"], colours["quiet"]) >= 4.5
    for name in (
        "control",
        "waiting",
        "work",
        "stage-in",
        "payload",
        "stage-out",
        "output",
        "finished",
        "failed",
        "ended",
    ):
        assert contrast(colours[name], colours["paper"]) >= 3, name


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


# --- the file ---


def write(path: Path) -> None:
    write_page(str(path), followed(campaign(1)), now=NOW)


def test_a_page_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.touch()  # as mktemp does
    for _ in range(2):
        write(file)
    assert os.listdir(tmp_path) == ["page.html"]
    assert file.stat().st_mode & 0o777 == 0o644, "as the umask says"


@pytest.mark.parametrize("content", ["an analysis", "<!doctype html>\n<p>a page of mine"])
def test_a_page_takes_the_place_of_nothing_else(tmp_path: Path, content: str) -> None:
    file = tmp_path / "results.root"
    file.write_text(content)
    with pytest.raises(RequestError, match="is not a page about jobs"):
        write(file)
    assert file.read_text() == content


def test_a_directory_a_pipe_and_a_missing_place_are_named_before_and_when_it_is_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path, "is not a file"), (tmp_path / "pipe", "is not a file"),
                        (tmp_path / "no/page.html", "No such file")):  # fmt: skip
        for tried in (write, lambda path: check_place(str(path))):
            with pytest.raises(GoclientError, match=words):
                tried(path)

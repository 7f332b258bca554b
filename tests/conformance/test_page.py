"""The page about jobs in a real browser: shown, sorted and searched, by eye and by keyboard, without a network."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goclient.jobs.page import write_page
from goclient.jobs.status import JobStatus
from tests.chromium import Browser, Tab, chromium_in
from tests.jobs.pages import NOW, campaign, followed, hostile
from tests.sandboxes import Sandbox

JOBS: dict[str, Callable[[], list[JobStatus]]] = {
    "none": list,
    "one": lambda: campaign(1),
    "several": lambda: campaign(200),
    "hostile": hostile,
}
CELLS = (
    "[...document.querySelectorAll('#table tbody tr')].map(row => row.querySelector('[data-head={head}]').innerText)"
)
COUNT = "document.getElementById('count').textContent"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    # A short path: a profile has a socket in it.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, chromium_in(Path(profile)) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, jobs in JOBS.items():
        write_page(str(folder / f"{name}.html"), followed(jobs()), now=NOW)
    return folder


@pytest.fixture
def several(browser: Browser, pages: Path) -> Tab:
    return browser.open(f"{pages.as_uri()}/several.html")


def cells(tab: Tab, head: str) -> list[str]:
    found: list[str] = tab.run(CELLS.format(head=head))
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", JOBS)
def test_a_page_is_shown_alone_and_in_its_width(
    browser: Browser, pages: Path, name: str, *, width: int, dark: bool
) -> None:
    url = f"{pages.as_uri()}/{name}.html"
    tab = browser.open(url, width=width, dark=dark)
    assert tab.messages == []
    assert tab.requests == [url]
    assert tab.run("window.hacked") is None
    assert tab.run("document.scripts.length") == 2
    assert tab.run("document.documentElement.scrollWidth") == width, "nothing is beside the page"
    assert tab.run("document.querySelectorAll('#table tbody tr').length") == min(len(JOBS[name]()), 100)
    paper, ink = tab.run("(({ backgroundColor, color }) => [backgroundColor, color])(getComputedStyle(document.body))")
    assert (paper, ink) == (
        ("rgb(21, 24, 28)", "rgb(228, 231, 234)") if dark else ("rgb(255, 255, 255)", "rgb(28, 33, 38)")
    )


def test_no_script_runs_but_the_pages_own_and_nothing_is_fetched(several: Tab) -> None:
    script = "const made = document.createElement('script'); made.textContent = 'window.hacked = 1'"
    several.run(f"(() => {{ {script}; document.body.append(made) }})()")
    assert several.run("window.hacked") is None
    assert several.run("fetch('https://example.org').then(() => 'sent', () => 'refused')") == "refused"
    assert [url for url in several.requests if "example.org" in url] == []


def test_heads_sort_by_value_up_and_down_with_nothing_last(several: Tab) -> None:
    several.run("document.getElementById('more').click()")
    assert several.run(COUNT) == "200 jobs"
    for direction in ("ascending", "descending"):
        several.run(
            "[...document.querySelectorAll('#table thead button')].find(one => one.textContent === 'Ran').click()"
        )
        sorted_by = several.run("[...document.querySelectorAll('#table [aria-sort]')].map(one => one.ariaSort)")
        assert sorted(sorted_by)[0] == direction
        assert set(sorted_by) == {direction, "none"}
        seconds = [sum(60**place * int(part) for place, part in enumerate(reversed(one.split(":")))) if one else None
                   for one in cells(several, "Ran")]  # fmt: skip
        known = [one for one in seconds if one is not None]
        assert known == sorted(known, reverse=direction == "descending")
        assert 0 < len(known) < 200
        assert seconds[len(known) :] == [None] * (200 - len(known))


def test_jobs_are_found_by_words_state_and_reason(several: Tab) -> None:
    (job,) = [job for job in campaign(200) if job.panda_id == 5000000118]
    for words in ("5000000118", job.transfers[0].task_id, f"_118 {job.state.upper()}"):
        several.run(f"(() => {{ const one = document.getElementById('search'); one.value = '{words}'; "
                    "one.dispatchEvent(new Event('input')) })()")  # fmt: skip
        assert cells(several, "PandaID") == ["5000000118"]
        assert several.run(COUNT) == "1 of 200 jobs"
    several.run("document.querySelector('form button').click()")
    several.run("(() => { const one = document.getElementById('state'); one.value = 'failed'; "
                "one.dispatchEvent(new Event('change')) })()")  # fmt: skip
    failed = [str(job.panda_id) for job in campaign(200) if job.state == "failed"]
    assert cells(several, "PandaID") == failed
    several.run("document.querySelector('button[data-group]').click()")
    reason = several.run("document.querySelector('button[data-group]').closest('tr').cells[1].innerText")
    same = [str(job.panda_id) for job in campaign(200) if job.reason == reason]
    assert len(same) > 1
    assert cells(several, "PandaID") == same
    assert several.run("document.activeElement.id") == "jobs"


def test_links_lead_to_the_monitor_and_to_transfer_tasks(several: Tab) -> None:
    job = campaign(200)[1]
    addresses = several.run("[...document.querySelectorAll('#table tbody tr:nth-child(2) a')].map(one => one.href)")
    assert addresses == [
        f"https://bigpanda.cern.ch/job?pandaid={job.panda_id}",
        *(f"https://app.globus.org/activity/{task.task_id}" for task in job.transfers),
    ]
    assert several.run("[...document.querySelectorAll('#table a')].every(one => one.rel === 'noopener noreferrer')")


def test_the_keyboard_alone_reaches_and_sorts_the_table(several: Tab) -> None:
    several.press("Tab")
    assert several.run("document.activeElement.textContent") == "Go to the table of jobs"
    several.press("Enter", text="\r")
    assert several.run("document.activeElement.id") == "jobs"
    for expected in ("search", "state", "reason"):
        several.press("Tab")
        assert several.run("document.activeElement.id") == expected
    several.press("Tab")
    several.press("Tab")
    assert several.run("document.activeElement.textContent") == "PandaID"
    assert several.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    for _ in range(2):
        several.press("Enter", text="\r")
    assert cells(several, "PandaID")[0] == "5000000199"


@pytest.mark.parametrize("width", [360, 1280])
def test_who_cannot_see_the_page_hears_its_names(browser: Browser, pages: Path, width: int) -> None:
    tab = browser.open(f"{pages.as_uri()}/several.html", width=width)
    nodes = [one for one in tab.call("Accessibility.getFullAXTree")["nodes"] if not one["ignored"]]
    named = [(one["role"]["value"], one.get("name", {}).get("value", "")) for one in nodes]
    roles = [role for role, _ in named]
    must_have = ("link", "button", "searchbox", "combobox", "image", "heading", "columnheader", "rowheader", "table")
    assert [one for one in named if one[0] in must_have and not one[1]] == []
    assert roles.count("table") == 3
    assert roles.count("columnheader") >= 10, "also where each row is a list"
    assert roles.count("rowheader") == tab.run("document.querySelectorAll('tbody tr').length")
    assert next(name for role, name in named if role == "image").endswith("activated")
    assert [name for role, name in named if role == "heading"][:3] == [
        "200 jobs of campaign zmumu",
        "Summary",
        "Why jobs did not finish",
    ]


def test_a_job_that_has_run_is_in_its_page(browser: Browser, sandbox: Sandbox, tmp_path: Path) -> None:
    words = ("--Data=10mb-file.bin", "--OutputGO=SITE1:/home/osg_data/panda/", "--campaign=zmumu")
    assert sandbox.submit("--StageinGOsrc=SITE1:/home/osg_data/panda/0064.file", *words).code == 0
    assert sandbox.pilot().code == 0
    page = tmp_path / "zmumu.html"
    assert sandbox.run("goclient", "status", "--last", "--html", str(page)).code == 0
    tab = browser.open(page.as_uri())
    assert (tab.messages, tab.requests) == ([], [page.as_uri()])
    assert cells(tab, "State") == ["finished"]
    assert cells(tab, "Transfers") == ["stage-in\noutput"]
    told = tab.run("[...document.querySelectorAll('#table [data-head=Transfers] > span')].map(one => one.title)")
    tasks = [row["task_id"] for row in sandbox.run("goclient", "status", "1", "--json").json[0]["transfers"]]
    assert [words.endswith(f"; transfer task {task}") for words, task in zip(told, tasks, strict=True)] == [True, True]
    assert tab.run("document.querySelectorAll('#table a').length") == 0, "the sandbox has no web application"
    assert tab.run("[...document.querySelectorAll('h3')].map(one => one.textContent)") == [
        "All jobs", "Jobs on nodes, by phase", "Transfers of the jobs"
    ]  # fmt: skip


def test_without_scripts_all_but_the_table_is_there(browser: Browser, pages: Path) -> None:
    tab = browser.open(f"{pages.as_uri()}/several.html", scripts=False)
    root = tab.call("DOM.getDocument", depth=-1)["root"]
    assert "The table of jobs needs JavaScript" in str(root)
    assert "Why jobs did not finish" in str(root)

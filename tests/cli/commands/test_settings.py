"""goclient settings shows every setting, and where it comes from; a wrong file ends each command that reads it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.commands import Run

UUID = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f"


def test_show_says_where_each_value_comes_from(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f'[job]\nVO = "atlas"\n[site.Q]\nnode = "/a"\n[https]\n{UUID} = "https://h"\n')
    variables = {"GOCLIENT_SETTINGS": str(file), "MYPROXY_SERVER": "h", "MYPROXY_SERVER_PORT": "7513"}
    shown = run("goclient", "settings", "show", "--json", **variables)
    assert shown.code == 0, shown.err
    found = {one["name"]: (one["value"], one["source"]) for one in shown.json}
    assert found["job.VO"] == ("atlas", str(file))
    assert found["site.Q.node"] == ("/a", str(file))
    assert found[f"https.{UUID}"] == ("https://h", str(file))
    assert not [name for name in found if "UUID" in name or "QUEUE" in name], "where one is set, none is called for"
    assert found["myproxy.server"] == ("h", "MYPROXY_SERVER")
    assert found["myproxy.port"] == (7513, "MYPROXY_SERVER_PORT"), "a number, as from a file"
    assert found["job.priority"] == (1000, "default")
    assert found["job.computingSite"] == found["job.transformation"] == (None, "default")
    table = run("goclient", "settings", "show", GOCLIENT_SETTINGS=str(file)).out
    assert re.search(rf"^job.VO +atlas +{re.escape(str(file))}$", table, re.MULTILINE)
    assert re.search(r"^job.goAllowPersonal +false +default$", table, re.MULTILINE)


def test_show_names_the_settings_of_queues_and_collections_where_none_is_set(run: Run) -> None:
    shown = {one["name"]: (one["value"], one["source"]) for one in run("goclient", "settings", "show", "--json").json}
    named = ["https.UUID", "site.QUEUE.collection", "site.QUEUE.directory", "site.QUEUE.node"]
    assert [shown[name] for name in named] == [(None, "not set")] * 4


def test_a_wrong_file_ends_each_command_that_reads_it_with_10(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[job]\ncomputingSit = 'x'\n")
    readers: tuple[tuple[str, ...], ...] = (
        ("goclient", "settings", "show"),
        ("sendJob.py", "--computingSite=T", "--transformation=/bin/true", "--noCheck", "--noSubmit"),
        ("goclient", "check", "--njobs=2"),
        ("goclient", "status", "1"),
    )
    for words in readers:
        result = run(*words, GOCLIENT_SETTINGS=str(file))
        assert (result.code, "did you mean computingSite?" in result.err) == (10, True), words
    gone = run("goclient", "settings", "show", GOCLIENT_SETTINGS=str(tmp_path / "no.toml"))
    assert (gone.code, gone.err.count("names a file that does not exist")) == (0, 1)
    others: tuple[tuple[str, ...], ...] = (("sendJob.py", "--help"), ("goclient", "check", "--version"))
    for words in others:
        assert run(*words, GOCLIENT_SETTINGS=str(file)).code == 0


def test_an_action_is_needed(run: Run) -> None:
    assert run("goclient", "settings").code == 2
    assert run("goclient", "settings", "nope").code == 2


def test_mistakes_of_the_line_and_of_the_settings_are_reported_at_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[job]\ncomputingSiet = 'TEST1'\n")
    found = run("sendJob.py", "--nosuch", "--priority=z", GOCLIENT_SETTINGS=str(file))
    assert found.code == 2
    assert all(word in found.err for word in ("--nosuch", '--priority "z"', "computingSiet"))
    assert "is missing" not in found.err

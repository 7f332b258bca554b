"""Rules for a payload: what is refused whatever the site, what is doubted, and what is right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from goclient.model.payload import hide_login, mistakes, warnings
from goclient.model.records.panda_job import JobTemplate

COMMON = JobTemplate("http://h/run.sh", "TEST1", "user", "local", "block", 1, 1000)
RIGHT_PAYLOADS = [
    "http://h/run.sh", "https://h:8443/a/run.sh?raw=1#x", "http://h/~me/run.sh", "http://h/a%20b.sh", "http://h",
    "http://[::1]:80/run.sh", "https://h/r/-/raw/main/run.sh", "/usr/bin/env", "/opt/my-tools/run", "//opt/run",
    "/opt/räum/run", "http://h/räum.sh", "/opt/a:b/run", "", "http://h/$x.sh",
]  # fmt: skip
WRONG_PAYLOADS = {
    "http:///run.sh": "names no host",
    "http://": "names no host",
    "https://:443/x": "names no host",
    "http://h:99999/x": "cannot be read",
    "http://h:port/x": "cannot be read",
    "http://[::1/x": "cannot be read",
    "http://h/run.sh -n 5": "has a blank",
    "http://h/my run.sh": "has a blank",
    "/usr/bin/env -i": "options behind",
    "/opt/a b/run --x": "options behind",
    "http://h/run.sh ": "at an end",
    "\thttp://h/run.sh": "at an end",
    "http://h/run.sh\r\n": "at an end",
    "\ufeffhttp://h/run.sh": "at an end",
    "http://h/run.sh\u200b": "at an end",
    '"http://h/run.sh"': "at an end",
    "<http://h/run.sh>": "at an end",
    "\u201chttp://h/run.sh\u201d": "at an end",
    "http://h/ru\nn.sh": "does not print",
    "run.sh": "neither a URL nor",
    "./run.sh": "neither a URL nor",
    "../run.sh": "neither a URL nor",
    "~/run.sh": "neither a URL nor",
    "~me/run.sh": "neither a URL nor",
    "bin/run.sh": "neither a URL nor",
    "$HOME/run.sh": "neither a URL nor",
    "www.h.org/run.sh": "neither a URL nor",
    "C:\\run.bat": "neither a URL nor",
    "python run.py": "neither a URL nor",
    "file:///home/me/run.sh": "http and https only",
    "ftp://h/run.sh": "http and https only",
    "SITE1://run.sh": "http and https only",
    "ttp://h/run.sh": "http and https only",
    "HTTP://h/run.sh": "not a URL as",
    "http:/h/run.sh": "not a URL as",
    "http:h/run.sh": "not a URL as",
    "/opt/tools/": "is a directory",
}


@pytest.mark.parametrize("payload", RIGHT_PAYLOADS)
def test_a_right_payload_is_neither_refused_nor_doubted(payload: str) -> None:
    common = replace(COMMON, transformation=payload)
    assert [*mistakes(common), *warnings(common)] == []


@pytest.mark.parametrize(("payload", "says"), WRONG_PAYLOADS.items())
def test_a_payload_that_no_pilot_runs_is_refused(payload: str, says: str) -> None:
    (error,) = mistakes(replace(COMMON, transformation=payload))
    assert says in error.message
    assert error.hint
    assert (error.exit_code, error.subject) == (10, "--transformation")
    assert not list(warnings(replace(COMMON, transformation=payload))), "once is enough"


@pytest.mark.parametrize("payload", [name for name in WRONG_PAYLOADS if name.strip(' \t\r\n\ufeff\u200b"<>“”') != name])
def test_what_a_hint_says_to_type_is_right(payload: str) -> None:
    (error,) = mistakes(replace(COMMON, transformation=payload))
    typed = error.hint.partition("--transformation=")[2]
    assert not list(mistakes(replace(COMMON, transformation=typed)))


@pytest.mark.parametrize(
    ("payload", "label", "code"),
    [
        ("Reco_tf.py", "managed", "transformation"),
        ("Sim_tf.py", "test", "transformation"),
        ("/opt/my tools/run", "user", "payload"),
        ("http://me@h/run.sh", "user", "payload-password"),
        ("https://me:hidden@h/run.sh", "user", "payload-password"),
        ("https://h/run.sh?private_token=hidden-hidden", "user", "payload-password"),
    ],
)
def test_a_payload_that_another_pilot_may_run_is_doubted(payload: str, label: str, code: str) -> None:
    common = replace(COMMON, transformation=payload, prodSourceLabel=label)
    assert not list(mistakes(common))
    (doubt,) = warnings(common)
    assert (doubt.level, doubt.code) == ("warning", code)
    assert "hidden" not in doubt.message + doubt.hint


def test_a_password_is_shown_by_no_mistake() -> None:
    for payload in (
        "http://me:hidden@h/run.sh ",
        "http://me:hidden@h:x/run.sh",
        "http:me:hidden@h",
        "x://me:hidden@h/",
    ):
        for error in mistakes(replace(COMMON, transformation=payload)):
            assert "hidden" not in (error.message + error.hint) or "://" not in payload


@pytest.mark.parametrize("url", ["http://h/a@b", "http://h?x=a@b", "http://h#a@b", "/opt/a@b", "@"])
def test_an_at_further_down_is_no_password(url: str) -> None:
    assert hide_login(url) == url

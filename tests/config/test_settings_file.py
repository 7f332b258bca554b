"""A mistake in a settings file is told with its line, and with what to write."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import pytest

import goclient
from goclient.config import settings as module
from goclient.config.settings import read_settings
from goclient.errors import GoclientError, RequestError

UUID, OTHER = "9e3ca9a0-2d3e-4ea5-b3e2-3b4b7f7b3b0f", "8b5eb87a-10b2-4626-96dc-d9ab00c6942a"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The user's file, which the environment names, and the site's; neither is there yet."""
    user, site = tmp_path / "settings.toml", tmp_path / "site.toml"
    monkeypatch.setattr(module, "SITE_FILE", str(site))
    monkeypatch.setenv("GOCLIENT_SETTINGS", str(user))
    for name in module.VARIABLES.values():
        monkeypatch.delenv(name, raising=False)
    return user, site


WRONG = {
    "an unknown key": (
        '[job]\n\ncomputingSit = "x"\n',
        3,
        '[job] has no key "computingSit"',
        "did you mean computingSite?",
    ),
    "an unknown table": ("[jobs]\nVO = 'x'\n", 1, "there is no table [jobs]", "did you mean job?"),
    "a key of a queue": ("[site.Q]\nnodes = '/a'\n", 2, '[site.Q] has no key "nodes"', "did you mean node?"),
    "a number for a text": (
        "[job]\nVO = 5\n",
        2,
        'job.VO = "5": it must be a text in quotes, and is a number',
        "correct it",
    ),
    "a text for a number": (
        "[job]\npriority = 'x'\n",
        2,
        '"x": it must be a whole number, and is a text in quotes',
        "correct it",
    ),
    "a number below the range": ("[job]\ngoNeeds = -1\n", 2, 'job.goNeeds = "-1": it must be at least 0', "correct it"),
    "a number beyond the range": ("[job]\ngoNeeds = 9999\n", 2, "it must be at most 8760", "correct it"),
    "a text for a flag": ("[job]\ngoAllowPersonal = 'no'\n", 2, "it must be true or false", "correct it"),
    "no UUID": ("[globus]\nclient_id = 'x'\n", 2, 'globus.client_id = "x": it is not a UUID', "correct it"),
    "no identity": ("[pilot]\nidentity = 'x'\n", 2, "it is neither a UUID nor a user name", "correct it"),
    "a queue with a blank": ("[job]\ncomputingSite = 'a b'\n", 2, "a job runs at one queue", "correct it"),
    "a text that is too wide": (
        f"[job]\nVO = '{'x' * 33}'\n",
        2,
        "it has 33 characters, the server stores 32",
        "correct it",
    ),
    "a text with a NUL": ('[job]\nVO = "a\\u0000"\n', 2, "it has a control character", "correct it"),
    "a DN in another spelling": ("[pilot]\ndn = 'CN=x,O=y'\n", 2, 'give it as "/O=y/CN=x"', "correct it"),
    "no DN": ("[pilot]\ndn = 'x'\n", 2, 'pilot.dn = "x"', "correct it"),
    "a relative path": ("[site.Q]\nnode = 'a'\n", 2, "it is not an absolute path", "correct it"),
    "a path with ..": (
        "[site.Q]\nnode = '/a/../b'\n",
        2,
        'node = "/a/../b": it has a . or .. in it: write /b',
        "correct it",
    ),
    "a directory with ..": ("[site.Q]\ndirectory = '/a/../b'\n", 2, "it has a . or .. in it: write /b", "correct it"),
    "a home on nodes": ("[site.Q]\nnode = '/~/x'\n", 2, "there is no home directory there", "correct it"),
    "a ~ in a path": ("[site.Q]\ndirectory = '/a/~/x'\n", 2, "it has a part called ~", "correct it"),
    "a variable in a path": ("[site.Q]\nnode = '/x$HOME'\n", 2, "it has a $, which nothing replaces", "correct it"),
    "a job's number": ("[site.Q]\nnode = '/x${SN}'\n", 2, "it has a $, which nothing replaces", "correct it"),
    "a path with a tab": ('[site.Q]\nnode = "/x\\ty"\n', 2, "it has a control character", "correct it"),
    "a server without https": (
        f"[https]\n{UUID} = 'http://far.example'\n",
        2,
        f'https.{UUID} = "http://far.example": it is not https',
        "correct it",
    ),
    "a server of no collection": ("[https]\nSITE = 'https://x'\n", 2, "it is not a UUID", "correct it"),
    "two servers of one collection": (
        f"[https]\n{UUID} = 'https://a.example'\n{UUID.upper()} = 'https://b.example'\n",
        3,
        f'https.{UUID.upper()}: the collection has a server on line 2, too ("https://a.example")',
        "delete line 2 or line 3",
    ),
    "an empty text": ("[job]\nVO = ''\n", 2, "it is empty", "correct it"),
    "no table": ("job = 5\n", 1, 'job = "5": it must be a table, and is a number', "write [job],"),
    "a table without its queue": ("[site]\nnode = '/a'\n", 2, "site.node", "write [site.QUEUE],"),
    "a key outside of its table": ("VO = 'x'\n", 1, '"VO" is in no table', "below [job]"),
    "a secret": ("[globus]\nclient_secret = 's3cret'\n", 2, '[globus] has no key "client_secret"', "no setting holds"),
    "no TOML": ("[job\n", 1, "it is not TOML", "correct it"),
}


@pytest.mark.parametrize(("text", "line", "message", "hint"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_its_line(
    files: tuple[Path, Path], text: str, line: int, message: str, hint: str
) -> None:
    files[0].write_text(text)
    with pytest.raises(RequestError) as caught:
        read_settings()
    assert f"line {line}: " in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "s3cret" not in caught.value.message


def test_all_mistakes_in_both_files_are_told(files: tuple[Path, Path]) -> None:
    files[0].write_text("[job]\na = 1\nb = 2\n")
    files[1].write_text("[pilot]\nc = 1\n")
    with pytest.raises(goclient.Several) as caught:
        read_settings()
    assert len(caught.value.parts) == 3
    assert caught.value.exit_code == 10


def test_mistakes_in_several_tables_are_told_in_one_order_wherever_these_stand(files: tuple[Path, Path]) -> None:
    tables = ["[carrier]\nwait = -1\n", "[globus]\nclient_id = 'x'\n", "[pilot]\nidentity = '?'\n"]
    for order in permutations(tables):
        files[0].write_text("".join(order))
        with pytest.raises(GoclientError) as caught:
            read_settings()
        keys = [re.findall(r"[a-z]+\.[a-z_]+(?= =)", one.message) for one in caught.value.parts]
        assert keys == [["pilot.identity"], ["globus.client_id"], ["carrier.wait"]]

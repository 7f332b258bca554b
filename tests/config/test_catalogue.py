"""The catalogue of endpoints is read with care: all that is wrong is said at once, with what to type."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from goclient.config import catalogue
from goclient.errors import GoclientError, RequestError
from tests.config.test_catalogue_toml import words_of


def test_all_that_is_wrong_in_both_files_is_said_at_once(tmp_path: Path) -> None:
    user, site = tmp_path / "user.toml", tmp_path / "site.toml"
    user.write_text('[A]\nkind = "s3"\n[B]\nkind = "globus"\nid = "x"\n')
    site.write_text("[C\n")
    with pytest.raises(GoclientError) as caught:
        catalogue.merge(str(user), str(site))
    assert [one.message.split(": ")[0] for one in caught.value.parts] == [
        f'the endpoint catalogue "{site}", line 1',
        f'the endpoint catalogue "{user}", line 1',
        f'the endpoint catalogue "{user}", line 3',
    ]
    assert caught.value.exit_code == 10
    assert all(one.hint for one in caught.value.parts)


def test_what_is_not_utf8_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_bytes(b"# a\n# \xff\n")
    with pytest.raises(RequestError, match="it is not TOML: it is not UTF-8 text, see line 2"):
        catalogue.read(str(path))


@pytest.mark.parametrize("name", ["-x$(touch pwned)", "a'\n;b"])
def test_the_hint_to_a_file_names_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("[")
    with pytest.raises(RequestError) as caught:
        catalogue.read(name)
    there = str(tmp_path / name)
    assert words_of(caught.value.hint.rpartition("move it away: ")[2]) == ["mv", there, f"{there}.old"]


def test_the_null_device_is_an_empty_catalogue() -> None:
    assert catalogue.read(os.devnull) == {}

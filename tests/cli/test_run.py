"""Whatever command runs, secrets that stand where they should not are not told, and an empty word is not no word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import Run

SECRET = "f2NxA63JH5A0RwWPHwHkZLeqQj4-kVcnkjNRF934C20"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQ\n-----END PRIVATE KEY-----\n"
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqZG9lIn0.f2NxA63JH5A0RwWPHwHkZLeqQj4"
UUID = "0f2b1f3e-6c1a-4a59-9f1b-3a5d1c1f7a10"
SWAPPED = {"GOCLIENT_CLIENT_ID": SECRET, "GOCLIENT_CLIENT_SECRET": UUID}
CARRY = {"GOCLIENT_CARRY_CLIENT_ID": SECRET, "GOCLIENT_CARRY_CLIENT_SECRET": UUID}
OIDC = {"PANDA_AUTH": "oidc", "PANDA_AUTH_VO": "vo"}
PILOT = {**OIDC, "GOCLIENT_CLIENT_ID": UUID}
INFO = ("myproxy", "info", "--server=127.0.0.1", "-l", "wdeng")
CASES: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "a client's id and secret swapped": (("whoami",), SWAPPED, SECRET),
    "the same, as settings": (("settings", "show"), SWAPPED, SECRET),
    "the same, of the carrier's client": (
        ("check", "--goCarry", "--transformation=./x", "--StageinGOsrc=SITE1:/a", "--computingSite=T"), CARRY, SECRET,
    ),
    "a password in a source": (("check", "--StageinGOsrc=gsiftp://u:pw12@h/x"), {}, "pw12"),
    "a password in a URL of WebDAV": (("check", "--StageinGOsrc=davs://u:pw12@h/x"), {}, "pw12"),
    "a password in an endpoint": (("endpoint", "add", "D", "gsiftp://u:pw12@h"), {}, "pw12"),
    "a key in place of a file": (INFO, {"X509_USER_CERT": KEY}, "MIIEvgIBADAN"),
    "a proxy in place of its file": (INFO, {"X509_USER_PROXY": KEY}, "MIIEvgIBADAN"),
    "a token in place of its file": (("status", "1"), {**OIDC, "OIDC_AUTH_TOKEN_FILE": TOKEN}, TOKEN),
    "a pilot's": (("pilot", "--site=T", "--once"), {**PILOT, "GOCLIENT_PILOT_TOKEN_FILE": TOKEN}, TOKEN),
}  # fmt: skip


@pytest.mark.parametrize(("words", "env", "secret"), CASES.values(), ids=CASES)
def test_a_secret_in_the_wrong_place_is_not_shown(
    run: Run, tmp_path: Path, words: tuple[str, ...], env: dict[str, str], secret: str
) -> None:
    for more in ((), ("--json",)):
        told = run("goclient", *words, *more, "--log-file=log", **env)
        assert "***" in f"{told.out}{told.err}", told
        assert secret not in f"{told.out}{told.err}{(tmp_path / 'log').read_text()}"


def test_a_url_with_a_password_is_written_without_it(run: Run) -> None:
    words = (
        "sendJob.py",
        "--noSubmit",
        "--noCheck",
        "--transformation=/bin/true",
        "--computingSite=T",
        "--myproxy=u@h",
    )
    told = run(*words, "--StageinGOsrc=gsiftp://me:word@h:2812/a")
    assert told.code == 10
    assert '"gsiftp://***@h:2812/a": ' in told.err
    assert "write gsiftp://h:2812/a\n" in told.err
    assert run(*words, "--StageinGOsrc=gsiftp://h:2812/a").code == 0


def test_a_secret_in_a_settings_file_is_not_shown(run: Run, tmp_path: Path) -> None:
    for text in (f'[globus]\nclient_id = "{SECRET}"\n', '[carrier]\nrunGen = "https://u:pw12@h/x"\n'):
        (tmp_path / "s.toml").write_text(text)
        told = run("goclient", "settings", "show", GOCLIENT_SETTINGS=str(tmp_path / "s.toml"))
        assert (told.code, "***" in told.err) == (10, True), told
        assert SECRET not in told.out + told.err
        assert "pw12" not in told.out + told.err


@pytest.mark.parametrize("words", [("advance", ""), ("advance", "--campaign="), ("completion", "")])
def test_an_empty_word_is_not_no_word(run: Run, words: tuple[str, ...]) -> None:
    told = run("goclient", *words)
    assert (told.code, told.out) == (2, ""), told
    assert "has an empty value" in told.err or "is not known" in told.err

"""Owner of a job: the server's words for a person, and the DN of a certificate."""

from __future__ import annotations

import os
import subprocess

import pytest

from goclient.services.panda.owner import is_owned, person_name

DENG = "/C=TW/O=Test Grid/OU=People/CN=Wen Deng"
NAMES = {
    DENG: "Wen Deng",
    "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=wdeng/CN=718551/CN=Wensheng Deng": "Wensheng Deng",
    "/DC=org/DC=doegrids/OU=People/CN=Nurcan Ozturk 18551": "Nurcan Ozturk",
    "/C=UK/O=eScience/OU=Oxford/L=OeSC/CN=jane o'neil/CN=proxy": "jane oneil",
    "/C=DE/O=GermanGrid/CN=Robot: panda/CN=Jörg (Atlas) Müller": "Jörg Atlas Müller",
    "/C=IT/O=INFN/CN=A Rossi/emailAddress=a@example.org": "A Rossi",
    "Wen Deng": "Wen Deng",
    "Wen Deng wen.deng@example.org": "Wen Deng",
    "wdeng@example.org": "wdeng@example.org",
    "wdeng_17": "wdeng",
}


@pytest.mark.parametrize(("dn", "name"), NAMES.items())
def test_a_person_has_the_name_that_the_server_would_give(dn: str, name: str) -> None:
    assert person_name(dn) == name


@pytest.mark.conformance
def test_the_server_gives_these_names() -> None:
    server = os.environ.get("GOCLIENT_TEST_SERVER_PYTHON")
    if not server:
        pytest.skip("GOCLIENT_TEST_SERVER_PYTHON names no interpreter that has panda-server-source")
    code = """if True:
        import sys
        from pandaserver.srvcore.CoreUtils import clean_user_id
        print(*map(clean_user_id, sys.argv[1:]), sep="|")
    """
    done = subprocess.run([server, "-c", code, *NAMES], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip().split("|") == list(NAMES.values())


@pytest.mark.parametrize("owner", [DENG, f"{DENG}/CN=12345", f"{DENG}/CN=12345/CN=678", f"{DENG}/CN=limited proxy"])
def test_proxies_of_a_dn_are_its_owner_s(owner: str) -> None:
    assert is_owned(owner, DENG)


@pytest.mark.parametrize(
    "owner",
    [
        "",
        "/",
        "'",
        "Wen Den",
        f"{DENG} 2",
        f"{DENG}/CN=Somebody Else",
        "/C=TW/O=Test Grid/OU=People",
        DENG.replace("TW", "US"),
    ],
)
def test_nobody_else_is(owner: str) -> None:
    assert not is_owned(owner, DENG)


def test_digits_that_belong_to_a_name_are_not_a_proxy_s() -> None:
    assert not is_owned("/O=G/CN=a/CN=12", "/O=G/CN=a/CN=34")
    assert not is_owned("/O=G/CN=a", "/O=G/CN=a/CN=34")


def test_characters_beyond_ascii_are_compared_as_servers_write_them() -> None:
    assert is_owned("/O=G/CN=Jürgen Müller", "/O=G/CN=J\\xC3\\xBCrgen M\\xC3\\xBCller")

"""The directory of authorities is found where the C tools look, and each signs what its policy lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from goclient.services.gsi.authorities import allows, find_authorities
from tests.myproxy_grid import Grid
from tests.services.gsi.test_identity import errors_of


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".globus").mkdir()
    return tmp_path


def test_the_folder_of_authorities_is_found_where_the_c_tools_look(grid: Grid, home: Path) -> None:
    assert find_authorities({"X509_CERT_DIR": str(grid.authorities)}, home) == str(grid.authorities)
    (error,) = errors_of(lambda: find_authorities({"X509_CERT_DIR": str(home / "none")}, home))
    assert error.code == "myproxy-authorities"
    (home / ".globus/certificates").mkdir()
    assert find_authorities({}, home) == str(home / ".globus/certificates")


POLICY = """
# a comment
access_id_CA  X509   '/C=TW/CN=First'
pos_rights    globus CA:sign
cond_subjects globus '"/C=TW/O=A/*" "/C=TW/O=B?/*"'
access_id_CA  X509   "/C=TW/CN=Second"
pos_rights    globus CA:sign
cond_subjects globus     "/C=TW/O=C.(D)/*"
short line
"""


@pytest.mark.parametrize(
    ("issuer", "subject", "allowed"),
    [
        ("/C=TW/CN=First", "/C=TW/O=A/CN=x", True),
        ("/C=TW/CN=First", "/C=TW/O=B1/CN=x", True),
        ("/C=TW/CN=First", "/C=TW/O=B/CN=x", False),
        ("/C=TW/CN=First", "/C=TW/O=C.(D)/CN=x", False),
        ("/C=TW/CN=Second", "/C=TW/O=C.(D)/CN=x", True),
        ("/C=TW/CN=Second", "/C=TW/O=Cx(D)/CN=x", False),
        ("/C=TW/CN=Third", "/C=TW/O=A/CN=x", False),
    ],
)
def test_a_signing_policy_allows_what_it_lists(issuer: str, subject: str, allowed: bool) -> None:
    assert allows(POLICY, issuer=issuer, subject=subject) is allowed

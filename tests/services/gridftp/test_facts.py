"""A line of a listing is its facts and a name, which leads nowhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from goclient.services.gridftp.facts import entry_of, listing_of
from tests.strategies import SOME


@SOME
@given(
    st.binary(min_size=1, max_size=60).filter(lambda one: not set(one) & set(b"/\0\r\n") and one not in (b".", b".."))
)
def test_a_name_is_all_that_follows_the_facts(name: bytes) -> None:
    line = b" Type=file;Size=12;Perm=rw;UNIX.mode=0640; " + name
    (entry,) = listing_of([line]).values()
    assert entry.name.encode("utf-8", "surrogateescape") == name
    assert (entry.size, entry.mode, entry.is_directory, entry.rights) == (12, 0o640, False, "rw")


def test_what_leads_out_of_a_directory_is_left_out() -> None:
    lines = [
        b" Type=cdir; .",
        b" Type=pdir; ..",
        b" Type=file; ../x",
        b" Type=file; /etc/passwd",
        b"second line",
        b" Type=file; a\0b",
        b" Type=file; ",
    ]
    assert not listing_of(lines)
    assert entry_of(b" Type=file;Size=-1; x") == entry_of(b" type=FILE;Size=99999999999999999999; x")


def test_a_name_with_a_line_break_is_left_out_and_told() -> None:
    found = listing_of([b" Type=file;Size=1; a", b" Type=file;Size=1; b", b"c", b"d", b" Type=file;Size=1; e"])
    assert (list(found), found.cut) == (["a", "e"], ("b",))

"""Requests to a MyProxy server, and what is read of its answers, are exactly what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goclient.errors import GoclientError, MyproxyError
from goclient.services.myproxy.wire import (
    CHALLENGE,
    GET,
    INFO,
    MAX_RESPONSE,
    OK,
    PUT,
    REFUSED,
    Deposit,
    Request,
    Response,
    decode_response,
    deposits_of,
    encode_request,
)

PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=40)
NAMES = PRINTABLE.map(lambda text: "".join(c for c in text if c not in "-,=/").strip()).filter(
    lambda name: len(name.encode()) <= 64  # a longer one is refused
)
REQUESTS = st.builds(
    Request, st.integers(0, 3), PRINTABLE.filter(bool), st.integers(0, 2**31 - 1), NAMES, *[PRINTABLE] * 4
)
ANSWER = (
    b"VERSION=MYPROXYv2\nRESPONSE=0\nCRED_START_TIME=100\nCRED_END_TIME=200\nCRED_OWNER=/C=TW/CN=a=b\n"
    b"CRED_RETRIEVER_TRUSTED=/CN=p\nADDL_CREDS=two,START\nCRED_two_START_TIME=101\nCRED_two_END_TIME=201\n"
    b"CRED_two_OWNER=/CN=o\nCRED_two_DESC=d\nCRED_two_RENEWER=/CN=r\nCRED_two_RETRIEVER=*\n"
    b"CRED_START_START_TIME=102\nCRED_START_END_TIME=202\nCRED_START_OWNER=/CN=o\n\0"
)


@given(REQUESTS)
def test_the_server_reads_each_field_as_it_was_given(request: Request) -> None:
    text = encode_request(request).decode()
    assert text.endswith("\n\0")
    fields = dict(line.split("=", 1) for line in text[:-2].split("\n"))
    assert fields["VERSION"] == "MYPROXYv2"
    assert fields.pop("USERNAME") == request.account
    assert Request(
        int(fields["COMMAND"]), request.account, int(fields["LIFETIME"]), fields.get("CRED_NAME", ""),
        fields.get("CRED_DESC", ""), fields.get("RETRIEVER_TRUSTED", ""), fields.get("RENEWER", ""),
        fields["PASSPHRASE"],
    ) == request  # fmt: skip


BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "a line end in the user name": ({"account": "a\nRETRIEVER_TRUSTED=*"}, '"a\\nRETRIEVER_TRUSTED=*" has characters'),
    "a NUL in the description": ({"description": "a\0b"}, "description"),
    "an escape sequence in the name": ({"name": "\033[2J"}, "credential name"),
    "a line end in the retriever": ({"retrievers": "/CN=a\n"}, "retriever policy"),
    "a line end in the renewer": ({"renewers": "/CN=a\r"}, "renewer policy"),
    "a line end in the pass phrase": ({"passphrase": "secret\nX"}, "pass phrase"),
    "half a character": ({"account": "a\ud800"}, "user name"),
    "no user name": ({"account": ""}, "user name on the MyProxy server is empty"),
    "a hyphen in a name": ({"name": "A-B"}, '"-"'),
    "a comma in a name": ({"name": "a,b"}, '","'),
    "a slash in a name": ({"name": "../x"}, '"/"'),
    "blanks at the end of a name": ({"name": "a "}, "blanks"),
    "a long user name": ({"account": "a" * 201}, "longer than 200 bytes"),
    "a long DN for a user name": ({"account": "/CN=" + "a" * 1020}, "longer than 1023 bytes"),
    "a long name": ({"name": "a" * 65}, "longer than 64 bytes"),
    "a negative lifetime": ({"lifetime": -1}, "-1 s is out of range"),
    "a lifetime that is no int of the server's": ({"lifetime": 2**31}, "out of range"),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
def test_a_field_that_would_be_read_otherwise_is_refused(case: str) -> None:
    fields: dict[str, Any]
    fields, said = BAD_FIELDS[case]
    with pytest.raises(MyproxyError) as caught:
        encode_request(Request(**{"command": PUT, "account": "a", **fields}))
    assert said in caught.value.message
    assert caught.value.hint
    assert caught.value.code == "myproxy-field"
    assert "secret" not in caught.value.message


def test_all_bad_fields_are_told_at_once() -> None:
    with pytest.raises(GoclientError) as caught:
        encode_request(Request(GET, "", -1, "a-b"))
    assert len(caught.value.parts) == 3


def test_all_credentials_of_an_account_are_read() -> None:
    first, second, third = deposits_of(decode_response(ANSWER))
    assert first == Deposit("", "/C=TW/CN=a=b", 100, 200, "/CN=p")
    assert second == Deposit("two", "/CN=o", 101, 201, "", "/CN=r", "d")
    assert (third.name, third.start) == ("START", 102)


def test_an_answer_without_credentials_has_none() -> None:
    assert deposits_of(decode_response(b"VERSION=MYPROXYv2\nRESPONSE=0\n\0")) == ()


def test_the_lines_of_a_refusal_are_kept_in_order() -> None:
    response = decode_response(b"VERSION=MYPROXYv2\nRESPONSE=1\nERROR=one\nERROR=\nERROR=two=2\n\0")
    assert response == Response(REFUSED, ("one", "two=2"), {"VERSION": "MYPROXYv2", "RESPONSE": "1"})


BAD_ANSWERS = {
    "nothing": b"", "another version": b"VERSION=MYPROXYv1\nRESPONSE=0\n", "no kind": b"VERSION=MYPROXYv2\n",
    "an unknown kind": b"VERSION=MYPROXYv2\nRESPONSE=3\n", "a web server": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "too much": b"VERSION=MYPROXYv2\nRESPONSE=0\n" + b"x" * MAX_RESPONSE,
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_what_is_no_answer_is_an_error(case: str) -> None:
    with pytest.raises(MyproxyError) as caught:
        decode_response(BAD_ANSWERS[case])
    assert caught.value.code == "myproxy-garbage"


@pytest.mark.parametrize("text", [b"", b"-1", b"1e3", b"99999999999999", "٣".encode(), b"253370764801"])
def test_a_time_that_is_none_is_an_error(text: bytes) -> None:
    with pytest.raises(MyproxyError, match="is not a time"):
        deposits_of(decode_response(ANSWER.replace(b"CRED_END_TIME=200", b"CRED_END_TIME=" + text)))


PIECES = st.sampled_from([line + b"\n" for line in ANSWER[:-1].split(b"\n")] + [b"ERROR=x\n", b"\0", b"RESPONSE=1\n"])


@given(st.lists(PIECES | st.binary(max_size=20), max_size=20).map(b"".join))
def test_any_bytes_are_an_answer_or_our_error(data: bytes) -> None:
    error: MyproxyError | None = None
    try:
        response = decode_response(data)
        found = deposits_of(response)
    except MyproxyError as raised:
        error = raised
    if error is None:
        assert response.kind in (OK, REFUSED, CHALLENGE)
        assert all(isinstance(one.end, int) for one in found)
    else:
        assert error.message.isprintable()
        assert error.code == "myproxy-garbage"


def test_a_request_for_information_has_the_five_lines_that_the_server_insists_on() -> None:
    assert encode_request(Request(INFO, "wdeng")) == (
        b"VERSION=MYPROXYv2\nCOMMAND=2\nUSERNAME=wdeng\nPASSPHRASE=\nLIFETIME=0\n\0"
    )

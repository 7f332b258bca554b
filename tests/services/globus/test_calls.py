"""An answer of a service has a document if its body is a JSON object."""

from __future__ import annotations

import pytest

from goclient.services.globus.calls import TRANSFER, Answer, Call, Subject


@pytest.mark.parametrize(
    ("content", "document"),
    [
        (b'{"code": "NotFound"}', {"code": "NotFound"}),
        (b"{}", {}),
        (b"[1]", None),
        (b'"a"', None),
        (b"<html>", None),
        (b"", None),
        (b'{"a": "' + b"x" * (1 << 20) + b'"}', None),
    ],
)
def test_the_document_of_an_answer_is_its_json_object(content: bytes, document: object) -> None:
    assert Answer(TRANSFER, 200, {}, content).document == document


def test_a_call_may_be_repeated_unless_it_says_otherwise() -> None:
    call = Call("GET", "/endpoint/x", Subject("SITE1"))
    assert (call.repeats, call.query, call.body, call.subject.collection) == (True, {}, None, "")

"""The words of a MyProxy server have a meaning, and a hint."""

from __future__ import annotations

import pytest

from goclient.services.gsi.server import Server
from goclient.services.myproxy.refusals import refusal
from goclient.services.myproxy.wire import CHALLENGE, GET, PUT, REFUSED, Request, Response

REFUSALS = {
    'no credentials found for user X, owner "/CN=a"': "myproxy-none",
    "PUT/STORE: No mapping found for /CN=a": "myproxy-not-accepted",
    "X509_verify_cert() failed: certificate has expired": "myproxy-expired",
    '"/CN=a" not authorized by server\'s authorized_retriever policy': "myproxy-not-retriever",
    "credential locked by the administrator": "myproxy-locked",
    "something new": "myproxy-refused",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_the_words_of_a_server_have_a_meaning(text: str) -> None:
    error = refusal(Server("h"), Request(GET, "a"), Response(REFUSED, (text, "\x1b[2J")))
    assert error.code == REFUSALS[text]
    assert error.hint
    assert error.message.isprintable()
    assert not error.transient


def test_a_server_that_asks_for_a_pass_phrase_does_not_trust_the_retriever() -> None:
    assert refusal(Server("h"), Request(GET, "a"), Response(CHALLENGE)).code == "myproxy-not-retriever"
    assert refusal(Server("h"), Request(PUT, "a"), Response(REFUSED)).code == "myproxy-refused"
    assert refusal(Server("h"), Request(PUT, "a"), Response(REFUSED, ("Try again later",))).transient

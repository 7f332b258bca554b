"""Refusals of a MyProxy server, in a user's words.

Its texts are those of MyProxy 6.2's myproxy_server.c, myproxy_creds.c and myproxy_authorization.c.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from goclient.errors import MyproxyError
from goclient.errors.myproxy import DepositExpired, LifetimeTooLong, NoDeposit, NotRetriever
from goclient.errors.wording import cite
from goclient.services.gsi.server import Server
from goclient.services.myproxy.wire import CHALLENGE, DESTROY, GET, Request, Response

_MAX_TEXT = 500  # characters of a server's words that are shown


class _Meaning(NamedTuple):
    """One kind of refusal: what the server's words have in them, lower case; the error; what to do."""

    words: tuple[str, ...]
    code: str
    means: str
    hint: str
    error: type[MyproxyError] = MyproxyError


_NOT_RETRIEVER = _Meaning(
    ("no passphrase", "authentication failed", "trusted_retriever", "authorized_retriever", "not authorized"),
    NotRetriever.code, "this identity may not retrieve it",
    "the owner must deposit it for your DN (--retriever), and the server must trust you to retrieve", NotRetriever,
)  # fmt: skip
_MEANINGS = (
    _Meaning(
        ("no credentials found", "no credentials exist", "credentials do not exist"), NoDeposit.code,
        "there is no such deposit of yours", "make one: goclient myproxy deposit --retriever DN", NoDeposit,
    ),
    _Meaning(
        ("not owned by", "credentials not owned"), "myproxy-not-owner",
        "the deposit of this name belongs to somebody else", "use another user name: --user NAME",
    ),
    _Meaning(
        ("exceeds maximum allowed", "exceeds server maximum"), LifetimeTooLong.code,
        "the deposit would last longer than the server allows", "give a shorter life: --lifetime HOURS",
        LifetimeTooLong,
    ),
    _Meaning(
        ("certificate has expired",), DepositExpired.code,
        "a certificate has expired", "make a new deposit: goclient myproxy deposit --retriever DN", DepositExpired,
    ),
    _Meaning(
        ("no mapping found", "accepted_credentials"), "myproxy-not-accepted",
        "the server does not take deposits of this certificate", "ask the server's operators to accept your DN",
    ),
    _NOT_RETRIEVER,
    _Meaning(
        ("locked",), "myproxy-locked", "the deposit is locked", "ask the server's operators why",
    ),
)  # fmt: skip
_REFUSED = _Meaning((), "myproxy-refused", "", "ask the server's operators, with this message")
_NOTHING_THERE = {  # for those who cannot, or do not want to, make one
    DESTROY: "look what is there: goclient myproxy info",
    GET: "its owner makes one: goclient myproxy deposit --retriever YOUR-DN",
}  # fmt: skip
_TRANSIENT = r"(?i)temporar|try again|too many|resource"
_ALLOWED = r"allowed by server \((\d{1,6}) hours\)"


def refusal(server: Server, request: Request, response: Response) -> MyproxyError:
    """Return the error that a response stands for which is not OK."""
    text = " ".join(response.errors)
    meaning = next((one for one in _MEANINGS if any(words in text.lower() for words in one.words)), _REFUSED)
    if response.kind == CHALLENGE or (request.command == GET and not text):
        meaning, text = _NOT_RETRIEVER, text or "it asks for a pass phrase"
    words = cite(text, _MAX_TEXT) or "it gives no reason"
    hint = meaning.hint
    if meaning.error is NoDeposit:
        hint = _NOTHING_THERE.get(request.command, hint)
    allowed = re.search(_ALLOWED, text)
    if allowed:
        hint = f"give at most what the server allows: --lifetime {allowed[1]}"
    message = f"the MyProxy server {server} refused: {f'{meaning.means} ({words})' if meaning.means else words}"
    extra = {"said": words}
    if meaning.error is LifetimeTooLong:
        hours = int(allowed[1]) if allowed else None
        return LifetimeTooLong(message, hint=hint, subject=request.account, allowed=hours, extra=extra)
    transient = bool(re.search(_TRANSIENT, text))
    return meaning.error(
        message, hint=hint, code=meaning.code, subject=request.account, transient=transient, extra=extra
    )

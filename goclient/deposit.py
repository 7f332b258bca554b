"""Deposit: makes a proxy, deposits it, and proves that what was meant is there."""

from __future__ import annotations

import re
import shlex  # the model's own way of quoting would load pydantic
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.config.grid import HOUR, WEEK, command, hours_text
from goclient.errors import GoclientError, Interrupted, MyproxyError, UsageError, quoted, raise_all
from goclient.services.gsi.loaded import time_text
from goclient.services.myproxy.policy import LEARN, checked_dn, dn_of, fits_nobody, may_be_deposited, pattern_of

if TYPE_CHECKING:
    from goclient.services.gsi.identity import Identity
    from goclient.services.myproxy.client import MyProxy
    from goclient.services.myproxy.wire import Deposit

SLACK = 300  # seconds by which the end of a deposit may be another than was meant


class Wish(NamedTuple):
    """What is to be deposited: ``lifetime`` in seconds, None for a week or what is left of the certificate.

    ``retrievers`` and ``renewers`` are patterns, as the server keeps them.  ``needs`` are the seconds that it has to
    last in any case.
    """

    account: str
    retrievers: str
    name: str = ""
    renewers: str = ""
    lifetime: int | None = None
    proxy_lifetime: int = 12 * HOUR
    needs: int = 0
    description: str = ""


class Proof(NamedTuple):
    """What is there now, as the server itself says: where, whose, and for whom."""

    server: str
    wish: Wish
    identity: Identity
    found: Deposit

    @property
    def retriever(self) -> str | None:
        """The one DN that may retrieve; None if a pattern says who may."""
        return dn_of(self.found.retrievers)

    @property
    def request(self) -> str:
        """What a pilot has to type to get a proxy."""
        host, _, port = self.server.rpartition(":")
        account = self.wish.account
        words = ["-s", host.strip("[]"), "-p", port, *(["-l", account] if account[0] != "-" else [f"--user={account}"])]
        words += ["-k", self.wish.name] if self.wish.name else []
        return shlex.join(["goclient", "myproxy", "retrieve", *words, "-o", "FILE"])

    @property
    def summary(self) -> str:
        """What was deposited, in one line."""
        who = self.retriever or f"whoever fits {self.found.retrievers}"
        where = f"the account {self.wish.account} of {self.server}"
        return f"a proxy of {self.found.owner} in {where}, for {who}, until {time_text(self.found.end)}"

    def document(self) -> dict[str, Any]:
        """The JSON object of a deposit."""
        return {
            "server": self.server,
            "account": self.wish.account,
            "name": self.found.name,
            "owner": self.found.owner,
            "retriever": self.retriever,
            "pattern": self.found.retrievers,
            "end": self.found.end,
            "proxy_lifetime": self.wish.proxy_lifetime,
            "identity": {
                "found": self.identity.found,
                "certificate": self.identity.certificate,
                "dn": self.identity.dn,
                "end": self.identity.end,
            },
            "request": self.request,
        }


def retrievers(dn: str | None, pattern: str | None) -> str:
    """Return the pattern of who may retrieve, for one DN or as the user has written it; raises what is wrong."""
    if dn is None and pattern is None:
        message = "--retriever is missing: nobody is named who may retrieve"
        hint = f'name the pilot: --retriever "/DC=…/CN=…"; {LEARN}'
        raise UsageError(message, hint=hint, code="missing-option", subject="--retriever")
    if dn is not None and pattern is not None:
        message = "there are a DN and a pattern of who may retrieve"
        raise MyproxyError(message, hint="give one of the two", code="myproxy-retriever")
    return pattern_of(dn) if dn is not None else checked_pattern(pattern or "")


def checked_pattern(pattern: str) -> str:
    """Return a pattern that means the same to every server, and that a DN can fit; raises MyproxyError for another."""
    if not may_be_deposited(pattern):
        message = f"the pattern {quoted(pattern)} is not one that is sure to mean the same to every server"
        hint = (
            "use * and ? for what may be anything, and | between several; "
            "a DN with ( ) [ ] { } | ^ $ + is given with --retriever"
        )
        raise MyproxyError(message, hint=hint, code="myproxy-retriever")
    if fits_nobody(pattern):
        message = f"nobody fits the pattern {quoted(pattern)}: a DN begins with a slash"
        right = pattern.replace(".*", "*") if ".*" in pattern else f"*/{'' if '=' in pattern else 'CN='}{pattern}"
        hint = f"--retriever-pattern {shlex.quote(right)} fits any DN that has it; . stands for itself, * for any text"
        raise MyproxyError(message, hint=hint, code="myproxy-retriever")
    if (only := dn_of(pattern)) is not None:
        checked_dn(only)
    return pattern


def deposit(service: MyProxy, wish: Wish) -> Proof:
    """What is there once a proxy of whoever asks is deposited; raises MyproxyError if it is not what was wished for.

    Without a lifetime in the wish it lasts a week, or as long as the certificate, or as the server allows.
    """
    who = service.identity
    left = int(who.end - time.time())
    lifetime = max(wish.needs, min(WEEK, left)) if wish.lifetime is None else wish.lifetime
    if lifetime > left:
        hours, ends = max(left // HOUR, 0), hours_text(max(left, 0))
        raise MyproxyError(
            f"the deposit cannot last {hours_text(lifetime)}: {quoted(who.certificate)} ends in {ends}",
            hint=(f"ask for {hours} hours at most, or " if hours else "") + "renew what it is made of",
            code="myproxy-lifetime",
        )
    service.unlock()
    with service.one_deadline():
        end = _put(service, wish, lifetime)
        found = _shown(service, wish)
    raise_all(_differences(found, wish, who, end))
    return Proof(str(service.server), wish, who, found)


def _put(service: MyProxy, wish: Wish, lifetime: int) -> int:
    """When the deposit ends that was made; it is made for less than a week if the server allows less, and that does."""
    put = partial(service.put, wish.account, retrievers=wish.retrievers, renewers=wish.renewers, name=wish.name,
                  retrieval_lifetime=wish.proxy_lifetime, description=wish.description)  # fmt: skip
    try:
        return put(lifetime=lifetime)
    except MyproxyError as error:
        allowed = re.search(r"allowed by server \((\d{1,6}) hours\)", str(error.extra.get("said", "")))
        most = int(allowed[1]) * HOUR if allowed else 0
        if wish.lifetime is not None or not max(wish.needs, 1) <= most < lifetime:
            raise
        return put(lifetime=most)


def _shown(service: MyProxy, wish: Wish) -> Deposit:
    """What the server shows of the deposit that was just made; an error says that it was made."""
    named = ["--credname", wish.name] if wish.name else []
    look = f"it was made; look: {command('info', service.server, wish.account, *named)}"
    try:
        found = service.info(wish.account, name=wish.name)
    except KeyboardInterrupt as stop:
        raise Interrupted("interrupted after the deposit was made, before it was looked at", hint=look) from stop
    except MyproxyError as error:
        message = f"the deposit was made, but what the server has could not be looked at: {error.message}"
        raise MyproxyError(message, hint=look, code=error.code, subject=error.subject, transient=True) from error
    if not found:
        raise _differs("the server took the deposit, but does not show it")
    return found[0]


def _differences(found: Deposit, wish: Wish, who: Identity, end: int) -> list[GoclientError]:
    """An error for each thing that is not as it was sent."""
    errors: list[GoclientError] = []
    if found.owner != who.base:
        errors.append(_differs(f"it belongs to {quoted(found.owner)}, not to you, {quoted(who.base)}"))
    if found.retrievers != wish.retrievers:
        errors.append(_differs(f"its retrievers are {quoted(found.retrievers)}, not {quoted(wish.retrievers)}"))
    if abs(found.end - end) > SLACK:
        errors.append(_differs(f"it ends at {time_text(found.end)}, not at {time_text(end)}"))
    return errors


def _differs(what: str) -> MyproxyError:
    hint = "do not rely on it: remove it with goclient myproxy destroy, and tell the server's operators"
    return MyproxyError(f"what the server has is not what was sent: {what}", hint=hint, code="myproxy-differs")

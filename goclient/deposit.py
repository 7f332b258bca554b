"""Deposit a proxy for a pilot, and prove that it is there as it was asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from goclient.config.grid import HOUR, WEEK, command, hours_text
from goclient.errors import Interrupted, MyproxyError, UsageError, raise_all
from goclient.errors.myproxy import LifetimeTooLong
from goclient.errors.wording import quote
from goclient.model.syntax.shell import command_line, shell_word
from goclient.services.gsi.certificate import time_text
from goclient.services.myproxy.client import Terms
from goclient.services.myproxy.policy import LEARN, check_dn, dn_of, fits_nobody, pattern_of

if TYPE_CHECKING:
    from goclient.services.gsi.identity import Identity
    from goclient.services.myproxy.client import MyProxy
    from goclient.services.myproxy.wire import Deposit

SLACK = 300  # seconds by which the end of a deposit may be another than was asked for


class DepositSpec(NamedTuple):
    """A deposit to be made: ``lifetime`` in seconds, None for a week or what is left of the certificate.

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
    """A deposit that was made, as the server itself shows it: where, whose, and for whom."""

    server: str
    spec: DepositSpec
    identity: Identity
    found: Deposit

    @property
    def retriever(self) -> str | None:
        """Return the one DN that may retrieve; None if a pattern says who may."""
        return dn_of(self.found.retrievers)

    @property
    def request(self) -> str:
        """Return what a pilot has to type to get a proxy."""
        host, _, port = self.server.rpartition(":")
        account = self.spec.account
        user = ["-l", account] if account[0] != "-" else [f"--user={account}"]
        name = ["-k", self.spec.name] if self.spec.name else []
        where = ["-s", host.strip("[]"), "-p", port]
        return command_line("goclient", "myproxy", "retrieve", *where, *user, *name, "-o", "FILE")

    @property
    def summary(self) -> str:
        """Return what was deposited, in one line."""
        who = self.retriever or f"every DN that fits {self.found.retrievers}"
        where = f"the account {self.spec.account} of {self.server}"
        return f"a proxy of {self.found.owner} in {where}, for {who}, until {time_text(self.found.end)}"

    def document(self) -> dict[str, Any]:
        """Return the JSON object of a deposit."""
        return {
            "server": self.server,
            "account": self.spec.account,
            "name": self.found.name,
            "owner": self.found.owner,
            "retriever": self.retriever,
            "pattern": self.found.retrievers,
            "end": self.found.end,
            "proxy_lifetime": self.spec.proxy_lifetime,
            "identity": {
                "found": self.identity.found,
                "certificate": self.identity.certificate,
                "dn": self.identity.dn,
                "end": self.identity.end,
            },
            "request": self.request,
        }


def retrievers(dn: str | None, pattern: str | None) -> str:
    """Return the pattern of who may retrieve, for one DN or as the user has written it; raise what is wrong."""
    if dn is None and pattern is None:
        message = "--retriever is missing: nobody is named who may retrieve"
        hint = f'name the pilot: --retriever "/DC=…/CN=…"; {LEARN}'
        raise UsageError(message, hint=hint, code="missing-option", subject="--retriever")
    if dn is not None and pattern is not None:
        message = "there are a DN and a pattern of who may retrieve"
        raise MyproxyError(message, hint="give one of the two", code="myproxy-retriever")
    return pattern_of(dn) if dn is not None else check_pattern(pattern or "")


def check_pattern(pattern: str) -> str:
    """Return the pattern; raise MyproxyError for one that no DN can fit, as far as it can be judged from here."""
    if fits_nobody(pattern):
        message = f"nobody fits the pattern {quote(pattern)}: a DN begins with a slash"
        right = pattern.replace(".*", "*") if ".*" in pattern else f"*/{'' if '=' in pattern else 'CN='}{pattern}"
        hint = f"--retriever-pattern {shell_word(right)} fits any DN that has it; . stands for itself, * for any text"
        raise MyproxyError(message, hint=hint, code="myproxy-retriever")
    if (only := dn_of(pattern)) is not None:
        check_dn(only)
    return pattern


def deposit(service: MyProxy, spec: DepositSpec) -> Proof:
    """Deposit a proxy of the user, and return what is there; raise MyproxyError if that is not what was asked for.

    Without a lifetime it lasts a week, or as long as the certificate, or as the server allows.
    """
    who = service.identity
    left = int(who.end - time.time())
    lifetime = max(spec.needs, min(WEEK, left)) if spec.lifetime is None else spec.lifetime
    if lifetime > left:
        hours, ends = max(left // HOUR, 0), hours_text(max(left, 0))
        raise LifetimeTooLong(
            f"the deposit cannot last {hours_text(lifetime)}: {quote(who.certificate)} ends in {ends}",
            hint=(f"ask for {hours} hours at most, or " if hours else "") + "renew what it is made of",
        )
    terms = Terms(spec.retrievers, lifetime, spec.proxy_lifetime, spec.renewers, spec.name, spec.description)
    service.unlock()
    with service.one_deadline():
        try:
            end = service.put(spec.account, terms)
        except LifetimeTooLong as error:
            most = (error.allowed or 0) * HOUR
            if spec.lifetime is not None or not max(spec.needs, 1) <= most < lifetime:
                raise
            end = service.put(spec.account, terms._replace(lifetime=most))
        found = _find(service, spec)
    raise_all(_differs(what) for what in _differences(found, spec, who=who, end=end))
    return Proof(str(service.server), spec, who, found)


def _find(service: MyProxy, spec: DepositSpec) -> Deposit:
    """Return what the server shows of the deposit that was just made; an error says that it was made."""
    named = ["--credname", spec.name] if spec.name else []
    hint = f"it was made; look: {command('info', service.server, spec.account, *named)}"
    try:
        found = service.info(spec.account, name=spec.name)
    except KeyboardInterrupt as stop:
        raise Interrupted("interrupted after the deposit was made, before it was checked", hint=hint) from stop
    except MyproxyError as error:
        message = f"the deposit was made, but what the server has could not be checked: {error.message}"
        raise MyproxyError(message, hint=hint, code=error.code, subject=error.subject, transient=True) from error
    if not found:
        raise _differs("the server took the deposit, but does not show it")
    return found[0]


def _differences(found: Deposit, spec: DepositSpec, *, who: Identity, end: int) -> Iterator[str]:
    """Yield each thing that is not as it was sent."""
    if found.owner != who.base:
        yield f"it belongs to {quote(found.owner)}, not to you, {quote(who.base)}"
    if found.retrievers != spec.retrievers:
        yield f"its retrievers are {quote(found.retrievers)}, not {quote(spec.retrievers)}"
    if abs(found.end - end) > SLACK:
        yield f"it ends at {time_text(found.end)}, not at {time_text(end)}"


def _differs(what: str) -> MyproxyError:
    """Return the error of a deposit that is not what was sent."""
    hint = "do not rely on it: remove it with goclient myproxy destroy, and tell the server's operators"
    return MyproxyError(f"what the server has is not what was sent: {what}", hint=hint, code="myproxy-differs")

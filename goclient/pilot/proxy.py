"""Proxy of a job's owner on this node, retrieved from MyProxy with the pilot's own certificate.

It is in a file of its own beside the job's directory.  The pilot's proxy, those in ``/tmp`` and the payload's
environment are left alone: what may act for the user is handed to the engines, and to nobody else.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from goclient.config import grid
from goclient.config.grid import HOUR, Accounts, server_of, to_deposit
from goclient.errors import GoclientError, MyproxyError, RequestError
from goclient.errors.myproxy import (
    DepositExpired,
    IdentityError,
    IdentityNotNamed,
    IdentityRefused,
    NoDeposit,
    NotMyproxy,
    NotRetriever,
    NoUserProxy,
)
from goclient.errors.wording import quote
from goclient.journal import Entry, Journal
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.node.engines.base import JobContext
from goclient.node.left import has_left
from goclient.node.signals import check
from goclient.reporter.base import Reporter
from goclient.services.gsi.certificate import time_text
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.pem import NotWritten, write_proxy
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.panda.owner import is_owned
from goclient.services.retry import turns

FILE = "user.pem"
LIFETIME = 12 * HOUR  # what is asked for; a deposit and its server may allow less
RENEW = HOUR  # seconds before its end at which a proxy is renewed, or half of its life if that is shorter
AGAIN = 60.0  # seconds until a renewal that failed is tried again
SHORTEST = 60.0  # seconds that a proxy must last at least: for one login at a slow server
RETRY = (1.0, 30.0)  # seconds between two retrievals from a server that is away: at first, and at most


@dataclass(frozen=True)
class Deposit:
    """A deposit of a job's owner: its account, and who the PanDA server says that the owner is.

    ``accounts`` are asked with the pilot's own certificate.  ``is_guess``: the account has the name of a Globus user.
    """

    account: MyproxyAccount
    owner: str
    accounts: Accounts
    is_guess: bool = False

    @property
    def shown(self) -> str:
        """Return the account, for a message."""
        return quote(str(self.account))

    @property
    def subjects(self) -> tuple[str, str]:
        """Return what a journal says of it: the account, and its owner."""
        return str(self.account), self.owner

    def retrieve(self, path: Path) -> Identity:
        """Put a new proxy into a file, in place of a former one; return it: it is the owner's, and lasts long enough.

        Raises IdentityError if the pilot's own certificate cannot be used, NoUserProxy for anything else.
        """
        new, pilot = path.with_name(f".{path.name}.new"), ""
        try:
            service = self.accounts.service(self.account)
            pilot = service.identity.base
            write_proxy(new, service.get(self.account.user, lifetime=LIFETIME))
            found = self._check(new, pilot)
            new.replace(path)
        except GoclientError as error:
            raise self._explain(error, pilot) from error
        finally:
            new.unlink(missing_ok=True)
        return found._replace(certificate=str(path), key=str(path))

    def _check(self, new: Path, pilot: str) -> Identity:
        """Return the proxy in a file; raise NoUserProxy unless it is the owner's, and lasts long enough."""
        try:
            found = grid.identity(self.accounts.env, proxy=str(new))
        except GoclientError as error:
            raise NoUserProxy(f"the proxy in {self.shown} cannot be used: {error.message}") from error
        if not is_owned(self.owner, found.base):
            whose = f"the job is {quote(self.owner)}'s" if self.owner else "the server does not say whose the job is"
            raise NoUserProxy(
                f"the proxy in {self.shown} is {quote(found.base)}'s, and {whose}",
                hint="the job's owner must deposit a proxy of their own, in an account of their own: "
                + to_deposit(server_of(self.account), "ACCOUNT", pilot=pilot),
                code="proxy-owner",
            )
        if found.end < time.time() + SHORTEST:
            raise DepositExpired(f"what it gives ends at {time_text(found.end)}")
        return found

    def _explain(self, error: GoclientError, pilot: str) -> GoclientError:
        """Return an error that says who must do what, and which DN this pilot has."""
        mend = f"the job's owner must type: {to_deposit(server_of(self.account), self.account.user, pilot=pilot)}"
        message = f"the proxy in {self.shown} was not retrieved as {quote(pilot)}: {error.message}"
        correct = "the site must correct MYPROXY_SERVER" if self.is_guess else "the job's owner must correct --myproxy"
        if not pilot or isinstance(error, IdentityError):
            own = "set X509_USER_PROXY, or X509_USER_CERT and X509_USER_KEY"
            own = own if isinstance(error, IdentityNotNamed) else error.hint
            hint = f"the site must set that right, and look: goclient pilot --whoami; {own}"
            message = f"this pilot cannot retrieve the proxy in {self.shown}: {error.message}"
            return IdentityError(message, hint=hint, code=error.code)
        if isinstance(error, NotWritten):
            top = shlex.quote(str(Path(error.subject).parents[1]))  # the job's own is gone by then
            command = f"df -h {top}; ls -ld {top}"
            return NoUserProxy(message, hint=f"the site must look at the node's TMPDIR: {command}", code=error.code)
        if isinstance(error, NoUserProxy):
            message, hint = error.message, error.hint or mend
        elif isinstance(error, NoDeposit):
            message, hint = f"nothing is deposited in {self.shown}", mend
        elif isinstance(error, DepositExpired):
            message, hint = f"the proxy in {self.shown} has expired: {error.message}", mend
        elif isinstance(error, NotRetriever):
            message = f"the proxy in {self.shown} is not for this pilot, or its server does not trust the pilot"
            hint = f"{mend}; if that was done, the server's operators must let this DN retrieve"
        elif isinstance(error, IdentityRefused):
            hint = "the site must give the pilot a certificate of a CA that this server knows"
        elif isinstance(error, NotMyproxy):
            hint = f"{correct}: {self.shown}"
        elif error.transient:
            hint = f"submit the job again once the server is back; if it is named wrong, {correct}: {self.shown}"
        else:
            hint = f"the site must type: goclient pilot --whoami; {error.hint}"
        if self.is_guess:
            hint += "; or name the right account: --myproxy (this one was guessed)"
        return NoUserProxy(message, hint=hint, code=error.code, subject=str(self.account), transient=error.transient)


class UserProxy:
    """Proxy of a job's owner, in a file, which is renewed before it ends, as long as it is asked for."""

    def __init__(self, deposit: Deposit, path: Path, journal: Journal, reporter: Reporter) -> None:
        self.path = path
        self._deposit = deposit
        self._journal = journal
        self._reporter = reporter
        self._lock = threading.Lock()
        self._identity: Identity | None = None
        self._renew_at = 0.0
        self._is_over = False
        self._content = b""  # of the file, once it is removed, if something of the job is left at a server

    @property
    def trust(self) -> Trust:
        """Return which servers are believed."""
        return self._deposit.accounts.trust()

    def fresh(self) -> Path:
        """Return the file, with a proxy that lasts for a login."""
        return Path(self.credential().identity.certificate)

    def credential(self) -> Credential:
        """Return the proxy in the file, which lasts for a login: it is renewed if it ends soon; raise MyproxyError."""
        with self._lock:
            if self._is_over:
                raise NoUserProxy("the job is over", hint="nothing is retrieved for it any more")
            now, known = time.time(), self._identity
            if known is None or now >= min(self._renew_at, known.end - SHORTEST):
                known = self._renew(known, now)
            return Credential(known)

    def _renew(self, known: Identity | None, now: float) -> Identity:
        """Return a new proxy; or the one that is ``known``, if there can be no new one now and it is still good."""
        try:
            found = self._deposit.retrieve(self.path)
        except MyproxyError as error:
            if known is None or known.end < now + SHORTEST:
                raise
            self._renew_at = now + AGAIN
            why = f"not renewed, though it ends at {time_text(known.end)}: {error.message}"
            self._reporter.warning(why, error.hint)
            return known
        self._renew_at = max(now + AGAIN, found.end - min(RENEW, (found.end - now) / 2))
        self._reporter.progress(f"the proxy in {self._deposit.shown} was retrieved: {_of(found)}")
        for warning in found.warnings:
            self._reporter.warning(warning, "a server may refuse it: then its owner must deposit a full one")
        self._has(found)
        return found

    def _has(self, found: Identity) -> None:
        """Note what is in the file."""
        self._identity = found
        self._journal.append(Entry("proxy", str(self.path), "accepted", self._deposit.subjects, _of(found)))

    def remove(self) -> None:
        """Remove the file."""
        content = b""
        with self._lock:
            self._is_over = True
            with suppress(OSError):
                content = self.path.read_bytes()
            self.path.unlink(missing_ok=True)
            if self._identity is not None:
                self._journal.append(Entry("proxy", str(self.path), "done", self._deposit.subjects))
                if has_left(self._journal):
                    self._content = content

    def again(self, path: Path, journal: Journal, reporter: Reporter) -> UserProxy:
        """Return the proxy of a job that is over, in another file: it is not retrieved again while it lasts.

        ``journal`` is the job's, which is open: the one of before may have been closed.
        """
        made = UserProxy(self._deposit, path, journal, reporter)
        if self._identity is not None and self._content:
            with suppress(NotWritten):  # then it is retrieved again, which says what is wrong
                write_proxy(path, self._content)
                made._has(self._identity._replace(certificate=str(path), key=str(path)))
                made._renew_at = self._renew_at
        return made


def _of(found: Identity) -> str:
    """Return whose a proxy is, and how long it lasts, for a message."""
    return f"{found.base}, until {time_text(found.end)}"


@contextmanager
def user_proxy(
    spec: TransferSpec, owner: str, *, context: JobContext, accounts: Callable[[], Accounts], patience: float
) -> Iterator[UserProxy | None]:
    """Run the body with the proxy of a job's owner, which was retrieved before; None if the job has no account.

    A server that is away is asked again for ``patience`` seconds.  An account that is only guessed may have nothing
    for a job that does not need it.  Raises NoUserProxy, or IdentityError for the pilot's own certificate.
    """
    deposit = _deposit(spec, owner, accounts)
    if deposit is None:
        yield None
        return
    proxy = UserProxy(deposit, context.scratch / FILE, context.journal, context.reporter)
    may_fail = deposit.is_guess and not spec.needs_proxy
    try:
        try:
            _retrieve(proxy, context, within=0.0 if may_fail else patience)
        except MyproxyError as error:
            if not may_fail:
                raise
            context.reporter.progress(f"no proxy of the user, which this job does not need: {error.message}")
        yield proxy
    finally:
        proxy.remove()


def proxy_again(journal: Journal, path: Path, *, accounts: Callable[[], Accounts], reporter: Reporter) -> UserProxy:
    """Return a proxy for a job that is over, from the deposit that its journal names; raise NoUserProxy if it has none.

    What the job has left at servers can be removed with it.
    """
    for entry in journal.latest("proxy"):
        account, owner = entry.subjects
        return UserProxy(Deposit(MyproxyAccount.read(account), owner, accounts()), path, journal, reporter)
    raise NoUserProxy("the journal of the job names no proxy", hint="look at it: goclient journal show PANDAID")


def _deposit(spec: TransferSpec, owner: str, accounts: Callable[[], Accounts]) -> Deposit | None:
    """Return the deposit of a job, None if it has no account; raise NoUserProxy if it needs one."""
    if spec.myproxy is not None:
        return Deposit(spec.myproxy, owner, accounts())
    with suppress(RequestError):  # a Globus user may have a name that no account has
        if spec.user and (guess := accounts().of_user(spec.user)) is not None:
            return Deposit(guess, owner, accounts(), is_guess=True)
    if spec.needs_proxy:
        raise NoUserProxy(
            "the job needs a proxy of its owner, and names no MyProxy account",
            hint="its owner must deposit one, and submit the job again with --myproxy USER@HOST",
        )
    return None


def _retrieve(proxy: UserProxy, context: JobContext, *, within: float) -> None:
    """Retrieve the proxy, again while its server is away; raise NoUserProxy."""
    for waited in turns(*RETRY):
        try:
            proxy.fresh()
        except MyproxyError as error:
            if not error.transient or waited >= within:
                raise
            context.reporter.progress(f"not retrieved yet: {error.message}")
            check()
            context.heartbeat.send()
        else:
            return

"""Proxy of a job's owner on this node, retrieved from MyProxy with the pilot's own certificate.

It is in a file of its own beside the job's directory.  The pilot's proxy, those in ``/tmp`` and the payload's
environment are left alone: what may act for the user is handed to the engines, and to nobody else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from goclient.config.grid import HOUR, Accounts
from goclient.errors import MyproxyError
from goclient.errors.myproxy import (
    NoUserProxy,
)
from goclient.journal import Entry, Journal
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.node.engines.base import JobContext
from goclient.node.left import has_left
from goclient.node.signals import check
from goclient.pilot.deposit import SHORTEST, Deposit, find_deposit
from goclient.reporter.base import Reporter
from goclient.services.gsi.certificate import time_text
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.pem import NotWritten, write_proxy
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.retry import turns

FILE = "user.pem"
RENEW = HOUR  # seconds before its end at which a proxy is renewed, or half of its life if that is shorter
AGAIN = 60.0  # seconds until a renewal that failed is tried again
RETRY = (1.0, 30.0)  # seconds between two retrievals from a server that is away: at first, and at most


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
    deposit = find_deposit(spec, owner, accounts)
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


def _retrieve(proxy: UserProxy, context: JobContext, *, within: float) -> None:
    """Retrieve the proxy, again while its server is away; raise NoUserProxy."""
    for waited in turns(*RETRY):
        try:
            proxy.credential()
        except MyproxyError as error:
            if not error.transient or waited >= within:
                raise
            context.reporter.progress(f"not retrieved yet: {error.message}")
            check()
            context.heartbeat.send()
        else:
            return

"""Deposit of a job's owner at a MyProxy server, from which a pilot retrieves a proxy with its own certificate."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from goclient.config import grid
from goclient.config.grid import HOUR, Accounts, server_of, to_deposit
from goclient.errors import GoclientError, RequestError
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
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.services.gsi.certificate import time_text
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.pem import NotWritten, write_proxy
from goclient.services.panda.owner import is_owned

LIFETIME = 12 * HOUR  # what is asked for; a deposit and its server may allow less
SHORTEST = 60.0  # seconds that a proxy must last at least: for one login at a slow server


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


def find_deposit(spec: TransferSpec, owner: str, accounts: Callable[[], Accounts]) -> Deposit | None:
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

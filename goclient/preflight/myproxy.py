"""The checks of a MyProxy account: is a proxy deposited there, for the pilot, that outlives the job?"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from goclient.config.grid import HOUR, WEEK, command, server_of, to_deposit
from goclient.errors import TO_DEPOSIT, Finding, GoclientError, IdentityError, MyproxyError, quoted
from goclient.model.spec import MyproxyAccount
from goclient.services.deadline import Background
from goclient.services.gsi.certificate import time_text
from goclient.services.gsi.names import base_dn
from goclient.services.myproxy.policy import checked_dn, dn_of, matches

if TYPE_CHECKING:
    from goclient.config.grid import Accounts
    from goclient.model.spec import TransferSpec
    from goclient.preflight.base import PreflightOptions
    from goclient.services.myproxy.client import MyProxy
    from goclient.services.myproxy.wire import Deposit


class Account:
    """The checks of one account.

    ``service`` gives the server, asked by the user's own identity.  ``pilot``: the DN that has to be let in.
    ``hours``: how long the deposit has to last.  ``to_deposit``: one that is missing will be made.
    """

    def __init__(
        self,
        account: MyproxyAccount,
        service: Callable[[], MyProxy],
        *,
        pilot: str | None,
        hours: int,
        to_deposit: bool,
    ) -> None:
        self._account = account
        self._service = service
        self._pilot = checked_dn(pilot) if pilot is not None else None
        self._hours = hours
        self._to_deposit = to_deposit

    def findings(self) -> list[Finding]:
        """What is found of the server, the identity that asks, and the deposit."""
        try:
            service = self._service()
            if service.identity.encrypted and not self._to_deposit:
                return [self._locked(service.identity.key)]
            deposits = service.info(self._account.user)
        except GoclientError as error:
            return [for_jobs(part).finding for part in error.parts]
        found = [self._ok("identity", f"MyProxy was asked as {service.identity.base} ({service.identity.found})")]
        own = self._pilot is not None and base_dn(self._pilot) == service.identity.base
        if own:
            message = f"the pilot {quoted(self._pilot)} is yourself: servers let nobody retrieve their own deposit"
            hint = "name the pilot's DN: --pilot"
            return [*found, MyproxyError(message, hint=hint, code="myproxy-own-dn", subject="--pilot").finding]
        found += [Finding("warning", "myproxy-remark", str(self._account), text) for text in service.identity.warnings]
        plain = next((one for one in deposits if not one.name), None)
        if plain is None:
            return [*found, self._missing(deposits)]
        return [*found, *self._judged(plain)]

    def _judged(self, deposit: Deposit) -> list[Finding]:
        left = (deposit.end - time.time()) / HOUR
        where = f"the proxy deposited in {quoted(self._account)}"
        if left < self._hours:
            ends = f"{where} {'ended' if left <= 0 else 'ends'} at {time_text(deposit.end)}"
            needed = "" if left <= 0 else f", within the {self._hours} hours of --goNeeds"
            code = "myproxy-expired" if left <= 0 else "myproxy-ends"
            first = self._lacking(code, ends + needed, "make a new one", former=deposit.retrievers)
        else:
            first = self._ok("myproxy-deposit", f"{where} lasts until {time_text(deposit.end)}")
        return [first, self._policy(deposit, where)]

    def _policy(self, deposit: Deposit, where: str) -> Finding:
        """Whether the pilot may retrieve it, as far as the deposit's own policy tells."""
        if not deposit.retrievers:
            message = f"{where} names nobody who may retrieve it without a pass phrase"
            return self._error("myproxy-no-policy", message, "deposit it again for the pilot").finding
        who = dn_of(deposit.retrievers) or f"whoever fits {deposit.retrievers}"
        if self._pilot is None:
            return self._ok("myproxy-policy", f"it is for {who}; --pilot DN tells whether that is your pilot")
        fits = matches(deposit.retrievers, base_dn(self._pilot))  # servers take the proxies off
        if fits is None:
            message = f"whether {quoted(self._pilot)} fits the policy {quoted(deposit.retrievers)} is not known"
            return Finding("warning", "myproxy-pilot", str(self._account), message, "the server alone can tell")
        if not fits:
            message = f"{where} is for {quoted(who)}, not for the pilot {quoted(self._pilot)}"
            return self._error("myproxy-pilot", message, "deposit it again for that pilot").finding
        message = f"the pilot {self._pilot} may retrieve it, unless the server's own policy says no"
        return self._ok("myproxy-policy", message)

    def _missing(self, deposits: tuple[Deposit, ...]) -> Finding:
        """The finding that there is no deposit that a pilot would be given."""
        message = f"nothing of yours is deposited in {quoted(self._account)}"
        if deposits:
            names = ", ".join(quoted(one.name) for one in deposits)
            message = f"what is deposited in {quoted(self._account)} has names, {names}; a pilot asks for none"
        return self._lacking("myproxy-none", message, "make a deposit")

    def _lacking(self, code: str, message: str, remedy: str, *, former: str = "") -> Finding:
        """Return the finding of a deposit that is not there or ends too soon: an error, unless one will be made."""
        error = self._error(code, message, remedy, former=former)
        if not self._to_deposit:
            return error.finding
        return Finding(
            "warning", TO_DEPOSIT, error.subject, message, "a new one is deposited before anything is sent (--deposit)"
        )

    def _error(self, code: str, message: str, remedy: str, *, former: str = "") -> MyproxyError:
        hint = f"{remedy}: {self._command(former)}"
        return MyproxyError(message, hint=hint, code=code, subject=str(self._account))

    def _command(self, former: str) -> str:
        """Return the command that makes the deposit that is needed; ``former`` is the policy of the one before."""
        words = ["--lifetime", str(self._hours + 1)] if self._hours * HOUR >= WEEK else []
        words += ["--proxy-lifetime", str(self._hours)] if self._hours > 12 else []
        return to_deposit(server_of(self._account), self._account.user, *words, pilot=self._pilot, former=former)

    def _locked(self, key: str) -> Finding:
        message = f"{quoted(self._account)} was not looked at: the key {quoted(key)} needs a pass phrase"
        hint = "make a proxy first (voms-proxy-init, grid-proxy-init -rfc), or look: "
        hint += command("info", server_of(self._account), self._account.user)
        return Finding("warning", "unchecked", str(self._account), message, hint)

    def _ok(self, code: str, message: str) -> Finding:
        return Finding("ok", code, str(self._account), message)


def begun(spec: TransferSpec, accounts: Accounts, options: PreflightOptions) -> Background[list[Finding]] | None:
    """The look at the account with the user's proxy, which goes on beside others; None if there is none.

    An account that is only guessed, from the Globus user of the transfers, stops nothing.
    """
    if spec.myproxy is None:
        try:
            account = accounts.of_user(str(spec.user))
        except GoclientError:
            return None
    else:
        account = spec.myproxy
    if account is None:
        return None
    service = partial(accounts.service, account, seconds=options.seconds, deposit=options.deposit)
    if options.deposit:  # what asks for a pass phrase asks now, not beside other things
        try:
            known = service()
            known.unlock()
        except GoclientError as error:
            failed = [for_jobs(part).finding for part in error.parts]
            return Background(lambda: failed)
        service = partial(_same, known)
    look = Account(account, service, pilot=options.pilot, hours=options.hours, to_deposit=options.deposit)
    return Background(look.findings if spec.myproxy else lambda: as_warnings(look.findings()))


def _same(service: MyProxy) -> MyProxy:
    return service


def for_jobs(error: GoclientError) -> GoclientError:
    """The error of an identity, whose hint names what counts here; goclient myproxy has options for it."""
    if isinstance(error, IdentityError) and " --" in error.hint:  # an option
        return error.replace(hint="set X509_USER_PROXY, or X509_USER_CERT and X509_USER_KEY")
    return error


def as_warnings(findings: list[Finding]) -> list[Finding]:
    """The findings about an account that the user did not name: nothing in them stops a job."""
    return [one.as_warning() for one in findings]

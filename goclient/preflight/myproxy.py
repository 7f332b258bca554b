"""Check of a MyProxy account: is a proxy deposited there, for the pilot, that outlives the job?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from goclient.config.grid import HOUR, WEEK, command, server_of, to_deposit
from goclient.errors import GoclientError, MyproxyError
from goclient.errors.findings import Finding
from goclient.errors.myproxy import IdentityMissing, IdentityNotNamed
from goclient.errors.wording import quote
from goclient.model.spec import MyproxyAccount
from goclient.preflight.base import Check, Context
from goclient.services.deadline import Background
from goclient.services.gsi.certificate import time_text
from goclient.services.gsi.names import base_dn
from goclient.services.myproxy.policy import check_dn, dn_of, matches

if TYPE_CHECKING:
    from goclient.services.gsi.identity import Identity
    from goclient.services.myproxy.client import MyProxy
    from goclient.services.myproxy.wire import Deposit


class Answer(NamedTuple):
    """Identity that asks a server, and what is deposited in the account; None if its key is locked."""

    identity: Identity
    deposits: tuple[Deposit, ...] | None


class Account(Check):
    """Ask the account's server with the user's own proxy, beside other checks, and judge what is deposited there.

    An account that is only guessed, from the Globus user of the transfers, stops nothing.
    """

    def __init__(self) -> None:
        self._account: MyproxyAccount | None = None
        self._asked: Background[Answer] | None = None

    def start(self, context: Context) -> None:
        """Ask for the deposits, if the spec has an account; what asks for a pass phrase asks now."""
        options = context.options
        if context.accounts is None or not (context.spec.myproxy or context.spec.user):
            return
        accounts, account = context.accounts(), context.spec.myproxy
        if account is None:
            with suppress(GoclientError):
                account = accounts.of_user(str(context.spec.user))
        if account is None:
            return
        self._account = account
        connect = partial(accounts.service, account, seconds=options.seconds, deposit=options.deposit)
        if not options.deposit:
            self._asked = Background(partial(_ask, connect, account.user))
            return
        try:
            service = connect()
            service.unlock()
        except GoclientError as error:
            self._asked = Background(partial(_fail, error))
        else:
            self._asked = Background(lambda: Answer(service.identity, service.info(account.user)))

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield what is found of the server, the identity that asks, and the deposit."""
        for one in self._judge_answer(context):
            yield one if context.spec.myproxy else one.as_warning()

    def _judge_answer(self, context: Context) -> Iterator[Finding]:
        if self._account is None or self._asked is None:
            return
        try:
            yield from _Judge(self._account, context).judge(self._asked.result(context.deadline.left))
        except TimeoutError:
            message, hint = "the check of the MyProxy account took too long", "give more with --goTimeout"
            yield MyproxyError(message, hint=hint, code="myproxy-timeout", transient=True).finding
        except GoclientError as error:
            for part in error.parts:
                found = with_hint_for_jobs(part).finding
                # Where the user's proxy acts, none here stops nothing: a deposit may have been made elsewhere.
                stops = context.options.deposit or not context.resolved.needs_proxy
                yield found if stops or not isinstance(part, IdentityMissing) else found.as_warning()


def _ask(connect: Callable[[], MyProxy], user: str) -> Answer:
    service = connect()
    return Answer(service.identity, None if service.identity.encrypted else service.info(user))


def _fail(error: GoclientError) -> Answer:
    raise error


def with_hint_for_jobs(error: GoclientError) -> GoclientError:
    """Return an error with a hint that names what counts here, if its own has options of ``goclient myproxy``."""
    if isinstance(error, IdentityNotNamed):
        return error.replace(hint="set X509_USER_PROXY, or X509_USER_CERT and X509_USER_KEY")
    return error


class _Judge:
    """Judge the deposits of one account."""

    def __init__(self, account: MyproxyAccount, context: Context) -> None:
        self._account = account
        self._context = context
        self._options = context.options
        self._pilot = check_dn(context.options.pilot) if context.options.pilot is not None else None

    def judge(self, answer: Answer) -> Iterator[Finding]:
        """Yield what is found: a deposit that is missing or ends too soon is an error, unless one will be made."""
        account, identity = str(self._account), answer.identity
        if answer.deposits is None:
            message = f"{quote(account)} was not checked: the key {quote(identity.key)} needs a pass phrase"
            hint = "make a proxy first (voms-proxy-init, grid-proxy-init -rfc), or look: "
            hint += command("info", server_of(self._account), self._account.user)
            yield Finding("warning", "unchecked", account, message, hint)
            return
        yield Finding("ok", "identity", account, f"MyProxy was asked as {identity.base} ({identity.found})")
        if self._pilot is not None and base_dn(self._pilot) == identity.base:
            message = f"the pilot {quote(self._pilot)} is yourself: servers let nobody retrieve their own deposit"
            hint = "name the pilot's DN: --pilot"
            yield MyproxyError(message, hint=hint, code="myproxy-own-dn", subject="--pilot").finding
            return
        for text in identity.warnings:
            yield Finding("warning", "myproxy-remark", account, text)  # plain: a code of the JSON
        if self._context.server_dn not in ("", identity.base):
            message = (
                f"what is deposited in {quote(account)} acts as {identity.base}, and the servers of the job's files"
            )
            message += f" were asked as {self._context.server_dn}: they may let the two do different things"
            hint = f"make a proxy of {identity.base}: grid-proxy-init -rfc; then type the command again"
            yield Finding("warning", "myproxy-other-dn", account, message, hint)
        plain = next((one for one in answer.deposits if not one.name), None)
        if plain is not None:
            yield from self._judge_deposit(plain)
        else:
            message, names = (
                f"nothing of yours is deposited in {quote(account)}",
                [one.name for one in answer.deposits],
            )
            if names:
                message = f"what is deposited in {quote(account)} has names, {', '.join(map(quote, names))}"
                message += "; a pilot asks for none"
            yield self._lack("myproxy-none", message, "make a deposit")

    def _judge_deposit(self, deposit: Deposit) -> Iterator[Finding]:
        account, hours = str(self._account), self._options.hours
        left, end = (deposit.end - time.time()) / HOUR, time_text(deposit.end)
        where = f"the proxy deposited in {quote(account)}"
        if left >= hours:
            yield Finding("ok", "myproxy-deposit", account, f"{where} lasts until {end}")
        elif left <= 0:
            yield self._lack("myproxy-expired", f"{where} ended at {end}", "make a new one", former=deposit.retrievers)
        else:
            message = f"{where} ends at {end}, within the {hours} hours of --goNeeds"
            yield self._lack("myproxy-ends", message, "make a new one", former=deposit.retrievers)
        policy = deposit.retrievers
        if not policy:
            message = f"{where} names nobody who may retrieve it without a pass phrase"
            yield self._error("myproxy-no-policy", message, "deposit it again for the pilot").finding
            return
        who = dn_of(policy) or f"everybody who fits {policy}"
        fits = self._pilot and matches(policy, base_dn(self._pilot))  # servers take the proxies off
        if self._pilot is None:
            message = f"it is for {who}; --pilot DN tells whether that is your pilot"
            yield Finding("ok", "myproxy-policy", account, message)
        elif fits is None:
            message = f"whether {quote(self._pilot)} fits the policy {quote(policy)} is not known"
            yield Finding("warning", "myproxy-pilot", account, message, "the server alone can tell")
        elif fits:
            message = f"the pilot {self._pilot} may retrieve it, unless the server's own policy says no"
            yield Finding("ok", "myproxy-policy", account, message)
        else:
            message = f"{where} is for {quote(who)}, not for the pilot {quote(self._pilot)}"
            yield self._error("myproxy-pilot", message, "deposit it again for that pilot").finding

    def _lack(self, code: str, message: str, remedy: str, *, former: str = "") -> Finding:
        """Return the finding of a deposit that is not there or ends too soon; ``former`` is its policy."""
        error = self._error(code, message, remedy, former=former)
        if not self._options.deposit:
            return error.finding
        self._context.deposit_due = True
        hint = "a new one is deposited before anything is sent (--deposit)"
        return Finding("warning", "myproxy-to-deposit", error.subject, message, hint)

    def _error(self, code: str, message: str, remedy: str, *, former: str = "") -> MyproxyError:
        """Return an error whose hint is the command that makes the deposit that is needed."""
        hours = self._options.hours
        words = ["--lifetime", str(hours + 1)] if hours * HOUR >= WEEK else []
        words += ["--proxy-lifetime", str(hours)] if hours > 12 else []
        mend = to_deposit(server_of(self._account), self._account.user, *words, pilot=self._pilot, former=former)
        return MyproxyError(message, hint=f"{remedy}: {mend}", code=code, subject=str(self._account))

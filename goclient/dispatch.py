"""Dispatch of a prepared submission: first what its jobs need, a deposit or a credential, then its request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from goclient import submission
from goclient.config import environment
from goclient.config.connections import Connections
from goclient.errors import GoclientError, MyproxyError
from goclient.errors.myproxy import LifetimeTooLong
from goclient.errors.wording import pluralize
from goclient.jobs.sent import check_not_accepted, check_not_sent
from goclient.journal import Journal
from goclient.model.options import TransferOptions
from goclient.model.spec import MyproxyAccount
from goclient.submission import Submission


def send_prepared(
    prepared: Submission, connections: Connections, show: Callable[[Submission], None] = lambda _: None
) -> Submission:
    """Send a submission, and return it with its jobs, of which ``show`` tells the user.

    Raises ServerError if not all jobs were accepted, or if that is not known; SentBefore while nobody knows how the
    same request ended, unless it was prepared ``again``, and if it was sent already; nothing is sent twice.
    """
    server, journal = connections.panda(), Journal(environment.journal_path(connections.env))
    check_not_accepted(journal, prepared.records, server.name)
    if not prepared.again:
        check_not_sent(journal, prepared.records, server.name, luggage=prepared.luggage)
    if prepared.deposit_due and prepared.spec.myproxy is not None:
        deposit_for_jobs(prepared.spec.myproxy, prepared.options, connections)
    luggage = prepared.luggage
    secret = luggage.secret if luggage is not None else None
    connections.reporter.detail(f"sending {pluralize(len(prepared.records), 'job')} to {server.name}")
    try:
        if luggage is not None and secret is not None:
            from goclient.jobs.grants import make_ready  # only carried jobs have a credential

            secret = make_ready(secret, connections, luggage.plan.needs, server=server.name)
            prepared = replace(prepared, luggage=replace(luggage, secret=secret))
        return submission.send(prepared, server=server, journal=journal, reporter=connections.reporter, show=show)
    except GoclientError:
        if secret is not None:
            from goclient.jobs.credentials import Credentials  # as above

            Credentials(journal, connections).give_up(secret, connections.reporter)
        raise


def deposit_for_jobs(account: MyproxyAccount, options: TransferOptions, connections: Connections) -> None:
    """Deposit a proxy for the pilot that the options, or the settings, name, and prove that it is there."""
    # TLS and cryptography, 0.1 s: only a job that needs a deposit pays for them.
    from goclient.config.grid import HOUR
    from goclient.deposit import DepositSpec, deposit
    from goclient.preflight.myproxy import with_hint_for_jobs
    from goclient.services.myproxy.policy import pattern_of

    pilot = options.pilot or connections.settings.get("pilot.dn")
    lifetime, needs = max(12, options.goNeeds) * HOUR, options.goNeeds * HOUR
    spec = DepositSpec(account.user, pattern_of(pilot), proxy_lifetime=lifetime, needs=needs)
    service = connections.accounts().service(account, seconds=float(options.goTimeout), deposit=True)
    try:
        proof = deposit(service, spec)
    except LifetimeTooLong as error:
        hint = "ask for less with --goNeeds, if the job needs less, or renew your certificate"
        raise error.replace(hint=hint) from error
    except MyproxyError as error:
        raise with_hint_for_jobs(error) from error
    connections.reporter.progress(f"deposited: {proof.summary}")

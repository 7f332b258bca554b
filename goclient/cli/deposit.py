"""Deposit the proxy that a submission may need, just before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goclient.errors import LifetimeTooLong, MyproxyError
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.cli.options.transfers import TransferOptions
    from goclient.model.spec import MyproxyAccount


def deposit(account: MyproxyAccount, options: TransferOptions, reporter: Reporter) -> None:
    """Deposit a proxy for the pilot that the options name, and prove that it is there; raise MyproxyError."""
    assert options.pilot is not None, "--deposit without --pilot was refused"
    # A submission without a deposit does not load these.
    from goclient.cli.options.transfers import accounts
    from goclient.config.grid import HOUR
    from goclient.deposit import DepositSpec
    from goclient.deposit import deposit as make
    from goclient.preflight.myproxy import for_jobs
    from goclient.services.myproxy.policy import pattern_of

    lifetime, needs = max(12, options.goNeeds) * HOUR, options.goNeeds * HOUR
    spec = DepositSpec(account.user, pattern_of(options.pilot), proxy_lifetime=lifetime, needs=needs)
    try:
        proof = make(accounts(reporter).service(account, seconds=float(options.goTimeout), deposit=True), spec)
    except LifetimeTooLong as error:
        hint = "ask for less with --goNeeds, if the job needs less, or renew your certificate"
        raise error.replace(hint=hint) from error
    except MyproxyError as error:
        raise for_jobs(error) from error
    reporter.progress(f"deposited: {proof.summary}")

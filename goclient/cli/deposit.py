"""The deposit that a submission may need, made just before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goclient.errors import MyproxyError
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from goclient.cli.options.transfers import TransferOptions
    from goclient.model.spec import MyproxyAccount


def deposit(account: MyproxyAccount, options: TransferOptions, reporter: Reporter) -> None:
    """None, once a proxy for the pilot that the options name is deposited and proven to be there."""
    assert options.pilot is not None, "--deposit without --pilot was refused"
    from goclient.cli.options.transfers import accounts
    from goclient.config.grid import HOUR
    from goclient.deposit import Wish
    from goclient.deposit import deposit as make
    from goclient.preflight.myproxy import with_hint_for_jobs
    from goclient.services.myproxy.policy import pattern_of

    hours = max(12, options.goNeeds)
    wish = Wish(account.user, pattern_of(options.pilot), proxy_lifetime=hours * HOUR, needs=options.goNeeds * HOUR)
    try:
        proof = make(accounts(reporter).service(account, seconds=float(options.goTimeout), deposit=True), wish)
    except MyproxyError as error:
        if error.code == "myproxy-lifetime":
            hint = "ask for less with --goNeeds, if the job needs less, or renew your certificate"
            raise error.replace(hint=hint) from error
        raise with_hint_for_jobs(error) from error
    reporter.progress(f"deposited: {proof.summary}")

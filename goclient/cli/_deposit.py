"""The deposit that a submission may need, made just before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from goclient.cli import _run

if TYPE_CHECKING:
    from goclient.cli.options import TransferOptions
    from goclient.model.spec import MyproxyAccount


def deposit(account: MyproxyAccount, options: TransferOptions, prog: str) -> None:
    """None, once a proxy for the pilot that the options name is deposited and proven to be there."""
    assert options.pilot is not None, "--deposit without --pilot was refused"
    from goclient.cli.options import accounts
    from goclient.deposit import HOUR, Wish
    from goclient.deposit import deposit as make
    from goclient.services.myproxy.policy import pattern_of

    service = accounts().service(account, seconds=float(options.goTimeout), deposit=True)
    hours = max(12, options.goNeeds)
    wish = Wish(account.user, pattern_of(options.pilot), proxy_lifetime=hours * HOUR, needs=options.goNeeds * HOUR)
    _run.say(prog, f"deposited: {make(service, wish).summary}")

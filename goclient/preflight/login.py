"""Check of the login: whose it is, and how long it lasts; and one login command for all that need one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from goclient.errors.conditions import NotLoggedIn
from goclient.errors.findings import Finding, login_command
from goclient.preflight.base import Check, Context
from goclient.preflight.https import https_endpoints, pilot_may_be_user


class Login(Check):
    """Say as whom everything is checked, and warn of a login that ends before the hours that the job needs."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield one finding for the identity, one for the end of its login."""
        globus, hours = context.connection.globus, context.options.hours
        if globus is None:
            return
        if context.connection.collections:
            yield Finding("ok", "identity", "the login", f"checked as {globus.acts_as}")
        end = globus.login_end
        if end is not None and end < datetime.now(UTC) + timedelta(hours=hours):
            message = f"your Globus login ends at {end:%Y-%m-%d %H:%M:%S} UTC, within the {hours} hours of --goNeeds"
            yield Finding("warning", "login-ends", "the login", message, f"to renew it, type: {login_command()}")


def join_logins(findings: Iterable[Finding], context: Context) -> list[Finding]:
    """Give the findings that a login mends one command that mends all of them.

    Where nobody has logged in, no endpoint could be asked what it needs: the command is for all of them.
    Nobody logs in for a service, which gives itself its consents and has no session.
    """
    globus, joined = context.connection.globus, []
    is_service = globus is not None and globus.is_service
    for one in findings:
        if is_service and any(name == "--session" for name, _ in one.login or ()):
            hint = "a service has no session: use it as a person, with a native client's id and no secret, then type: "
            one = one._replace(hint=hint + login_command(one.login or ()), login=None)
        joined.append(one)
    logins = [one.login for one in joined if one.login is not None]
    if not is_service and any(isinstance(one, NotLoggedIn) for one in context.connection.found.values()):
        https = https_endpoints(context.spec) if pilot_may_be_user(context) else []
        found = context.connection.found
        logins.append(tuple(("--https" if one in https else "--endpoint", one.display) for one in found))
    hint = f"type: {login_command(option for login in logins for option in login)}"
    return [one if one.login is None else one._replace(hint=hint) for one in joined]

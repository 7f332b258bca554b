"""The grid's settings, from the environment and the user's files: MyProxy servers, who asks them, whom to believe."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from goclient.errors import MyproxyError, RequestError, UsageError, quoted
from goclient.reporter.base import SILENT, Reporter
from goclient.services.gsi.authorities import find_authorities
from goclient.services.gsi.identity import Identity, find_identity
from goclient.services.gsi.server_name import PORT, Server, parse_servers
from goclient.services.myproxy.client import MyProxy
from goclient.services.myproxy.policy import LEARN, dn_of, has_wildcards

if TYPE_CHECKING:
    from goclient.model.spec import MyproxyAccount


HOUR = 3600  # seconds
UNKNOWN_DN = "DN-OF-THE-PILOT"  # refused, with how to learn it
WEEK = 168 * HOUR  # what myproxy-init deposits for


def hours_text(seconds: int) -> str:
    """Return a time in words: ``1 hour``, ``12 hours``, ``1 hour 30 minutes``."""
    counts = (("hour", seconds // HOUR), ("minute", seconds % HOUR // 60))
    words = [f"{count} {unit}{'s' * (count != 1)}" for unit, count in counts if count]
    return " ".join(words) or "0 hours"


class Files(NamedTuple):
    """What a user names on the command line: a certificate and its key, or a proxy."""

    certificate: str | None = None
    key: str | None = None
    proxy: str | None = None


def servers(
    env: Mapping[str, str], typed: str | None = None, port: int | None = None, *, option: str = "--server HOST"
) -> tuple[Server, ...]:
    """Return the servers to ask, in order: typed ones, or MYPROXY_SERVER's; raises UsageError if there are none."""
    text = typed or env.get("MYPROXY_SERVER")
    if not text:
        hint = f"name it: {option}, or export MYPROXY_SERVER=HOST"
        raise UsageError("no MyProxy server is set", hint=hint, code="missing-option", subject=option.partition(" ")[0])
    if port is None:
        given = env.get("MYPROXY_SERVER_PORT") or str(PORT)
        if not (given.isascii() and given.isdigit() and len(given) < 6 and 0 < int(given) < 65536):
            message = f"MYPROXY_SERVER_PORT={quoted(given)} is no port"
            raise MyproxyError(message, hint="such as MYPROXY_SERVER_PORT=7512", code="myproxy-server")
        port = int(given)
    return parse_servers(text, port=port)


def login_name(env: Mapping[str, str]) -> str:
    """The name that an account on a server has unless one is typed: that of the user on this machine."""
    if env.get("LOGNAME"):
        return env["LOGNAME"]
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise MyproxyError("the account has no name", hint="name it: --user NAME", code="myproxy-field") from None


def home(env: Mapping[str, str]) -> str:
    """The user's home directory; a folder that is not there if none is set."""
    return env.get("HOME") or os.path.expanduser("~")


def identity(env: Mapping[str, str], files: Files, *, deposit: bool = False) -> Identity:
    """Who asks: what was named, or what is where the C tools look; raises MyproxyError with all that is wrong with it.

    ``deposit``: it is one that proxies are made of.
    """
    certificate, key, proxy = files
    return find_identity(env, home(env), os.getuid(), certificate=certificate, key=key, proxy=proxy, deposit=deposit)


def myproxy(
    env: Mapping[str, str],
    who: Identity,
    where: tuple[Server, ...],
    *,
    seconds: float,
    passphrase: Callable[[], str] | None = None,
    reporter: Reporter = SILENT,
) -> MyProxy:
    """The service, asked by an identity; ``seconds`` is the end of each operation.

    ``passphrase`` gives that of the identity's key, and is asked only if the key needs one.
    """
    return MyProxy(
        where,
        who,
        authorities=find_authorities(env, home(env)),
        server_dn=env.get("MYPROXY_SERVER_DN") or None,
        timeout=seconds,
        passphrase_of_key=passphrase,
        reporter=reporter,
    )


def server_of(account: MyproxyAccount) -> Server:
    """The server of an account."""
    return Server(account.host.strip("[]"), account.port)


def command(action: str, server: Server, account: str, *more: str) -> str:
    """The command line of ``goclient myproxy`` that does this with an account, safe to paste."""
    import shlex  # the model's own way of quoting would load pydantic; no account has control characters

    user = [f"--user={account}"] if account.startswith("-") else ["--user", account]
    where = ["--server", server.host, "--port", str(server.port)]
    return shlex.join(["goclient", "myproxy", action, *where, *user, *more])


def to_deposit(server: Server, account: str, *more: str, pilot: str | None = None, former: str = "") -> str:
    """Return the command that makes a deposit for a pilot, and how to learn the pilot's DN where it is not known.

    ``former``: the policy of the deposit before, or "".  A sandbox's ``env.sh`` says who its pilot is.
    """
    dn = pilot or dn_of(former)
    if not dn and not former and server.host in ("localhost", "127.0.0.1"):
        dn = os.environ.get("SANDBOX_PILOT_DN")
    if dn and dn.startswith("/"):
        return command("deposit", server, account, "--retriever", dn, *more)
    if former and has_wildcards(former):
        return command("deposit", server, account, "--retriever-pattern", former, *more)
    return f"{command('deposit', server, account, '--retriever', UNKNOWN_DN, *more)}; {LEARN}"


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts with the proxies of a user's jobs, in one environment."""

    env: Mapping[str, str]
    passphrase: Callable[[str], str] | None = None  # of a key, by its file
    reporter: Reporter = SILENT

    def named(self, text: str) -> MyproxyAccount:
        """The account ``USER[@HOST[:PORT]]``; raises RequestError if it is none, or if no server is set."""
        from goclient.model.names import name_problem
        from goclient.model.spec import MyproxyAccount

        user, at, where = text.rpartition("@")
        user, where = (user, where) if at else (text, "")
        if at and not where:
            raise _no_account(text, "it names no server", _ACCOUNT)
        if problem := name_problem("user", user):
            raise _no_account(text, problem, _ACCOUNT)
        if "," in where:
            raise _no_account(text, "a job has the account of one server", "name one")
        try:
            first = servers(self.env, where or None, option=f"--myproxy {user}@HOST")[0]
        except (MyproxyError, UsageError) as error:
            raise _no_account(text, error.message, error.hint) from error
        return MyproxyAccount(user=user, host=f"[{first.host}]" if ":" in first.host else first.host, port=first.port)

    def of_user(self, user: str) -> MyproxyAccount | None:
        """The account that a Globus user is likely to have: of that name, at MYPROXY_SERVER; None without one."""
        first = self.env.get("MYPROXY_SERVER", "").partition(",")[0]
        return self.named(f"{user}@{first}") if first else None

    def service(self, account: MyproxyAccount, *, seconds: float = 30.0, deposit: bool = False) -> MyProxy:
        """The server of an account, asked by the user's own identity; ``deposit`` as for :func:`identity`."""
        who = identity(self.env, Files(), deposit=deposit)
        ask = self.passphrase
        own = partial(ask, who.key) if ask is not None else None
        return myproxy(self.env, who, (server_of(account),), seconds=seconds, passphrase=own, reporter=self.reporter)


def _no_account(text: str, problem: str, hint: str) -> RequestError:
    message = f"--myproxy {quoted(text)}: {problem}"
    return RequestError(message, hint=hint, code="myproxy-account", subject="--myproxy")


_ACCOUNT = "write USER@HOST:PORT, or USER with MYPROXY_SERVER set"

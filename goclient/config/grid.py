"""Read the settings of the grid, from the environment and the user's files: servers, identities, authorities."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from goclient.errors import MyproxyError, RequestError, UsageError
from goclient.errors.wording import quote
from goclient.model.endpoint import GridftpEndpoint, WebdavEndpoint
from goclient.model.frozen import Frozen
from goclient.model.names import name_problem
from goclient.model.syntax.shell import command_line
from goclient.reporter.base import SILENT, Reporter
from goclient.services.gsi.authorities import find_authorities
from goclient.services.gsi.identity import Identity, Search, find_identity
from goclient.services.gsi.server import PORT, Server
from goclient.services.gsi.server_name import is_port, parse_servers
from goclient.services.gsi.tls import Credential, Trust
from goclient.services.myproxy.client import MyProxy
from goclient.services.myproxy.policy import LEARN, dn_of, is_portable

if TYPE_CHECKING:
    from goclient.model.endpoint import UrlEndpoint
    from goclient.model.spec import MyproxyAccount
    from goclient.services.deadline import Deadline
    from goclient.services.server_files import ServerFiles


HOUR = 3600  # seconds
UNKNOWN_DN = "DN-OF-THE-PILOT"  # refused, with how to learn it
WEEK = 168 * HOUR  # what myproxy-init deposits for


def hours_text(seconds: int) -> str:
    """Return a time in words: ``1 hour``, ``12 hours``, ``1 hour 30 minutes``."""
    counts = (("hour", seconds // HOUR), ("minute", seconds % HOUR // 60))
    words = [f"{count} {unit}{'s' * (count != 1)}" for unit, count in counts if count]
    return " ".join(words) or "0 hours"


def own_proxies(env: Mapping[str, str]) -> list[str]:
    """Return where the user's own proxy may be: where all grid tools put it, and where a variable says."""
    return [f"/tmp/x509up_u{os.getuid()}", *filter(None, [env.get("X509_USER_PROXY")])]  # noqa: S108


def servers(
    env: Mapping[str, str], typed: str | None = None, *, port: int | None = None, option: str = "--server HOST"
) -> tuple[Server, ...]:
    """Return the servers to ask, in order: typed ones, or MYPROXY_SERVER's; raise UsageError if there are none."""
    text = typed or env.get("MYPROXY_SERVER")
    if not text:
        hint = f"name it: {option}, or export MYPROXY_SERVER=HOST"
        raise UsageError("no MyProxy server is set", hint=hint, code="missing-option", subject=option.partition(" ")[0])
    if port is None:
        given = env.get("MYPROXY_SERVER_PORT") or str(PORT)
        if not is_port(given):
            message = f"MYPROXY_SERVER_PORT={quote(given)} is not a port"
            raise MyproxyError(message, hint="such as MYPROXY_SERVER_PORT=7512", code="myproxy-server")
        port = int(given)
    return parse_servers(text, port=port)


def login_name(env: Mapping[str, str]) -> str:
    """Return the name that an account on a server has unless one is typed: that of the user on this machine."""
    try:
        return env.get("LOGNAME") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        raise MyproxyError("the account has no name", hint="name it: --user NAME", code="myproxy-field") from None


def identity(
    env: Mapping[str, str],
    certificate: str | None = None,
    *,
    key: str | None = None,
    proxy: str | None = None,
    deposit: bool = False,
) -> Identity:
    """Return the identity that was named, or the one where the C tools look; raise MyproxyError with all its faults.

    ``deposit``: it is one that proxies are made of.
    """
    return find_identity(Search(env, _home(env), os.getuid(), certificate, key, proxy, deposit))


def myproxy(
    env: Mapping[str, str],
    where: tuple[Server, ...],
    *,
    credential: Credential,
    seconds: float,
    reporter: Reporter = SILENT,
) -> MyProxy:
    """Return the service, asked with a credential; ``seconds`` is the end of each operation."""
    trust = Trust(find_authorities(env, _home(env)), env.get("MYPROXY_SERVER_DN") or None)
    return MyProxy(where, credential, trust=trust, timeout=seconds, reporter=reporter)


def _home(env: Mapping[str, str]) -> str:
    """Return the user's home directory; one that is not there if none is set."""
    return env.get("HOME") or os.path.expanduser("~")


def server_of(account: MyproxyAccount) -> Server:
    """Return the server of an account."""
    return Server(account.host.strip("[]"), account.port)


def command(action: str, server: Server, account: str, *more: str) -> str:
    """Return the command line of ``goclient myproxy`` that does this with an account, safe to paste."""
    user = [f"--user={account}"] if account.startswith("-") else ["--user", account]
    where = ["--server", server.host, "--port", str(server.port)]
    return command_line("goclient", "myproxy", action, *where, *user, *more)


def to_deposit(server: Server, account: str, *more: str, pilot: str | None = None, former: str = "") -> str:
    """Return the command that makes a deposit for a pilot, and how to learn the pilot's DN where it is not known.

    ``former``: the policy of the deposit before, or "".  A sandbox's ``env.sh`` says who its pilot is.
    """
    dn = pilot or dn_of(former)
    if not dn and not former and server.host in ("localhost", "127.0.0.1"):
        dn = os.environ.get("SANDBOX_PILOT_DN")
    if dn and dn.startswith("/"):
        return command("deposit", server, account, "--retriever", dn, *more)
    if not dn and is_portable(former):
        return command("deposit", server, account, "--retriever-pattern", former, *more)
    return f"{command('deposit', server, account, '--retriever', UNKNOWN_DN, *more)}; {LEARN}"


class Accounts(Frozen):
    """Accounts with the proxies of a user's jobs, in one environment."""

    env: Mapping[str, str]
    passphrase: Callable[[str], str] | None = None  # of a key, by its file
    reporter: Reporter = SILENT

    def parse(self, text: str) -> MyproxyAccount:
        """Return the account ``USER[@HOST[:PORT]]``; raise RequestError for another text, or if no server is set."""
        from goclient.model.spec import MyproxyAccount  # pydantic, which goclient myproxy does without

        user, at, where = text.rpartition("@")
        user, where = (user, where) if at else (text, "")
        problem, hint = name_problem("user", user), "write USER@HOST:PORT, or USER with MYPROXY_SERVER set"
        if "://" in text:
            problem = "a URL names no account"
        elif at and not where:
            problem = "it names no server"
        elif not problem and "," in where:
            problem, hint = "a job has the account of one server", "name one"
        if not problem:
            try:
                first = servers(self.env, where or None, option=f"--myproxy {user}@HOST")[0]
                host = f"[{first.host}]" if ":" in first.host else first.host
                return MyproxyAccount(user=user, host=host, port=first.port)
            except (MyproxyError, UsageError) as error:
                problem, hint = error.message, error.hint
        message = f"--myproxy {quote(text)}: {problem}"
        raise RequestError(message, hint=hint, code="myproxy-account", subject="--myproxy")

    def of_user(self, user: str) -> MyproxyAccount | None:
        """Return the account that a Globus user is likely to have: that name at MYPROXY_SERVER; None without one."""
        first = self.env.get("MYPROXY_SERVER", "").partition(",")[0]
        return self.parse(f"{user}@{first}") if first else None

    def credential(self) -> Credential:
        """Return the user's own proxy or certificate; raise MyproxyError with all its faults."""
        who = identity(self.env)
        return Credential(who, partial(self.passphrase, who.key) if self.passphrase is not None else None)

    def trust(self) -> Trust:
        """Return the trust in servers of files; raise MyproxyError without a directory of CA certificates."""
        return Trust(find_authorities(self.env, _home(self.env)))

    def server_files(self, credential: Credential, deadline: Deadline) -> dict[type[UrlEndpoint], ServerFiles]:
        """Return the client of each kind of server, which is shown a credential and asks in time.

        A silent server takes half of the time: the others are asked all the same.
        """
        from goclient.services.gridftp.files import GridftpFiles  # a job at collections alone needs none of them
        from goclient.services.https.connection import Limits
        from goclient.services.https.grid import GridTls
        from goclient.services.https.webdav import WebdavFiles

        trust, most = self.trust(), max(deadline.left, 0.001) / 2

        def show() -> Credential:
            return credential

        return {
            GridftpEndpoint: GridftpFiles(show, trust, lambda: deadline.share(2)),
            WebdavEndpoint: WebdavFiles(GridTls(trust, show), limits=Limits(most, most, most, deadline)),
        }

    def service(self, account: MyproxyAccount, *, seconds: float = 30.0, deposit: bool = False) -> MyProxy:
        """Return the server of an account, asked by the user's own identity; ``deposit`` as for :func:`identity`."""
        who = identity(self.env, deposit=deposit)
        ask = partial(self.passphrase, who.key) if self.passphrase is not None else None
        where, credential = (server_of(account),), Credential(who, ask)
        return myproxy(self.env, where, credential=credential, seconds=seconds, reporter=self.reporter)

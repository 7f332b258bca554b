"""The options of ``goclient myproxy``: ours, and those of the C tools, which mean what they mean there."""

from dataclasses import dataclass
from typing import Optional

from goclient.cli.parser import option

WHERE, WHO, WHAT = "server and account", "your certificate", "myproxy"


@dataclass(frozen=True, repr=False, eq=False)
class AccountOptions:
    """What was typed of the server and the account on it."""

    server: Optional[str] = option(
        "-s", "--pshost", "--server", help="the server, or several in order: HOST[:PORT],… (default: MYPROXY_SERVER)",
        group=WHERE, metavar="HOST",
    )  # fmt: skip
    port: Optional[int] = option(
        "-p", "--psport", "--port", help="its port, where --server says none (default: MYPROXY_SERVER_PORT, or 7512)",
        group=WHERE, metavar="N", minimum=1, maximum=65535,
    )  # fmt: skip
    user: Optional[str] = option(
        "-l", "--username", "--user", help="the account's name on the server (default: your login name)", group=WHERE,
        metavar="NAME",
    )  # fmt: skip
    dn_as_user: bool = option(
        "-d", "--dn_as_username", "--dn-as-user", help="your certificate's DN is the account's name", group=WHERE,
        default=False,
    )  # fmt: skip
    credname: Optional[str] = option(
        "-k", "--credname", help="the credential's name, if the account has several", group=WHERE, metavar="NAME"
    )
    timeout: int = option(
        "--timeout", help="how many seconds all of it may take", group=WHERE, default=30, metavar="N", minimum=1,
        maximum=3600,
    )  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class IdentityOptions:
    """What was typed of whoever asks."""

    cert: Optional[str] = option(
        "-C", "--certfile", "--cert", help="your certificate (default: X509_USER_CERT, ~/.globus/usercert.pem)",
        group=WHO, metavar="FILE",
    )  # fmt: skip
    key: Optional[str] = option(
        "-y", "--keyfile", "--key", help="its key (default: X509_USER_KEY, ~/.globus/userkey.pem)", group=WHO,
        metavar="FILE",
    )  # fmt: skip
    proxy: Optional[str] = option("--proxy", help="a proxy instead of both", group=WHO, metavar="FILE")
    passphrase_fd: Optional[int] = option(
        "--passphrase-fd", help="read the key's pass phrase from this file descriptor (default: ask on the terminal)",
        group=WHO, metavar="N", minimum=0, maximum=1023,
    )  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)
class OutputOptions:
    """What was typed of what is printed."""

    json: bool = option("--json", help="print one JSON document", group=WHAT, default=False)
    verbose: int = option(
        "--verbose", "-v", help="-vv shows the traceback of an error", group=WHAT, default=0, count=True
    )


@dataclass(frozen=True, repr=False, eq=False)
class DepositOptions(OutputOptions, IdentityOptions, AccountOptions):
    """What was typed of a deposit."""

    retriever: Optional[str] = option(
        "--retriever", help="the DN of the one pilot that may retrieve without a pass phrase", group=WHAT, metavar="DN"
    )
    retriever_pattern: Optional[str] = option(
        "--retriever-pattern", help="a pattern instead: * and ? match anything", group=WHAT, metavar="P"
    )
    by_cert: Optional[str] = option(
        "--retrievable_by_cert", "-Z", help="as with myproxy-init: a DN, the common name of one, or a pattern",
        group=WHAT, metavar="NAME",
    )  # fmt: skip
    regex: bool = option(
        "--regex_dn_match", "-x", help="as with myproxy-init: what -Z and -R have is a DN", group=WHAT, default=False
    )
    common_name: bool = option(
        "--match_cn_only", "-X", help="as with myproxy-init: what -Z and -R have is a common name", group=WHAT,
        default=False,
    )  # fmt: skip
    renewer: Optional[str] = option(
        "-R", "--renewable_by", "--renewer", help="the DN that may renew", group=WHAT, metavar="DN"
    )
    lifetime: Optional[str] = option(
        "-c", "--cred_lifetime", "--lifetime",
        help="how long the deposit lasts (default: 168, or as long as your certificate)", group=WHAT,
        metavar="HH[:MM]", minimum=1, maximum=87_600,
    )  # fmt: skip
    proxy_lifetime: str = option(
        "-t", "--proxy_lifetime", "--proxy-lifetime",
        help="how long the proxies last at most that a pilot gets; 0: as the deposit", group=WHAT, default="12",
        metavar="HH[:MM]", minimum=0, maximum=87_600,
    )  # fmt: skip
    description: Optional[str] = option(
        "-K", "--creddesc", help="a description, for whoever looks at the deposit", group=WHAT, metavar="TEXT"
    )
    no_passphrase: bool = option(
        "--no_passphrase", "-n", help="as with myproxy-init: the deposit has no pass phrase, which is so anyway",
        group=WHAT, default=False,
    )  # fmt: skip
    yes: bool = option("--yes", help="do not ask whether everybody may retrieve", group=WHAT, default=False)


@dataclass(frozen=True, repr=False, eq=False)
class InfoOptions(OutputOptions, IdentityOptions, AccountOptions):
    """What was typed of a look."""

    needs: Optional[int] = option(
        "--needs", help="exit 80 unless a deposit lasts so long", group=WHAT, metavar="HOURS", minimum=0, maximum=87_600
    )


@dataclass(frozen=True, repr=False, eq=False)
class RetrieveOptions(OutputOptions, IdentityOptions, AccountOptions):
    """What was typed of a retrieval."""

    out: str = option(
        "-o", "--out", help="the file for the proxy", group=WHAT, default="", metavar="FILE", required=True
    )
    replace_default: bool = option(
        "--replace-default", help="allow that FILE is where all grid tools look for your proxy", group=WHAT,
        default=False,
    )  # fmt: skip
    lifetime: str = option(
        "-t", "--proxy_lifetime", "--lifetime", help="how long the proxy shall last", group=WHAT, default="12",
        metavar="HH[:MM]", minimum=1, maximum=87_600,
    )  # fmt: skip
    no_passphrase: bool = option(
        "--no_passphrase", "-n", help="as with myproxy-logon: no pass phrase is asked for, which is so anyway",
        group=WHAT, default=False,
    )  # fmt: skip
    quiet: bool = option("-q", "--quiet", help="say nothing unless something is wrong", group=WHAT, default=False)


@dataclass(frozen=True, repr=False, eq=False)
class DestroyOptions(OutputOptions, IdentityOptions, AccountOptions):
    """What was typed of a removal."""

    yes: bool = option("--yes", help="do not ask first", group=WHAT, default=False)

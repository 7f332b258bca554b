"""Options of ``goclient myproxy``: ours, and those of the C tools, which mean what they mean there."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any, Optional

from goclient.cli.confirm import confirm
from goclient.deposit import check_pattern, retrievers
from goclient.errors import GoclientError, UsageError
from goclient.errors.conditions import UnknownOption
from goclient.errors.wording import quote
from goclient.model.frozen import Frozen
from goclient.model.option import option
from goclient.model.syntax.shell import shell_word
from goclient.reporter.base import Reporter
from goclient.services.gsi.names import base_dn
from goclient.services.myproxy.policy import as_typed, fits_everybody, is_portable, pattern_of

HOUR = 3600  # seconds
WHERE, WHO, WHAT = "server and account", "your certificate", "myproxy"
_ONE_POLICY = "MyProxy keeps one policy a deposit: name one DN, or all of them with one --retriever-pattern"


class AccountOptions(Frozen):
    """Options of every action: the server and the account on it, the identity that asks, the output."""

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
    json: bool = option("--json", help="print one JSON document", group=WHAT, default=False)
    verbose: int = option(
        "--verbose", "-v", help="-vv shows the traceback of an error", group=WHAT, default=0, count=True
    )


class DepositOptions(AccountOptions):
    """Options of ``deposit``."""

    retriever: Optional[str] = option(
        "--retriever", help="the DN of the one pilot that may retrieve without a pass phrase", group=WHAT, metavar="DN",
        once=_ONE_POLICY,
    )  # fmt: skip
    retriever_pattern: Optional[str] = option(
        "--retriever-pattern", help="a pattern instead: * and ? match anything", group=WHAT, metavar="P"
    )
    by_cert: Optional[str] = option(
        "--retrievable_by_cert", "-Z", help="as with myproxy-init: a DN, the common name of one, or a pattern",
        group=WHAT, metavar="NAME", once=_ONE_POLICY,
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
        "-K", "--creddesc", help="a description, shown with the deposit", group=WHAT, metavar="TEXT"
    )
    no_passphrase: bool = option(
        "--no_passphrase", "-n", help="as with myproxy-init: the deposit has no pass phrase, which is so anyway",
        group=WHAT, default=False,
    )  # fmt: skip
    yes: bool = option("--yes", help="do not ask whether everybody may retrieve", group=WHAT, default=False, grave=True)


class InfoOptions(AccountOptions):
    """Options of ``info``."""

    needs: Optional[int] = option(
        "--needs", help="exit 80 unless a deposit lasts so long", group=WHAT, metavar="HOURS", minimum=0, maximum=87_600
    )


class RetrieveOptions(AccountOptions):
    """Options of ``retrieve``."""

    out: str = option(
        "-o", "--out", help="the file for the proxy", group=WHAT, default="", metavar="FILE", required=True
    )
    replace_default: bool = option(
        "--replace-default", help="allow that FILE is where all grid tools look for your proxy", group=WHAT,
        default=False, grave=True,
    )  # fmt: skip
    lifetime: str = option(
        "-t", "--proxy_lifetime", "--lifetime", help="how long the proxy lasts", group=WHAT, default="12",
        metavar="HH[:MM]", minimum=1, maximum=87_600,
    )  # fmt: skip
    no_passphrase: bool = option(
        "--no_passphrase", "-n", help="as with myproxy-logon: no pass phrase is asked for, which is so anyway",
        group=WHAT, default=False,
    )  # fmt: skip
    quiet: bool = option("-q", "--quiet", help="say nothing unless something is wrong", group=WHAT, default=False)


class DestroyOptions(AccountOptions):
    """Options of ``destroy``."""

    yes: bool = option("--yes", help="do not ask first", group=WHAT, default=False, grave=True)


OPTIONS: dict[str, type[AccountOptions]] = {
    "deposit": DepositOptions, "info": InfoOptions, "retrieve": RetrieveOptions, "destroy": DestroyOptions,
}  # fmt: skip


# --- words of the C tools ---------------------------------------------------------------------------------------

_SAME = {"-u": "--help", "--usage": "--help", "-V": "--version"}
_NO_VOMS = "proxies with VOMS attributes are made by voms-proxy-init"
_KEY = "that of your key is read from standard input with --passphrase-fd 0"
_CAS = "CA certificates are never taken from a server: put them into the directory that X509_CERT_DIR names"
_RENEWAL = "nothing is renewed here: ask with your own certificate, --cert FILE --key FILE"
# Options of the C tools without a meaning here, by action: their names, and the remedy.
_ELSEWHERE: dict[str, dict[tuple[str, ...], str]] = {
    "deposit": {
        ("-r", "--retrievable_by"): "it allows retrieval with a pass phrase, and no deposit here has one; without one: "
        "--retriever DN (-R is about renewal)",
        ("-w",): "who may renew is said with --renewer DN",
        ("-a", "--allow_anonymous_retrievers"): "they need a pass phrase, which no deposit here has: leave it out",
        ("-A", "--allow_anonymous_renewers"): "name the one who may renew: --renewer DN",
        ("-S", "--stdin_pass"): f"a deposit here has no pass phrase; {_KEY}",
        ("-L", "--local_proxy"): "no proxy is left on this machine; grid-proxy-init -rfc makes one",
        ("-m", "--voms"): _NO_VOMS,
        ("-o", "--out"): "a deposit makes no file; -o belongs to goclient myproxy retrieve",
    },
    "retrieve": {
        ("-a", "--authorization"): _RENEWAL,
        ("-S", "--stdin_pass"): f"a proxy is retrieved without a pass phrase; {_KEY}",
        ("-T", "--trustroots"): _CAS,
        ("-b", "--bootstrap"): _CAS,
        ("-N", "--no_credentials"): "goclient myproxy info asks the server, and retrieves nothing",
        ("-Q", "--certreq"): "the key and its request are always made here: leave it out",
        ("-m", "--voms"): f"{_NO_VOMS}, of the retrieved proxy with -noregen",
    },
}


def of_c_tools(argv: Sequence[str]) -> list[str]:
    """Return the words with those for help and version as this program has them."""
    end = argv.index("--") if "--" in argv else len(argv)
    return [*(_SAME.get(word, word) for word in argv[:end]), *argv[end:]]


def explain(error: GoclientError, action: str) -> GoclientError:
    """Return a mistake with what a user of the C tools has to know of it."""
    if not isinstance(error, UnknownOption):
        return error
    name = error.subject if error.subject.startswith("--") else error.subject[:2]  # -rNAME
    hint = next((text for names, text in _ELSEWHERE.get(action, {}).items() if name in names), "")
    names = {other: {name for one in dataclasses.fields(kind) for name in one.metadata["args"]}
             for other, kind in OPTIONS.items() if other != action}  # fmt: skip
    others = [f"goclient myproxy {other}" for other, its in names.items() if name in its]
    return error.replace(hint=hint or (f"it belongs to {' and '.join(others)}" if others else error.hint))


def wrong_hours(options: Any) -> Iterator[UsageError]:  # any of the option classes
    """Yield an error for each option whose value has to be ``HH`` or ``HH:MM`` and is not."""
    for field in dataclasses.fields(options):
        typed = getattr(options, field.name)
        if field.metadata["metavar"] != "HH[:MM]" or typed is None:
            continue
        name, low, high = field.metadata["args"][-1], field.metadata["minimum"], field.metadata["maximum"]
        hint = f"{name} takes hours, HH or HH:MM, from {low} to {high}"
        if not re.fullmatch(r"[0-9]{1,9}(:[0-5][0-9])?", typed):
            message = f"{name} {quote(typed)} is not a number of hours"
            yield UsageError(message, hint=hint, code="not-a-number", subject=name)
        elif seconds(typed) > high * HOUR or (low and not seconds(typed)):
            yield UsageError(f"{name} {quote(typed)} is out of range", hint=hint, code="out-of-range", subject=name)


def seconds(hours: str) -> int:
    """Return the seconds that ``HH`` or ``HH:MM`` is."""
    whole, _, minutes = hours.partition(":")
    return int(whole) * HOUR + int(minutes or 0) * 60


# --- retrievers and renewers ------------------------------------------------------------------------------------


def retrievers_of(options: DepositOptions, reporter: Reporter) -> str:
    """Return the pattern of those who may retrieve; warn of an unusual one, and ask before everybody may."""
    dn, pattern, typed = options.retriever, options.retriever_pattern, options.by_cert
    if typed is not None:
        if dn is not None:
            two = f"--retriever {quote(dn)} and -Z {quote(typed)} name two retrievers"
            raise UsageError(two, hint=_ONE_POLICY, code="twice", subject="--retriever")
        dn, found = _of_myproxy_init(typed, regex=options.regex)
        pattern, dn = (found, dn) if pattern is None else (pattern, typed)
        if found is not None and "=" not in typed:
            message = f"-Z {quote(typed)} is a common name, as for myproxy-init: anybody who has it may retrieve"
            reporter.warning(message, "name one: --retriever DN")
    policy = retrievers(dn, pattern)
    if dn is not None:
        _warn_of_dn(dn, reporter)
        return policy
    _warn_of_pattern(policy, reporter)
    if fits_everybody(policy) and not options.yes:
        confirm(
            f"May everybody whom the server trusts retrieve it ({policy})?",
            unasked=f"everybody whom the server trusts could retrieve with the pattern {quote(policy)}",
            hint=f"name the pilot: --retriever DN; or allow it: --retriever-pattern {shell_word(policy)} --yes",
            stopped="nothing was deposited",
        )
    return policy


def renewers_of(options: DepositOptions, reporter: Reporter) -> str:
    """Return the pattern of those who may renew; the empty string is nobody.  Warn of one that cannot be judged."""
    if not options.renewer:
        return ""
    dn, pattern = _of_myproxy_init(options.renewer, regex=True) if options.regex else (options.renewer, None)
    _warn_of_pattern(pattern or "", reporter)
    return check_pattern(pattern) if pattern is not None else pattern_of(dn or "")


def _of_myproxy_init(typed: str, *, regex: bool) -> tuple[Optional[str], Optional[str]]:
    """Return the DN, or else the pattern, that a user of myproxy-init has in mind.

    There, ``-x`` before ``-Z`` makes its value a pattern of DNs, which a user types as a DN; without it, it is a bare
    common name; and ``-x`` after ``-Z`` does nothing, so that a policy is stored that nobody matches.
    """
    wild = "*" in typed or "?" in typed
    if wild and (regex or not typed.startswith("/")):
        return None, typed if regex or "=" in typed else f"*/CN={typed}"
    if regex or "=" in typed or typed.startswith("/"):
        return typed, None
    return None, "*" + pattern_of(f"/CN={typed}")


def _warn_of_pattern(pattern: str, reporter: Reporter) -> None:
    """Warn of a pattern that only a server can judge."""
    if pattern and not is_portable(pattern):
        message = f"which DNs the pattern {quote(pattern)} fits cannot be judged from here"
        reporter.warning(message, "use * and ? for what may be anything, and | between several")


def _warn_of_dn(dn: str, reporter: Reporter) -> None:
    """Warn of a DN that servers know by another one, or that may be meant as a pattern."""
    if (base := base_dn(dn)) != dn:
        message = f"{quote(dn)} ends as the DN of a proxy does; servers know its owner as {quote(base)}"
        reporter.warning(message, f"if that is the pilot: --retriever {as_typed(base)}")
    if "*" in dn or "?" in dn:
        message = f"* and ? in the DN {quote(dn)} stand for themselves: it is the name of one pilot"
        reporter.warning(message, f"for everybody whom it fits: --retriever-pattern {as_typed(dn)}")
    if dn.endswith(" "):
        reporter.warning(f"the DN {quote(dn)} ends with a blank", "leave it out, unless the pilot's DN has it")

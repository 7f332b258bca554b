"""``goclient myproxy``: deposit a proxy for a pilot, show what is deposited, retrieve it, remove it."""

import os
import time
from collections.abc import Sequence
from typing import Optional, TypeVar

from goclient.cli import output
from goclient.cli.confirm import confirm
from goclient.cli.myproxy_text import deposit_document, print_deposit, print_proof
from goclient.cli.options.myproxy import (
    HOUR,
    AccountOptions,
    DepositOptions,
    DestroyOptions,
    InfoOptions,
    RetrieveOptions,
    explain,
    of_c_tools,
    renewers_of,
    retrievers_of,
    seconds,
    wrong_hours,
)
from goclient.cli.parser import Parser
from goclient.cli.passphrase import passphrase
from goclient.config import grid
from goclient.config.settings import read_settings
from goclient.deposit import DepositSpec, deposit
from goclient.errors import GoclientError, MyproxyError, UsageError, raise_all
from goclient.errors.myproxy import NoDeposit
from goclient.errors.wording import printable, quote
from goclient.model.nearest import hint_of_known
from goclient.reporter.base import Reporter
from goclient.services.gsi.certificate import read_certificate, time_text
from goclient.services.gsi.der import Damaged
from goclient.services.gsi.identity import Identity
from goclient.services.gsi.pem import blocks, read_file, write_proxy
from goclient.services.gsi.tls import Credential
from goclient.services.myproxy.wire import Deposit

PROG = "goclient myproxy"
ACTIONS = {
    "deposit": "make a proxy, deposit it for a pilot, and prove what is there",
    "info": "show what is deposited, for whom, until when",
    "retrieve": "get a proxy made of a deposit, as a pilot does",
    "destroy": "remove a deposit",
}
T = TypeVar("T", bound=AccountOptions)


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """Return the exit code of one ``goclient myproxy`` command line."""
    action = argv[0] if argv else ""
    run = {"deposit": _deposit, "info": _info, "retrieve": _retrieve, "destroy": _destroy}
    if action in run:
        return run[action](argv[1:], reporter)
    if action in ("-h", "--help"):
        rows = "\n".join(f"  {name:<9} {text}" for name, text in ACTIONS.items())
        print(f"usage: {PROG} ACTION [OPTION ...]\n\n{rows}\n\n{PROG} ACTION --help lists the options of one.")
        return 0
    message = f"{quote(action)} is not an action of {PROG}" if action else "the action is missing"
    raise UsageError(message, hint=hint_of_known(action, ACTIONS), code="action", subject="action")


def parse(kind: type[T], action: str, *, words: Sequence[str], epilog: str = "") -> T:
    """Return the options of an action as typed; raise everything that is wrong with them."""
    parser = Parser(
        kind, prog=f"{PROG} {action}", description=f"{ACTIONS[action][0].upper()}{ACTIONS[action][1:]}.", epilog=epilog,
    )  # fmt: skip
    options, errors = parser.read(of_c_tools(words))
    raise_all([*(explain(error, action) for error in errors), *wrong_hours(options)])
    return options


class _Account:
    """An account on a server, as the options name it, and the service that is asked about it."""

    def __init__(self, options: AccountOptions, reporter: Reporter, *, deposit: bool = False) -> None:
        env = read_settings().environment(os.environ)
        where = grid.servers(env, options.server, port=options.port)
        if options.user is not None and options.dn_as_user:
            message = f"--user {quote(options.user)} and --dn-as-user name two accounts"
            raise UsageError(message, hint="give one of the two", code="combination", subject="--dn-as-user")
        if options.proxy is not None and (options.cert or options.key):
            message = "--proxy holds a certificate and its key: --cert and --key name others"
            raise UsageError(message, hint="give either", code="combination", subject="--proxy")
        if options.key is not None and options.cert is None:
            message = f"--key {quote(options.key)} without --cert does not say whose key it is"
            raise UsageError(message, hint="add --cert FILE", code="combination", subject="--key")
        who = grid.identity(env, options.cert, key=options.key, proxy=options.proxy, deposit=deposit)
        credential = Credential(who, lambda: passphrase(who.key, options.passphrase_fd))
        self.identity = who
        self.name = who.base if options.dn_as_user else options.user or grid.login_name(env)
        self.service = grid.myproxy(
            env, where, credential=credential, seconds=float(options.timeout), reporter=reporter
        )
        self._reporter = reporter
        self._reported = 0

    def __str__(self) -> str:
        return f"account {quote(self.name)} of {self.service.server}"

    def report_warnings(self) -> None:
        """Report what was passed over on the way, if anything, once."""
        warnings = (*self.identity.warnings, *(f"not used: {error.message}" for error in self.service.skipped))
        for text in warnings[self._reported :]:
            self._reporter.warning(text)
        self._reported = len(warnings)


# --- the actions ----------------------------------------------------------------------------------------------


def _deposit(words: Sequence[str], reporter: Reporter) -> int:
    epilog = "The options of myproxy-init mean what they mean there."
    options = parse(DepositOptions, "deposit", words=words, epilog=epilog)
    retrievers, renewers = retrievers_of(options, reporter), renewers_of(options, reporter)
    account = _Account(options, reporter, deposit=True)
    account.report_warnings()
    spec = DepositSpec(
        account=account.name,
        retrievers=retrievers,
        name=options.credname or "",
        renewers=renewers,
        lifetime=seconds(options.lifetime) if options.lifetime else None,
        proxy_lifetime=seconds(options.proxy_lifetime),
        description=options.description or "",
    )
    proof = deposit(account.service, spec)
    account.report_warnings()
    if options.json:
        output.print_json(proof.document())
    else:
        print_proof(proof)
    return 0


def _info(words: Sequence[str], reporter: Reporter) -> int:
    options = parse(InfoOptions, "info", words=words)
    account = _Account(options, reporter)
    found = account.service.info(account.name, name=options.credname)
    account.report_warnings()
    error = _fault(account, found, options=options)
    if options.json:
        document: dict[str, object] = {"server": str(account.service.server), "account": account.name}
        document["deposits"] = [deposit_document(one) for one in found]
        output.print_json({**document, "error": output.error_document(error)} if error else document)
    else:
        for one in found:
            print_deposit(one)
    if error is None:
        return 0
    reporter.error(error.message, error.hint)
    return int(error.exit_code)


def _fault(account: _Account, found: Sequence[Deposit], *, options: InfoOptions) -> Optional[MyproxyError]:
    """Return why what was found does not do: nothing is there, or what a pilot is given is over, or ends too soon."""
    wanted = [one for one in found if one.name == (options.credname or "")] or found
    words = ["--credname", options.credname] if options.credname else []
    words += ["--lifetime", str(options.needs + 1)] if options.needs and options.needs >= grid.WEEK // HOUR else []
    former = wanted[0].retrievers if wanted else ""
    hint = f"to make one, type: {grid.to_deposit(account.service.server, account.name, *words, former=former)}"
    if not found:
        what = f" called {quote(options.credname)}" if options.credname else ""
        return NoDeposit(f"nothing{what} of yours is deposited in the {account}", hint=hint)
    last = max(one.end for one in wanted)
    if last <= time.time():
        return MyproxyError(f"what is deposited in the {account} has expired", hint=hint, code="myproxy-expired")
    if options.needs is not None and last < time.time() + options.needs * HOUR:
        message = f"no deposit in the {account} lasts {options.needs} hours from now"
        return MyproxyError(message, hint=hint, code="myproxy-ends")
    return None


def _retrieve(words: Sequence[str], reporter: Reporter) -> int:
    epilog = "The options of myproxy-logon mean what they mean there."
    options = parse(RetrieveOptions, "retrieve", words=words, epilog=epilog)
    check_out(options.out, replace_default=options.replace_default)
    account = _Account(options, reporter)
    check_not_in_use(options.out, account.identity)
    try:
        pem = account.service.get(account.name, lifetime=seconds(options.lifetime), name=options.credname or "")
    except NoDeposit as error:
        named = ["--credname", options.credname] if options.credname else []
        server, me = account.service.server, account.identity.base
        command = grid.to_deposit(server, account.name, *named, pilot=me)
        raise error.replace(hint=f"its owner makes one: {command}") from error
    account.report_warnings()
    write_proxy(options.out, pem)
    certificate = read_certificate(blocks(pem)[0].data)
    if options.json:
        output.print_json({"file": options.out, "dn": certificate.subject, "end": certificate.end})
    elif not options.quiet:
        print(printable(f"{options.out}: {certificate.subject}, until {time_text(certificate.end)}"))
    return 0


def check_out(out: str, *, replace_default: bool) -> None:
    """Raise MyproxyError for a file that cannot be made, is not a proxy, or is the user's own without permission."""
    own = map(os.path.realpath, grid.own_proxies(os.environ))
    problem, hint = "", "choose another name"
    if os.path.isdir(out):
        problem = "is a directory"
    elif out == "-":
        problem = "is not a file: a proxy is never printed"
    elif not os.path.isdir(os.path.dirname(out) or "."):
        problem = f"cannot be made: there is no directory {quote(os.path.dirname(out))}"
    elif not replace_default and os.path.realpath(out) in own:
        problem = "is where your own proxy is: all that you do would be done as somebody else"
        hint = "choose another file, or allow it with --replace-default"
    elif os.path.exists(out) and not _is_proxy(out):
        problem = "is a file, and not a proxy: it would be lost"
    if problem:
        raise MyproxyError(f"--out {quote(out)} {problem}", hint=hint, code="out", subject="--out")


def _is_proxy(path: str) -> bool:
    """Return whether a file is a proxy, which may be replaced; a certificate that a CA has signed is not one."""
    try:
        found = blocks(read_file(path, what="file", uid=os.getuid(), secret=False))
        return bool(found) and read_certificate(found[0].data).is_proxy
    except (GoclientError, Damaged):
        return False


def check_not_in_use(out: str, who: Identity) -> None:
    """Raise MyproxyError if the file is the certificate or the key of the identity that asks."""
    if os.path.realpath(out) in map(os.path.realpath, (who.certificate, who.key)):
        message = f"--out {quote(out)} is what you ask with: it would be lost"
        raise MyproxyError(message, hint="choose another name", code="out", subject="--out")


def _destroy(words: Sequence[str], reporter: Reporter) -> int:
    options = parse(DestroyOptions, "destroy", words=words)
    account = _Account(options, reporter)
    name = options.credname or ""
    what = f"the deposit {name or 'without a name'} in the account {account.name} of"
    if not options.yes:
        account.service.info(account.name, name=name)  # it settles which server it is, of several
        what_there = f"{what} {account.service.server}"
        unasked, stopped = f"{what_there} would be removed", "nothing was removed"
        confirm(f"Remove {what_there}?", unasked=unasked, hint="add --yes", stopped=stopped)
    account.service.destroy(account.name, name=name)
    account.report_warnings()
    if options.json:
        where = {"server": str(account.service.server), "account": account.name, "name": name}
        output.print_json({"destroyed": True, **where})
    else:
        print(printable(f"removed: {what} {account.service.server}"))
    return 0

"""``goclient myproxy``: deposit a proxy for a pilot, look what is there, retrieve it, remove it."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional, TypeVar

from goclient.cli import output
from goclient.cli import parser as _argparse
from goclient.cli.options.myproxy import (
    AccountOptions,
    DepositOptions,
    DestroyOptions,
    IdentityOptions,
    InfoOptions,
    RetrieveOptions,
)
from goclient.cli.options.myproxy_words import HOUR, explained, of_c_tools, seconds, wrong_hours
from goclient.cli.passphrase import passphrase
from goclient.errors import MyproxyError, UsageError, printable, quoted, raise_all
from goclient.reporter.base import Reporter

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from goclient.services.gsi.identity import Identity
    from goclient.services.myproxy.client import MyProxy
    from goclient.services.myproxy.wire import Deposit

PROG = "goclient myproxy"

# What each action does.
ACTIONS = {
    "deposit": "make a proxy, deposit it for a pilot, and prove what is there",
    "info": "show what is deposited, for whom, until when",
    "retrieve": "get a proxy made of a deposit, as a pilot does",
    "destroy": "remove a deposit",
}
OPTIONS = {
    "deposit": DepositOptions, "info": InfoOptions, "retrieve": RetrieveOptions, "destroy": DestroyOptions,
}  # fmt: skip
T = TypeVar("T", bound="DataclassInstance")


def command(argv: Sequence[str], reporter: Reporter) -> int:
    """The exit code of one ``goclient myproxy`` command line."""
    action = argv[0] if argv else ""
    acts = {"deposit": _deposit, "info": _info, "retrieve": _retrieve, "destroy": _destroy}
    if action in acts:
        return acts[action](argv[1:], reporter)
    if action in ("-h", "--help"):
        print(_help())
        return 0
    import difflib  # only a mistake pays for it

    near = difflib.get_close_matches(action, [*ACTIONS], n=1)
    message = f"{quoted(action)} is not an action of {PROG}" if action else "the action is missing"
    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(ACTIONS)}"
    raise UsageError(message, hint=hint, code="action", subject="action")


def _help() -> str:
    rows = "\n".join(f"  {name:<9} {text}" for name, text in ACTIONS.items())
    return f"usage: {PROG} ACTION [OPTION ...]\n\n{rows}\n\n{PROG} ACTION --help lists the options of one."


def _parsed(kind: type[T], action: str, argv: Sequence[str], epilog: str = "") -> T:
    parser = _argparse.Parser(
        kind, prog=f"{PROG} {action}", usage=f"{PROG} {action} [OPTION ...]",
        description=f"{ACTIONS[action][0].upper()}{ACTIONS[action][1:]}.", epilog=epilog,
    )  # fmt: skip
    options, errors = parser.read(of_c_tools(argv))
    raise_all([*(explained(error, action, OPTIONS) for error in errors), *wrong_hours(options)])
    return options


# --- who, and where -------------------------------------------------------------------------------------------


class _Asked:
    """The service that the options name, who asks it, and the account that is meant."""

    def __init__(
        self, options: "AccountOptions", files: "IdentityOptions", reporter: Reporter, *, deposit: bool = False
    ) -> None:
        from goclient.config import grid

        env = os.environ
        where = grid.servers(env, options.server, options.port)
        if options.user is not None and options.dn_as_user:
            message = f"--user {quoted(options.user)} and --dn-as-user name two accounts"
            raise UsageError(message, hint="give one of the two", code="combination", subject="--dn-as-user")
        if files.proxy is not None and (files.cert or files.key):
            message = "--proxy holds a certificate and its key: --cert and --key name others"
            raise UsageError(message, hint="give either", code="combination", subject="--proxy")
        if files.key is not None and files.cert is None:
            message = f"--key {quoted(files.key)} without --cert does not say whose key it is"
            raise UsageError(message, hint="add --cert FILE", code="combination", subject="--key")
        self.who: Identity = grid.identity(env, grid.Files(files.cert, files.key, files.proxy), deposit=deposit)
        self.account = self.who.base if options.dn_as_user else options.user or grid.login_name(env)
        self.service: MyProxy = grid.myproxy(
            env, self.who, where, seconds=float(options.timeout),
            passphrase=lambda: passphrase(self.who.key, files.passphrase_fd), reporter=reporter,
        )  # fmt: skip
        self._told = 0
        self._reporter = reporter

    def report_remarks(self) -> None:
        """Report what was passed over on the way, if anything."""
        remarks = (*self.who.remarks, *(f"not used: {error.message}" for error in self.service.skipped))
        for text in remarks[self._told :]:
            self._reporter.warning(text)
        self._told = len(remarks)


# --- the actions ----------------------------------------------------------------------------------------------


def _deposit(argv: Sequence[str], reporter: Reporter) -> int:
    options = _parsed(DepositOptions, "deposit", argv, "The options of myproxy-init mean what they mean there.")
    from goclient.cli.options.myproxy_policy import renewers_of, retrievers_of
    from goclient.deposit import Wish, deposit

    wish = Wish(
        account="",
        retrievers=retrievers_of(options, reporter),
        name=options.credname or "",
        renewers=renewers_of(options),
        lifetime=seconds(options.lifetime) if options.lifetime else None,
        proxy_lifetime=seconds(options.proxy_lifetime),
        description=options.description or "",
    )
    from goclient.cli.myproxy_text import print_proof

    asked = _Asked(options, options, reporter, deposit=True)
    asked.report_remarks()
    proof = deposit(asked.service, wish._replace(account=asked.account))
    asked.report_remarks()
    if options.json:
        output.print_json(proof.document())
    else:
        print_proof(proof)
    return 0


def _info(argv: Sequence[str], reporter: Reporter) -> int:
    options = _parsed(InfoOptions, "info", argv)
    from goclient.cli.myproxy_text import deposit_document, print_deposit

    asked = _Asked(options, options, reporter)
    found = asked.service.info(asked.account, name=options.credname)
    asked.report_remarks()
    error = _lacking(found, options, asked)
    if options.json:
        document: dict[str, object] = {"server": str(asked.service.server), "account": asked.account}
        document["deposits"] = [deposit_document(one) for one in found]
        output.print_json({**document, "error": output.error_document(error)} if error else document)
    else:
        for one in found:
            print_deposit(one)
    if error is None:
        return 0
    reporter.error(error.message, error.hint)
    return int(error.exit_code)


def _lacking(found: Sequence["Deposit"], options: InfoOptions, asked: _Asked) -> Optional[MyproxyError]:
    """Why what was found does not do: there is nothing, or what a pilot is given is over, or ends too soon."""
    import time

    where = f"account {quoted(asked.account)} of {asked.service.server}"
    wanted = [one for one in found if one.name == (options.credname or "")] or found
    again = f"to make one, type: {_deposit_command(options, asked, wanted)}"
    if not found:
        what = f" called {quoted(options.credname)}" if options.credname else ""
        return MyproxyError(f"nothing{what} of yours is deposited in the {where}", hint=again, code="myproxy-none")
    last = max(one.end for one in wanted)
    if last <= time.time():
        return MyproxyError(f"what is deposited in the {where} has expired", hint=again, code="myproxy-expired")
    if options.needs is not None and last < time.time() + options.needs * HOUR:
        message = f"no deposit in the {where} lasts {options.needs} hours from now"
        return MyproxyError(message, hint=again, code="myproxy-ends")
    return None


def _deposit_command(options: InfoOptions, asked: _Asked, former: Sequence["Deposit"]) -> str:
    from goclient.config.grid import to_deposit

    words = ["--credname", options.credname] if options.credname else []
    words += ["--lifetime", str(options.needs + 1)] if options.needs and options.needs >= 168 else []
    policy = former[0].retrievers if former else ""
    return to_deposit(asked.service.server, asked.account, *words, former=policy)


def _retrieve(argv: Sequence[str], reporter: Reporter) -> int:
    options = _parsed(RetrieveOptions, "retrieve", argv, "The options of myproxy-logon mean what they mean there.")
    from goclient.cli.proxy_file import check_not_in_use, check_place
    from goclient.services.gsi.certificate import read_certificate
    from goclient.services.gsi.loaded import time_text
    from goclient.services.gsi.pem import blocks
    from goclient.services.gsi.proxy_file import write_proxy

    check_place(options.out, replace_default=options.replace_default)
    asked = _Asked(options, options, reporter)
    check_not_in_use(options.out, asked.who)
    pem = asked.service.get(asked.account, lifetime=seconds(options.lifetime), name=options.credname or "")
    asked.report_remarks()
    write_proxy(options.out, pem)
    certificate = read_certificate(blocks(pem)[0].data)
    if options.json:
        output.print_json({"file": options.out, "dn": certificate.subject, "end": certificate.end})
    elif not options.quiet:
        print(printable(f"{options.out}: {certificate.subject}, until {time_text(certificate.end)}"))
    return 0


def _destroy(argv: Sequence[str], reporter: Reporter) -> int:
    options = _parsed(DestroyOptions, "destroy", argv)
    asked = _Asked(options, options, reporter)
    name = options.credname or ""
    if not options.yes:
        from goclient.cli.confirm import confirm

        asked.service.info(asked.account, name=name)  # it settles which server it is, of several
        what = _named(asked, name)
        confirm(f"Remove {what}?", unasked=f"{what} would be removed", hint="say --yes", stopped="nothing was removed")
    asked.service.destroy(asked.account, name=name)
    asked.report_remarks()
    if options.json:
        where = {"server": str(asked.service.server), "account": asked.account, "name": name}
        output.print_json({"destroyed": True, **where})
    else:
        print(printable(f"removed: {_named(asked, name)}"))
    return 0


def _named(asked: _Asked, name: str) -> str:
    return f"the deposit {name or 'without a name'} in the account {asked.account} of {asked.service.server}"

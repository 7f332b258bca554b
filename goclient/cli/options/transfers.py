"""The options that several commands have: of a job, and of its transfers."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Optional

from goclient.cli.parser import option
from goclient.reporter.base import SILENT, Reporter

if TYPE_CHECKING:
    from goclient.config.grid import Accounts
    from goclient.errors import Collector, GoclientError
    from goclient.model.request import Request
    from goclient.preflight.base import PreflightOptions
    from goclient.preflight.run import Preflight

JOB, MOVE, PROXY = "job", "transfers", "myproxy account"
LOCATION = "ENDPOINT:/PATH"


@dataclass(frozen=True, repr=False, eq=False)
class JobOptions:
    """What was typed of the job; a required option that is missing is the empty string."""

    njobs: int = option("--njobs", help="how many jobs", group=JOB, default=1, metavar="N", minimum=1, maximum=100_000)
    computingSite: str = option(
        "--computingSite", help="the PanDA queue to run at", group=JOB, default="", metavar="QUEUE", required=True
    )
    transformation: str = option(
        "--transformation",
        help="the payload: a URL, or a path on the node",
        group=JOB,
        default="",
        metavar="URL",
        required=True,
    )
    jobParameters: str = option(
        "--jobParameters",
        help="the payload's own words; transfers may stand among them",
        group=JOB,
        default="",
        metavar="WORDS",
    )
    prodSourceLabel: str = option("--prodSourceLabel", help="the kind of job", group=JOB, default="user", metavar="L")
    cloud: Optional[str] = option("--cloud", help="the cloud of the queue", group=JOB)
    VO: Optional[str] = option("--VO", help="the virtual organisation", group=JOB)
    processingType: Optional[str] = option("--processingType", help="the processing type", group=JOB, metavar="TYPE")
    priority: int = option(
        "--priority", help="the job's priority", group=JOB, default=1000, metavar="N", minimum=-100_000, maximum=100_000
    )
    destinationSE: str = option("--destinationSE", help="the storage element", group=JOB, default="local", metavar="SE")
    destinationDBlock: Optional[str] = option(
        "--destinationDBlock", help="the output dataset (default: a new one)", group=JOB, metavar="DS"
    )


@dataclass(frozen=True, repr=False, eq=False)
class TransferOptions:
    """What was typed of its transfers, and of how they are checked."""

    StageinGOsrc: tuple[str, ...] = option(
        "--StageinGOsrc", help="what to bring before the payload runs", group=MOVE, many=True, metavar=LOCATION
    )
    StageinGOdest: tuple[str, ...] = option(
        "--StageinGOdest",
        help="where to: one directory, or one for each (default: the job's directory)",
        group=MOVE,
        many=True,
        metavar=LOCATION,
    )
    StageoutGOsrc: tuple[str, ...] = option(
        "--StageoutGOsrc",
        help="what to take away after the payload: names in the job's directory",
        group=MOVE,
        many=True,
        metavar="NAME",
    )
    StageoutGOdest: tuple[str, ...] = option(
        "--StageoutGOdest", help="where to: one directory, or one for each", group=MOVE, many=True, metavar=LOCATION
    )
    Data: tuple[str, ...] = option(
        "--Data", help="the payload's output: names in the job's directory", group=MOVE, many=True, metavar="NAME"
    )
    OutputGO: tuple[str, ...] = option(
        "--OutputGO", help="the directory for the output", group=MOVE, many=True, metavar=LOCATION
    )
    WorkingendpointGO: Optional[str] = option(
        "--WorkingendpointGO",
        help="what the node's own Globus endpoint is called, or the UUID of a server that sees the job's directory",
        group=MOVE,
        metavar="NAME",
    )
    goOverwrite: bool = option(
        "--goOverwrite", help="allow that files at the destinations are overwritten", group=MOVE, default=False
    )
    goMkdir: bool = option("--goMkdir", help="make the destinations' folders now", group=MOVE, default=False)
    goLenient: bool = option(
        "--goLenient",
        help="let a site that does not know goclient run the payload, without its files",
        group=MOVE,
        default=False,
    )
    goAllowPersonal: bool = option(
        "--goAllowPersonal",
        help="allow files to go between two Globus Connect Personal endpoints, which needs a subscription",
        group=MOVE,
        default=False,
    )
    pilotIdentity: Optional[str] = option(
        "--pilotIdentity",
        help="whoever the pilot transfers as, by Globus id or user name: look whether it may, too",
        group=MOVE,
        metavar="ID",
    )
    goProbe: bool = option(
        "--goProbe",
        help="really make a directory at each destination, and remove it",
        group=MOVE,
        default=False,
    )
    goNeeds: int = option(
        "--goNeeds",
        help="how many hours your Globus login, and the proxy of --myproxy, should last",
        group=MOVE,
        default=24,
        metavar="HOURS",
        minimum=0,
        maximum=8760,
    )
    myproxy: Optional[str] = option(
        "--myproxy",
        help="the MyProxy account that has a proxy for the pilot: look, and tell the pilot",
        group=PROXY,
        metavar="USER[@HOST[:PORT]]",
    )
    pilot: Optional[str] = option(
        "--pilot", help="the DN of the pilot that retrieves the proxy", group=PROXY, metavar="DN"
    )
    deposit: bool = option(
        "--deposit",
        help="deposit a proxy for --pilot if there is none that lasts --goNeeds",
        group=PROXY,
        default=False,
    )
    goTimeout: int = option(
        "--goTimeout",
        help="how many seconds all checks may take",
        group=MOVE,
        default=30,
        metavar="N",
        minimum=1,
        maximum=3600,
    )


def transfer_items(options: TransferOptions, collected: "Collector") -> dict[str, list[str]]:
    """The items of each transfer option that was given; mistakes in the lists are collected."""
    from goclient.model.syntax.lists import split_items
    from goclient.model.syntax.options import KEYS, MYPROXY, OVERWRITE

    items = {OVERWRITE: ["yes"]} if options.goOverwrite else {}
    for key in KEYS:
        given = getattr(options, key)
        if given:
            values, read = ((given,), None) if isinstance(given, str) else (given, read_lines)
            with collected:
                items[key] = split_items(f"--{key}", values, read)
    if options.myproxy:
        with collected:
            items[MYPROXY] = [str(accounts().named(options.myproxy))]
    return items


def accounts(reporter: Reporter = SILENT) -> "Accounts":
    """The MyProxy accounts of the user's environment."""
    from goclient.config.grid import Accounts

    return Accounts(os.environ, _typed_passphrase, reporter)


@lru_cache
def _typed_passphrase(key: str) -> str:
    """The pass phrase of a key, asked for once."""
    from goclient.cli.passphrase import passphrase

    return passphrase(key, option="")


def preflight_of(options: TransferOptions, reporter: Reporter, *, checks: bool = True) -> "Preflight":
    """Return the preflight of a command; without ``checks`` it asks no service."""
    from goclient.cli import run
    from goclient.config import environment
    from goclient.errors import Finding, RequestError
    from goclient.preflight.run import Preflight

    try:
        missing = environment.missing_catalogue()
    except RequestError:  # the preflight reports it
        missing = None
    warnings = (Finding("warning", "catalogue", "GOCLIENT_ENDPOINTS", *missing),) if missing else ()
    service = (lambda: run.globus(reporter)) if checks else None
    return Preflight(
        catalogue=environment.catalogue,
        globus=service,
        accounts=lambda: accounts(reporter),
        options=preflight_options(options),
        queues=environment.queue_source,
        warnings=warnings,
        reporter=reporter,
    )


def read_lines(path: str) -> list[str]:
    """Return the lines of the file of a list; raises RequestError if it cannot be read, or is not a list."""
    from goclient.files.text import list_lines

    return list_lines(path)


def job_request(options: JobOptions, transfers: TransferOptions, items: dict[str, list[str]]) -> "Request":
    """The request that the options make: a new job's name, its common values, its words and transfers."""
    from goclient import submission

    common, name = submission.new_job_template(
        transformation=options.transformation,
        computingSite=options.computingSite,
        prodSourceLabel=options.prodSourceLabel,
        destinationSE=options.destinationSE,
        destinationDBlock=options.destinationDBlock,
        currentPriority=options.priority,
        cloud=options.cloud,
        VO=options.VO,
        processingType=options.processingType,
    )
    return submission.Request(common, name, options.njobs, options.jobParameters, items, transfers.goLenient)


def _wanted(options: TransferOptions) -> Iterator["GoclientError"]:
    """What is wrong with the options of a MyProxy account together."""
    from goclient.errors import RequestError

    for name, typed in (("--pilot", options.pilot), ("--deposit", options.deposit)):
        if typed and not options.myproxy:
            message = f"{name} is about a MyProxy account, and there is no --myproxy"
            yield RequestError(message, hint="name it: --myproxy USER[@HOST[:PORT]]", code="no-account", subject=name)
    if options.deposit and getattr(options, "noCheck", False):
        message = "--deposit looks first whether there is a deposit, and --noCheck says not to look"
        yield RequestError(message, hint="leave out one of the two", code="combination", subject="--deposit")
    if options.deposit and not options.pilot:
        message = "--deposit does not say for whom"
        yield RequestError(message, hint='name the pilot: --pilot "/DC=…/CN=…"', code="no-pilot", subject="--deposit")


def preflight_options(options: TransferOptions) -> "PreflightOptions":
    """What the options say about the checks."""
    from goclient.preflight.base import PreflightOptions

    return PreflightOptions(
        make_directories=options.goMkdir,
        allow_personal=options.goAllowPersonal,
        pilot_identity=options.pilotIdentity,
        probe=options.goProbe,
        hours=options.goNeeds,
        seconds=float(options.goTimeout),
        pilot=options.pilot,
        deposit=options.deposit,
    )


def check_identities(options: TransferOptions) -> None:
    """None; raises what is wrong with those that are named: a Globus identity, a MyProxy account, a pilot's DN."""
    from goclient.errors import Collector, MyproxyError, RequestError, raise_all

    collected = Collector(_wanted(options))
    with collected:
        _check_globus_identity(options.pilotIdentity)
    if options.pilot:
        from goclient.services.myproxy.policy import checked_dn

        try:
            checked_dn(options.pilot)
        except MyproxyError as error:
            message = f"--pilot: {error.message}"
            collected.errors.append(RequestError(message, hint=error.hint, code="no-dn", subject="--pilot"))
    raise_all(collected.errors)


def _check_globus_identity(identity: Optional[str]) -> None:
    """None; raises UsageError if it is neither an id nor a user name."""
    from goclient.errors import UsageError, quoted
    from goclient.model.endpoint import is_uuid

    if identity is None or is_uuid(identity):
        return
    name, at, domain = identity.rpartition("@")
    if not (name and at and domain and identity.isprintable()) or {",", " "}.intersection(identity):
        message = f"--pilotIdentity {quoted(identity)} is neither a UUID nor a user name with its domain"
        hint = "such as wdeng@globusid.org; the identity of a service is its client id"
        raise UsageError(message, hint=hint, code="not-an-identity", subject="--pilotIdentity")

"""From options to what is run: the request of a job, and its preflight."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from goclient import submission
from goclient.config import environment
from goclient.config.connections import Connections
from goclient.config.settings import SiteDirectory
from goclient.config.staging import SITE, SOME_DIRECTORY, area_in, site_directory
from goclient.errors import Collector, GoclientError, RequestError
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.files.text import list_lines
from goclient.model.campaign import new_campaign
from goclient.model.endpoint import is_uuid, read_endpoint
from goclient.model.location import Location
from goclient.model.options import CarryOptions, PackedOptions, RequestOptions, TransferOptions
from goclient.model.records.registry import decode
from goclient.model.request import Carriage, Credential, Request, Who
from goclient.model.syntax.lists import split_items
from goclient.model.syntax.options import DEFAULT_WORKING, IN_MODE, KEYS, MYPROXY, OUT_MODE, OVERWRITE
from goclient.model.syntax.word_reader import Items
from goclient.model.typed import Typed
from goclient.preflight.base import PreflightOptions
from goclient.preflight.options import find_wrong_options
from goclient.preflight.run import Preflight

if TYPE_CHECKING:
    from goclient.carrier.others import Kept


class TypedTransfers(NamedTuple):
    """Items of each transfer option, how they are carried, if they are, and every mistake in the options so far."""

    items: Items
    errors: list[GoclientError]
    carriage: Carriage | None = None
    site: SiteDirectory | None = None  # where the files of jobs are left for them


NO_TRANSFERS = TypedTransfers({}, [])


def read_transfers(typed: Typed[TransferOptions], connections: Connections) -> TypedTransfers:
    """Return the items of each transfer option that was given; mistakes are collected."""
    options, collected = typed.options, Collector(typed.errors)
    items = {OVERWRITE: ["yes"]} if options.goOverwrite else {}
    carriage, site = None, SOME_DIRECTORY if options.goVia == SITE else None
    if site is not None:
        with collected:
            site = site_directory(options, connections, lambda queue: _find_directory(queue, connections))
        items["WorkingendpointGO"] = [str(site.collection)]  # it sees the files, as a server does
    elif via := options.goVia or _way_of_carried(options):
        items |= {IN_MODE: [via], OUT_MODE: [via]}
    if items and getattr(options, "useGOForOutput", None):  # else nothing would be transferred in that way
        items["WorkingendpointGO"] = [DEFAULT_WORKING]
    for key in KEYS:
        given = getattr(options, key)
        with collected:
            if isinstance(given, str):
                items[key] = split_items(f"--{key}", (given,), None)
            elif given:
                items[key] = split_items(f"--{key}", given, list_lines)
    if options.myproxy:
        with collected:
            items[MYPROXY] = [str(connections.accounts().parse(options.myproxy))]
    pilot = options.pilot or (connections.settings.get("pilot.dn") if options.myproxy else None)
    collected.errors += find_wrong_options(options, pilot)
    if isinstance(options, CarryOptions):
        carriage = _read_carriage(options, connections, collected) if options.goCarry else None
        if carriage is not None and options.goVia == SITE:  # nobody acts for jobs that copy on the node
            carriage = carriage._replace(credential=None, who=Who.SERVICE, shares_secrets=True)
    return TypedTransfers(items, collected.errors, carriage, site)


def _find_directory(queue: str, connections: Connections) -> SiteDirectory | None:
    """Return the directory that a probe of a queue has found, and say so with its age."""
    from goclient.probe.kept import ago, file_of, load  # other jobs need none of it

    found = load(file_of(connections.queues(), queue)).site
    if found is not None:
        text = f"no setting says where files for jobs at {queue} are left; a probe has found {found.collection}:"
        connections.reporter.progress(f"{text}{found.directory}, {found.node} on the nodes ({ago(found.seen)})")
    return found


def _way_of_carried(options: TransferOptions) -> str:
    """Return how the files of a carried job get to its directory unless that is said: https without Globus Connect."""
    named = any(getattr(options, key, None) for key in (*KEYS, "useGOForOutput"))
    if not (isinstance(options, CarryOptions) and options.goCarry and named):
        return ""
    way = "gc" if options.goConnect else "https"
    return "" if is_uuid(options.WorkingendpointGO or "") else way


def _read_carriage(options: CarryOptions, connections: Connections, collected: Collector) -> Carriage:
    """Return how a job brings its own transfers; mistakes in its options and in the environment are collected.

    A credential that is wrong is there, and empty: it is not missed again.
    """
    from goclient.config.carried import GlobusUrls, carry_access, file_server_url, globus_urls  # only such a job
    from goclient.journal import HOST
    from goclient.preflight.carried import no_carry_client

    env, urls, file_server = connections.env, GlobusUrls("", ""), ""
    credential: Credential | None = Credential("", "")
    files: Sequence[str] = ()
    who = Who(options.goCredential or Who.SERVICE.value)
    with collected:
        access = carry_access(env) if who is Who.SERVICE else None
        credential = None if access is None else Credential(access.client_id, access.client_secret or "")
        if access is None and options.goCredential and who is Who.SERVICE:
            raise no_carry_client("--goCredential=service")
    with collected:
        if isinstance(options, PackedOptions):  # panda-client packs the files of a task, and finds the server for them
            files = split_items("--goFiles", options.goFiles, list_lines)
            file_server = file_server_url(env)
    with collected:
        urls = globus_urls(env)
    acting, given = f"{credential.client_id}@clients.auth.globus.org" if credential else "", options.pilotIdentity
    if given and given.lower() not in (acting.lower(), acting.partition("@")[0].lower()):
        acts = "its service client does" if who is Who.SERVICE else "with --goCredential=token you do"
        message = f"--pilotIdentity {quote(given)} transfers nothing of a job with --goCarry: {acts}"
        hint = "leave out --pilotIdentity: the checks are made for who acts"
        collected.errors.append(RequestError(message, hint=hint, code="combination", subject="--pilotIdentity"))
    return Carriage(
        *(connections.settings.run_gen, file_server, urls.auth, urls.transfer),
        files=files,
        who=who,
        credential=credential,
        needs=options.goNeeds,
        connect=options.goConnect or "",
        place=f"{HOST} {environment.journal_path(env)}",
        shares_secrets=options.goShareSecrets,
    )


def carriage_of(text: str, connections: Connections) -> Carriage | None:
    """Return who acts for the job of a text, if it is the record of a carried one, and somebody is set.

    What is wrong with the text is told by its check.
    """
    from goclient.config.carried import carry_access  # as in _read_carriage

    with suppress(GoclientError):
        access = carry_access(connections.env) if decode(text).carried else None
        if access is not None:
            return Carriage("", "", "", "", credential=Credential(access.client_id, access.client_secret or ""))
    return None


def new_request(options: RequestOptions, transfers: TypedTransfers) -> Request:
    """Return the request that the options make: a new job's name, its common values, its words and transfers."""
    template, name = submission.new_job_template(
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
    campaign, per_job, order = options.campaign or new_campaign(), options.nFilesPerJob, None
    if per_job:
        from goclient.model.deal import DealOrder  # 2 ms, which other jobs do not need

        order = DealOrder(per_job, options.njobs)
    return Request(
        template,
        f"{campaign}.{name}" if options.campaign or per_job or transfers.site else name,
        options.njobs or 1,
        options.jobParameters,
        transfers.items,
        lenient=options.goLenient,
        carriage=transfers.carriage,
        campaign=campaign,
        area=None if transfers.site is None else area_in(transfers.site, campaign, name),
        order=order,
    )


def new_preflight(
    options: TransferOptions, connections: Connections, *, transfers: TypedTransfers = NO_TRANSFERS, checks: bool = True
) -> Preflight:
    """Return the preflight of these options and transfers; without ``checks`` it asks no service."""
    try:
        missing = environment.missing_catalogue(connections.env)
    except RequestError:  # the preflight reports it
        missing = None
    warnings = (Finding("warning", "catalogue", "GOCLIENT_ENDPOINTS", *missing),) if missing else ()
    return Preflight(
        catalogue=connections.catalogue,
        globus=connections.globus if checks else None,
        accounts=connections.accounts,
        options=_check_options(options, connections, transfers),
        queues=connections.queues,
        warnings=warnings,
        reporter=connections.reporter,
    )


def _check_options(options: TransferOptions, connections: Connections, transfers: TypedTransfers) -> PreflightOptions:
    """Return what the options and the settings say about the checks; of a carried job, its service client acts.

    Where files are left at a site, the user alone acts.
    """
    settings, carriage, site = connections.settings, transfers.carriage, transfers.site
    credential = carriage.credential if carriage is not None else None
    is_token = carriage is not None and carriage.who is Who.TOKEN
    acting = credential.client_id.lower() if credential is not None else ""
    return PreflightOptions(
        make_directories=options.goMkdir,
        allow_personal=options.goAllowPersonal,
        pilot_identity=None if is_token or site else acting or options.pilotIdentity or settings.get("pilot.identity"),
        carried=carriage is not None,
        acting=acting,
        grants=isinstance(options, CarryOptions) and options.goGrant,
        token_wait=settings.wait if is_token else None,
        service=connections.carry_globus if credential is not None else None,
        staging=None if site is None else Location(read_endpoint(str(site.collection)), f"{site.directory}/"),
        secrets=None if carriage is None else partial(_list_secrets, options if carriage.place else None, connections),
        shares_secrets=carriage is not None and carriage.shares_secrets,
        probe=options.goProbe,
        hours=options.goNeeds,
        seconds=float(options.goTimeout),
        pilot=options.pilot or settings.get("pilot.dn"),
        deposit=options.deposit,
    )


def _list_secrets(options: TransferOptions | None, connections: Connections) -> Kept:
    """Return what PanDA keeps for the user; without options, those of a text's jobs, the credentials are left out."""
    from goclient.jobs.credentials import Credentials  # only carried jobs have one
    from goclient.journal import Journal

    campaign = None if options is None else getattr(options, "campaign", None) or ""
    return Credentials(Journal(environment.journal_path(connections.env)), connections).list_kept(campaign)

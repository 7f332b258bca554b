"""Options of a job and of its transfers: the one table of them.

The parsers of the commands, prun's and pathena's help, the keywords of :class:`goclient.Client` and the ``[job]`` table
of a settings file are all made of these dataclasses: a new option is one field here, and the code that uses it.

This module may not use ``from __future__ import annotations`` or ``X | None``: argparse_dataclass needs the real
``Optional[X]`` type of each field.  It is loaded for ``--help``, too, and imports nothing slow.
"""

from typing import Optional

from goclient.model.frozen import Frozen
from goclient.model.option import option

JOB, MOVE, PROXY, CARRY, RUN = "job", "transfers", "myproxy account", "carried jobs", "submission"
LOCATION = "ENDPOINT:/PATH"
MAX_JOBS = 100_000  # of one submission
FILES_PER_JOB = "--nFilesPerJob"  # as a message names the option


class JobOptions(Frozen):
    """Hold what was typed of the job; a required option that is missing is the empty string."""

    njobs: Optional[int] = option(
        "--njobs",
        help="how many jobs (default: 1, or as many as --nFilesPerJob needs)",
        group=JOB,
        metavar="N",
        minimum=1,
        maximum=MAX_JOBS,
    )
    nFilesPerJob: Optional[int] = option(
        "--nFilesPerJob",
        help="deal the sources of --StageinGOsrc to the jobs in their order, so many to each",
        group=JOB,
        metavar="N",
        minimum=1,
        maximum=MAX_JOBS,
    )
    campaign: Optional[str] = option(
        "--campaign", help="what these jobs are sent under (default: the time)", group=JOB, metavar="CAMPAIGN"
    )
    computingSite: str = option(
        "--computingSite",
        help="the PanDA queue to run at",
        group=JOB,
        default="",
        metavar="QUEUE",
        required=True,
        setting=True,
    )
    transformation: str = option(
        "--transformation",
        help="the payload: a URL, or a path on the node; with --goCarry a URL, or a file here",
        group=JOB,
        default="",
        metavar="URL",
        required=True,
        setting=True,
    )
    jobParameters: str = option(
        "--jobParameters",
        help="the payload's own words; transfers may stand among them",
        group=JOB,
        default="",
        metavar="WORDS",
    )
    prodSourceLabel: str = option(
        "--prodSourceLabel", help="the kind of job", group=JOB, default="user", metavar="L", setting=True
    )
    cloud: Optional[str] = option("--cloud", help="the cloud of the queue", group=JOB, setting=True)
    VO: Optional[str] = option("--VO", help="the virtual organisation", group=JOB, setting=True)
    processingType: Optional[str] = option(
        "--processingType", help="the processing type", group=JOB, metavar="TYPE", setting=True
    )
    priority: int = option(
        "--priority",
        help="the job's priority",
        group=JOB,
        default=1000,
        metavar="N",
        minimum=-100_000,
        maximum=100_000,
        setting=True,
    )
    destinationSE: str = option(
        "--destinationSE", help="the storage element", group=JOB, default="local", metavar="SE", setting=True
    )
    destinationDBlock: Optional[str] = option(
        "--destinationDBlock", help="the output dataset (default: a new one)", group=JOB, metavar="DS"
    )


class TransferOptions(Frozen):
    """Hold what was typed of its transfers, and of how they are checked."""

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
    goVia: Optional[str] = option(
        "--goVia",
        help="how files get to the job's directory, and from it: gc (Globus Connect), https (without it), or site: "
        "brought to the site before the jobs, and delivered after them",
        group=MOVE,
        metavar="WAY",
        choices=("gc", "https", "site"),
    )
    goOverwrite: bool = option(
        "--goOverwrite",
        help="allow that files at the destinations are overwritten",
        group=MOVE,
        default=False,
        grave=True,
    )
    goMkdir: bool = option("--goMkdir", help="make the destinations' directories now", group=MOVE, default=False)
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
        setting=True,
    )
    pilotIdentity: Optional[str] = option(
        "--pilotIdentity",
        help="also check access for the pilot's Globus identity: its id or its user name",
        group=MOVE,
        metavar="ID",
    )
    goProbe: bool = option(
        "--goProbe", help="really make a directory at each destination, and remove it", group=MOVE, default=False
    )
    goNeeds: int = option(
        "--goNeeds",
        help="how many hours your Globus login, and the proxy of --myproxy, should last",
        group=MOVE,
        default=24,
        metavar="HOURS",
        minimum=0,
        maximum=8760,
        setting=True,
    )
    myproxy: Optional[str] = option(
        "--myproxy",
        help="the MyProxy account that has a proxy for the pilot: check it, and tell the pilot",
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
        setting=True,
    )

    @property
    def unchecked(self) -> list[str]:
        """Return the options that have no effect if nothing is checked, as they were typed."""
        return [f"--{name}" for name in ("goMkdir", "goProbe", "pilotIdentity", "pilot") if getattr(self, name)]


class CarryOptions(TransferOptions):
    """Hold what was typed of the transfers of a job that may bring them itself."""

    goCarry: bool = option(
        "--goCarry",
        help="have the job bring its own transfers, for a site that does not know goclient",
        group=CARRY,
        default=False,
    )
    goConnect: Optional[str] = option(
        "--goConnect",
        help="Globus Connect Personal for a job with --goCarry: a URL, a path on the node, or a file that travels",
        group=CARRY,
        metavar="WHERE",
    )
    goCredential: Optional[str] = option(
        "--goCredential",
        help="who acts for a job with --goCarry: service (the client of GOCLIENT_CARRY_CLIENT_ID), or token (you)",
        group=CARRY,
        metavar="WHO",
        choices=("service", "token"),
    )
    goGrant: bool = option(
        "--goGrant",
        help="give the service client what it lacks on your guest collections, until a day after --goNeeds",
        group=CARRY,
        default=False,
        grave=True,
    )
    goShareSecrets: bool = option(
        "--goShareSecrets",
        help="send a job with a credential although PanDA hands it other secrets of yours, too",
        group=CARRY,
        default=False,
        grave=True,
    )


class PackedOptions(CarryOptions):
    """Hold what was typed of a job that may bring its own transfers, and of what travels with it."""

    goFiles: tuple[str, ...] = option(
        "--goFiles", help="files and directories here that travel with the job", group=CARRY, many=True, metavar="FILE"
    )


class RequestOptions(PackedOptions, JobOptions):
    """Options of a job with transfers."""


class SubmitOptions(RequestOptions):
    """Hold what was typed of a job with transfers, and of its submission."""

    noSubmit: bool = option("--noSubmit", help="do everything but send", group=RUN, default=False)
    noCheck: bool = option("--noCheck", help="do not check the endpoints first", group=RUN, default=False)
    detach: bool = option(
        "--detach",
        help="with --goVia site: do not wait until the files are there; goclient advance goes on",
        group=RUN,
        default=False,
    )
    again: bool = option(
        "--again",
        help="submit although the same request was sent before, or begun with --goVia site, and its end is not known",
        group=RUN,
        default=False,
        grave=True,
    )

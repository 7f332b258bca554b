"""Interface of a check, and what crosses the preflight's border: its options and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from goclient.errors import GoclientError
from goclient.errors.findings import ExitCode, Finding, exit_code
from goclient.model.frozen import Frozen
from goclient.model.location import Location
from goclient.model.request import NO_RIGHTS, Job, Rights
from goclient.model.spec import TransferSpec
from goclient.reporter.base import SILENT, Reporter
from goclient.services.deadline import Deadline

if TYPE_CHECKING:
    from goclient.carrier.others import Kept
    from goclient.config.grid import Accounts
    from goclient.model.deal import Deal
    from goclient.model.endpoint import Catalogue, Endpoint
    from goclient.model.overlaps import Overlap
    from goclient.preflight.listings import Directory
    from goclient.preflight.locations import Locations
    from goclient.preflight.storage import ServerConnections
    from goclient.services.deadline import Background
    from goclient.services.globus.collection import AccessRule, Collection
    from goclient.services.globus.sdk import Globus
    from goclient.services.panda.access import QueueSource
    from goclient.services.parallel import Parallel


class PreflightOptions(NamedTuple):
    """Say how thorough the checks are, and what they may do."""

    make_directories: bool = False  # those that are missing at a destination
    make_numbered: bool = True  # also those whose names have placeholders
    new_below: Location | None = None  # a directory below which others may be new: Globus makes them
    allow_personal: bool = False  # files may go between two Globus Connect Personal endpoints
    pilot_identity: str | None = None  # the id or user name of the pilot's Globus identity, if it is known
    probe: bool = False  # make a directory at each destination, and remove it
    hours: int = 24  # how long the login, and what is deposited, should last
    seconds: float = 30.0  # the time-out of all checks together
    pilot: str | None = None  # the DN that retrieves the proxy of a MyProxy account
    deposit: bool = False  # the submission makes the deposit if it is missing
    carried: bool = False  # the jobs bring their own transfers
    token_wait: int | None = None  # hours that a job waits in its queue, if the user's tokens go to jobs
    acting: str = ""  # the id of the service client that acts for them, which is its identity, too
    service: Callable[[], Globus] | None = None  # Globus, asked as the service client that acts for carried jobs
    grants: bool = False  # that client gets what it lacks before the jobs are sent
    staging: Location | None = None  # the directory of a site in which files are left for the jobs
    secrets: Callable[[], Kept] | None = None  # of the user's at PanDA, which carried jobs get, too
    shares_secrets: bool = False  # the user accepts that


class Report(NamedTuple):
    """Hold what the checks found, and the spec with its endpoints resolved.

    ``deposit_due``: a proxy has to be deposited at the spec's MyProxy account before the job is sent.  ``rights`` are
    those of who acts for carried jobs, as far as they are known.  ``deal`` is how files are dealt to the jobs.
    """

    spec: TransferSpec
    findings: tuple[Finding, ...]
    deposit_due: bool = False
    rights: Rights = NO_RIGHTS
    deal: Deal | None = None
    staging: Location | None = None  # the directory of a site, with its collection's name

    @property
    def ok(self) -> bool:
        """True if no finding is an error."""
        return not any(one.is_error for one in self.findings)

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of the worst finding."""
        return exit_code(self.findings)

    def document(self) -> dict[str, Any]:
        """Return the contract's JSON object: ok, findings."""
        document = {"ok": self.ok, "findings": [one.document() for one in self.findings]}
        return document if self.deal is None else {**document, "deal": self.deal.table(self.spec).document()}


class Connection(Frozen):
    """Hold what Globus, servers and the catalogue say of a spec's endpoints.

    Without ``globus`` no collection is named, or nobody may ask.  ``found`` has a collection, or why there is none,
    for each endpoint as typed that means no server; ``collections`` are those that can be used, by their ids, ``rules``
    the access rules of those that were asked for them; ``working`` is asked for the collection that has the name which
    the job's own endpoint will have.
    """

    globus: Globus | None
    parallel: Parallel
    catalogue: Catalogue
    found: Mapping[Endpoint, Collection | GoclientError]
    collections: Mapping[str, Collection]
    working: Background[Collection] | None
    servers: ServerConnections
    locations: Locations
    rules: dict[Endpoint, list[AccessRule] | GoclientError] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """Id of the identity that asks Globus, empty if it is not known."""
        return self.globus.identity if self.globus is not None else ""


@dataclass(repr=False, eq=False)
class Context:
    """Hold what the checks of one preflight share.

    The first block is given.  Below it is what the preflight learns: ``resolved`` and ``connection`` before any check
    judges, the rest by the check that is named with it, for those that come after it in the list of checks.
    """

    spec: TransferSpec
    count: int = 1
    deal: Deal | None = None
    job: Job = field(default_factory=Job)
    words: str = ""  # the payload's own
    nested: Sequence[Overlap] = ()  # targets that would be a file and a directory
    options: PreflightOptions = field(default_factory=PreflightOptions)
    accounts: Callable[[], Accounts] | None = None
    queues: Callable[[], QueueSource] | None = None
    reporter: Reporter = SILENT

    deadline: Deadline = field(init=False)  # of all checks
    resolved: TransferSpec = field(init=False)  # by Paths also with a final slash on what is a directory
    connection: Connection = field(init=False)
    findings: list[Finding] = field(default_factory=list)  # of the checks so far
    new: dict[Directory, None] = field(default_factory=dict)  # by Paths: those that NewDirectories makes, in order
    server_dn: str = ""  # by Servers: as whom they were asked
    input_size: int = 0  # by Size: the most bytes that one job brings, as far as that is known
    writes_proven: bool = False  # by Probe
    rights: Rights = NO_RIGHTS  # by PilotPermissions, or Tokens
    deposit_due: bool = False  # by Account

    def __post_init__(self) -> None:
        self.deadline = Deadline(self.options.seconds)
        self.resolved = self.spec


class Check(Protocol):
    """A check of one subject; one is made for each preflight.

    It raises nothing but Interrupted: what it cannot find out is a finding, too.
    """

    def start(self, context: Context) -> None:  # noqa: ARG002  (most checks begin nothing)
        """Begin in the background what needs no other check."""
        return

    def findings(self, context: Context) -> Iterable[Finding]:
        """Return what is found, in the order in which it is reported."""
        raise NotImplementedError

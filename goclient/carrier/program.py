"""Program that travels with a job: it brings the input, runs the user's program, takes the output away, and reports.

``goclient-carry --plan=SHA256 --job=NUMBER [--task=NUMBER] -- WORDS``, in the directory to which the job's archive was
unpacked.
Standard library only, of Python 3.9: this code travels to worker nodes.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path

from goclient.carrier.credential import ALL_SECRETS, TRANSFER, HandedTokens, ServiceClient, find_secret, read_secret
from goclient.carrier.fetch import check_program, fetch, fetch_connect, prepare_command
from goclient.carrier.order import Order
from goclient.carrier.output import Output
from goclient.carrier.plan import CARRY, PLAN, PLANS, CarrierPlan
from goclient.carrier.report import diagnosis, exit_code, write_metadata, write_report
from goclient.carrier.site import Site
from goclient.carrier.watch import Above, watching
from goclient.errors import EndpointError, GoclientError, Interrupted, RequestError
from goclient.errors.conditions import NodeFault
from goclient.errors.wording import quote
from goclient.files.private import DIRECTORY, private
from goclient.files.trees import remove_tree
from goclient.journal import Journal
from goclient.model.campaign import campaign_of
from goclient.model.plan import needs_token
from goclient.node.engines.base import JobContext, TransferEngine, TransferService
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.globus_task import Patience
from goclient.node.engines.https import Collections, HttpsEngine
from goclient.node.engines.local import LocalEngine
from goclient.node.environment import own_files
from goclient.node.globus_connect import node_endpoint, remove_endpoints
from goclient.node.job import NodeJob, run_job
from goclient.node.keeper import program
from goclient.node.keeper_program import adopt_orphans, end_all
from goclient.node.left import remove_left
from goclient.node.signals import defer_signals, finishing, has_come, install, interruptible
from goclient.services.deadline import current, one_end, within
from goclient.services.globus.calls import Call
from goclient.services.globus.documents import Document
from goclient.services.globus.json_service import Manner
from goclient.services.globus.rest import RestAuth, RestTransfer, ServiceTokens

STOPPED_WITHIN, ENDED_WITHIN = 3.0, 120.0  # seconds for each part of the clean-up: a site kills a stopped job soon
MINTED_WITHIN = 20.0  # seconds
ROOM = 1 << 20  # bytes: the journal of an ordinary job, and its report
FAULTS = 900.0  # seconds in which a transfer may show nothing but faults, as goclient pilot has it
LONGEST = 48  # hours that a transfer task may take if the plan does not say
PR_SET_DUMPABLE = 4  # prctl(2)
LATER = ("confusable", "nearest")  # modules that others load only when they need them
_MOST_PLAN = 64 << 20  # bytes


def main(argv: Sequence[str], held: Mapping[str, bytes]) -> int:
    """Run a carried job to its end, and report it; return the exit code.

    ``held`` are the files with secrets that the site had left in its directory, by their names.
    """
    install()
    hide_memory()
    with suppress(OSError, AttributeError):
        adopt_orphans()  # of a keeper that the payload kills
    with finishing(), ExitStack() as stack:
        site, above = Site.here(), Above()
        output, error = Output(site.directory), None
        job = _Job(site, output, stack)
        try:
            with interruptible(), watching(above):
                job.run(argv, held)
        except GoclientError as failure:
            error = failure
        except KeyboardInterrupt:
            error = Interrupted(above.fault() or "the site stopped the job with a signal")
        except Exception as failure:  # a defect of ours must not leave a job without a report
            error = GoclientError(f"unexpected {type(failure).__name__}: {failure}")
        told = False
        if error is not None:
            output.say(f"CRITICAL {diagnosis(error)}", *(f"goclient: {one.message}" for one in error.findings[:20]))
            told = write_report(error, site.home) and site.report_decides
        job.clean_up(delivered=error is None, seconds=STOPPED_WITHIN if has_come() else ENDED_WITHIN)
    output.say("goclient: the job is done" if error is None else "goclient: the job has failed")
    return 0 if told else exit_code(error)


class _Transfer(RestTransfer):
    """Transfer service, each of whose calls ends soon once the site stops the job."""

    def ask(self, call: Call) -> Document:
        """Return the document that a call is answered with; raise GoclientError."""
        with one_end(STOPPED_WITHIN) if has_come() else nullcontext():
            return super().ask(call)


class _Job:
    """A carried job; what has to be undone at its end is on the stack."""

    def __init__(self, site: Site, output: Output, stack: ExitStack) -> None:
        self._site, self._output, self._stack = site, output, stack
        self._attempt = site.attempt(0.0)
        self._journal: Journal | None = None
        self._service: TransferService | None = None
        self._tokens: Collections | None = None
        self._within = ENDED_WITHIN
        self._archive = read_archive()

    def run(self, argv: Sequence[str], held: Mapping[str, bytes]) -> None:
        """Run the job; raise what it ended with."""
        order, site = Order.read(argv), self._site
        plan = read_plan(site.directory, order.sha256).for_job(order.serial, order.task)
        if plan.program:
            check_program(plan.program, site.directory)
        scratch = self._stack.enter_context(scratch_in(site.directory))
        if needs_token(plan.tasks):
            self._connect(plan, held)
        self._journal = Journal(scratch / "journal.jsonl", attempt=self._attempt.number)
        context = JobContext(
            panda_id=site.panda_id,
            attempt=self._attempt,
            scratch=scratch,
            directory=site.directory,
            pilot_env=site.own_env,
            overwrite=plan.overwrite,
            journal=self._journal,
            reporter=self._output,
            heartbeat=self._output,
            own=own_files(site.env),
            campaign=campaign_of(plan.name),
        )
        job = NodeJob(
            tasks=plan.tasks,
            program=partial(fetch, plan.program, site.directory, scratch)
            if plan.program
            else partial(prepare_command, order.words, site.directory),
            arguments=order.words if plan.program else order.words[1:],
            variables=site.variables,
            log_name="",
        )
        with ExitStack() as ends:
            run_job(job, context, self._engines(plan, context, ends), self._output)

    def _connect(self, plan: CarrierPlan, held: Mapping[str, bytes]) -> None:
        """Mint a token for the job, or take those that were handed out; raise GoclientError."""
        content = held.get(plan.credential) or find_secret(held.get(ALL_SECRETS, b""), plan.credential)
        secret = read_secret(content)
        if secret is None:
            what = "has nothing of ours in it" if content else "was not handed out by the site"
            problem = f"the credential {quote(plan.credential)} {what}" if plan.credential else "it has none"
            raise EndpointError(
                f"a transfer of the job needs a credential: {problem}", hint="submit the job again", code="credential"
            )
        if isinstance(secret, HandedTokens):
            self._tokens = replace(secret, servers=dict(plan.servers))
            return
        with defer_signals():  # what is minted is known before a signal ends the job
            auth = RestAuth(plan.auth, Manner(timeout=MINTED_WITHIN))
            client = ServiceClient(auth, secret, plan.scopes)
            self._stack.callback(self._quietly, client.close)
        self._attempt = self._site.attempt(auth.clock or 0.0)
        service = _Transfer(plan.transfer, client.token_of(TRANSFER), Manner(patience=FAULTS))
        service.while_waiting(self._is_stopped)
        self._service, self._tokens = service, ServiceTokens(service, lambda one: client.token_of(one)())

    def _is_stopped(self) -> bool:
        """Say that the job lives; return True for a call without an end that the site has stopped the job in."""
        self._output.send()
        return has_come() and current() is None

    def _engines(self, plan: CarrierPlan, context: JobContext, ends: ExitStack) -> list[TransferEngine]:
        """Return the engines of the job, and put on ``ends`` what they need as long as it runs."""
        engines: list[TransferEngine] = [LocalEngine(context, self._modules)]
        if self._tokens is not None:
            engines.append(HttpsEngine(context, collections=self._tokens, service=self._service, patience=FAULTS))
        if (service := self._service) is not None:
            patience, connect = Patience((plan.needs or LONGEST) * 3600.0, FAULTS), None
            if any(task.makes_endpoint for task in plan.tasks):
                program = fetch_connect(plan.connect, context.directory, context.scratch)
                name = f"{plan.working}-{context.panda_id}"
                connect = ends.enter_context(node_endpoint(context, service, name=name, program=program))
            engines.append(GlobusEngine(context, service, patience, connect=connect))
        return engines

    def _modules(self) -> str:
        """Return where a copier finds goclient's modules: in a new copy of the archive, as it was at the start."""
        directory = Path(tempfile.mkdtemp(prefix=".goclient-", dir=self._site.directory))
        self._stack.callback(shutil.rmtree, directory, ignore_errors=True)
        copy = directory / CARRY
        copy.write_bytes(self._archive)
        return str(copy)

    def clean_up(self, *, delivered: bool, seconds: float) -> None:
        """Tell what was transferred, and remove what nobody needs any more; each service has so many seconds."""
        self._within = seconds
        self._quietly(end_all)  # what a payload has left that killed its keeper
        if self._journal is not None:
            write_metadata(self._journal, self._site.directory)
            if self._service is not None:  # what could not be removed at the end of the job
                self._quietly(partial(remove_endpoints, self._journal, self._service, self._output))
            self._quietly(partial(self._remove_left, self._journal, delivered=delivered))

    def _remove_left(self, journal: Journal, *, delivered: bool) -> None:
        def service() -> TransferService:
            assert self._service is not None, "only a job with a service delivers to a collection"
            return self._service

        remove_left(journal, self._attempt, service, delivered=delivered)

    def _quietly(self, call: Callable[[], object]) -> None:
        """Do what does not change how the job ended, if it does not take too long."""
        try:
            within(self._within, call)
        except TimeoutError:
            self._output.warning(f"the clean-up has not ended within {self._within:.0f} s")
        except GoclientError as error:
            self._output.warning(error.message)
        except Exception as error:
            self._output.warning(f"unexpected {type(error).__name__}: {error}")


def read_archive() -> bytes:
    """Return the carrier's own archive, and read all that is still to be loaded from it: a payload may change it."""
    program()
    for module in LATER:
        import_module(f"goclient.model.{module}")
    with open(sys.path[0], "rb") as file:
        return file.read()


def hide_memory() -> None:
    """Keep other processes of the same user, such as the job's own, from reading this one's memory: it has a token."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def read_plan(directory: Path, checksum: str) -> CarrierPlan:
    """Return the plan of this checksum, of those in a directory; raise RequestError."""
    found = ""
    for path in sorted(directory.glob(PLANS)) or [directory / PLAN]:
        try:
            with open(path, "rb") as file:
                data = file.read(_MOST_PLAN)
        except OSError as error:
            raise RequestError(f"the plan {quote(path.name)} cannot be read: {error.strerror}", code="plan") from error
        found = sha256(data).hexdigest()
        if found == checksum:
            return CarrierPlan.decode(data)
    raise RequestError(
        f"the plan {quote(PLAN)} is not this job's: its sha256 is {found[:16]}…, not {checksum[:16]}…",
        hint="somebody has changed the job's archive; submit the job again", code="plan",
    )  # fmt: skip


@contextmanager
def scratch_in(directory: Path) -> Iterator[Path]:
    """Run the body with a new hidden directory for its owner only; raise GoclientError if there is no room."""
    scratch = directory / f".goclient-{secrets.token_hex(8)}"
    try:
        try:
            scratch.mkdir(mode=DIRECTORY)
            room = scratch / "room"
            with open(room, "wb", opener=private) as file:
                os.posix_fallocate(file.fileno(), 0, ROOM)
            room.unlink()
        except OSError as error:
            raise NodeFault(
                f"the job's directory {quote(directory)} cannot be written: {error.strerror}",
                hint="tell the site", code="node-disk",
            ) from error  # fmt: skip
        yield scratch
    finally:
        with suppress(OSError):  # the site removes the job's directory
            remove_tree(scratch)

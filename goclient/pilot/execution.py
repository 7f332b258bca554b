"""Execution of a job on this node: its record becomes a plan, and the engines that it needs are put together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

from goclient.errors import EndpointError, RequestError
from goclient.errors.wording import cite, quote
from goclient.model.campaign import campaign_of
from goclient.model.endpoint import Endpoint, GridftpEndpoint, WebdavEndpoint
from goclient.model.mode import Mode
from goclient.model.planner import plan
from goclient.model.records.answers import AssignedJob
from goclient.model.records.registry import decode
from goclient.model.spec import TransferSpec
from goclient.model.syntax.shell import words
from goclient.node.destination import Store
from goclient.node.engines.base import Heartbeat, JobContext, TransferEngine, TransferService
from goclient.node.engines.globus import GlobusEngine
from goclient.node.engines.gridftp import GridftpEngine
from goclient.node.engines.gridftp_end import Access
from goclient.node.engines.https import HttpsEngine
from goclient.node.engines.local import LocalEngine
from goclient.node.engines.store import ServerStore
from goclient.node.engines.webdav_end import WebdavStore, webdav_ends
from goclient.node.globus_connect import node_endpoint
from goclient.node.job import NodeJob, run_job
from goclient.node.job_log import JobLog
from goclient.node.payload import has_ended_well
from goclient.pilot.carried import hand_out, site_environment
from goclient.pilot.clean_up import remove_directories
from goclient.pilot.proxy import FILE, UserProxy, proxy_again, user_proxy
from goclient.pilot.rungen import report_heeded, server_program, with_transfers
from goclient.pilot.settings import Services, Settings
from goclient.pilot.taken import DIRECTORY, TakenJob
from goclient.pilot.transformation import fetch
from goclient.reporter.base import Reporter
from goclient.reporter.recording import RecordingReporter
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.https.grid import GridTls
from goclient.services.https.webdav import WebdavFiles


@dataclass(frozen=True)
class Node:
    """Run the jobs of a pilot on its node."""

    settings: Settings
    services: Services
    proxies: dict[str, UserProxy] = field(default_factory=dict)  # by the jobs of journals, until these are cleaned up

    def run(self, job: TakenJob, heartbeat: Heartbeat, log: JobLog | None, reporter: RecordingReporter) -> None:
        """Run a job, or what its journal says is left of it; raise what it ended with."""
        assigned, settings = job.assigned, self.settings
        assert assigned is not None
        assert job.scratch is not None
        assert log is not None, "a job that is run has them all"
        _check_inputs(assigned)
        heartbeat.change("running" if has_ended_well(job.journal) else "starting")
        decoded = decode(assigned.parameters)
        spec = TransferSpec() if decoded.carried else decoded.spec  # such a job brings its own transfers
        context = JobContext(
            panda_id=job.panda_id,
            attempt=job.attempt,
            scratch=job.scratch,
            directory=job.scratch / DIRECTORY,
            pilot_env=site_environment(settings.env) if decoded.carried else settings.env,
            overwrite=spec.overwrite,
            journal=job.journal,
            reporter=reporter,
            heartbeat=heartbeat,
            own=(*settings.own, os.path.realpath(job.scratch / FILE)),
            campaign=campaign_of(assigned.name),
        )
        tasks, arguments = plan(spec), tuple(word.value for word in words(decoded.payload))
        if server_program(assigned.transformation):
            arguments = with_transfers(arguments, tasks)
        node_job = NodeJob(
            tasks=tasks,
            program=partial(fetch, assigned.transformation, job.scratch, context.directory),
            arguments=arguments,
            variables={  # those of the pilots of 2012
                "PandaID": str(job.panda_id),
                **({"PANDAID": str(job.panda_id)} if decoded.carried else {}),
                "PandaSite": job.site,
                "QueueName": job.site,
                "PandaWorkdir": str(context.directory),
                "dispatchBlock": assigned.dispatch_block,
                "destinationBlock": assigned.destination_block,
            },
            log_name=assigned.log_file,
        )
        accounts, patience = self.services.accounts, settings.patience.faults
        with user_proxy(spec, assigned.owner, context=context, accounts=accounts, patience=patience) as proxy:
            if proxy is not None:
                self.proxies[job.journal.job] = proxy
            context.directory.mkdir(mode=0o700, exist_ok=True)
            if assigned.secrets:
                hand_out(assigned.secrets, context.directory)
            with (
                report_heeded(assigned.transformation, context.directory),
                self._engines(spec, node_job, context, proxy=proxy) as engines,
            ):
                run_job(node_job, context, engines, log)

    @contextmanager
    def _engines(
        self, spec: TransferSpec, job: NodeJob, context: JobContext, *, proxy: UserProxy | None
    ) -> Iterator[list[TransferEngine]]:
        """Run the body with the engines of a job, in the order in which they are asked for a task."""
        settings = self.settings
        engines: list[TransferEngine] = [LocalEngine(context)]
        if spec.needs_proxy or any(task.asks_https for task in job.tasks):
            engines.append(self._https_engine(job, context, proxy=proxy))
        if proxy is not None:
            engines.append(GridftpEngine(context, self._access(proxy), shared=settings.shared))
        with ExitStack() as stack:
            if spec.makes_endpoint or not all(any(one.can_run(task) for one in engines) for task in job.tasks):
                if spec.makes_endpoint or any(task.server is not None and task.is_globus for task in job.tasks):
                    self._check_mode(Mode.GC if spec.makes_endpoint else Mode.SERVER)
                elif not settings.needs_globus:
                    raise EndpointError(
                        "the job has transfers from collection to collection, and the pilots of "
                        f"{quote(settings.site)} are not set up to ask Globus",
                        hint="submit it to another queue", code="mode",
                    )  # fmt: skip
                service, connect = self._globus(context), None
                if spec.makes_endpoint:
                    name = f"{spec.working}-{context.panda_id}"
                    connect = stack.enter_context(
                        node_endpoint(context, service, name=name, program=settings.connect)
                    )  # fmt: skip
                engines.append(
                    GlobusEngine(context, service, settings.patience, connect=connect, shared=settings.shared)
                )
            yield engines

    def _access(self, proxy: UserProxy) -> Access:
        """Return how GridFTP servers are asked with a proxy."""
        return Access(proxy.credential, proxy.trust, self.settings.patience.faults)

    @contextmanager
    def stores(self, job: TakenJob, reporter: Reporter) -> Iterator[Callable[[Endpoint], Store]]:
        """Run the body with what gives the directories of servers to which a job that is over has delivered.

        The first that is asked for has the job's proxy again, in a directory of its own, which the clean-up removes; it
        is retrieved again if it ends soon, or if another pilot has run the job.
        """
        of_job, proxies = self.proxies.pop(job.journal.job, None), list[UserProxy]()
        clients: list[GridftpFiles | WebdavFiles] = []

        def store(endpoint: Endpoint) -> Store:
            if not proxies:
                path = job.new_directory(self.settings.work) / FILE
                known = of_job or proxy_again(job.journal, path, accounts=self.services.accounts, reporter=reporter)
                proxies.append(known.again(path, job.journal, reporter))
            proxy = proxies[0]
            if isinstance(endpoint, GridftpEndpoint):
                clients.append(files := self._access(proxy).files())
                return ServerStore(endpoint, files)
            assert isinstance(endpoint, WebdavEndpoint), "these are the servers that jobs deliver to"
            clients.append(webdav := WebdavFiles(GridTls(proxy.trust, proxy.credential)))
            return WebdavStore(endpoint, webdav)

        try:
            yield store
        finally:
            for one in clients:
                one.close()
            try:
                for proxy in proxies:
                    proxy.remove()
            finally:
                remove_directories(job.journal)

    def _https_engine(self, job: NodeJob, context: JobContext, *, proxy: UserProxy | None) -> HttpsEngine:
        """Return the engine for HTTPS: with the user's proxy, and with tokens if a collection is asked by HTTPS.

        A pilot that has tokens for HTTPS alone asks no Globus service.
        """
        patience, service, tokens, webdav = self.settings.patience.faults, None, None, None
        if proxy is not None:
            tls = GridTls(proxy.trust, proxy.credential)
            webdav = webdav_ends(partial(WebdavFiles, tls, patience=patience), overwrite=context.overwrite)
        if any(task.asks_https for task in job.tasks):
            self._check_mode(Mode.HTTPS)
            tokens = self.services.tokens()
            service = self._globus(context) if tokens.may_transfer else None
        return HttpsEngine(context, webdav=webdav, collections=tokens, service=service, patience=patience)

    def _globus(self, context: JobContext) -> TransferService:
        """Return the Transfer service; the job's heartbeat goes on while it lets a call wait."""
        service = self.services.globus()
        service.while_waiting(context.heartbeat.send)
        return service

    def _check_mode(self, needed: Mode) -> None:
        """Check that the pilot is set up for jobs of a mode; raise EndpointError."""
        if needed not in self.settings.modes:
            raise EndpointError(
                f"the job needs the mode {needed}, for which the pilots of {quote(self.settings.site)} are not set up",
                hint="submit it to another queue",
                code="mode",
            )


def _check_inputs(job: AssignedJob) -> None:
    """Raise RequestError for a job that PanDA is to bring files to: its program would run without them."""
    if job.inputs:
        message = (
            f"the job needs files of PanDA's, which pilots of goclient do not bring: {quote(cite(job.inputs, 200))}"
        )
        hint = "submit it without a build (--noBuild) and without --inDS, or to another queue; bring files with "
        raise RequestError(message, hint=f"{hint}--StageinGOsrc", code="panda-input")

"""Client: all that a program can ask of goclient, and all that the commands ask of it.

What only calls about endpoints and sent jobs need is imported in them: together it was a tenth of sendJob's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from goclient import submission
from goclient.assembly import carriage_of, new_preflight, new_request, read_transfers
from goclient.config.connections import Connections
from goclient.errors import UsageError, raise_all
from goclient.errors.findings import Finding
from goclient.errors.wording import quote
from goclient.files.text import list_lines
from goclient.mending.client import Mending
from goclient.model.campaign import campaign_of
from goclient.model.names import fill_serial
from goclient.model.options import RequestOptions, SubmitOptions
from goclient.model.records.registry import attach
from goclient.model.typed import Typed, as_keywords, check_kind, check_text, in_keywords
from goclient.preflight.base import Report
from goclient.preflight.validation import validate_request
from goclient.reporter.base import SILENT, Reporter
from goclient.submission import Submission

if TYPE_CHECKING:
    from goclient.campaigns.campaigns import Campaigns, ShowSent
    from goclient.campaigns.jobs import NewJob
    from goclient.campaigns.progress import Progress
    from goclient.campaigns.state import Allowed
    from goclient.jobs.explain import Explained


class Client(Mending):
    """Submit PanDA jobs whose files are transferred, and see what becomes of them.

    A client reads the environment and the settings files when it first needs them, as the commands do.  Options are
    named as on the command line, without dashes; lists are lists::

        client = goclient.Client()
        submission = client.submit(
            computingSite="TEST1", transformation="https://host/run.sh", StageinGOsrc=["SITE1:/data/a.root"]
        )
        client.wait([job.panda_id for job in submission.jobs])

    Whatever goes wrong is a :class:`goclient.GoclientError`.  ``reporter`` is told of progress, warnings and waits;
    without one nothing is printed.  ``connections`` are another way to the services than the environment's.
    """

    def __init__(self, reporter: Reporter = SILENT, *, connections: Connections | None = None) -> None:
        super().__init__(connections or Connections(reporter))

    # --- before a job is sent -----------------------------------------------------------------------------------

    def check(self, text: str | None = None, /, **options: Any) -> Report:
        """Check a job as :meth:`submit` does before it sends one; send nothing.

        ``text``: check this text of jobParameters instead of transfers that are options.  What is wrong is in the
        report's ``findings``, and its ``ok`` is False then; only a mistake in an option itself is raised.
        """
        with in_keywords():
            typed = self._read(SubmitOptions, options)
            raise_all(typed.errors)
            report = self.check_typed(typed, text)
        return report._replace(findings=_of_keywords(report.findings))

    def check_typed(self, typed: Typed[RequestOptions], text: str | None = None) -> Report:
        """Check a job as a command line has it; mistakes in single options are findings, too."""
        from goclient.preflight.report import check_request, check_text  # a submission makes no report

        options, transfers = typed.options, read_transfers(typed, self._connections)
        if text is not None and not transfers.errors:
            transfers = transfers._replace(carriage=carriage_of(_check_text(text), self._connections))
        preflight = new_preflight(options, self._connections, transfers=transfers)
        request = new_request(options, transfers)
        if text is not None and not transfers.errors:
            return check_text(text, preflight, request.job)
        return check_request(request, preflight, read_lines=list_lines, errors=transfers.errors)

    def prepare(self, **options: Any) -> Submission:
        """Do everything that :meth:`submit` does but deposit and send; :meth:`send` does that."""
        with in_keywords():
            prepared = self.prepare_typed(self._read(SubmitOptions, options, requires=True))
        return replace(prepared, findings=_of_keywords(prepared.findings))

    def prepare_typed(self, typed: Typed[SubmitOptions]) -> Submission:
        """Prepare a submission as a command line has it; raises all mistakes, or PreflightFailed with the findings."""
        options, transfers = typed.options, read_transfers(typed, self._connections)
        preflight = new_preflight(options, self._connections, transfers=transfers, checks=not options.noCheck)
        request = new_request(options, transfers)
        prepared = submission.prepare(request, preflight, read_lines=list_lines, errors=transfers.errors)
        return replace(prepared, options=options, again=options.again, detaches=options.detach)

    def send(self, prepared: Submission) -> Submission:
        """Send a submission, and return it with its jobs; first deposit the proxy that they need, if that is due.

        Raises ServerError if not all jobs were accepted, or if that is not known; nothing is sent twice.  The same
        request once more is SentBefore while nobody knows how the first one ended, unless it was prepared ``again``;
        and so is what the server has accepted, however it was prepared.
        """
        check_kind(Submission, "prepared", prepared, "give what client.prepare(…) returns")
        with in_keywords():
            return self.send_typed(prepared)

    def send_typed(self, prepared: Submission, show: Callable[[Submission], None] = lambda _: None) -> Submission:
        """Send a submission as a command does, which shows its user the jobs; return it with its jobs."""
        from goclient.dispatch import send_prepared  # 2 ms: with --noSubmit nothing is sent

        if prepared.staged is not None:
            return self._campaigns.send(prepared, show, waits=not prepared.detaches)
        campaign = campaign_of(prepared.records[0].jobName)  # somebody may have named it before
        if campaign and self._journal.has_campaign(campaign):
            from goclient.campaigns.twins import check_campaign  # 50 ms, which a new name does not cost

            server, journal = self._connections.panda().name, self.journal_path
            check_campaign(prepared, server, journal=journal, reporter=self._reporter)
        return send_prepared(prepared, self._connections, show)

    def submit(self, **options: Any) -> Submission:
        """Check a job, and submit it: the result has ``jobs`` (``panda_id``, ``name``, ``serial``), ``spec``, ``plan``.

        With ``noSubmit=True`` nothing is sent, and there are no jobs.
        """
        prepared = self.prepare(**options)
        return prepared if options.get("noSubmit") else self.send(prepared)

    # --- campaigns ---

    def advance(  # noqa: PLR0913  # what can be typed
        self,
        campaign: str | None = None,
        *,
        wait: bool = False,
        again: bool = False,
        end: bool = False,
        overwrite: bool = False,
        jobs: Iterable[int | str] = (),
    ) -> list[Progress]:
        """Do whatever is due in a campaign, or in all that are not done; return how far each is.

        Jobs that a second try cures are sent again, once.  Of a campaign that was begun with ``goVia="site"`` jobs are
        sent once their inputs are there, outputs delivered when jobs have ended, and at last what was staged is
        removed; nothing is done twice.  ``wait``: until all is done, or something needs a person, which is in
        ``problems``; the jobs that were sent are in ``submitted``.  ``again``: try once more what has failed too often.
        ``end``: wait for failed jobs no more.  ``overwrite``: what exists at the destinations may be overwritten.
        ``jobs`` are the PandaIDs of its jobs, if the answer of the server was lost that had them.
        """
        from goclient.campaigns.state import Allowed
        from goclient.jobs.panda_ids import read_panda_ids

        if campaign is not None:
            check_text("campaign", campaign, empty="leave campaign out for all, or give it a value")
        allowed = Allowed(again, end, overwrite, tuple(read_panda_ids(jobs)))
        return self.advance_shown(campaign or "", allowed, lambda *_: None, waits=wait)

    def advance_shown(self, campaign: str, allowed: Allowed, show: ShowSent, *, waits: bool) -> list[Progress]:
        """Do whatever is due in campaigns as a command does, which shows its user the jobs that are sent."""
        return self._campaigns.advance(campaign, allowed, show, waits=waits)

    @property
    def _campaigns(self) -> Campaigns:
        from goclient.campaigns.campaigns import Campaigns  # two thirds of the client's time again: few calls need it
        from goclient.mending.retries import retry_jobs
        from goclient.model.retry_options import RetryOptions

        def retry(panda_ids: Sequence[int], show: Callable[[Sequence[NewJob]], None]) -> None:
            raise_all(retry_jobs(panda_ids, RetryOptions(), self._connections, show, once=True).refused)

        return Campaigns(self._connections, self.journal_path, retry)

    # --- what a job does, and what became of it -----------------------------------------------------------------

    def explain(self, text: str) -> Explained:
        """Explain what a text of jobParameters transfers, by which tasks, and which words are the payload's own."""
        from goclient.jobs.explain import explain

        self._warn_of_missing_catalogue()
        return explain(_check_text(text), catalogue=self.catalogue())

    def explain_typed(self, typed: Typed[SubmitOptions]) -> Explained:
        """Explain the jobs that a line of sendJob would submit, the first if each has files of its own; ask nobody."""
        transfers = read_transfers(typed, self._connections)
        request = new_request(typed.options, transfers)
        valid = validate_request(request, list_lines, transfers.errors)
        raise_all(valid.errors)
        for warning in valid.warnings:
            self._reporter.warning(warning.message, warning.hint)
        deal, spec, table, staged = valid.deal, valid.spec, None, None
        if request.area is not None:
            from goclient.model.staging import stage  # other jobs need none of it

            names = self.catalogue()
            area, count = request.area.show_name(names), request.count if deal is None else deal.jobs
            staged = stage(spec.with_endpoints(names).show_names(names), area, count)
        if deal is not None:
            table = deal.table(spec)
        spec = spec if staged is None else staged.spec
        spec = spec if deal is None else next(deal.specs(spec))
        text = attach(valid.payload, spec, lenient=request.lenient)
        explained = self.explain(fill_serial(text, 1) if request.count == 1 or table is not None else text)
        return replace(explained, deal=table, staged=staged)


def _of_keywords(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(one.reword(as_keywords) for one in findings)


def _check_text(text: object) -> str:
    """Return the text; raises UsageError for anything else, such as a list of words."""
    if not isinstance(text, str):
        message = f"the jobParameters must be one text, not {quote(repr(text))}"
        raise UsageError(message, hint='write them in quotes: "…"', code="wrong-type", subject="text")
    return text

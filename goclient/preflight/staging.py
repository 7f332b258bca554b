"""Check of the directory of a site in which files are left for jobs, and those that the jobs leave there."""

from __future__ import annotations

from collections.abc import Iterator

from goclient.errors import GoclientError
from goclient.errors.conditions import NotADirectory, PathNotFound
from goclient.errors.findings import Finding
from goclient.errors.wording import quoted
from goclient.preflight.base import Check, Context


class Staging(Check):
    """Look whether the site's directory is there, as the user who brings files there sees it."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield one finding, if files are left for the jobs; Endpoints says whether the collection can be used."""
        top, connection = context.options.staging, context.connection
        if top is None or connection.globus is None or top.endpoint.text not in connection.collections:
            return
        try:
            connection.globus.listing(top.endpoint, top.path)
        except (PathNotFound, NotADirectory) as error:
            message = f"{quoted(top.display)}, where files for the jobs are left, is not a directory"
            hint = f"ask the site, or correct [site.{context.job.queues[0]}] directory in the settings"
            yield error.replace(message=message, hint=hint, subject=top.display).finding
        except GoclientError as error:
            yield error.finding
        else:
            yield Finding("ok", "staging", top.display, f"files for the jobs are left at {top.display}")

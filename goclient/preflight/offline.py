"""The checks that ask no service, which are made even without a preflight: what only a node can tell, and overlaps."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from goclient.errors import Finding, quoted
from goclient.model.overlaps import find_nested_targets, find_output_in_input, find_output_over_input
from goclient.model.serial import find_sibling_reads
from goclient.model.spec import TransferSpec
from goclient.preflight.base import SHOWN, Check, Context
from goclient.preflight.unlikely import PayloadWords, UnlikelyNames

ELSEWHERE = "name another place for it"


class NodeOnly(Check):
    """Warn of what only the node can see: files that are copied there, a server that must see its directory."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a warning for each phase that copies files, and one for the server."""
        spec = context.spec
        for phase, mode, transfers in spec.phases:
            if mode == "local" and transfers:
                location = transfers[0].source if phase == "stage-in" else transfers[0].target
                message = f"{phase}: {quoted(location)} is copied on the worker node"
                if len(transfers) > 1:
                    message = (
                        f"{phase}: {len(transfers)} items such as {quoted(location)} are copied on the worker node"
                    )
                yield Finding("warning", "unchecked", str(location), message, "nothing there can be checked from here")
        server = spec.local_endpoint
        if server is not None and any(transfers for _, mode, transfers in spec.phases if mode == "server"):
            message = f"files pass through the server {quoted(server.display)}, which must see the job's directory"
            hint = "only the node can tell: ask the site whether it does (goclient pilot --sharedFolder)"
            yield Finding("warning", "unchecked", server.display, message, hint)


class Overlaps(Check):
    """Warn of each output that is where input comes from, or where other output goes."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a few warnings of each kind."""
        spec = context.spec
        for brought, written in islice(find_output_in_input(spec), SHOWN):
            source, target = quoted(brought.source), quoted(written.target)
            if brought.source.path.rstrip("/") != written.target.path.rstrip("/") or brought.source.is_directory:
                message = f"{target} would be in {source}, which is brought as input: the next job brings it, too"
                yield Finding("warning", "output-in-input", str(written.target), message, ELSEWHERE)
            elif spec.overwrite:
                message = f"{target} would replace the input {source} (--goOverwrite)"
                yield Finding("warning", "output-over-input", str(written.target), message, ELSEWHERE)
        for written, brought in islice(find_output_over_input(spec), SHOWN) if spec.overwrite else ():
            source, target = quoted(brought.source), quoted(written.target)
            message = f"{target} would be written over the input {source} (--goOverwrite)"
            yield Finding("warning", "output-over-input", str(written.target), message, ELSEWHERE)
        for outer, inner in islice(find_nested_targets(spec), SHOWN):
            if not outer.source.in_job:
                message = f"{quoted(outer.target)} must be a directory, because {quoted(inner.target)} will be in it"
                hint = f"if {quoted(outer.source)} is a file, name another place"
                yield Finding("warning", "file-and-directory", str(inner.target), message, hint)


class SiblingReads(Check):
    """Warn of each source that another one of several jobs writes."""

    def findings(self, context: Context) -> Iterator[Finding]:
        """Yield a few warnings."""
        reads = find_sibling_reads(context.spec, context.count) if context.count > 1 else ()
        for source, target in islice(reads, SHOWN):
            message = f"{quoted(source)} of one job is {quoted(target)} of another: nothing says which comes first"
            yield Finding("warning", "sibling", str(source), message, "name another place for what is written")


OFFLINE: tuple[type[Check], ...] = (PayloadWords, NodeOnly, UnlikelyNames, Overlaps, SiblingReads)


def check_offline(spec: TransferSpec, words: str, count: int = 1) -> list[Finding]:
    """Return what the checks find that ask no service; ``words`` are the payload's own."""
    context = Context(spec, count=count, words=words)
    return [finding for check in OFFLINE for finding in check().findings(context)]

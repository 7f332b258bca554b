"""The output datasets of a command line: what panda-client makes of them, before it makes anything."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from goclient.errors import RequestError, quoted
from goclient.tasks import hooks

if TYPE_CHECKING:
    from goclient.tasks.look import Expected


def expected_of(options: Any, nickname: str) -> list[Expected]:
    """What is known of the tasks before they are made, from panda-client's own options."""
    from goclient.tasks.look import Expected  # a task without transfers needs none of it
    from goclient.tasks.outputs import declared, expected

    more = getattr(options, "extOutFile", "") or []
    more = more.split(",") if isinstance(more, str) else more
    names = declared(getattr(options, "outputs", ""), getattr(options, "trf", ""), more)
    datasets = [options.outDS or ""]
    if options.inOutDsJson:
        items = import_module("pandaclient.MiscUtils").decodeJSON(options.inOutDsJson)
        datasets = [item["outDS"] for item in items]
    log = not getattr(options, "noSeparateLog", False)
    return [Expected(name.rstrip("/"), expected(names, nickname, name.rstrip("/"), log=log)) for name in datasets]


def check_name(dataset: str, options: Any, nickname: str) -> None:
    """None; raises RequestError for a dataset that panda-client would refuse, but only after it has uploaded."""
    merging = getattr(options, "mergeOutput", False)
    right = hooks.found(hooks.OUTDS)(f"{dataset}/", options.official, nickname, merging, options.verbose)
    if not right:
        message = f"panda-client takes no output dataset {quoted(dataset)}; nothing was uploaded"
        raise RequestError(message, hint=f"name it user.{nickname}.SOMETHING", code="outDS", subject="--outDS")

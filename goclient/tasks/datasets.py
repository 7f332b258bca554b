"""The output datasets of a command line: what panda-client makes of them, before it makes anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from goclient.errors import RequestError, quoted
from goclient.tasks import hooks
from goclient.tasks.load import Files

if TYPE_CHECKING:
    from goclient.tasks.look import Expected


def expected_of(options: Any, files: Files) -> list[Expected]:
    """Return what is known of the tasks before they are made, from panda-client's own options."""
    from goclient.tasks.look import Expected  # a task without transfers needs none of it
    from goclient.tasks.outputs import declared, expected

    more = getattr(options, "extOutFile", "") or []
    more = more.split(",") if isinstance(more, str) else more
    names = declared(getattr(options, "outputs", ""), str(getattr(options, "trf", "") or ""), more)
    datasets = [options.outDS or ""]
    if options.inOutDsJson:
        datasets = [item["outDS"] for item in files.read(options.inOutDsJson)]
    middle = bool(options.addNthFieldOfInDSToLFN or options.addNthFieldOfInFileToLFN)
    log = not getattr(options, "noSeparateLog", False)
    found = ((name.rstrip("/"), expected(names, name.rstrip("/"), middle=middle, log=log)) for name in datasets)
    return [Expected(dataset, outputs) for dataset, outputs in found]


def check_name(dataset: str, options: Any, nickname: str) -> None:
    """Raise RequestError for a dataset that panda-client would refuse, but only after it has uploaded."""
    merging = getattr(options, "mergeOutput", False)
    right = hooks.found(hooks.OUTDS)(f"{dataset}/", options.official, nickname, merging, options.verbose)
    if not right:
        message = f"panda-client takes no output dataset {quoted(dataset)}; nothing was uploaded"
        own = re.sub(rf"^(user\.[^.]*|{re.escape(nickname)})(\.|$)", "", dataset)
        name = own if re.fullmatch(r"[A-Za-z0-9_.-]+", own) else "test"
        hint = "name it group.GROUP.SOMETHING" if options.official else f"did you mean --outDS=user.{nickname}.{name}?"
        raise RequestError(message, hint=hint, code="outDS", subject="--outDS")

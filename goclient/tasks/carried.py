"""Tasks whose jobs bring their own transfers: what cannot be so, and the command that starts the carrier in each job.

What the carrier takes away is not an output of PanDA's any more: runGen would miss it, the site would store it, too.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from goclient.carrier.archive import Contents, Member
from goclient.carrier.carried import MAX_PARAMETERS
from goclient.carrier.rungen import Wrapping, within_quote
from goclient.errors import GoclientError, RequestError
from goclient.errors.wording import quote
from goclient.model.endpoint import JOB
from goclient.model.location import Location, Transfer
from goclient.model.names import SERVER_PLACEHOLDERS, TASK_NUMBER, TASK_PLACEHOLDERS
from goclient.model.plan import needs_token
from goclient.model.planner import plan
from goclient.model.request import Carriage, Who
from goclient.model.spec import TransferSpec
from goclient.preflight.carried import find_impossible, no_carry_client
from goclient.tasks import panda_client
from goclient.tasks.inputs import INPUTS, SPLITS, list_given
from goclient.tasks.output_server import OutputServer
from goclient.tasks.outputs import MAP, TaskMap, pad_serial

CARRY = "--goCarry"
OPENS, CLOSES = {"prun": '-p "', "pathena": '-j "'}, '"'  # items of jobParameters around the user's command
MAY_LACK = "--allowNoOutput="  # begins an item of panda-client 2.2
_UNFILLED = tuple(name for name in (*SERVER_PLACEHOLDERS, *TASK_PLACEHOLDERS) if name != TASK_NUMBER)


def find_carried_mistakes(
    spec: TransferSpec, server: OutputServer | None, carriage: Carriage
) -> Iterator[GoclientError]:
    """Yield what is wrong with transfers that jobs of a task are to bring themselves; ``server`` gets their outputs."""
    if server is not None:
        everything = Transfer(Location(JOB, "/out"), server.top())
        spec = spec.model_copy(update={"output": (*spec.output, everything)})
    here = carriage.connect and os.path.exists(carriage.connect)  # panda-client packs what is here
    packed = (Member(os.path.normpath(carriage.connect), carriage.connect, 0),) if here else ()
    yield from find_impossible(spec, carriage.connect, Contents("", packed), unfilled=_UNFILLED)
    if carriage.credential is None and carriage.who is Who.SERVICE:
        try:
            token = next((task for task in plan(spec) if needs_token([task])), None)
        except GoclientError:  # two items with one destination are told already
            return
        if token is not None:
            yield no_carry_client(token.far.display)


def find_refused(spec: TransferSpec, options: Any, *, tool: str) -> Iterator[GoclientError]:
    """Yield an error for each option of panda-client's with which no carrier can be started, or no job has a number."""
    for name, why, hint in _REFUSED:
        if getattr(options, name, None):
            yield _refusal(f"--{name}", why, hint)
    if tool == "pathena" and not getattr(options, "trf", None):
        why = "the carrier starts a command, and job options are given to Athena by PanDA's transformation"
        yield _refusal("pathena without --trf", why, "give the command: --trf 'athena.py …'")
    if "argjson" in str(getattr(options, "trf", "") or "").lower():
        yield _refusal("--argjson in --trf", "PanDA's transformation rewrites the command", "write the arguments out")
    if os.path.realpath(getattr(options, "workDir", None) or ".") != os.path.realpath("."):
        why = "PanDA's transformation does not find the credential of a job that runs in a directory below"
        yield _refusal("--workDir", why, "type the command in the directory that is to be packed")
    given = list_given(options, SPLITS)
    if given and spec.stage_in and not any(getattr(options, name, None) for name in INPUTS):
        why = "JEDI deals out the files that PanDA brings, and knows nothing of those of --StageinGOsrc"
        hint = (
            "to give each job its own, put '${SN/P}', the job's number, into the name; say --nJobs and --maxAttempt=1"
        )
        yield _refusal(given[0], why, hint)


# Options that are refused, why, and what to do instead.
_REFUSED = (
    ("tarBallViaDDM", "an archive that is in PanDA's storage already has no carrier in it", "leave it out"),
    ("noSeparateLog", "JEDI numbers the jobs by their outputs and logs, and none of these may be left", "leave it out"),
    ("oldContMode", "in the old way of containers nobody reads the jobs' credential", "leave it out"),
)


def _refusal(what: str, why: str, hint: str) -> RequestError:
    return RequestError(f"{what} and {CARRY} do not go together: {why}", hint=hint, code="combination", subject=what)


def start_carrier(task: TaskMap, tool: str, *, checksum: str, taken: Mapping[str, str], secret: bool) -> None:
    """Change a task so that each job starts a carrier with a plan, which starts the user's command.

    ``taken`` are the outputs that it takes away, and their names in PanDA.  ``secret``: the jobs need one.
    Raises RequestError if the task is not as we know it, or a job's parameters become longer than a site takes.
    """
    items: list[dict[str, Any]] = task["jobParameters"]
    values = [str(item.get("value", "")) for item in items]
    opens = [at for at, value in enumerate(values) if value == OPENS[tool]]
    closes = [at for at, value in enumerate(values) if opens and at > opens[0] and value == CLOSES]
    directory = re.search(r"(?:^| )-r (\S+)", " ".join(values))
    unpacked = any(re.match(r"-[al] \S", value) for value in values)
    if len(opens) != 1 or not closes or directory is None or not unpacked:
        raise panda_client.incompatible(f"{tool} starts the command of a job in another way")
    if os.path.normpath(directory[1]) != ".":
        why = f"the jobs would run in {quote(directory[1])}, and the carrier is at the top of their archive"
        raise _refusal("a command in a directory below", why, "type it in the directory that is packed")
    for item in items[opens[0] + 1 : closes[0]]:
        if "$" not in str(item["value"]):  # else it is filled in
            item["value"] = within_quote(str(item["value"]))
    around = Wrapping.of(checksum)
    items.insert(closes[0], {"type": "constant", "value": around.end, "padding": False})
    items.insert(opens[0] + 1, {"type": "constant", "value": around.begin, "padding": False})
    task["jobParameters"] = [left for item in items if (left := _without(item, taken)) is not None]
    if secret:
        task["useSecrets"] = True
    size = sum(len(str(item.get("value", ""))) + 1 for item in task["jobParameters"])
    if size > MAX_PARAMETERS:
        message = f"the jobs' parameters take {size} bytes, more than the {MAX_PARAMETERS} that a site's shell takes"
        raise RequestError(message, hint="put the command into a script", code="too-long", subject="--exec")


def _without(item: dict[str, Any], taken: Mapping[str, str]) -> dict[str, Any] | None:
    """Return an item of jobParameters without the outputs that are taken away; None if nothing is left of it."""
    value, lfns = str(item.get("value", "")), set(taken.values())
    if item.get("param_type") == "output" and pad_serial(value) in lfns:
        return None
    if value.startswith(MAY_LACK):
        rest = [one for one in value.removeprefix(MAY_LACK).split(",") if pad_serial(one) not in lfns]
        return {**item, "value": MAY_LACK + ",".join(rest)} if rest else None
    if found := MAP.fullmatch(value):
        written = ast.literal_eval(found[1])
        kept = {key: _keep(given, lfns) for key, given in written.items()}
        left = {key: given for key, given in kept.items() if given}
        return {**item, "value": value.replace(found[1], str(left))}
    return item


def _keep(given: Any, lfns: set[str]) -> Any:
    """Return a name in PanDA, or those of a kind, which pathena has in tuples, without those that are taken away."""
    if isinstance(given, str):
        return "" if pad_serial(given) in lfns else given
    return [one for one in given if pad_serial(str(one[-1])) not in lfns]

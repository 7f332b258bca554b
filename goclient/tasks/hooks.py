"""What is changed in panda-client while it runs, and whether it can be: each function is looked at first.

panda-client has no place for options of others.  A few of its functions are replaced by ours, which call them; all else
is as it was installed.  A function that is gone or takes other arguments is refused: a task must never be submitted
without its transfers.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import TracebackType
from typing import Any, NamedTuple

import goclient
from goclient.errors import RequestError, ServerError
from goclient.reporter.base import Reporter

OLDEST, NEWEST = "2.0.0", "2.2.0"  # of panda-client, that goclient is tested with
ANSWER_WITHIN = 660.0  # seconds for a task to be taken: panda-client itself waits 600, but from byte to byte
INSTALL = "pip install 'panda-client>=2.0'"

Function = Callable[..., Any]  # panda-client has no types


class Hook(NamedTuple):
    """A function of panda-client, by its module, its class if it has one, and its name; and what it takes first."""

    module: str
    owner: str
    name: str
    takes: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(part for part in (self.module, self.owner, self.name) if part)


ADD_HELP = Hook("Group_argparse", "GroupArgParser", "add_helpGroup", ("self", "addHelp"))
ADD_GROUP = Hook("Group_argparse", "GroupArgParser", "add_group", ("self", "name", "desc"))
PARSE = Hook("Group_argparse", "GroupArgParser", "parse_known_args", ("self", "args", "namespace"))
PRUN = Hook("PrunScript", "", "main", ())
LOAD = Hook("MiscUtils", "", "decodeJSON", ("input_file",))
LINE = Hook("PsubUtils", "", "convSysArgv", ("argv",))
WHO = Hook("PsubUtils", "", "check_proxy", ("verbose", "voms_role"))
NICKNAME = Hook("PsubUtils", "", "getNickname", ("verbose",))
OUTDS = Hook("PsubUtils", "", "checkOutDsName", ("outDS", "official", "nickName", "mergeOutput", "verbose"))
CHECK = Hook("PsubUtils", "", "checkTaskParam", ("taskParamMap", "unlimitNumOutputs"))
LOGIN = Hook("openidc_utils", "", "urlopen", ("url", "data", "timeout"))
SEND = Hook("Client", "", "insertTaskParams", ("taskParams", "verbose", "properErrorCode", "parent_tid"))

AT_START = (ADD_HELP, ADD_GROUP, PARSE)


def version() -> str:
    """Return the version of the panda-client that is installed; raises RequestError if it is missing or too old."""
    try:
        found = str(import_module("pandaclient.PandaToolsPkgInfo").release_version)
    except ImportError:
        raise RequestError("panda-client is not installed", hint=INSTALL, code="panda-client") from None
    if tuple(int(part) if part.isdecimal() else 0 for part in found.split(".")) < (2, 0):
        message = f"panda-client {found} is too old: goclient {goclient.__version__} needs {OLDEST} or later"
        raise RequestError(message, hint=INSTALL, code="panda-client")
    return found


def changed(what: str) -> RequestError:
    """Return the error that panda-client is not as we know it; nothing was submitted."""
    return RequestError(
        f"panda-client {version()} is not one that goclient {goclient.__version__} knows: {what}; nothing is submitted",
        hint=f"install one from {OLDEST} to {NEWEST}, which are tested: pip install panda-client=={NEWEST}",
        code="panda-client",
    )


def answered(call: Callable[[], Any], reporter: Reporter) -> Any:
    """Return what panda-client's call of the server gives; raise ServerError if there is no answer in the end."""
    from goclient.services.deadline import within  # services are loaded only where a task is sent

    try:
        with reporter.waiting("the PanDA server", ANSWER_WITHIN):
            return within(ANSWER_WITHIN, call)
    except TimeoutError:
        raise ServerError(
            f"the PanDA server was sent a task, but its reply is lost: no answer within {ANSWER_WITHIN:.0f} s",
            hint="it is not known whether the task was accepted: look in the PanDA monitor before you submit it again",
            code="reply-lost",
            transient=True,
        ) from None


@contextmanager
def sockets_end() -> Iterator[None]:
    """Run the body, in which no socket waits for ever that was opened without a time-out, as those for tokens are."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(ANSWER_WITHIN)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


class Replaced:
    """Replace functions of panda-client while a ``with`` block runs."""

    def __init__(self) -> None:
        self._restore: list[Callable[[], None]] = []

    def replace(self, hook: Hook, ours: Callable[[Function], Function]) -> None:
        """Replace a function by what ``ours`` makes of it; raises RequestError if it is not as we know it."""
        original, owner = found(hook), _owner(hook)
        inherited = hook.name not in vars(owner)

        def restore() -> None:
            if inherited:
                delattr(owner, hook.name)
            else:
                setattr(owner, hook.name, original)

        setattr(owner, hook.name, ours(original))
        self._restore.append(restore)

    def __enter__(self) -> Replaced:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for restore in reversed(self._restore):
            restore()


def found(hook: Hook) -> Function:
    """Return the function of a hook; raises RequestError if it is gone, or takes other arguments."""
    function: Function | None = getattr(_owner(hook), hook.name, None)
    if function is None:
        raise changed(f"it has no {hook}")
    code = getattr(function, "__code__", None)
    takes = code.co_varnames[: code.co_argcount] if code is not None else ()
    if takes[: len(hook.takes)] != hook.takes:
        raise changed(f"{hook} takes ({', '.join(takes)}), not ({', '.join(hook.takes)}, …)")
    return function


def _owner(hook: Hook) -> Any:
    """Return the module or class of a hook; raises RequestError if it is gone."""
    try:
        module = import_module(f"pandaclient.{hook.module}")
        return getattr(module, hook.owner) if hook.owner else module
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("pandaclient"):
            raise
        raise changed(f"it has no {hook}") from error

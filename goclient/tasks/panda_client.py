"""panda-client's own code: which of its functions are replaced, and how it is run.

panda-client has no place for options of others.  A few of its functions are replaced by ours, which call them; all else
is as it was installed.  A function that is gone or takes other arguments is refused: a task must never be submitted
without its transfers.
"""

from __future__ import annotations

import os
import select
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import goclient
from goclient.errors import GoclientError, RequestError
from goclient.errors.sent import ReplyLost
from goclient.reporter.base import Reporter

OLDEST, NEWEST = "2.0.0", "2.2.0"  # of panda-client, that goclient is tested with
ANSWER_WITHIN = 660.0  # seconds for a task to be taken: panda-client itself waits 600, but from byte to byte
PIP = f"{shlex.quote(sys.executable)} -m pip"  # of the Python that runs goclient, whatever pip is on PATH
INSTALL = f"{PIP} install 'panda-client>=2.0'"
UPLOAD_FAILED = 50  # panda-client's EC_Post, with which it says no more than a number

Function = Callable[..., Any]  # panda-client has no types


class Hook(NamedTuple):
    """Name a function of panda-client: its module, its class if it has one, its name; and what it takes first."""

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
DECODE_JSON = Hook("MiscUtils", "", "decodeJSON", ("input_file",))
CONVERT_LINE = Hook("PsubUtils", "", "convSysArgv", ("argv",))
CHECK_PROXY = Hook("PsubUtils", "", "check_proxy", ("verbose", "voms_role"))
NICKNAME = Hook("PsubUtils", "", "getNickname", ("verbose",))
CHECK_OUTDS = Hook("PsubUtils", "", "checkOutDsName", ("outDS", "official", "nickName", "mergeOutput", "verbose"))
PUT_FILE = Hook("Client", "", "putFile", ("file", "verbose", "useCacheSrv", "reuseSandbox"))
CHECK_TASK = Hook("PsubUtils", "", "checkTaskParam", ("taskParamMap", "unlimitNumOutputs"))
OPEN_LOGIN = Hook("openidc_utils", "", "urlopen", ("url", "data", "timeout"))
INSERT_TASK = Hook("Client", "", "insertTaskParams", ("taskParams", "verbose", "properErrorCode", "parent_tid"))

AT_START = (ADD_HELP, ADD_GROUP, PARSE)


def version() -> str:
    """Return the version of the panda-client that is installed; raise RequestError if it is missing or too old."""
    try:
        found = str(import_module("pandaclient.PandaToolsPkgInfo").release_version)
    except ImportError:
        raise RequestError("panda-client is not installed", hint=INSTALL, code="panda-client") from None
    if tuple(int(part) if part.isdecimal() else 0 for part in found.split(".")) < (2, 0):
        message = f"panda-client {found} is too old: goclient {goclient.__version__} needs {OLDEST} or later"
        raise RequestError(message, hint=INSTALL, code="panda-client")
    return found


def incompatible(what: str) -> RequestError:
    """Make the error that panda-client is not as we know it; nothing was submitted."""
    return RequestError(
        f"panda-client {version()} is not one that goclient {goclient.__version__} knows: {what}; nothing is submitted",
        hint=f"install one from {OLDEST} to {NEWEST}, which are tested: {PIP} install panda-client=={NEWEST}",
        code="panda-client",
    )


def find(hook: Hook) -> Function:
    """Return the function of a hook; raise RequestError if it is gone, or takes other arguments."""
    function: Function | None = getattr(_find_owner(hook), hook.name, None)
    if function is None:
        raise incompatible(f"it has no {hook}")
    code = getattr(function, "__code__", None)
    takes = code.co_varnames[: code.co_argcount] if code is not None else ()
    if takes[: len(hook.takes)] != hook.takes:
        raise incompatible(f"{hook} takes ({', '.join(takes)}), not ({', '.join(hook.takes)}, …)")
    return function


def _find_owner(hook: Hook) -> Any:
    """Return the module or class of a hook; raise RequestError if it is gone."""
    try:
        module = import_module(f"pandaclient.{hook.module}")
        return getattr(module, hook.owner) if hook.owner else module
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("pandaclient"):
            raise
        raise incompatible(f"it has no {hook}") from error


def replace(stack: ExitStack, hook: Hook, ours: Function) -> None:
    """Replace a function by ours until the stack ends; ours is given the original first, then its arguments.

    Raises RequestError if the function is not as we know it.
    """
    original, owner = find(hook), _find_owner(hook)

    def replacement(*args: Any, **more: Any) -> Any:
        return ours(original, *args, **more)

    if hook.name in vars(owner):
        stack.callback(setattr, owner, hook.name, original)
    else:  # inherited
        stack.callback(delattr, owner, hook.name)
    setattr(owner, hook.name, replacement)


@contextmanager
def surroundings(line: list[str]) -> Iterator[ExitStack]:
    """Run a block with this command line, and no warnings, as panda-client's scripts do.

    What the block puts onto the stack is undone with it.
    """
    with warnings.catch_warnings(action="ignore"), ExitStack() as stack:
        stack.callback(setattr, sys, "argv", sys.argv)
        sys.argv = line
        yield stack


def set_bounds(stack: ExitStack) -> None:
    """Give every socket a time-out until the stack ends, and tell at the end what could not be printed."""
    import logging  # 4 ms, both, which -h does not need
    import socket

    stack.callback(socket.setdefaulttimeout, socket.getdefaulttimeout())
    stack.callback(setattr, logging, "raiseExceptions", logging.raiseExceptions)
    logging.raiseExceptions = False  # else there is a traceback for each line
    socket.setdefaulttimeout(ANSWER_WITHIN)  # the sockets for tokens are opened without one


def _has_no_reader(descriptor: int) -> bool:
    """Return True for a pipe whose other end is closed (poll(2): POLLERR)."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def run_tool(tool: str) -> int:
    """Run prun or pathena, and return its exit code; both end by SystemExit."""
    found = version()
    try:
        if tool == "prun":
            find(PRUN)()
        else:
            sys.modules.pop("pandaclient.PathenaScript", None)  # it runs when it is imported
            if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
                signal.signal(signal.SIGINT, signal.default_int_handler)  # ours would wait for the end of the import
            import_module("pandaclient.PathenaScript")
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except GoclientError:
        raise
    except EOFError as error:
        message = f"{tool} of panda-client {found} asked a question, and nobody can answer here"
        hint = "give the option that the question names, or type the command on a terminal"
        raise GoclientError(message, hint=hint, code="panda-client") from error
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _has_no_reader(1):  # else a server has hung up
            raise
        message = f"{tool} of panda-client {found} stopped: {type(error).__name__}: {error}"
        hint = "-vv shows where"
        if isinstance(error, OSError) and os.path.dirname(str(error.filename)) == os.getcwd():
            hint = "type it in a directory that you can write to, or add --tmpDir DIR"
        raise GoclientError(message, hint=hint, code="panda-client") from error
    return 0


def wait_for_answer(call: Callable[[], Any], reporter: Reporter) -> Any:
    """Return what panda-client's call of the server gives; raise ReplyLost if there is no answer in the end."""
    from goclient.services.deadline import within  # a task without transfers loads no services before it is sent

    try:
        with reporter.waiting("the PanDA server", ANSWER_WITHIN):
            return within(ANSWER_WITHIN, call)
    except TimeoutError:
        raise ReplyLost(
            f"the PanDA server did not confirm the task within {ANSWER_WITHIN:.0f} s",
            hint="it is not known whether the task was accepted: look in the PanDA monitor before you submit it again",
            transient=True,
        ) from None

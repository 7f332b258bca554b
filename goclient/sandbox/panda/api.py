"""Declare methods of the PanDA server's API v1; check their callers and arguments as server 1.0.4 does.

A method of the API is declared like any route, above the function that does its work::

    @routes.method("job/submit", "POST")
    def submit(caller: Caller, jobs: str) -> Document:
        ...

The further parameters are the arguments of the API, of the types that the annotations say.
"""

from __future__ import annotations

import gzip
import inspect
import json
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, TypeVar

from goclient.sandbox.http import Document, ServiceError
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.settings import Tuning
from goclient.sandbox.state import State

MAX_ID = (1 << 63) - 1  # the largest that the database takes
Work = TypeVar("Work", bound=Callable[..., Document])


@dataclass(frozen=True, slots=True)
class Caller:
    """Identity that calls, empty for nobody, and the state of the sandbox that it calls; ``size``: of the body."""

    state: State
    id: str = ""
    username: str = ""
    subject: str = ""  # of the certificate
    is_production: bool = False  # the role of pilots
    tuning: Tuning = field(default_factory=Tuning)
    size: int = 0


class WrongType(Exception):
    """An argument has another type than its parameter; the text is what the server says."""


class Api(Routes):
    """Methods of the API, which take GET and POST."""

    def method(self, path: str, verb: str = "", *, secure: bool = True) -> Callable[[Work], Work]:
        """Declare that the function below does the work of a method, for ``verb`` only if that is given.

        Without ``secure`` it also does it for nobody.
        """

        def declare(work: Work) -> Work:
            def handle(call: Call) -> Document:
                caller, arguments = caller_of(call), _arguments(call)
                if secure and not caller.id:
                    return refusal("SSL secure connection is required")
                if verb and call.method != verb:
                    return refusal(f"expecting {verb}, received {call.method}")
                return _run(work, caller, arguments, cast=call.method == "GET")

            for each in ("GET", "POST"):
                self.on(each, f"/api/v1/{path}")(handle)
            return work

        return declare


def success(data: Any = None, message: str = "") -> Document:
    """Return the answer to a call that did what it should."""
    return {"success": True, "message": message, "data": data}


def refusal(message: str, data: Any = None) -> Document:
    """Return the answer to a call that did not."""
    return {"success": False, "message": message, "data": data}


def in_range(number: int) -> int:
    """Return the number, or the nearest one that the database takes, which no job and no task has."""
    return max(-1, min(number, MAX_ID))


def caller_of(call: Call) -> Caller:
    """Return who calls; raise what the server answers to a token that is not valid."""
    row, tuning, size = call.panda_user(), call.sandbox.tuning, call.content_length or 0
    if row is not None:
        return Caller(call.state, row["id"], row["username"], row["subject"], bool(row["production"]), tuning, size)
    if call.bearer:
        raise ServiceError(403, "ERROR : Token authentication failed. Signature verification failed")
    return Caller(call.state)


def _arguments(call: Call) -> dict[str, Any]:
    """Return the arguments of a call, found as the server does: in a JSON body, a form with files, or the query."""
    if call.method == "GET":
        return {key: values[0] if len(values) == 1 else values for key, values in call.args.lists()}
    if call.headers.get("Content-Type") != "application/json":
        return {**call.form, **call.files}
    body = call.get_data()
    try:
        parsed = json.loads(gzip.decompress(body) if call.headers.get("Content-Encoding") == "gzip" else body)
    except (ValueError, OSError, EOFError) as error:
        raise ServiceError(500, f"ERROR : received invalid JSON : {error}") from error
    if not isinstance(parsed, dict):
        raise ServiceError(500, "argument after ** must be a mapping")
    return parsed


def _run(work: Callable[..., Document], caller: Caller, arguments: dict[str, Any], *, cast: bool) -> Document:
    """Do the work of a method, if each argument has the type of its parameter; ``cast`` reads it from a text first."""
    try:
        bound = inspect.signature(work).bind(caller, **arguments)
    except TypeError as error:
        return refusal(f"Argument error: {error}")
    try:
        _check_types(bound, typing.get_type_hints(work), cast=cast)
    except WrongType as error:
        return refusal(f"Type error: {error}")
    return work(*bound.args, **bound.kwargs)


def _check_types(bound: inspect.BoundArguments, hints: dict[str, Any], *, cast: bool) -> None:
    """Raise WrongType for an argument, or an element of a list, whose type is not that of its parameter."""
    for name, value in list(bound.arguments.items())[1:]:
        parameter, hint = bound.signature.parameters[name], hints.get(name, Any)
        if parameter.kind is parameter.VAR_KEYWORD or hint is Any or value == parameter.default:
            continue
        taken = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
        types = tuple(one for one in taken if one is not type(None))
        if cast:
            value = None if value == "None" and parameter.default is None else _cast(name, value, types[0])
            bound.arguments[name] = value
        if value is None and parameter.default is None:
            continue
        outer, inner = tuple(typing.get_origin(one) or one for one in types), typing.get_args(types[0])
        if not isinstance(value, outer):
            raise WrongType(f"'{name}' must be of type {outer[0].__name__}, got {type(value).__name__}.")
        if outer[0] is list and not all(isinstance(one, inner[0]) for one in value):
            raise WrongType(f"All elements in '{name}' must be {inner[0].__name__}.")


def _cast(name: str, value: Any, wanted: Any) -> Any:
    """Return a text of the query string, or several, as what the parameter takes; raise WrongType."""
    try:
        if wanted is bool:
            return value.lower() in ("true", "1")
        if wanted is int:
            return int(float(value))
        if wanted == list[int]:
            return [int(float(one)) for one in ([value] if isinstance(value, str) else value)]
        if wanted == list[str] and isinstance(value, str):
            return [value]
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        kind, got = getattr(wanted, "__name__", wanted), type(value).__name__
        raise WrongType(f"'{name}' with value '{value}' could not be casted to type {kind} from {got}.") from error
    return value

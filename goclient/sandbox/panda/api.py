"""How the API v1 of the PanDA server is called: by whom, with what, and what it says to a wrong call (server 1.0.4)."""

from __future__ import annotations

import gzip
import inspect
import json
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from goclient.sandbox.http import ServiceError, answer, bearer
from goclient.sandbox.state import State

MAX_ID = (1 << 63) - 1  # the largest that the database takes


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the API: its path, what does its work, the one HTTP method that it takes, and who may call it."""

    path: str
    work: Callable[..., dict[str, Any]]  # its first argument is the caller's identity, the others are those of the API
    verb: str = ""
    secure: bool = True


def rules(state: State, methods: Sequence[Method]) -> list[Rule]:
    """The routes and handlers of some methods of the API."""
    return [Rule(f"/api/v1/{one.path}", endpoint=_handler(state, one), methods=["GET", "POST"]) for one in methods]


def success(data: Any = None, message: str = "") -> dict[str, Any]:
    """The answer to a call that did what it should."""
    return {"success": True, "message": message, "data": data}


def refusal(message: str, data: Any = None) -> dict[str, Any]:
    """The answer to a call that did not."""
    return {"success": False, "message": message, "data": data}


def in_range(number: int) -> int:
    """The number, or the nearest one that the database takes: no job and no task has it."""
    return max(-1, min(number, MAX_ID))


def _handler(state: State, method: Method) -> Callable[[Request], Response]:
    def handle(request: Request) -> Response:
        owner = _owner(state, request)
        arguments = _arguments(request)
        if method.secure and owner is None:
            return answer(refusal("SSL secure connection is required"))
        if method.verb and request.method != method.verb:
            return answer(refusal(f"expecting {method.verb}, received {request.method}"))
        try:
            bound = inspect.signature(method.work).bind(owner, **arguments)
        except TypeError as error:
            return answer(refusal(f"Argument error: {error}"))
        _check_types(bound, typing.get_type_hints(method.work), cast=request.method == "GET")
        return answer(method.work(*bound.args, **bound.kwargs))

    return handle


def _owner(state: State, request: Request) -> dict[str, Any] | None:
    token = bearer(request)
    if not token:
        return None
    owner = state.row("select * from identities where token = ?", token)
    if owner is None:
        raise ServiceError(403, "ERROR : Token authentication failed. Signature verification failed")
    return owner


def _arguments(request: Request) -> dict[str, Any]:
    """The arguments of a call, found as the server finds them: a JSON body, a form with files, or the query string."""
    if request.method == "GET":
        return {key: values[0] if len(values) == 1 else values for key, values in request.args.lists()}
    if request.headers.get("Content-Type") != "application/json":
        return {**request.form, **request.files}
    body = request.get_data()
    try:
        parsed = json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
    except (ValueError, OSError, EOFError) as error:
        raise ServiceError(500, f"ERROR : received invalid JSON : {error}") from error
    if not isinstance(parsed, dict):
        raise ServiceError(500, "argument after ** must be a mapping")
    return parsed


# --- types ---


def _check_types(bound: inspect.BoundArguments, hints: dict[str, Any], *, cast: bool) -> None:
    """None, once each argument is of the type of its parameter; ``cast``: it was a text in the query string."""
    for name, value in list(bound.arguments.items())[1:]:
        parameter, hint = bound.signature.parameters[name], hints.get(name, Any)
        if parameter.kind is parameter.VAR_KEYWORD or hint is Any or value == parameter.default:
            continue
        types = _types(hint)
        if cast:
            value = None if value == "None" and parameter.default is None else _cast(name, value, types[0])
            bound.arguments[name] = value
        if value is None and parameter.default is None:
            continue
        outer = tuple(typing.get_origin(one) or one for one in types)
        if not isinstance(value, outer):
            got, wanted = type(value).__name__, outer[0].__name__
            raise _wrong(f"'{name}' must be of type {wanted}, got {got}.")
        inner = typing.get_args(types[0])
        if outer[0] is list and not all(isinstance(one, inner[0]) for one in value):
            raise _wrong(f"All elements in '{name}' must be {inner[0].__name__}.")


def _types(hint: Any) -> tuple[Any, ...]:
    """The types that a parameter takes, without None."""
    if isinstance(hint, UnionType):
        return tuple(one for one in typing.get_args(hint) if one is not type(None))
    return (hint,)


def _cast(name: str, value: Any, wanted: Any) -> Any:
    """A text of the query string, or several, as what the parameter takes."""
    try:
        if wanted is bool:
            return value.lower() in ("true", "1")
        if wanted is int:
            return int(float(value))
        if wanted == list[int]:
            return [int(float(one)) for one in ([value] if isinstance(value, str) else value)]
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        kind, got = getattr(wanted, "__name__", wanted), type(value).__name__
        raise _wrong(f"'{name}' with value '{value}' could not be casted to type {kind} from {got}.") from error
    return value


def _wrong(what: str) -> ServiceError:
    return ServiceError(200, refusal(f"Type error: {what}"))

"""Text of a settings file: what it sets, checked, and everything that is wrong with it, by line."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from goclient.config.file import ConfigFile
from goclient.config.toml_text import NotToml, line_of, parse
from goclient.errors import GoclientError, MyproxyError
from goclient.errors.wording import quote
from goclient.model.endpoint import NODE, is_uuid, read_endpoint
from goclient.model.location import directory_problem
from goclient.model.names import NO_IDENTITY, is_identity, is_text, queue_problem
from goclient.model.nearest import hint_of_known
from goclient.model.option import is_flag, is_number, setting_fields
from goclient.model.options import SubmitOptions
from goclient.model.payload import hide_login, is_url
from goclient.model.records.panda_job import WIDTHS
from goclient.secrets import register_misplaced
from goclient.services.loopback import is_https
from goclient.services.myproxy.policy import check_dn


def _refuse(problem_of: Callable[[str], str]) -> AfterValidator:
    """Return the check of a text of which ``problem_of`` says what is wrong; the empty string is nothing."""

    def check(text: str) -> str:
        if problem := problem_of(text) if text else "it is empty":
            raise ValueError(problem)
        return text

    return AfterValidator(check)


def _dn_problem(text: str) -> str:
    try:
        check_dn(text)
    except MyproxyError as error:
        return f"{error.message}: {error.hint}"
    return ""


def _job_text(name: str) -> AfterValidator:
    """Return the check of the text of a job's option: would the server take it for this name?"""

    def problem_of(text: str) -> str:
        if name == "computingSite" and (problem := queue_problem(text)):
            return problem.what
        if len(text) > WIDTHS.get(name, len(text)):
            return f"it has {len(text)} characters, the server stores {WIDTHS[name]}"
        return "" if is_text(text) else "it has a control character, or is not valid Unicode"

    return _refuse(problem_of)


def _public_problem(text: str) -> str:
    """Return what is wrong with a URL that everybody may see in a job's record."""
    if not is_url(text):
        return "it is not a URL (https://…)"
    return "it has a password in it, which everybody would see in the job" if hide_login(text) != text else ""


Text = Annotated[str, _refuse(lambda _: "")]
Uuid = Annotated[str, _refuse(lambda text: "" if is_uuid(text) else "it is not a UUID")]
Dn = Annotated[str, _refuse(_dn_problem)]
Identity = Annotated[str, _refuse(lambda text: "" if is_identity(text) else f"it {NO_IDENTITY}")]
HttpsServer = Annotated[str, _refuse(lambda text: "" if is_https(text) else "it is not https")]
Public = Annotated[str, _refuse(_public_problem)]
Hours = Annotated[int, Field(ge=0, le=8760)]
Port = Annotated[int, Field(ge=1, le=65535)]


class _Table(BaseModel):
    # One validator is made, that of the file, and it has those of the tables in it.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def _job_keys() -> dict[str, Any]:
    """Return the keys of ``[job]`` and their types: the options whose defaults a settings file may give."""
    types: dict[str, Any] = {}
    for one in setting_fields(SubmitOptions):
        bounds = Field(ge=one.metadata["minimum"], le=one.metadata["maximum"])
        text = Annotated[str, _job_text(one.name)]
        types[one.name] = bool if is_flag(one) else Annotated[int, bounds] if is_number(one) else text
    return types


SITE, HTTPS = "site", "https"  # the tables of what each of several queues, or collections by their ids, has
_TABLES: Mapping[str, Mapping[str, Any]] = {
    "job": _job_keys(),
    "pilot": {"dn": Dn, "identity": Identity},
    "myproxy": {"server": Text, "port": Port, "server_dn": Dn},
    "globus": {"client_id": Uuid},
    "carrier": {"runGen": Public, "wait": Hours},
    SITE: {
        "collection": Uuid,
        "directory": Annotated[str, _refuse(partial(directory_problem, read_endpoint("collection")))],
        "node": Annotated[str, _refuse(partial(directory_problem, NODE))],
    },
}


def _file_model(names: Container[str]) -> type[BaseModel]:
    """Return the model of a file with these tables: each takes a millisecond, and few files have all."""
    types: dict[str, Any] = {}
    for name in (one for one in _TABLES if one in names):
        keys: dict[str, Any] = {key: (kind, None) for key, kind in _TABLES[name].items()}
        table = create_model(name, __base__=_Table, **keys)
        types[name] = (dict[str, table] if name == SITE else table, None)  # type: ignore[valid-type]
    types[HTTPS] = (dict[Uuid, HttpsServer], None)
    return create_model("_File", __base__=_Table, **types)


def read_values(file: ConfigFile, text: str) -> tuple[dict[str, Any], list[GoclientError]]:
    """Return the values by their names, such as ``job.VO``, and everything that is wrong with the text."""
    try:
        tables = parse(text)
        _file_model(tables).model_validate(tables)
    except NotToml as error:
        return {}, [file.wrong(f"it is not TOML: {error}", file.remedy, line=error.line)]
    except ValidationError as error:
        wrong = ((tuple(str(part) for part in one["loc"] if part != "[key]"), one) for one in error.errors())
        return {}, [_wrong(file, text, keys, one) for keys, one in wrong]
    return dict(_values(tables, "")), list(_twice(file, text, tables.get(HTTPS, {})))


def _twice(file: ConfigFile, text: str, servers: Mapping[str, str]) -> Iterator[GoclientError]:
    """Yield an error for each collection that has a server under each of two spellings of its UUID."""
    first: dict[str, str] = {}
    for key in servers:
        if (other := first.setdefault(key.lower(), key)) != key:
            lines = [line_of(text, (HTTPS, one)) for one in (other, key)]
            what = f"https.{key}: the collection has a server on line {lines[0]}, too ({quote(servers[other])})"
            yield file.wrong(what, f"delete line {lines[0]} or line {lines[1]}", line=lines[1])


def _values(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of each setting."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _values(value, f"{prefix}{name}.")
        else:
            yield prefix + (name.lower() if prefix == f"{HTTPS}." else name), value  # one UUID in two spellings is one


def _wrong(file: ConfigFile, text: str, keys: tuple[str, ...], problem: Mapping[str, Any]) -> GoclientError:
    """Return the error of one key, with its line and, if it is unknown, the name that is nearest."""
    given = problem["input"]
    if problem["type"] == "extra_forbidden":
        what, hint = _explain_key(keys, given)
        return file.wrong(what, hint, line=line_of(text, keys))
    if keys[-1] == "client_id":
        register_misplaced(str(given))
    value = "" if isinstance(given, dict) else f" = {quote(given)}"
    hint = f"correct it with an editor, or leave {keys[-1]} out"
    if problem["type"] in ("model_type", "dict_type"):
        hint = f"write [{'site.QUEUE' if keys[0] == 'site' else keys[0]}], and the keys on the lines below it"
    return file.wrong(f"{'.'.join(keys)}{value}: {_reason(problem)}", hint, line=line_of(text, keys))


def _explain_key(keys: tuple[str, ...], given: object) -> tuple[str, str]:
    """Return what is wrong with a key, or a table, that there is not, and a hint."""
    *table, key = keys
    if not table and not isinstance(given, dict):
        inside = [name for name, kind in _TABLES.items() if key in kind] or list(_TABLES)
        headers = " or ".join("[site.QUEUE]" if name == SITE else f"[{name}]" for name in inside)
        return f"{quote(key)} is in no table", f"write it on a line below {headers}"
    if "secret" in key.lower():
        return f"[{'.'.join(table)}] has no key {quote(key)}", "no setting holds a secret: set GOCLIENT_CLIENT_SECRET"
    known = list(_TABLES[table[0]]) if table else [*_TABLES, HTTPS]
    what = f"[{'.'.join(table)}] has no key {quote(key)}" if table else f"there is no table [{key}]"
    return what, hint_of_known(key, known)


# What pydantic calls the type that a value must have, and what a reader of TOML calls it.
_MUST = {
    "string_type": "a text in quotes",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "model_type": "a table",
    "dict_type": "a table",
}
_IS = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a number",
    float: "a number with a point",
    list: "a list",
    dict: "a table",
}


def _reason(problem: Mapping[str, Any]) -> str:
    """Return why a value cannot be that of its key."""
    kind, limits = problem["type"], problem.get("ctx", {})
    if kind in _MUST:
        return f"it must be {_MUST[kind]}, and is {_IS.get(type(problem['input']), 'another thing')}"
    if kind in ("greater_than_equal", "less_than_equal"):
        return f"it must be at least {limits['ge']}" if "ge" in limits else f"it must be at most {limits['le']}"
    return str(limits.get("error") or problem["msg"])  # the words of _refuse

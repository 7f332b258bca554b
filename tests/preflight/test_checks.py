"""Rules for every check, whoever wrote it: well-formed findings, no exception, nothing asked twice."""

from __future__ import annotations

import ast
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import goclient.preflight
from goclient.errors import EndpointError, GoclientError, MyproxyError, RequestError, ServerError
from goclient.errors.conditions import (
    AmbiguousEndpoint,
    ConsentNeeded,
    GlobusTimeout,
    NotLoggedIn,
    PermissionDenied,
    StorageDenied,
)
from goclient.errors.findings import Finding
from goclient.model.endpoint import JOB, NODE, read_endpoint
from goclient.model.location import Location, Transfer
from goclient.model.mode import Mode
from goclient.model.request import Job
from goclient.model.spec import MyproxyAccount, TransferSpec
from goclient.preflight.base import Check, Context, PreflightOptions
from goclient.preflight.checks import JOB_CHECKS, LAST_CHECKS, TRANSFER_CHECKS
from goclient.preflight.connect import connect
from goclient.preflight.offline import OFFLINE
from tests.preflight import contexts
from tests.preflight.contexts import GUEST, SITE, Globus, ServerFiles

HERE = Location(JOB, "/")
ALL = (*OFFLINE, *TRANSFER_CHECKS, *JOB_CHECKS, *LAST_CHECKS)


def at(text: str) -> Location:
    endpoint, _, path = text.rpartition(":")
    return Location(read_endpoint(endpoint), path)


def brought(*texts: str, to: Location = HERE) -> tuple[Transfer, ...]:
    return tuple(Transfer(at(text), to) for text in texts)


SPECS = {
    "nothing": TransferSpec(),
    "right": TransferSpec(stage_in=brought(f"{SITE}:/in/a"), working="w"),
    "many": TransferSpec(
        stage_in=brought(*(f"{SITE}:/in{number}/a" for number in range(40)), f"{SITE}:/in/${{SN}}", f"{SITE}:/in/out/"),
        stage_out=tuple(Transfer(Location(JOB, f"/o{number}"), at(f"{GUEST}:/out/")) for number in range(40)),
        working="w",
    ),
    "wrong": TransferSpec(
        stage_in=brought(f"{SITE}:/none/deep/a", f"{SITE}:/in/b*", "NOWHERE:/a", "gsiftp://host:/a", f"{SITE}:/"),
        output=(Transfer(Location(JOB, "/x y.root z.root"), at(f"{GUEST}:/none/new/")),),
        working="mine",
        overwrite=True,
    ),
    "personal": TransferSpec(stage_in=brought(f"{SITE}:/in/a", to=at(f"{GUEST}:/out/")), working="w"),
    "on the node": TransferSpec(
        stage_in=(Transfer(Location(NODE, "/data/a"), HERE),), working="w", in_mode=Mode.LOCAL, out_mode=Mode.SERVER,
        local_endpoint=read_endpoint(SITE), output=(Transfer(Location(JOB, "/a"), at(f"{SITE}:/in/")),),
    ),
    "by HTTPS": TransferSpec(
        stage_in=brought(f"{SITE}:/in/a", f"{GUEST}:/in/out", f"{GUEST}:/none/a"), working="w", in_mode=Mode.HTTPS,
        out_mode=Mode.HTTPS, output=(Transfer(Location(JOB, "/a"), at(f"{GUEST}:/in/")),),
    ),
    "an account": TransferSpec(working="w", myproxy=MyproxyAccount(user="u", host="h", port=7512)),
    "a user of 2012": TransferSpec(working="w", user="u"),
}  # fmt: skip
OPTIONS = {
    "as it is": PreflightOptions(seconds=10.0),
    "all": PreflightOptions(
        make_directories=True, pilot_identity="them@x", probe=True, seconds=10.0, pilot="/DC=x/CN=y", deposit=True
    ),
    "no time": PreflightOptions(seconds=0.0, probe=True, pilot_identity="them@x"),
}
FAILURES: dict[str, GoclientError | None] = {
    "answers": None,
    "denied": StorageDenied("the storage denies it", hint="ask the owner", subject="SITE:/in/"),
    "no role": PermissionDenied("its roles deny it", hint="ask the owner", subject="SITE:/in/"),
    "no login": NotLoggedIn.to_globus("nobody is logged in", subject="SITE"),
    "no consent": ConsentNeeded.to_globus("it needs a consent", options=[("--endpoint", "SITE")], subject="SITE"),
    "silent": GlobusTimeout("late", hint="type the command again", transient=True),
    "several": AmbiguousEndpoint("2 endpoints are called so", hint="use a UUID", subject="SITE"),
    "strange": EndpointError("strange", code="globus", hint="ask the owner", subject="SITE"),
}


# What a service says of no single endpoint, path or account.
OF_ALL = {"globus-timeout", "myproxy-timeout", "myproxy-unreachable", "config"}


def refuse(error: GoclientError) -> Callable[[], Any]:
    def raise_it() -> Any:
        raise error

    return raise_it


class Accounts(contexts.Accounts):
    """MyProxy accounts of a server that cannot be reached, and a credential for others."""

    def of_user(self, user: str) -> MyproxyAccount:
        return MyproxyAccount(user=user, host="h", port=7512)

    def service(self, account: MyproxyAccount, *, seconds: float, deposit: bool) -> Any:
        raise MyproxyError("the server cannot be reached", hint="look at the network", code="myproxy-unreachable")


def context_of(spec: TransferSpec, options: PreflightOptions, globus: Globus, error: GoclientError) -> Context:
    context = Context(
        spec, count=3, job=Job(["QUEUE"], "/cvmfs/run.sh"), words="token=x $SN", options=options,
        accounts=lambda: Accounts(ServerFiles(failure=globus.failure)),  # type: ignore[arg-type,return-value]
        queues=refuse(error),
    )  # fmt: skip
    connect(context, {"GRID": read_endpoint("gsiftp://host", "GRID")}, lambda: globus)  # type: ignore[arg-type,return-value]
    return context


def assert_well_formed(finding: Finding) -> None:
    assert finding.level in ("ok", "warning", "error")
    assert re.fullmatch(r"[a-z0-9:-]+", finding.code), finding.code
    assert finding.subject or finding.code in OF_ALL, finding
    assert finding.message.isprintable()
    assert finding.message, finding
    assert not finding.message.endswith("."), finding.message
    assert finding.hint.isprintable()
    assert finding.hint or finding.level == "ok", finding
    assert bool(finding.exit_code) == finding.is_error


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_all_checks_find_what_is_well_formed_and_ask_nothing_twice(
    spec: TransferSpec, options: PreflightOptions, failure: GoclientError | None
) -> None:
    globus = Globus(failure)
    context = context_of(spec, options, globus, failure or ServerError("no answer", hint="ask later"))
    checks = [kind() for kind in ALL]
    for check in checks:
        check.start(context)
    for check in checks:
        found = list(check.findings(context))
        for finding in found:
            assert_well_formed(finding)
        context.findings += found
    assert {question for question, times in globus.asked.items() if times > 1} == set()


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_a_check_alone_finds_what_is_well_formed(kind: type[Check], spec: TransferSpec) -> None:
    context = context_of(
        spec, OPTIONS["all"], Globus(), RequestError("no server is set", hint="set one", code="config")
    )
    check = kind()
    check.start(context)
    for finding in check.findings(context):
        assert_well_formed(finding)


def test_each_check_of_the_package_is_in_a_list() -> None:
    (folder,) = goclient.preflight.__path__
    written = {
        node.name
        for module in pkgutil.iter_modules([folder])
        for node in ast.walk(ast.parse((Path(folder) / f"{module.name}.py").read_text()))
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Check" for base in node.bases)
    }
    assert written == {kind.__name__ for kind in ALL}
    assert len(set(ALL)) == len(ALL)

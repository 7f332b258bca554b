"""A route is declared in one place, above its function."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import goclient.sandbox
from goclient.sandbox.routes import Call, Routes
from goclient.sandbox.server import SERVICES


def test_a_route_is_declared_above_its_function() -> None:
    routes = Routes("/v1")

    @routes.on("GET", "/things/<id>")
    def show(call: Call, id: str) -> dict[str, str]:
        return {"id": id}

    (rule,) = routes.rules()
    assert (rule.rule, rule.methods, rule.endpoint) == ("/v1/things/<id>", {"GET", "HEAD"}, show)


def test_every_module_with_routes_is_served() -> None:
    names = [module.name for module in pkgutil.walk_packages(goclient.sandbox.__path__, "goclient.sandbox.")]
    declared = [getattr(import_module(name), "routes", None) for name in names]
    assert {id(one) for one in declared if isinstance(one, Routes)} == {id(one) for one in SERVICES}

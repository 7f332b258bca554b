"""The client and the sandbox's server understand each other, with nothing but the variables that env.sh sets."""

from __future__ import annotations

import os
from typing import Any

import pytest

from goclient.errors import MyproxyError
from goclient.services.gsi import tls
from goclient.services.gsi.authorities import find_authorities
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.server_name import parse_servers
from goclient.services.myproxy.client import MyProxy, Terms
from goclient.services.myproxy.policy import dn_of, pattern_of
from tests.myproxy_grid import HOUR
from tests.sandboxes import Sandbox


def somebody(sandbox: Sandbox, **named: Any) -> MyProxy:
    env = sandbox.env
    servers = parse_servers(env["MYPROXY_SERVER"], port=int(env["MYPROXY_SERVER_PORT"]))
    identity = find_identity(Search(env, env["HOME"], os.getuid(), deposit=True, **named))
    return MyProxy(servers, tls.Credential(identity), trust=tls.Trust(find_authorities(env, env["HOME"])))


def test_a_deposit_of_the_sandbox_is_made_retrieved_and_destroyed(shared_sandbox: Sandbox) -> None:
    env = shared_sandbox.env
    user = somebody(shared_sandbox)
    pilot = somebody(shared_sandbox, certificate=env["SANDBOX_PILOT_CERT"], key=env["SANDBOX_PILOT_KEY"])
    assert user.info("jane") == ()
    retrievers = pattern_of(env["SANDBOX_PILOT_DN"])
    end = user.put("jane", Terms(retrievers, 24 * HOUR, 12 * HOUR, name="panda", description="a test"))
    (deposit,) = user.info("jane")
    assert (deposit.name, deposit.description, deposit.end) == ("panda", "a test", end)
    assert dn_of(deposit.retrievers) == env["SANDBOX_PILOT_DN"]
    assert pilot.get("jane", name="panda", lifetime=HOUR)
    for call in (lambda: user.get("jane", name="panda", lifetime=HOUR), lambda: pilot.destroy("jane", name="panda")):
        with pytest.raises(MyproxyError) as caught:
            call()
        assert caught.value.code in ("myproxy-not-retriever", "myproxy-not-owner")
    user.destroy("jane", name="panda")
    assert user.info("jane") == ()
    with pytest.raises(MyproxyError) as caught:
        user.destroy("jane", name="panda")
    assert caught.value.code == "myproxy-none"

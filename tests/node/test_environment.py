"""A payload has the node's variables and none of the pilot's credentials; the pilot's files are known."""

from __future__ import annotations

import os
from pathlib import Path

from goclient.node.environment import clean_environment, own_files
from goclient.secrets import register


def test_the_pilot_s_own_files_are_those_that_its_variables_and_its_tools_name(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    (tmp_path / "link").symlink_to("token")
    env = {
        "GOCLIENT_PILOT_TOKEN_FILE": str(tmp_path / "link"),
        "GOCLIENT_STATE": str(tmp_path / "state"),
        "GOCLIENT_ENDPOINTS": str(tmp_path / "endpoints.toml"),
        "PANDA_CONFIG_ROOT": str(tmp_path / "panda"),
        "PANDA_AUTH": "oidc",
        "TMPDIR": str(tmp_path),
    }
    own = own_files(env, others=(env["GOCLIENT_STATE"], env["GOCLIENT_ENDPOINTS"]))
    names = ("token", "state", "endpoints.toml", "panda")
    assert {str(tmp_path / name) for name in names} <= set(own)
    assert os.path.realpath(os.path.expanduser("~/.globus")) in own
    assert f"/tmp/x509up_u{os.getuid()}" in own
    assert str(tmp_path) not in own
    assert clean_environment(env) == {name: env[name] for name in ("PANDA_CONFIG_ROOT", "TMPDIR")}


HELD = "f23M1Tbc4HZZduUhX7woSBruMgforho"

KEPT_FROM_A_PAYLOAD = {
    "SANDBOX_SECRET": HELD, "SANDBOX_PILOT_CLIENT_SECRET": HELD, "GLOBUS_SDK_SERVICE_URL_AUTH": f"https://h/{HELD}/",
    "GITHUB_TOKEN": HELD, "PGPASSWORD": HELD, "DB_PASS": HELD, "AWS_SECRET_ACCESS_KEY": HELD, "HF_API_KEY": HELD,
    "SITE_APIKEY": HELD, "KEY_PASSPHRASE": HELD, "_CONDOR_CREDS": "/var/lib/creds", "RUCIO_AUTH_TOKEN_FILE": "/a/token",
    "GOOGLE_APPLICATION_CREDENTIALS": "/a/key.json", "SANDBOX_PILOT_KEY": "/grid/pilot.key", "site_secret": HELD,
    "SSH_AUTH_SOCK": "/tmp/ssh/agent.1", "CURL_OPTIONS": f"-H 'Authorization: Bearer {HELD}'",
    "PIP_INDEX_URL": "https://user:hunter2@host/simple",
}  # fmt: skip

LEFT_TO_A_PAYLOAD = {
    "PATH": "/usr/bin", "PWD": "/job", "OLDPWD": "/", "HOME": "/home/u", "TMPDIR": "/tmp", "LC_ALL": "C.UTF-8",
    "SSL_CERT_FILE": "/etc/ca.pem", "X509_CERT_DIR": "/etc/grid-security/certificates", "SITE_NAME": "KEYSTONE",
    "TOKENIZERS_PARALLELISM": "false", "MAX_TOKENS": "10", "KEYBOARD": "us", "BYPASS": "yes", "AWS_ACCESS_KEY_ID": "A",
    "X": "a:b@c://", "ATLAS_LOCAL_ROOT_BASE": "/cvmfs/atlas.cern.ch", "http_proxy": "http://node:hunter2@squid:3128",
    "FRONTIER_SERVER": "(serverurl=http://host:8000/atlr)(proxyurl=http://squid:3128)", "KRB5CCNAME": "FILE:/tmp/k",
    "PANDA_SYS": "/opt/panda", "GLOBUS_LOCATION": "/usr", "SANDBOX_URL": "http://127.0.0.1:1", "EMPTY": "",
}  # fmt: skip


def test_a_payload_sees_the_node_s_variables_and_no_credential() -> None:
    assert clean_environment({**KEPT_FROM_A_PAYLOAD, **LEFT_TO_A_PAYLOAD}) == LEFT_TO_A_PAYLOAD


def test_a_variable_that_holds_a_registered_credential_is_kept_from_a_payload() -> None:
    register("registered-by-a-test/&x")
    env = {"LIKE": "registered-by-a-tes", "RAW": "a registered-by-a-test/&x", "URL": "x=registered-by-a-test%2F%26x"}
    assert list(clean_environment(env)) == ["LIKE"]

"""A collection's HTTPS server takes tokens of that collection, and sends, writes and removes single files."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import globus_sdk
import pytest
import requests
from globus_sdk.experimental.gcs_collection_client import GCSCollectionClient
from globus_sdk.experimental.gcs_downloader import GCSDownloader

from tests.sandbox.waiting import until
from tests.sandboxes import Sandbox

BOUND = 60.0  # seconds
FILE = "/home/osg_data/panda/0064.file"
CONTENT = b"The input of the 2012 example.\n" * 64
TRANSFER = "urn:globus:auth:scope:transfer.api.globus.org:all"
USER, OTHER, PILOT = "GOCLIENT", "SANDBOX_OTHER", "SANDBOX_PILOT"


class Server:
    """A collection's HTTPS server, asked by one identity."""

    def __init__(
        self, sandbox: Sandbox, name: str, *, who: str = "", scope: str = "{0}/https", ajax: bool = True
    ) -> None:
        self._sandbox = sandbox
        (row,) = sandbox.rows("select id from collections where display_name = ?", name)
        self.id = row["id"]
        self.scope = scope.format(f"https://auth.globus.org/scopes/{self.id}")
        self.headers = {"X-Requested-With": "XMLHttpRequest"} if ajax else {}
        if who:
            self.headers["Authorization"] = f"Bearer {self.tokens(who)['access_token']}"

    def tokens(self, who: str) -> Any:
        secret = tuple(self._sandbox.env[f"{who}_CLIENT_{one}"] for one in ("ID", "SECRET"))
        form = {"grant_type": "client_credentials", "scope": self.scope}
        return requests.post(f"{self._sandbox.url}/v2/oauth2/token", data=form, auth=secret, timeout=BOUND).json()  # type: ignore[arg-type]

    def ask(self, method: str, path: str, data: Any = None, **headers: str) -> requests.Response:
        session = requests.Session()
        session.trust_env = False
        url = f"{self._sandbox.url}/https/{self.id}{quote(path)}"
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return session.request(method, url, data=data, headers=sent, timeout=BOUND, allow_redirects=False)


@pytest.fixture(scope="module")
def site(shared_sandbox: Sandbox) -> Server:
    return Server(shared_sandbox, "SITE1", who=USER)


def test_a_file_is_sent_with_its_size_and_ranges_are_taken(site: Server) -> None:
    whole, head = site.ask("GET", FILE), site.ask("HEAD", FILE)
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert (head.status_code, head.content) == (200, b"")
    for one in (whole, head):
        assert (one.headers["Content-Length"], one.headers["Accept-Ranges"]) == (str(len(CONTENT)), "bytes")


@pytest.mark.parametrize(("asked", "first", "end"), [("0-0", 0, 1), ("7-", 7, len(CONTENT)), ("5-9", 5, 10)])
def test_a_range_is_a_part_of_the_file(site: Server, asked: str, first: int, end: int) -> None:
    part = site.ask("GET", FILE, Range=f"bytes={asked}")
    assert (part.status_code, part.content) == (206, CONTENT[first:end])
    assert part.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(CONTENT)}"


def test_a_range_behind_the_end_is_refused(site: Server) -> None:
    answer = site.ask("GET", FILE, Range=f"bytes={len(CONTENT)}-")
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")


def test_a_file_is_written_over_without_asking_and_removed(shared_sandbox: Sandbox, site: Server) -> None:
    path = "/home/new file"
    assert [site.ask("PUT", path, data=text).status_code for text in (b"a longer one", b"second")] == [200, 200]
    assert shared_sandbox.path("SITE1", path).read_bytes() == b"second"
    assert [site.ask("DELETE", path).status_code for _ in range(2)] == [200, 404]
    assert not shared_sandbox.path("SITE1", path).exists()


def test_a_name_may_have_any_bytes(shared_sandbox: Sandbox, site: Server) -> None:
    for name in ("ä %41 ?#;+&=", "\udcff\udce4", " a\tb\n"):
        url = f"{shared_sandbox.url}/https/{site.id}/home/" + quote(name, errors="surrogateescape", safe="")
        assert requests.put(url, data=b"odd", headers=site.headers, timeout=BOUND).ok
        assert shared_sandbox.path("SITE1", "home").joinpath(name).read_bytes() == b"odd"
        assert requests.get(url, headers=site.headers, timeout=BOUND).content == b"odd"
        assert requests.delete(url, headers=site.headers, timeout=BOUND).ok


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/home/none", 404),
        ("GET", "/home", 404),
        ("PUT", "/home", 409),
        ("PUT", "/none/file", 404),
        ("PUT", f"{FILE}/below", 409),
        ("DELETE", "/home", 409),
        ("POST", FILE, 405),
    ],
)
def test_what_cannot_be_is_refused(site: Server, method: str, path: str, status: int) -> None:
    assert site.ask(method, path, data=b"x").status_code == status


def test_a_collection_without_https_has_no_server(shared_sandbox: Sandbox) -> None:
    assert Server(shared_sandbox, "mxp#MXP_OU_TEST", who=USER).ask("GET", "/home").status_code == 404


@pytest.mark.parametrize(("ajax", "status"), [(True, 401), (False, 302)])
def test_without_a_token_a_browser_is_sent_to_the_login_and_a_program_is_not(
    shared_sandbox: Sandbox, ajax: bool, status: int
) -> None:
    anybody = Server(shared_sandbox, "SITE1", ajax=ajax)
    answer = anybody.ask("GET", FILE)
    assert answer.status_code == status
    assert ajax or f"client_id={anybody.id}" in urlsplit(answer.headers["Location"]).query
    assert Server(shared_sandbox, "GUEST1", ajax=ajax).ask("PUT", "/in/new", data=b"x").status_code == status


@pytest.mark.parametrize("scope", [TRANSFER, "https://auth.globus.org/scopes/{1}/https", "{0}/data_access"])
def test_a_token_of_another_scope_is_not_taken(shared_sandbox: Sandbox, scope: str) -> None:
    (other,) = shared_sandbox.rows("select id from collections where display_name = 'CONSENT1'")
    server = Server(shared_sandbox, "SITE1", who=USER, scope=scope.replace("{1}", other["id"]))
    assert server.ask("GET", FILE).status_code == 401


@pytest.mark.parametrize(
    ("name", "who", "path", "status"),
    [
        ("OTHER1", OTHER, "/data/other.dat", 200),
        ("OTHER1", USER, "/data/other.dat", 403),
        ("GUEST1", PILOT, "/in/guest.dat", 200),
        ("GUEST1", PILOT, "/private/own.dat", 403),
        ("GUEST1", USER, "/private/own.dat", 200),
        ("GUEST1", OTHER, "/in/guest.dat", 403),
        ("CONSENT1", USER, "/data/guarded.dat", 403),
        ("SESSION1", USER, "/data/secure.dat", 403),
    ],
)
def test_rules_roles_and_consents_say_who_may_read(
    shared_sandbox: Sandbox, name: str, who: str, path: str, status: int
) -> None:
    assert Server(shared_sandbox, name, who=who).ask("GET", path).status_code == status


def test_a_rule_for_reading_is_not_one_for_writing(shared_sandbox: Sandbox) -> None:
    pilot = Server(shared_sandbox, "GUEST1", who=PILOT)
    assert [pilot.ask(method, "/in/guest.dat", data=b"x").status_code for method in ("PUT", "DELETE")] == [403, 403]
    assert shared_sandbox.path("SITE1", "/shared/in/guest.dat").read_bytes() == b"Read by the pilot, too.\n"


def test_with_its_consent_too_a_guarded_collection_is_read(shared_sandbox: Sandbox) -> None:
    server = Server(shared_sandbox, "CONSENT1", who=USER, scope="{0}/https {0}/data_access")
    assert server.ask("GET", "/data/guarded.dat").content == b"Read with a consent only.\n"


def test_what_everybody_may_read_takes_no_token(sandbox: Sandbox) -> None:
    rule = {"path": "/in/", "principal_type": "anonymous", "principal": "", "permissions": "r"}
    guest = Server(sandbox, "GUEST1", who=USER, scope=TRANSFER)
    headers = {"Authorization": guest.headers["Authorization"]}
    url = f"{sandbox.url}/v0.10/endpoint/{guest.id}/access"
    assert requests.post(url, json=rule, headers=headers, timeout=BOUND).status_code == 201
    anybody = Server(sandbox, "GUEST1")
    assert anybody.ask("GET", "/in/guest.dat").status_code == 200
    assert anybody.ask("GET", "/private/own.dat").status_code == 403
    assert anybody.ask("PUT", "/in/guest.dat", data=b"x").status_code == 401


def test_a_token_is_issued_for_each_collection_in_one_login(shared_sandbox: Sandbox) -> None:
    guest = Server(shared_sandbox, "GUEST1")
    server = Server(shared_sandbox, "SITE1", scope=f"{TRANSFER} {{0}}/https {guest.scope}")
    tokens = server.tokens(USER)
    servers = [one["resource_server"] for one in (tokens, *tokens["other_tokens"])]
    assert servers == ["transfer.api.globus.org", server.id, guest.id]


def test_what_may_be_asked_is_told_to_anybody(shared_sandbox: Sandbox) -> None:
    answer = Server(shared_sandbox, "SITE1").ask("OPTIONS", FILE)
    assert (answer.status_code, answer.headers["Allow"]) == (200, "GET, HEAD, PUT, DELETE, OPTIONS")
    assert "Range" in answer.headers["Access-Control-Allow-Headers"]


# --- faults ---


@pytest.fixture
def trouble(shared_sandbox: Sandbox) -> Iterator[Callable[..., None]]:
    """Inject faults, which end with the test."""
    yield shared_sandbox.trouble
    shared_sandbox.clear_trouble()


def test_a_transfer_breaks_off_where_it_is_told_to(
    shared_sandbox: Sandbox, site: Server, trouble: Callable[..., None]
) -> None:
    trouble(f"* /https/{site.id}/*", "break", bytes=5)
    path = "/home/partial"
    with pytest.raises(requests.ConnectionError):
        site.ask("PUT", path, data=b"0123456789")
    assert shared_sandbox.path("SITE1", path).read_bytes() == b"01234"
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        site.ask("GET", FILE)


@pytest.mark.parametrize(("kind", "status"), [("403", 403), ("507", 507), ("401", 401), ("elsewhere", 302)])
def test_a_named_fault_is_met_here_too(site: Server, trouble: Callable[..., None], kind: str, status: int) -> None:
    trouble(f"PUT /https/{site.id}/*", kind, times=1)
    assert site.ask("PUT", "/home/none", data=b"x").status_code == status


# --- globus-sdk's own clients ---


class OnLoopback(GCSCollectionClient):
    """The SDK's client of a collection's HTTPS server, which knows https only."""

    def __init__(self, collection_id: str, collection_address: str, **more: Any) -> None:
        super().__init__(collection_id, collection_address, **more)
        self.base_url = collection_address


class Downloader(GCSDownloader):
    """The SDK's downloader, which asks the server itself for its collection."""

    def _gcs_client_constructor(self, *, collection_client_id: str, collection_address: str) -> GCSCollectionClient:
        return OnLoopback(collection_client_id, collection_address, app=self.app, transport=self.transport)


@pytest.fixture
def app(shared_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> globus_sdk.ClientApp:
    """The SDK's app of the sandbox's user."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in shared_sandbox.env.items():
        if name.startswith("GLOBUS_SDK_"):
            monkeypatch.setenv(name, value)
    client_id, secret = (shared_sandbox.env[f"GOCLIENT_CLIENT_{one}"] for one in ("ID", "SECRET"))
    config = globus_sdk.GlobusAppConfig(token_storage="memory")
    return globus_sdk.ClientApp("tests", client_id=client_id, client_secret=secret, config=config)


@pytest.mark.parametrize("name", ["SITE1", "GUEST1"])
def test_the_client_of_the_sdk_reads_and_writes(shared_sandbox: Sandbox, app: globus_sdk.ClientApp, name: str) -> None:
    (row,) = shared_sandbox.rows("select id from collections where display_name = ?", name)
    with globus_sdk.TransferClient(app=app) as transfer:
        address = transfer.get_endpoint(row["id"])["https_server"]
    with OnLoopback(row["id"], address, app=app) as client:
        path = "/home/by-sdk" if name == "SITE1" else "/in/by-sdk"
        assert client.request("PUT", path, data=b"text of the SDK", encoding="text").http_status == 200
        assert client.get(path).binary_content == b"text of the SDK"
        assert client.delete(path).http_status == 200
        with pytest.raises(globus_sdk.GlobusAPIError) as raised:
            client.get(path)
        assert raised.value.http_status == 404


@pytest.mark.parametrize(("name", "path"), [("CONSENT1", "/data/guarded.dat"), ("GUEST1", "/in/guest.dat")])
def test_the_downloader_of_the_sdk_finds_the_collection_and_its_scopes(
    shared_sandbox: Sandbox, app: globus_sdk.ClientApp, name: str, path: str
) -> None:
    (row,) = shared_sandbox.rows("select id from collections where display_name = ?", name)
    with Downloader(app) as downloader:
        text = downloader.read_file(f"{shared_sandbox.url}/https/{row['id']}{path}")
    assert text in ("Read with a consent only.\n", "Read by the pilot, too.\n")


def test_a_request_whose_sender_has_gone_writes_nothing(site: Server, shared_sandbox: Sandbox) -> None:
    """It is looked at late, when the file has been written again."""
    path = f"/https/{site.id}/home/late"
    trouble = f"{shared_sandbox.url}/sandbox/trouble"
    shared_sandbox.trouble(f"PUT {path}", "delay", seconds=0.3, times=1)
    head = "".join(f"{name}: {value}\r\n" for name, value in {**site.headers, "Content-Length": "3"}.items())
    where = urlsplit(shared_sandbox.url)
    with socket.create_connection((where.hostname or "", where.port or 0), BOUND) as first:
        first.sendall(f"PUT {path} HTTP/1.1\r\nHost: {where.netloc}\r\n{head}\r\nold".encode())
        first.shutdown(socket.SHUT_WR)
        until(lambda: requests.get(trouble, timeout=BOUND).json()["trouble"][0]["used"])
        assert site.ask("PUT", "/home/late", b"new").ok
        answer = first.recv(1 << 16)
    shared_sandbox.clear_trouble()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert site.ask("GET", "/home/late").content == b"new"

"""Whatever a server does, there is one error of ours, in time, that says what to do."""

from __future__ import annotations

import inspect
import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from goclient.errors import GoclientError, MyproxyError
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential
from goclient.services.gsi import tls
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.server import Server
from goclient.services.myproxy.client import MyProxy, Terms
from goclient.services.myproxy.delegation import ask
from goclient.services.myproxy.policy import pattern_of
from tests.myproxy_grid import HOUR, PILOT, USER, Grid, RealServer, closed_port
from tests.myproxy_hostile import (
    OK,
    HostileServer,
    Script,
    answered,
    asked_for_a_certificate,
    drip,
    flood,
    read_request,
)

SOON = 1.0  # seconds: of a server that falls silent
PATIENT = 20.0  # of one that answers, on a machine that has much else to do
LATE = 40.0
HOST = "/C=TW/O=Test Grid/CN=localhost"


@pytest.fixture(scope="session")
def host(grid: Grid) -> Credential:
    return grid.authority.issue(HOST, into=grid.folder, name="trouble-host")


def client(grid: Grid, server: Server, **more: Any) -> MyProxy:
    trust = tls.Trust(more.pop("authorities", grid.authorities), more.pop("server_dn", None))
    return MyProxy([server], tls.Credential(grid.identity(USER)), trust=trust, **({"timeout": PATIENT} | more))


CALLS: dict[str, Callable[[MyProxy], object]] = {
    "info": lambda one: one.info("wdeng"),
    "destroy": lambda one: one.destroy("wdeng"),
    "put": lambda one: one.put("wdeng", Terms(pattern_of(PILOT), HOUR, 0)),
    "get": lambda one: one.get("wdeng", lifetime=HOUR),
}


def failed(call: Callable[[], object]) -> MyproxyError:
    """The error of a call, which comes in time and is fit to show."""
    start = time.monotonic()
    with pytest.raises(GoclientError) as caught:
        call()
    assert time.monotonic() - start < LATE
    (error,) = caught.value.parts
    assert isinstance(error, MyproxyError)
    assert error.message.isprintable()
    assert len(error.message) < 1000
    assert error.hint
    return error


def then(*steps: Script | bytes) -> Script:
    """A script of scripts and of bytes to send."""

    def play(sock: ssl.SSLSocket) -> None:
        for step in steps:
            if isinstance(step, bytes):
                sock.sendall(step)
            else:
                step(sock)

    return play


def after_the_certificate(sock: ssl.SSLSocket) -> None:
    asked_for_a_certificate(sock)
    sock.recv(1 << 14)


def after_the_request_for_a_proxy(sock: ssl.SSLSocket) -> None:
    answered(sock)
    sock.recv(1 << 14)


def in_the_chain(sock: ssl.SSLSocket) -> None:
    after_the_request_for_a_proxy(sock)
    sock.sendall(b"\2\x30\x82\x01\x00half")


ENDS: dict[str, tuple[str, Script]] = {
    "before the request": ("info", lambda sock: None),
    "after the first byte": ("info", lambda sock: sock.recv(1)),
    "after the request": ("destroy", read_request),
    "in its answer": ("info", then(read_request, OK[:20])),
    "after its answer to a deposit": ("put", answered),
    "in its request for a certificate": ("put", then(answered, ask().request[:300])),
    "after its request for a certificate": ("put", asked_for_a_certificate),
    "after the certificate": ("put", after_the_certificate),
    "after its answer to a retrieval": ("get", answered),
    "after the request for a proxy": ("get", after_the_request_for_a_proxy),
    "in the chain": ("get", in_the_chain),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_server_that_hangs_up_is_told_with_the_step(grid: Grid, host: Credential, end: str) -> None:
    call, script = ENDS[end]
    with HostileServer(host, grid.authorities, script) as server:
        error = failed(lambda: CALLS[call](client(grid, server.address)))
    assert error.code == "myproxy-closed"
    assert "closed the connection before it" in error.message
    assert error.transient


@pytest.mark.parametrize("end", ENDS)
def test_a_server_that_falls_silent_is_given_up_in_time(grid: Grid, host: Credential, end: str) -> None:
    call, script = ENDS[end]
    silent = threading.Event()

    def then_silent(sock: ssl.SSLSocket) -> None:
        script(sock)
        silent.set()
        server.wait()

    for timeout in (0.4, 2.0, 10.0):  # so long that a busy machine gets so far
        with HostileServer(host, grid.authorities, then_silent) as server:
            error = failed(partial(CALLS[call], client(grid, server.address, timeout=timeout)))
        if silent.is_set() and "before it" in error.message:
            break
    assert error.code == "myproxy-silent"
    assert f"did not answer within {timeout:g} s, before it" in error.message


def silent_from_the_start(sock: socket.socket) -> None:
    time.sleep(SOON * 3)


PLAIN: dict[str, tuple[Callable[[socket.socket], None], str, str]] = {
    "silent": (silent_from_the_start, "myproxy-silent", "in the TLS handshake"),
    "closing": (lambda sock: None, "myproxy-closed", "in the TLS handshake"),
    "a web server": (
        lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        "myproxy-garbage",
        "not speak TLS",
    ),
    "SSH": (lambda sock: sock.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"), "myproxy-garbage", "does not speak TLS"),
}


@pytest.mark.parametrize("case", PLAIN)
def test_what_does_not_speak_tls_is_told(grid: Grid, host: Credential, case: str) -> None:
    plain, code, said = PLAIN[case]
    with HostileServer(host, grid.authorities, plain=plain) as server:
        timeout = SOON if case == "silent" else PATIENT
        error = failed(lambda: client(grid, server.address, timeout=timeout).info("wdeng"))
    assert error.code == code
    assert said in error.message


def test_a_server_that_is_not_there_is_told(grid: Grid) -> None:
    error = failed(lambda: client(grid, Server("localhost", closed_port())).info("wdeng"))
    assert (error.code, error.transient) == ("myproxy-unreachable", True)
    assert "Connection refused" in error.message
    error = failed(lambda: client(grid, Server("no-such-host.invalid")).info("wdeng"))
    assert '"no-such-host.invalid" is not known' in error.message


def test_all_servers_of_a_list_are_told_if_none_can_be_spoken_to(grid: Grid, host: Credential) -> None:
    with HostileServer(host, grid.authorities, plain=silent_from_the_start) as server:
        servers = [server.address, Server("localhost", closed_port())]
        one = MyProxy(servers, tls.Credential(grid.identity(USER)), trust=tls.Trust(grid.authorities), timeout=SOON)
        with pytest.raises(GoclientError) as caught:
            one.info("wdeng")
    assert [part.code for part in caught.value.parts] == ["myproxy-silent", "myproxy-unreachable"]


GARBAGE: dict[str, tuple[str, Script]] = {
    "for an answer": ("info", then(read_request, b"\x1b[2Jgarbage\n\0")),
    "10 MB": ("info", flood),
    "for a request for a certificate": ("put", then(answered, b"garbage garbage")),
    "a request that is damaged": ("put", then(answered, ask().request[:-9] + b"x" * 9)),
    "a huge request": ("put", then(answered, b"\x30\x84\x7f\xff\xff\xff" + b"x" * 99)),
    "an endless length": ("put", then(answered, b"\x30\x80" + b"x" * 99)),
    "no certificates": ("get", then(after_the_request_for_a_proxy, b"\0")),
    "200 certificates": ("get", then(after_the_request_for_a_proxy, b"\xc8" * 999)),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_is_told_and_not_kept(grid: Grid, host: Credential, case: str) -> None:
    call, script = GARBAGE[case]
    with HostileServer(host, grid.authorities, script) as server:
        tracemalloc.start()
        try:
            error = failed(lambda: CALLS[call](client(grid, server.address)))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert error.code == "myproxy-garbage"
    assert "\x1b" not in error.message
    assert peak < 4 << 20


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_drips_is_given_up_in_time(grid: Grid, host: Credential, call: str) -> None:
    with HostileServer(host, grid.authorities, drip) as server:
        assert failed(lambda: CALLS[call](client(grid, server.address, timeout=SOON))).code == "myproxy-silent"


def test_the_table_has_every_call() -> None:
    public = {name for name, one in vars(MyProxy).items() if inspect.isfunction(one) and not name.startswith("_")}
    assert public == {*CALLS, "unlock", "one_deadline"}  # these two ask nobody


def test_a_value_that_is_longer_than_any_is_no_answer(grid: Grid, host: Credential) -> None:
    answer = "VERSION=MYPROXYv2\nRESPONSE=0\nCRED_START_TIME=1\nCRED_END_TIME=2\nCRED_DESC=" + "d" * 5000 + "\n\0"
    with HostileServer(host, grid.authorities, then(read_request, answer.encode())) as one:
        error = failed(lambda: client(grid, one.address).info("wdeng"))
    assert (error.code, "CRED_DESC" in error.message) == ("myproxy-garbage", True)


# --- who the server is ------------------------------------------------------------------------------------------


def never(sock: ssl.SSLSocket) -> None:
    if sock.recv(1):
        raise AssertionError("something was sent to a server that was not to be trusted")


def refused(grid: Grid, host: Credential, *, folder: Path | None = None, **more: Any) -> str:
    """Why a server with this certificate is not trusted."""
    received: list[bytes] = []
    with HostileServer(host, grid.authorities, lambda sock: received.append(sock.recv(1))) as server:
        one = client(grid, server.address, authorities=folder or grid.authorities, **more)
        error = failed(lambda: one.info("wdeng"))
    assert error.code == "myproxy-untrusted"
    assert error.message.endswith("; nothing was sent")
    assert received in ([], [b""])
    return error.message


def issued(grid: Grid, tmp_path: Path, subject: str = HOST, **more: Any) -> Credential:
    return grid.authority.issue(subject, into=tmp_path, name="h", **more)


def test_a_server_of_another_name_is_not_trusted(grid: Grid, tmp_path: Path) -> None:
    said = refused(grid, issued(grid, tmp_path, names=["other.example.org"]))
    assert 'its certificate is for "other.example.org", not for "localhost"' in said
    assert "MYPROXY_SERVER_DN" not in said


def test_a_name_in_the_subject_does_not_count_beside_alternative_names(grid: Grid, tmp_path: Path) -> None:
    assert "not for" in refused(grid, issued(grid, tmp_path, HOST, names=["other.example.org"]))


@pytest.mark.parametrize("name", ["localhost", "host/localhost", "myproxy/localhost", "LOCALHOST"])
def test_without_alternative_names_the_common_name_counts(grid: Grid, tmp_path: Path, name: str) -> None:
    known = issued(grid, tmp_path, f"/C=TW/O=Test Grid/CN={name}", names=())
    with HostileServer(known, grid.authorities, answered) as server:
        assert client(grid, server.address).info("wdeng") == ()


@pytest.mark.parametrize("name", ["ftp/localhost", "localhost.example.org", "*"])
def test_other_common_names_do_not(grid: Grid, tmp_path: Path, name: str) -> None:
    refused(grid, issued(grid, tmp_path, f"/C=TW/O=Test Grid/CN={name}", names=()))


def test_the_dn_that_the_user_expects_wins(grid: Grid, tmp_path: Path) -> None:
    dn = "/C=TW/O=Test Grid/CN=other.example.org"
    other = issued(grid, tmp_path, dn, names=["other.example.org"])
    with HostileServer(other, grid.authorities, answered) as server:
        assert client(grid, server.address, server_dn=dn).info("wdeng") == ()
    said = refused(grid, other, server_dn="/C=TW/O=Test Grid/CN=third")
    assert 'not for "/C=TW/O=Test Grid/CN=third"' in said


def test_an_expired_server_is_not_trusted(grid: Grid, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    old = issued(grid, tmp_path, start=now - timedelta(days=2), end=now - timedelta(days=1))
    assert "has expired" in refused(grid, old)


def test_a_server_of_tomorrow_is_not_trusted(grid: Grid, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    new = issued(grid, tmp_path, start=now + timedelta(days=1), end=now + timedelta(days=2))
    assert "not valid yet" in refused(grid, new)


def test_a_revoked_server_is_not_trusted(tmp_path: Path, grid: Grid) -> None:
    authority = Authority.make(tmp_path / "ca", subject="/C=TW/O=Test Grid/CN=Revoking CA")
    bad = authority.issue(HOST, into=tmp_path, name="revoked")
    authority.revoke(bad)
    assert "its certificate is revoked" in refused(grid, bad, folder=authority.directory)


def test_a_server_of_an_unknown_authority_is_not_trusted(grid: Grid, tmp_path: Path) -> None:
    stranger = Authority.make(tmp_path / "strange", subject="/C=TW/O=Test Grid/CN=Strange CA")
    assert "its CA is not in the directory" in refused(grid, stranger.issue(HOST, into=tmp_path, name="h"))


def test_a_server_whose_authority_may_not_sign_its_name_is_not_trusted(grid: Grid, tmp_path: Path) -> None:
    odd = issued(grid, tmp_path, "/C=TW/O=Elsewhere/CN=localhost")
    assert 'does not let its CA sign "/C=TW/O=Elsewhere/CN=localhost"' in refused(grid, odd)


def test_an_authority_without_a_signing_policy_vouches_for_nobody(tmp_path: Path, grid: Grid) -> None:
    authority = Authority.make(tmp_path / "ca", subject="/C=TW/O=Test Grid/CN=Careless CA")
    authority.file("signing_policy").unlink()
    known = authority.issue(HOST, into=tmp_path, name="h")
    assert "cannot be read: No such file or directory" in refused(grid, known, folder=authority.directory)


def test_an_authority_without_a_list_is_trusted_beside_one_with_a_list(tmp_path: Path, grid: Grid) -> None:
    folder = tmp_path / "ca"
    listed = Authority.make(folder, subject="/C=TW/O=Test Grid/CN=Listing CA")
    unlisted = Authority.make(folder, subject="/C=TW/O=Test Grid/CN=Listless CA")
    unlisted.file("r0").unlink()
    assert listed.file("r0").exists()
    known = unlisted.issue(HOST, into=tmp_path, name="h")
    with HostileServer(known, grid.authorities, answered) as server:
        assert client(grid, server.address, authorities=folder).info("wdeng") == ()


def test_a_server_with_a_proxy_for_a_certificate_is_not_trusted(real: RealServer, grid: Grid, tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    made = real.tool("grid-proxy-init", "-rfc", "-out", str(path), dn=HOST)
    assert made.returncode == 0, made.stderr
    assert "it has a proxy for a certificate" in refused(grid, Credential(path, path, HOST))


def test_a_server_of_tls_1_1_is_not_spoken_to(grid: Grid, host: Credential) -> None:
    with (
        pytest.warns(DeprecationWarning, match="TLSv1_1"),
        HostileServer(host, grid.authorities, never, version=ssl.TLSVersion.TLSv1_1) as server,
    ):
        error = failed(lambda: client(grid, server.address).info("wdeng"))
    assert error.code == "myproxy-untrusted"
    assert "only TLS 1.1 or older" in error.message


def test_a_server_that_does_not_know_our_authority_is_told(tmp_path: Path, grid: Grid, host: Credential) -> None:
    stranger = Authority.make(tmp_path / "strange", subject="/C=TW/O=Test Grid/CN=Strange CA")
    own = stranger.issue(USER, into=tmp_path, name="own", names=())
    identity = find_identity(Search({}, tmp_path, os.getuid(), str(own.certificate), str(own.key)))
    with HostileServer(host, grid.authorities, answered) as server:
        one = MyProxy([server.address], tls.Credential(identity), trust=tls.Trust(grid.authorities), timeout=PATIENT)
        error = failed(lambda: one.info("wdeng"))
    assert error.code == "myproxy-identity-refused"
    assert "unknown ca" in error.message


def rejected(real: RealServer, own: Credential, now: float | None = None) -> str:
    """Return what the real server has against a certificate."""
    identity = find_identity(Search({}, "/", os.getuid(), str(own.certificate), str(own.key)), now=now)
    one = MyProxy([real.address], tls.Credential(identity), trust=tls.Trust(real.grid.authorities), timeout=PATIENT)
    error = failed(lambda: one.info("wdeng"))
    assert error.code == "myproxy-identity-refused"
    return error.message


@pytest.mark.parametrize("highest", ["TLSv1_2", "TLSv1_3"])
def test_the_real_server_says_what_it_has_against_a_certificate(
    real: RealServer, tmp_path: Path, highest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "HIGHEST", ssl.TLSVersion[highest])
    stranger = Authority.make(tmp_path / "strange", subject="/C=TW/O=Test Grid/CN=Strange CA")
    assert "unknown ca" in rejected(real, stranger.issue(USER, into=tmp_path, name="strange", names=()))
    now = datetime.now(UTC)
    times: dict[str, Any] = {"start": now - timedelta(days=3), "end": now - timedelta(days=1)}
    old = real.grid.authority.issue(USER, into=tmp_path, name="old", names=(), **times)
    assert "certificate expired" in rejected(real, old, now=time.time() - 2 * 24 * HOUR)
    bad = real.grid.authority.issue(USER, into=tmp_path, name="bad", names=())
    real.grid.authority.revoke(bad)
    assert "certificate revoked" in rejected(real, bad)


NO = b"VERSION=MYPROXYv2\nRESPONSE=1\nERROR=the disk is full, try again later\n\0"


@pytest.mark.parametrize(
    ("call", "script"),
    [
        ("info", then(read_request, NO)),
        ("put", then(after_the_certificate, NO)),
        ("get", then(after_the_request_for_a_proxy, NO)),
        ("get", then(after_the_request_for_a_proxy, b"\1\x30\3\2\1\1", NO)),
    ],
)
def test_a_refusal_is_told_at_whatever_step_it_comes(grid: Grid, host: Credential, call: str, script: Script) -> None:
    with HostileServer(host, grid.authorities, script) as server:
        error = failed(lambda: CALLS[call](client(grid, server.address)))
    assert error.code == "myproxy-refused"
    assert "the disk is full" in error.message
    assert error.transient


def intermediate(root: Authority, name: str, folder: Path) -> Authority:
    """An authority that another one has signed; nothing of it is in the other's folder."""
    own = Authority.make(folder, subject=f"/C=TW/O=Test Grid/CN={name}")
    above = root.certificate
    builder = x509.CertificateBuilder(
        issuer_name=above.subject, subject_name=own.certificate.subject, public_key=own.certificate.public_key(),
        serial_number=9, not_valid_before=above.not_valid_before_utc, not_valid_after=above.not_valid_after_utc,
    )  # fmt: skip
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    key = x509.SubjectKeyIdentifier.from_public_key(own.certificate.public_key())
    builder = builder.add_extension(key, critical=False)
    return replace(own, certificate=builder.sign(root.key, SHA256()))


@pytest.mark.parametrize("where", ["in the folder", "sent by the server", "forbidden"])
def test_every_authority_on_the_way_to_the_root_needs_a_policy(tmp_path: Path, grid: Grid, where: str) -> None:
    root = Authority.make(tmp_path / "ca", subject="/C=TW/O=Test Grid/CN=Root")
    own = intermediate(root, "Below", tmp_path / "below")
    pem = own.certificate.public_bytes(Encoding.PEM)
    (root.directory / own.file("signing_policy").name).write_bytes(own.file("signing_policy").read_bytes())
    (root.directory / own.file("r0").name).write_bytes(own.file("r0").read_bytes())
    known = own.issue(HOST, into=tmp_path, name="h")
    if where == "sent by the server":
        known.certificate.chmod(0o600)
        known.certificate.write_bytes(known.certificate.read_bytes() + pem)
    else:
        name = own.file("0").name
        (root.directory / name).write_text("garbage")  # another CA of the same hash
        (root.directory / name.replace(".0", ".1")).write_bytes(root.certificate.public_bytes(Encoding.PEM))
        (root.directory / name.replace(".0", ".2")).write_bytes(pem)
        known.certificate.chmod(0o600)
        known.certificate.write_bytes(known.certificate.read_bytes() + pem)
    if where == "forbidden":
        policy = root.file("signing_policy")
        policy.write_text(policy.read_text().replace("/C=TW/O=Test Grid/*", "/C=TW/O=Elsewhere/*"))
        assert 'sign "/C=TW/O=Test Grid/CN=Below"' in refused(grid, known, folder=root.directory)
        return
    with HostileServer(known, grid.authorities, answered) as server:
        assert client(grid, server.address, authorities=root.directory).info("wdeng") == ()


@pytest.mark.parametrize("lists", ["all", "the root's alone", "the lower one's alone"])
@pytest.mark.parametrize("revoked", ["nobody", "the lower authority", "the server"])
def test_what_any_authority_of_the_chain_has_revoked_counts(
    tmp_path: Path, grid: Grid, lists: str, revoked: str
) -> None:
    root = Authority.make(tmp_path / "ca", subject="/C=TW/O=Test Grid/CN=Root")
    own = intermediate(root, "Below", tmp_path / "below")
    known = own.issue(HOST, into=tmp_path, name="h")
    known.certificate.chmod(0o600)
    known.certificate.write_bytes(known.certificate.read_bytes() + own.certificate.public_bytes(Encoding.PEM))
    (root.directory / own.file("signing_policy").name).write_bytes(own.file("signing_policy").read_bytes())
    if revoked == "the server":
        own.revoke(known)
    if revoked == "the lower authority":
        path = tmp_path / "lower.pem"
        path.write_bytes(own.certificate.public_bytes(Encoding.PEM))
        root.revoke(Credential(path, path, own.dn))
    if lists != "the root's alone":
        (root.directory / own.file("r0").name).write_bytes(own.file("r0").read_bytes())
    if lists == "the lower one's alone":
        root.file("r0").unlink()
    told = {"the lower authority": "the lower one's alone", "the server": "the root's alone"}.get(revoked, lists)
    if lists == told:  # nobody has revoked anything, or the list is not there that says so
        with HostileServer(known, grid.authorities, answered) as server:
            assert client(grid, server.address, authorities=root.directory).info("wdeng") == ()
    else:
        assert "revoked" in refused(grid, known, folder=root.directory)


def test_a_list_that_has_expired_is_told_also_where_another_authority_has_none(tmp_path: Path, grid: Grid) -> None:
    root = Authority.make(tmp_path / "ca", subject="/C=TW/O=Test Grid/CN=Root")
    own = intermediate(root, "Below", tmp_path / "below")
    known = own.issue(HOST, into=tmp_path, name="h")
    known.certificate.chmod(0o600)
    known.certificate.write_bytes(known.certificate.read_bytes() + own.certificate.public_bytes(Encoding.PEM))
    (root.directory / own.file("signing_policy").name).write_bytes(own.file("signing_policy").read_bytes())
    then_, now = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateRevocationListBuilder(root.certificate.subject, then_, now)
    root.file("r0").write_bytes(builder.sign(root.key, SHA256()).public_bytes(Encoding.PEM))
    assert "has revoked has expired" in refused(grid, known, folder=root.directory)


def test_a_list_that_has_expired_is_told(tmp_path: Path, grid: Grid) -> None:
    authority = Authority.make(tmp_path / "ca", subject="/C=TW/O=Test Grid/CN=Sleeping CA")
    then_, now = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateRevocationListBuilder(authority.certificate.subject, then_, now)
    authority.file("r0").write_bytes(builder.sign(authority.key, SHA256()).public_bytes(Encoding.PEM))
    known = authority.issue(HOST, into=tmp_path, name="h")
    assert "the list of what its CA has revoked has expired" in refused(grid, known, folder=authority.directory)


def test_a_folder_of_authorities_that_is_gone_is_told(grid: Grid, host: Credential, tmp_path: Path) -> None:
    with HostileServer(host, grid.authorities, answered) as server:
        error = failed(lambda: client(grid, server.address, authorities=tmp_path / "none").info("wdeng"))
    assert error.code == "myproxy-authorities"


def test_an_identity_that_changed_under_our_hands_is_told(grid: Grid, host: Credential, tmp_path: Path) -> None:
    def changed(spoil: Callable[[Credential], None]) -> str:
        own = grid.authority.issue(USER, into=tmp_path, name="own", names=())
        identity = find_identity(Search({}, "/", os.getuid(), str(own.certificate), str(own.key)))
        spoil(own)
        with HostileServer(host, grid.authorities, answered) as server:
            one = MyProxy(
                [server.address], tls.Credential(identity), trust=tls.Trust(grid.authorities), timeout=PATIENT
            )
            told = failed(lambda: CALLS["info"](one)).code
            assert failed(lambda: CALLS["put"](one)).code == told
            return told

    other = grid.credential(USER)
    assert changed(lambda own: own.key.unlink()) == "identity-file"
    assert changed(lambda own: os.replace(shutil.copy(other.key, tmp_path / "k"), own.key)) == "identity-mismatch"


def test_a_chain_that_is_not_ours_is_not_used(grid: Grid, host: Credential) -> None:
    der = ssl.PEM_cert_to_DER_cert(grid.credential(USER).certificate.read_text())

    def foreign(sock: ssl.SSLSocket) -> None:
        after_the_request_for_a_proxy(sock)
        sock.sendall(b"\1" + der)
        sock.sendall(OK)

    with HostileServer(host, grid.authorities, foreign) as server:
        error = failed(lambda: CALLS["get"](client(grid, server.address)))
    assert error.code == "myproxy-unusable"
    assert "not for the key that was made here" in error.message


BAD_DEPOSITS: dict[str, tuple[dict[str, Any], str, str]] = {
    "for nobody": ({"retrievers": ""}, "myproxy-field", "no retriever is named"),
    "for oneself": ({"retrievers": pattern_of(USER)}, "myproxy-own-dn", "is yourself"),
    "for no time": ({"lifetime": 0}, "myproxy-field", "would end before it is made"),
    "of a name with a hyphen": ({"name": "A-B"}, "myproxy-field", '"-"'),
}


@pytest.mark.parametrize("case", BAD_DEPOSITS)
def test_a_deposit_that_makes_no_sense_is_refused_before_anybody_is_asked(grid: Grid, case: str) -> None:
    fields, code, said = BAD_DEPOSITS[case]
    arguments: dict[str, Any] = {"retrievers": pattern_of(PILOT), "lifetime": HOUR, "retrieval_lifetime": 0} | fields
    error = failed(lambda: client(grid, Server("localhost", 1)).put("wdeng", Terms(**arguments)))
    assert error.code == code
    assert said in error.message


def test_without_a_server_it_is_told_how_to_name_one(grid: Grid) -> None:
    trust = tls.Trust(grid.authorities)
    error = failed(lambda: MyProxy([], tls.Credential(grid.identity(USER)), trust=trust).info("wdeng"))
    assert "MYPROXY_SERVER" in error.hint


def test_names_that_are_not_found_in_time_are_told(grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    def never_found(*_: object, flags: int = 0, **__: object) -> None:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "it is not a number")
        time.sleep(SOON * 2)

    monkeypatch.setattr(socket, "getaddrinfo", never_found)
    error = failed(lambda: client(grid, Server("localhost", 1), timeout=0.2).info("wdeng"))
    assert error.code == "myproxy-silent"
    assert "because its name was not found in time" in error.message


def test_a_name_that_is_none_is_told(grid: Grid) -> None:
    assert failed(lambda: client(grid, Server("a..b")).info("wdeng")).code == "myproxy-unreachable"


# --- the end of a deposit ---------------------------------------------------------------------------------------

PUT = """
import os, sys
from goclient.services.myproxy.client import MyProxy, Terms
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.server import Server
from goclient.services.gsi import tls
port, folder, certificate, key = sys.argv[1:]
identity = find_identity(Search({}, folder, os.getuid(), certificate, key))
one = MyProxy([Server("localhost", int(port))], tls.Credential(identity), trust=tls.Trust(folder))
one.put("killed", Terms("/CN=new", 60, 0))
"""


class Relay:
    """Stands before a server and lets only so many bytes of one client through."""

    def __init__(self, port: int, limit: int) -> None:
        self._port, self._limit = port, limit
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def run(self) -> int:
        """How many bytes the client has sent, once they are too many or it is through."""
        inner, _ = self._socket.accept()
        outer = socket.create_connection(("127.0.0.1", self._port))
        self._ends = inner, outer
        sent = 0
        while True:
            ready, _, _ = select.select(self._ends, [], [], 5)
            for sock in ready:
                piece = sock.recv(1 << 14)
                sent += len(piece) if sock is inner else 0
                if not piece or sent > self._limit:
                    return sent
                (outer if sock is inner else inner).sendall(piece)

    def close(self) -> None:
        for sock in (*self._ends, self._socket):
            sock.close()


def killed_after(real: RealServer, limit: int, folder: Path) -> int:
    """How many bytes a deposit sends that is killed when it has sent more than so many, and they are withheld."""
    user = real.grid.credential(USER)
    relay = Relay(real.port, limit)
    words = [sys.executable, "-c", PUT, str(relay.port), str(real.grid.authorities)]
    process = subprocess.Popen(
        [*words, str(user.certificate), str(user.key)], env=os.environ | {"TMPDIR": str(folder)}, cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return relay.run()
    finally:
        process.kill()
        process.wait()
        relay.close()


def test_whenever_a_deposit_is_killed_the_old_one_is_still_there(real: RealServer, tmp_path: Path) -> None:
    whole = killed_after(real, 1 << 20, tmp_path)
    assert real.as_(USER).info("killed")[0].description == ""
    real.put("killed", description="the old one")
    for limit in (0, 200, 600, whole // 2, whole * 3 // 4, whole - 1):
        killed_after(real, limit, tmp_path)
        (deposit,) = real.as_(USER).info("killed")
        assert deposit.description == "the old one", limit
        assert list(tmp_path.iterdir()) == []

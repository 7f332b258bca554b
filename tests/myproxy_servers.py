"""The real MyProxy server and the double with one configuration, and the C tools and a bare client to ask them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from goclient.sandbox.directory import Directory
from goclient.sandbox.myproxy.authority import Authority
from goclient.sandbox.myproxy.grid import Credential
from goclient.sandbox.myproxy.policy import ServerPolicy
from goclient.sandbox.myproxy.server import MyProxy
from goclient.sandbox.routes import Sandbox
from goclient.sandbox.state import State

TOOLS = ("myproxy-init", "myproxy-info", "myproxy-logon", "myproxy-destroy", "myproxy-server", "grid-proxy-info")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
SCOPE = "/C=TW/O=Test Grid"
PEOPLE = {
    "jdoe": "OU=People/CN=J Doe",
    "other": "OU=People/CN=A Smith",
    "pilot": "OU=Robots/CN=pilot one",
    "pilot2": "OU=Robots/CN=pilot two",
    "signs": "OU=Robots/CN=J (R) [1] {2}^$|*?.\\",
    "slash": "OU=Robots/CN=pilot\\/grid.example.org\\+x",
    "unicode": "OU=Robots/CN=Jürgen Müller 林",
}
PILOT = f"{SCOPE}/{PEOPLE['pilot']}"
TIMEOUT = 60  # seconds
INHERIT_ALL = bytes.fromhex("300c300a06082b06010505071501")
LIMITED = bytes.fromhex("300f300d060b2b060104019b5001010109")
CONFIGURATION = f"""\
accepted_credentials "{SCOPE}/*"
authorized_retrievers "*"
default_retrievers "*"
authorized_key_retrievers "none"
trusted_retrievers "{SCOPE}/OU=Robots/*"
default_trusted_retrievers "none"
"""


@dataclass(frozen=True)
class Grid:
    """An authority, and who has a certificate of it."""

    folder: Path
    authority: Authority
    people: dict[str, Credential]

    def environment(self, who: str, port: int) -> dict[str, str]:
        """Return what the C tools need to ask a server at a port as somebody."""
        own = self.people[who]
        return {
            "PATH": PATH,
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "GT_PROXY_MODE": "rfc",
            "MYPROXY_SERVER": "localhost",
            "MYPROXY_SERVER_PORT": str(port),
            "X509_CERT_DIR": str(self.authority.directory),
            "X509_USER_CERT": str(own.certificate),
            "X509_USER_KEY": str(own.key),
            "X509_USER_PROXY": str(self.folder / "none"),
        }


def make_grid(folder: Path, people: dict[str, str]) -> Grid:
    """A grid in a folder; ``people``: short names to what is behind the scope in the certificate."""
    authority = Authority.make(folder / "certificates", key=folder / "authority.key")
    key = rsa.generate_private_key(65537, 2048)  # one for all: who has it does not matter here
    made = {"host": authority.issue(f"{SCOPE}/CN=localhost", into=folder, name="host")}
    for name, rest in people.items():
        made[name] = authority.issue(f"{SCOPE}/{rest}", into=folder, name=name, names=(), key=key)
    return Grid(folder, authority, made)


@contextmanager
def the_double(grid: Grid, *, max_lifetime: int = 0) -> Iterator[int]:
    """The port of a double that runs."""
    folder = grid.folder / f"double-{max_lifetime}"
    folder.mkdir()
    state = State(Directory(folder))
    state.create()
    policy = ServerPolicy(f"{SCOPE}/*", f"{SCOPE}/OU=Robots/*", max_cred_lifetime=max_lifetime)
    server = MyProxy(
        socket.create_server(("127.0.0.1", 0)),
        Sandbox(state),
        authority=grid.authority,
        host=grid.people["host"],
        policy=policy,
    )
    server.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        state.close()


@contextmanager
def the_real_one(grid: Grid, *, more: str = "") -> Iterator[int]:
    """The port of a real server that runs; skips the test where it is not installed."""
    with real_server(grid.folder / f"real-{len(more)}", grid.environment("host", 0), more=more) as port:
        yield port


@contextmanager
def real_server(folder: Path, env: dict[str, str], *, more: str = "") -> Iterator[int]:
    """The port of a real server that runs with this environment, and keeps all it has in a new folder."""
    missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install myproxy myproxy-server globus-proxy-utils")
    (folder / "store").mkdir(parents=True, mode=0o700)
    (folder / "configuration").write_text(CONFIGURATION + more)
    words = ["myproxy-server", "-c", "configuration", "-l", "127.0.0.1", "-p", "0", "-z", "port", "-s", "store"]
    full = [str(folder / word) if word in ("configuration", "port", "store") else word for word in words]
    program = shutil.which(full[0], path=PATH) or full[0]
    subprocess.run([program, *full[1:], "-P", str(folder / "pid")], env=env, check=True, timeout=TIMEOUT)
    try:
        yield int((folder / "port").read_text())
    finally:
        os.kill(int((folder / "pid").read_text()), signal.SIGKILL)  # SIGTERM is lost between two connections


def store_of(grid: Grid) -> Path:
    """The folder with the deposits of a real server."""
    return grid.folder / "real-0" / "store"


# --- the C tools ---


@dataclass(frozen=True)
class Said:
    """Result of a C tool: its exit code, and what it said, without what differs from run to run."""

    code: int
    text: str


_DIFFERENT = (
    (re.compile(r"(Creating proxy )\.+ "), r"\1"),
    (re.compile(r"valid until: .*"), "valid until: T"),
    (re.compile(r"timeleft: \d.*"), "timeleft: T"),
    (re.compile(r"in /\S+"), "in FILE"),
    (re.compile(r"127\.0\.0\.1:\d+|localhost:\d+"), "SERVER"),
    (re.compile(r"/CN=\d+"), "/CN=N"),
)


def tool(grid: Grid, port: int, who: str, words: Sequence[str], *, stdin: str = "", **more: str) -> Said:
    """Return what a C tool does for somebody."""
    done = subprocess.run(
        list(words),
        env={**grid.environment(who, port), **more},
        cwd=grid.folder,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
    )
    text = done.stdout
    for pattern, instead in _DIFFERENT:
        text = pattern.sub(instead, text)
    return Said(done.returncode, text.strip())


# --- a client without any manners ---


def request(command: int | str, username: str, *, passphrase: str = "", lifetime: int | str = 0, **more: str) -> bytes:
    """A request as it is sent."""
    fields = {"COMMAND": command, "USERNAME": username, "PASSPHRASE": passphrase, "LIFETIME": lifetime, **more}
    return "\n".join(["VERSION=MYPROXYv2", *(f"{n}={v}" for n, v in fields.items()), "\0"]).encode()


@contextmanager
def connected(
    grid: Grid, port: int, who: str | None, *, version: ssl.TLSVersion | None = None
) -> Iterator[ssl.SSLSocket]:
    """A connection to a server, as somebody or as nobody, with the 0 sent."""
    context = ssl.create_default_context(cafile=grid.authority.file("0"))
    if who is not None:
        context.load_cert_chain(grid.people[who].certificate, grid.people[who].key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as stream,
    ):
        stream.sendall(b"0")
        yield stream


def answer(stream: ssl.SSLSocket) -> bytes:
    """The next answer of a server, or what there is of it."""
    got = b""
    while not got.strip(b"\0") or not got.endswith(b"\0"):
        more = stream.recv(65536)
        if not more:
            break
        got += more
    return got


def ask(grid: Grid, port: int, who: str | None, message: bytes, **more: ssl.TLSVersion) -> bytes:
    """The first answer to a message, as it comes, but for times and for what it costs to hang up."""
    with connected(grid, port, who, **more) as stream:
        stream.sendall(message)
        return re.sub(rb"TIME=\d+", b"TIME=N", answer(stream))


Chain = list[x509.Certificate]


@dataclass(frozen=True)
class Signing:
    """Request of a server for a signature, and with what it can be."""

    wanted: rsa.RSAPublicKey
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def proxy(self, *, info: bytes | None = INHERIT_ALL, seconds: float = 3600, name: str = "4711") -> x509.Certificate:
        """A proxy for the server's key; ``info`` None makes one of the kind that was before RFC 3820."""
        subject = x509.Name([*self.certificate.subject, x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        end = now + timedelta(seconds=seconds)
        builder = x509.CertificateBuilder(self.certificate.subject, subject, self.wanted, 4711, now - timedelta(1), end)
        usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
        builder = builder.add_extension(usage, critical=True)
        if info is not None:
            extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14"), info)
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self.key, hashes.SHA256())


def put(
    grid: Grid,
    port: int,
    who: str,
    message: bytes,
    *,
    signer: str | None = None,
    chain: Callable[[Signing], Chain] = lambda one: [one.proxy(), one.certificate],
    bent: Callable[[bytes], bytes] = bytes,
) -> bytes:
    """The last answer to a deposit."""
    own = grid.people[signer or who]
    certificate = x509.load_pem_x509_certificate(own.certificate.read_bytes())
    key = serialization.load_pem_private_key(own.key.read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    with connected(grid, port, who) as stream:
        stream.sendall(message)
        first = answer(stream)
        if b"RESPONSE=0" not in first:
            return first
        wanted = x509.load_der_x509_csr(stream.recv(65536)).public_key()
        assert isinstance(wanted, rsa.RSAPublicKey)
        made = chain(Signing(wanted, certificate, key))
        der = b"".join(one.public_bytes(serialization.Encoding.DER) for one in made)
        stream.sendall(bent(bytes([len(made)]) + der))
        return answer(stream)

"""Two real GridFTP servers on loopback, an authority, and people with certificates and proxies of it."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from goclient.model.endpoint import GridftpEndpoint
from goclient.sandbox.myproxy.authority import Authority, make_key, pem, usage
from goclient.services.deadline import Deadline
from goclient.services.gridftp.files import GridftpFiles
from goclient.services.gridftp.session import Session, open_session
from goclient.services.gsi.identity import Search, find_identity
from goclient.services.gsi.tls import Credential, Trust
from tests.myproxy_grid import OTHER_USER, USER, Grid
from tests.myproxy_servers import INHERIT_ALL, LIMITED
from tests.servers.full_disk import on_a_small_disk

PROGRAM = "globus-gridftp-server"
PATIENCE = 60.0  # seconds, on a machine that is busy
_PROXY_INFO = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.14")


@dataclass(frozen=True)
class GridftpServer:
    """One server: it shows the files below ``directory``, and logs who comes."""

    endpoint: GridftpEndpoint
    directory: Path
    log: Path
    full: str  # the path of a directory on a small disk, which has room for one megabyte
    process: int

    def path(self, name: str) -> str:
        """The path of a file in its directory, as the server has it."""
        return f"{self.directory}/{name}"

    def write(self, name: str, content: bytes = b"content") -> str:
        """Write a file that it shows; return its path."""
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return str(file)


@dataclass(frozen=True)
class GridftpServers:
    """Both servers, which know USER and nobody else, and the grid around them."""

    grid: Grid
    first: GridftpServer
    second: GridftpServer

    @property
    def trust(self) -> Trust:
        """Trust in the authority of the grid."""
        return Trust(self.grid.authorities)

    def proxy(self, dn: str = USER, *, seconds: float = 12 * 3600, limited: bool = False, name: str = "proxy") -> Path:
        """Make a proxy of somebody, in a file."""
        own = self.grid.credential(dn)
        above = x509.load_pem_x509_certificate(own.certificate.read_bytes())
        signer = load_pem_private_key(own.key.read_bytes(), None)
        assert isinstance(signer, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey))
        key, now, serial = make_key(), datetime.now(UTC), x509.random_serial_number() >> 100
        subject = x509.Name([*above.subject, x509.NameAttribute(NameOID.COMMON_NAME, str(serial))])
        builder = x509.CertificateBuilder(above.subject, subject, key.public_key(), serial)
        builder = builder.not_valid_before(now - timedelta(minutes=1)).not_valid_after(now + timedelta(seconds=seconds))
        builder = builder.add_extension(usage(digital_signature=True, key_encipherment=True), critical=True)
        info = x509.UnrecognizedExtension(_PROXY_INFO, LIMITED if limited else INHERIT_ALL)
        made = builder.add_extension(info, critical=True).sign(signer, SHA256())
        path = self.grid.folder / f"{name}-{serial}.pem"
        path.touch(0o600)
        path.write_bytes(made.public_bytes(Encoding.PEM) + pem(key) + own.certificate.read_bytes())
        return path

    def credential(self, proxy: Path | None = None) -> Credential:
        """Return what a proxy, or else USER's certificate, is shown with."""
        if proxy is None:
            return Credential(self.grid.identity(USER))
        return Credential(find_identity(Search({}, self.grid.folder, os.getuid(), proxy=str(proxy))))

    def files(self, proxy: Path | None = None, *, seconds: float = PATIENCE) -> GridftpFiles:
        """The verbs, as the owner of a proxy, or USER."""
        credential = self.credential(proxy)
        return GridftpFiles(lambda: credential, self.trust, lambda: Deadline(seconds))

    def session(self, server: GridftpServer, proxy: Path | None = None) -> closing[Session]:
        """A session with one of them."""
        return closing(open_session(server.endpoint, self.credential(proxy), self.trust, deadline=Deadline(PATIENCE)))


@contextmanager
def gridftp_server(grid: Grid, name: str, *, address: str = "127.0.0.1") -> Iterator[GridftpServer]:
    """A server that runs in a new directory of the grid; skips the test where it is not installed."""
    program = shutil.which(PROGRAM, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{PROGRAM} is not installed: apt-get install globus-gridftp-server-progs")
    folder = grid.folder / name
    files = folder / "files"
    files.mkdir(parents=True)
    (folder / "grid-mapfile").write_text(f'"{USER}" {pwd.getpwuid(os.getuid()).pw_name}\n')
    host = grid.folder / "host.pem"
    if not host.exists():
        grid.authority.issue("/C=TW/O=Test Grid/CN=localhost", into=grid.folder, name="host", names=("localhost",))
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "X509_CERT_DIR": str(grid.authorities),
        "X509_USER_CERT": str(host), "X509_USER_KEY": str(host.with_suffix(".key")),
        "GRIDMAP": str(folder / "grid-mapfile"),
    }  # fmt: skip
    log = folder / "log"
    full = files / "full"
    full.mkdir()
    words = [
        *on_a_small_disk(full), program, "-s", "-c", "none", "-allow-root",
        "-control-interface", address, "-data-interface", address,
        "-p", "0", "-home-dir", str(files), "-restrict-paths", f"RW{files},R{folder}/read-only,RW/dev/full",
        "-logfile", str(log), "-log-level", "ERROR,WARN,INFO",
    ]  # fmt: skip
    (folder / "read-only").mkdir()
    with subprocess.Popen(
        words, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as one:
        assert one.stdout is not None
        try:
            said = one.stdout.readline()
            found = re.search(r":([0-9]+)\s*$", said)
            assert found, f"{PROGRAM} does not say where it listens: {said!r}"
            host_name = "localhost" if address == "127.0.0.1" else f"[{address}]"
            yield GridftpServer(GridftpEndpoint(f"gsiftp://{host_name}:{found[1]}"), files, log, str(full), one.pid)
        finally:
            one.kill()


@contextmanager
def gridftp_servers(folder: Path) -> Iterator[GridftpServers]:
    """Two servers that run while the body does, with all that they have in a folder."""
    grid = Grid(folder, Authority.make(folder / "certificates"))
    grid.credential(USER), grid.credential(OTHER_USER)
    with gridftp_server(grid, "one") as first, gridftp_server(grid, "two") as second:
        yield GridftpServers(grid, first, second)


@pytest.fixture(scope="session")
def gridftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GridftpServers]:
    """Two real servers, which all tests share: each uses a directory of its own in them."""
    with gridftp_servers(tmp_path_factory.mktemp("gridftp")) as servers:
        yield servers

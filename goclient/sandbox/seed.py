"""What a new sandbox holds: the endpoints, files, queues and the transformation of the 2012 page."""

from __future__ import annotations

import base64
import json
import secrets
import shlex
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import goclient
from goclient.files.private import make_directory, replace
from goclient.sandbox.exports import FILES, Exports
from goclient.sandbox.globus.storage import BARE, GUEST, HOME, MAPPED, PERSONAL
from goclient.sandbox.myproxy.grid import HOST_NAME, SUBJECTS, Grid
from goclient.sandbox.state import State

VO = "sandbox"
USER, OTHER, PILOT = "jdoe@sandbox.example", "asmith@sandbox.example", "pilot@sandbox.example"
PEOPLE = {USER: SUBJECTS["user"], OTHER: SUBJECTS["other"], PILOT: SUBJECTS["pilot"]}
NATIVE = "goclient"
GLOBUS_CLI = "95fdeba8-fac2-42bd-a357-e068d82ff78e"  # the globus command's own id, from its login_manager/storage.py
QUEUES = {"TEST1": "online", "TEST3": "online", "ANALY_BNL_T3": "online", "OFFLINE1": "offline"}  # and their status
MAX_DIRECTORY = 14_336  # MB that a job may have in its directory, as at most queues of ATLAS
TOKEN_LIFETIME = 30 * 86_400  # seconds

# The collections: their folders, and their files with what is in them. CONSENT1 asks for a data_access consent,
# SESSION1 for a login with a second factor.
COLLECTIONS: dict[str, tuple[tuple[str, ...], dict[str, bytes]]] = {
    "SITE1": (("home/osg_data/panda",), {"home/osg_data/panda/0064.file": b"The input of the 2012 example.\n" * 64}),
    "wdeng#ANLHEP_ATLAS8": (("atlas/dq2/test",), {}),
    "mxp#MXP_BNL_TEST": (("direct/usatlas+u/mxp",), {"direct/usatlas+u/mxp/xs.sh": b"#!/bin/sh\necho cross section\n"}),
    "mxp#MXP_OU_TEST": (("home/usatlas1",), {}),
    "CONSENT1": (("data",), {"data/guarded.dat": b"Read with a consent only.\n"}),
    "SESSION1": (("data",), {"data/secure.dat": b"Read after a login with a second factor.\n"}),
}
# Beside those, which all identities may use: one that asmith alone may use and see, and a guest collection of SITE1.
PRIVATE: dict[str, tuple[tuple[str, ...], dict[str, bytes]]] = {
    "OTHER1": (("data",), {"data/other.dat": b"Seen by asmith only.\n"}),
}
GUEST_BASE = "/shared/"  # where the guest collection's / is at SITE1
GUEST_FILES = {"in/guest.dat": b"Read by the pilot, too.\n", "private/own.dat": b"Not shared with the pilot.\n"}

IN_CATALOGUE = ("SITE1", "wdeng#ANLHEP_ATLAS8", "mxp#MXP_BNL_TEST", "mxp#MXP_OU_TEST")

# The payload of the 2012 example, which made a dummy file of 10 MB.
DATATRANSFER = """#!/bin/sh
# Makes a dummy file of 10 MB, as the transformation of the 2012 example did.
echo "PandaID $PandaID at $PandaSite in $PandaWorkdir"
echo "arguments: $*"
ls -l
dd if=/dev/urandom of=10mb-file.bin bs=1048576 count=10 2>/dev/null || exit 1
echo "made 10mb-file.bin"
"""

WRAPPERS = ("runGen-00-00-02", "runAthena-00-00-12")  # the transformations of tasks, by the server's names
CLIENT = "etc/panda/share/functions.sh"  # where panda-client is installed; prun and pathena read it


def fill(state: State) -> None:
    """None, once a new sandbox has its identities, collections, queues and transformation."""
    folders = state.folders
    for folder in (folders.collections, folders.transformations, folders.programs, folders.cache):
        make_directory(folder)
    user, other, pilot = (
        _identity(state, username, subject, production=username == PILOT) for username, subject in PEOPLE.items()
    )
    state.insert("clients", {"id": str(uuid.uuid4()), "name": NATIVE})
    state.insert("clients", {"id": GLOBUS_CLI, "name": "Globus CLI"})
    for fact in ("secret", "login"):
        state.set_fact(fact, secrets.token_urlsafe(32))
    state.set_fact("native_client_id", state.rows("select id from clients where name = ?", NATIVE)[0]["id"])
    for name, (directories, files) in COLLECTIONS.items():
        _mapped(state, user, name, directories, files, everyone=True)
    for name, (directories, files) in PRIVATE.items():
        _mapped(state, other, name, directories, files, everyone=False)
    _guest(state, user, pilot)
    _collection(state, user, "LAPTOP", PERSONAL, allowed="[]")
    _collection(state, user, "ENDPOINT1", BARE, public=True)
    for queue, status in QUEUES.items():
        state.insert("queues", {"name": queue, "status": status, "maxwdir": MAX_DIRECTORY})
    replace(folders.transformations / "datatransfer.sh", DATATRANSFER.encode(), mode=0o755)
    for name in WRAPPERS:
        replace(
            folders.transformations / name,
            Path(__file__).with_name("panda").joinpath("rungen.py").read_bytes(),
            mode=0o755,
        )
    ids = {row["display_name"]: row["id"] for row in state.rows("select id, display_name from collections")}
    entries = [f'[{json.dumps(name)}]\nkind = "globus"\nid = "{ids[name]}"\n' for name in IN_CATALOGUE]
    replace(folders.catalogue, "\n".join(entries).encode())


def _identity(state: State, username: str, subject: str, *, production: bool) -> str:
    name = str(uuid.uuid4())  # of a client and of its identity, as with the real service
    values = {
        "id": name,
        "username": username,
        "client_id": name,
        "client_secret": secrets.token_urlsafe(32),
        "subject": subject,
        "production": production,
        "token": _panda_token(username, subject),
    }
    state.insert("identities", values)
    return str(values["id"])


def _panda_token(username: str, subject: str) -> str:
    """A token in the form of a JWT, as clients expect it; only this sandbox knows it."""
    name = username.partition("@")[0]
    claims = {
        "sub": name,
        "preferred_username": name,
        "name": subject.rpartition("=")[2],
        "vo": VO,
        "iss": "https://sandbox.example",
        "exp": int(time.time()) + TOKEN_LIFETIME,
    }
    parts = [json.dumps({"alg": "none"}).encode(), json.dumps(claims).encode(), secrets.token_bytes(32)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _mapped(
    state: State, owner: str, name: str, directories: tuple[str, ...], files: dict[str, bytes], *, everyone: bool
) -> None:
    """None, once a mapped collection and its files are there; ``everyone`` sees and uses it, or its owner alone."""
    root = state.folders.collections / name
    for directory in (HOME, *directories):
        (root / directory).mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        (root / path).write_bytes(content)
    more = {"root": name, "asks_consent": name == "CONSENT1", "asks_session": name == "SESSION1"}
    more |= {"public": everyone, "everyone": everyone}
    _collection(state, owner, name, MAPPED, **more)


def _guest(state: State, owner: str, pilot: str) -> None:
    """None, once the guest collection is there: its owner may write everywhere, the pilot read ``/in/``."""
    host = state.rows("select id from collections where display_name = 'SITE1'")[0]["id"]
    for path, content in GUEST_FILES.items():
        file = state.folders.collections / "SITE1" / GUEST_BASE.strip("/") / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    guest = _collection(state, owner, "GUEST1", GUEST, host=host, base=GUEST_BASE, public=True)
    for principal, folder, permissions in ((owner, "/", "rw"), (pilot, "/in/", "r")):
        rule = {"id": str(uuid.uuid4()), "collection": guest, "path": folder, "created": time.time()}
        who = {"principal_type": "identity", "principal": principal, "permissions": permissions}
        state.insert("rules", {**rule, **who})


def _collection(state: State, owner: str, name: str, kind: str, **more: Any) -> str:
    values = {"id": str(uuid.uuid4()), "display_name": name, "owner": owner, "entity_type": kind, **more}
    state.insert("collections", values)
    return str(values["id"])


def environment(state: State) -> dict[str, str]:
    """The variables that point goclient, globus, globus-sdk, panda-client and the grid's tools at the sandbox."""
    folders, url = state.folders, state.fact("url")
    user, other, pilot = _people(state)
    grid = Grid(folders.grid)
    own, others, pilots = (grid.credential(name) for name in ("user", "other", "pilot"))
    return {
        "SANDBOX_URL": url,
        "SANDBOX_DIR": str(folders.root),
        "SANDBOX_SECRET": state.fact("secret"),
        "PANDA_URL": f"{url}/server/panda",
        "PANDA_URL_SSL": f"{url}/server/panda",
        "PANDACACHE_URL": f"{url}/server/panda",
        "PANDA_BEHIND_REAL_LB": "1",
        "PANDA_AUTH": "oidc",
        "PANDA_AUTH_VO": VO,
        "OIDC_AUTH_TOKEN_FILE": str(folders.root / "user.token"),
        "GOCLIENT_PILOT_TOKEN_FILE": str(folders.root / "pilot.token"),
        "GLOBUS_SDK_ENVIRONMENT": "goclient-sandbox",
        "GLOBUS_SDK_SERVICE_URL_AUTH": f"{url}/{state.fact('login')}/",
        "GLOBUS_SDK_SERVICE_URL_TRANSFER": f"{url}/",
        "GOCLIENT_CLIENT_ID": user["client_id"],
        "GOCLIENT_CLIENT_SECRET": user["client_secret"],
        "GLOBUS_CLI_CLIENT_ID": user["client_id"],
        "GLOBUS_CLI_CLIENT_SECRET": user["client_secret"],
        "SANDBOX_NATIVE_CLIENT_ID": state.fact("native_client_id"),
        "SANDBOX_OTHER_CLIENT_ID": other["client_id"],
        "SANDBOX_OTHER_CLIENT_SECRET": other["client_secret"],
        "SANDBOX_PILOT_CLIENT_ID": pilot["client_id"],
        "SANDBOX_PILOT_CLIENT_SECRET": pilot["client_secret"],
        "SANDBOX_PILOT_IDENTITY": pilot["id"],
        "GOCLIENT_ENDPOINTS": str(folders.catalogue),
        "GOCLIENT_STATE": str(folders.root / "state"),
        "MYPROXY_SERVER": HOST_NAME,
        "MYPROXY_SERVER_PORT": state.fact("myproxy_port"),
        "X509_CERT_DIR": str(grid.certificates),
        "X509_USER_CERT": str(own.certificate),
        "X509_USER_KEY": str(own.key),
        "SANDBOX_OTHER_CERT": str(others.certificate),
        "SANDBOX_OTHER_KEY": str(others.key),
        "SANDBOX_PILOT_CERT": str(pilots.certificate),
        "SANDBOX_PILOT_KEY": str(pilots.key),
        "SANDBOX_PILOT_DN": pilots.dn,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _people(state: State) -> list[dict[str, Any]]:
    """The rows of the user, the other user and the pilot's service."""
    return [state.rows("select * from identities where username = ?", name)[0] for name in (USER, OTHER, PILOT)]


# What must not be set, because it would be preferred to what the sandbox sets.
CLEARED = (
    "PANDA_AUTH_ID_TOKEN",
    "OIDC_AUTH_ID_TOKEN",
    "PANDA_NICKNAME_REPLACE",  # it would make another nickname than the token has
    "GOCLIENT_GLOBUSCONNECT",
    "GLOBUS_SDK_VERIFY_SSL",
    "MYPROXY_SERVER_DN",
    "X509_USER_PROXY",
)


def write_environment(state: State) -> None:
    """None, once ``env.sh``, the token files and the programs say where the running sandbox is."""
    folders = state.folders
    user, _, pilot = _people(state)
    replace(folders.root / "user.token", user["token"].encode())
    replace(folders.root / "pilot.token", pilot["token"].encode())
    replace(folders.secret, f"Authorization: Bearer {state.fact('secret')}\n".encode())
    library = Path(goclient.__file__).parent.parent
    words = [sys.executable, "-P", "-m", "goclient.sandbox.globus.connect", state.fact("url"), str(folders.secret)]
    program = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(library))} exec {shlex.join(words)} "$@"\n'
    replace(folders.programs / "globusconnectpersonal", program.encode(), mode=0o755)
    exports = Exports(environment(state), _panda_client(Path(sys.prefix)), CLEARED, folders.programs)
    for file in FILES:
        replace(folders.root / file, exports.text(file).encode())


def _panda_client(prefix: Path) -> dict[str, str]:
    """The variables by which prun and pathena find the panda-client that is installed here; PANDA_SYS is the last."""
    if not (prefix / CLIENT).is_file():
        return {}
    return {"PANDA_PYTHON_EXEC": sys.executable, "PANDA_SYS": str(prefix)}

"""Fill a new sandbox with the endpoints, files, queues and the transformation of the 2012 page."""

from __future__ import annotations

import base64
import json
import secrets
import shlex
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import goclient
from goclient.files.private import make_directory, replace
from goclient.sandbox.exports import FILES, Exports
from goclient.sandbox.globus.permissions import SERVICE
from goclient.sandbox.globus.storage import BARE, GUEST, HOME, MAPPED, PERSONAL
from goclient.sandbox.myproxy.grid import HOST_NAME, SUBJECTS, Grid
from goclient.sandbox.panda import builds
from goclient.sandbox.panda.jedi import TRANSFORMATIONS
from goclient.sandbox.state import State

VO = "sandbox"
USER, OTHER, PILOT = "jdoe@sandbox.example", "asmith@sandbox.example", "pilot@sandbox.example"
PEOPLE = {USER: SUBJECTS["user"], OTHER: SUBJECTS["other"], PILOT: SUBJECTS["pilot"]}
NATIVE = "goclient"
GLOBUS_CLI = "95fdeba8-fac2-42bd-a357-e068d82ff78e"  # the globus command's own id, from its login_manager/storage.py
QUEUES = {"TEST1": "online", "TEST3": "online", "ANALY_BNL_T3": "online", "OFFLINE1": "offline"}  # and their status
MAX_DIRECTORY = 14_336  # MB that a job may have in its directory, as at most queues of ATLAS
TOKEN_LIFETIME = CAMPAIGN_LIFETIME = 30 * 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Content:
    """Directories of a collection, and files with their bytes."""

    directories: tuple[str, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)


STAGED, STAGING = "TEST3", "site/TEST3"  # a queue, and the directory of mxp#MXP_BNL_TEST that its nodes see
# CONSENT1 asks for a data_access consent, SESSION1 for a login with a second factor.
COLLECTIONS = {
    "SITE1": Content(
        ("home/osg_data/panda",), {"home/osg_data/panda/0064.file": b"The input of the 2012 example.\n" * 64}
    ),
    "wdeng#ANLHEP_ATLAS8": Content(("atlas/dq2/test",)),
    "mxp#MXP_BNL_TEST": Content(
        ("direct/usatlas+u/mxp", STAGING), {"direct/usatlas+u/mxp/xs.sh": b"#!/bin/sh\necho cross section\n"}
    ),
    "mxp#MXP_OU_TEST": Content(("home/usatlas1",)),
    "CONSENT1": Content(("data",), {"data/guarded.dat": b"Read with a consent only.\n"}),
    "SESSION1": Content(("data",), {"data/secure.dat": b"Read after a login with a second factor.\n"}),
}
NO_HTTPS = "mxp#MXP_OU_TEST"  # its server has no HTTPS
# Beside those, which all identities may use: one that asmith alone may use and see, and a guest collection of SITE1.
PRIVATE = {"OTHER1": Content(("data",), {"data/other.dat": b"Seen by asmith only.\n"})}
GUEST_NAME = "GUEST1"
GUEST_BASE = "/shared/"  # where the guest collection's / is at SITE1
CAMPAIGN = "/campaign/"  # its directory where the service client of carried jobs may write until CAMPAIGN_LIFETIME
GUEST_CONTENT = Content(
    ("campaign/in", "campaign/out"),
    {
        "in/guest.dat": b"Read by the pilot, too.\n",
        "private/own.dat": b"Not shared with the pilot.\n",
        "campaign/in/0064.file": b"The input of the 2012 example.\n" * 64,
    },
)

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

# The transformations of tasks by the server's names, the programs in them, and our modules that are these.
WRAPPERS = {
    "runGen-00-00-02": ("runGen.py", "rungen.py"),
    "runAthena-00-00-12": ("runAthena.py", "rungen.py"),
    builds.NAME: ("buildGen.py", "buildgen.py"),
}
# How such a file begins: it takes itself apart, as the real ones do (template/zipheader of panda-wnscript).
UNPACK = """#!/bin/bash
NAME={program}
sed '1,/^# The program:$/d' "$0" > $NAME
if command -v python > /dev/null; then
  PROGRAM=python
else
  PROGRAM=python3
  mkdir tmp_bin
  ln -fs `command -v $PROGRAM` tmp_bin/python
  export PATH=$PWD/tmp_bin:$PATH
fi
echo using $PROGRAM
exec python -u $NAME "$@"
# The program:
"""
CLIENT = "etc/panda/share/functions.sh"  # where panda-client is installed; prun and pathena read it


def fill(state: State) -> None:
    """Give a new sandbox its identities, collections, queues and transformation."""
    directory = state.directory
    for path in (directory.collections, directory.transformations, directory.programs, directory.cache):
        make_directory(path)
    user, other, pilot = (_add_identity(state, username, subject) for username, subject in PEOPLE.items())
    carrier = _add_identity(state, "", "CN=goclient carrier")
    state.set_fact("carrier", carrier)
    native = str(uuid.uuid4())
    state.insert("clients", {"id": native, "name": NATIVE})
    state.insert("clients", {"id": GLOBUS_CLI, "name": "Globus CLI"})
    state.set_fact("native_client_id", native)
    for fact in ("secret", "login"):
        state.set_fact(fact, secrets.token_urlsafe(32))
    ids = {name: _add_mapped(state, user, name, content, everyone=True) for name, content in COLLECTIONS.items()}
    for name, content in PRIVATE.items():
        _add_mapped(state, other, name, content, everyone=False)
    _write(directory.collections / "SITE1" / GUEST_BASE.strip("/"), GUEST_CONTENT)
    _add_collection(state, user, GUEST_NAME, GUEST, host=ids["SITE1"], base=GUEST_BASE, public=True, https=True)
    _add_rule(state, user, "/", "rw")
    _add_rule(state, pilot, "/in/", "r")
    _add_rule(state, carrier, CAMPAIGN, "rw", expires=time.time() + CAMPAIGN_LIFETIME)
    _add_collection(state, user, "LAPTOP", PERSONAL, allowed="[]")
    _add_collection(state, user, "ENDPOINT1", BARE, public=True)
    for queue, status in QUEUES.items():
        state.insert("queues", {"name": queue, "status": status, "maxwdir": MAX_DIRECTORY})
    replace(directory.transformations / "datatransfer.sh", DATATRANSFER.encode(), mode=0o755)
    for name, (program, module) in WRAPPERS.items():
        text = UNPACK.format(program=program).encode() + Path(__file__).with_name("panda").joinpath(module).read_bytes()
        replace(directory.transformations / name, text, mode=0o755)
    entries = [f'[{json.dumps(name)}]\nkind = "globus"\nid = "{ids[name]}"\n' for name in IN_CATALOGUE]
    replace(directory.catalogue, "\n".join(entries).encode())


def _add_identity(state: State, username: str, subject: str) -> str:
    """Add an identity, that of a service client without a user name; return its id.

    It has a token for PanDA in the form of a JWT, as clients expect it.
    """
    new_id = str(uuid.uuid4())  # of a client and of its identity, as with the real service
    username = username or f"{new_id}{SERVICE}"
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
    values = {
        "id": new_id,
        "username": username,
        "client_id": new_id,
        "client_secret": secrets.token_urlsafe(32),
        "subject": subject,
        "production": username == PILOT,
        "token": ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts),
    }
    state.insert("identities", values)
    return new_id


def _add_mapped(state: State, owner: str, name: str, content: Content, *, everyone: bool) -> str:
    """Add a mapped collection and its files, which everyone sees and uses, or its owner alone; return its id."""
    root = state.directory.collections / name
    (root / HOME).mkdir(parents=True, exist_ok=True)
    _write(root, content)
    asks = {"asks_consent": name == "CONSENT1", "asks_session": name == "SESSION1", "https": name != NO_HTTPS}
    return _add_collection(state, owner, name, MAPPED, root=name, public=everyone, everyone=everyone, **asks)


def _write(root: Path, content: Content) -> None:
    """Make the directories and files of a collection."""
    for directory in (*content.directories, *(str(Path(name).parent) for name in content.files)):
        (root / directory).mkdir(parents=True, exist_ok=True)
    for path, text in content.files.items():
        (root / path).write_bytes(text)


def _add_rule(state: State, principal: str, path: str, permissions: str, *, expires: float | None = None) -> None:
    """Let an identity read, or read and write, a directory of the guest collection."""
    guest = state.rows("select id from collections where display_name = ?", GUEST_NAME)[0]["id"]
    rule = {"id": str(uuid.uuid4()), "collection": guest, "path": path, "created": time.time(), "expires": expires}
    who = {"principal_type": "identity", "principal": principal, "permissions": permissions}
    state.insert("rules", {**rule, **who})


def _add_collection(state: State, owner: str, name: str, kind: str, **more: Any) -> str:
    new_id = str(uuid.uuid4())
    state.insert("collections", {"id": new_id, "display_name": name, "owner": owner, "entity_type": kind, **more})
    return new_id


def environment(state: State) -> dict[str, str]:
    """Return the variables that point goclient, globus, globus-sdk, panda-client and grid tools at the sandbox."""
    directory, url = state.directory, state.fact("url")
    by_name = {row["username"]: row for row in state.rows("select * from identities")}
    user, other, pilot = (by_name[name] for name in PEOPLE)
    carrier = state.rows("select * from identities where id = ?", state.fact("carrier"))[0]
    grid = Grid(directory.grid)
    own, others, pilots = (grid.credential(name) for name in ("user", "other", "pilot"))
    return {
        "SANDBOX_URL": url,
        "SANDBOX_DIR": str(directory.root),
        "SANDBOX_SECRET": state.fact("secret"),
        "PANDA_URL": f"{url}/server/panda",
        "PANDA_URL_SSL": f"{url}/server/panda",
        "PANDACACHE_URL": f"{url}/server/panda",
        "PANDA_BEHIND_REAL_LB": "1",
        "PANDA_AUTH": "oidc",
        "PANDA_AUTH_VO": VO,
        "OIDC_AUTH_TOKEN_FILE": str(directory.user_token),
        "GOCLIENT_PILOT_TOKEN_FILE": str(directory.pilot_token),
        "GLOBUS_SDK_ENVIRONMENT": "goclient-sandbox",
        "GLOBUS_SDK_SERVICE_URL_AUTH": f"{url}/{state.fact('login')}/",
        "GLOBUS_SDK_SERVICE_URL_TRANSFER": f"{url}/",
        "GOCLIENT_CLIENT_ID": user["client_id"],
        "GOCLIENT_CLIENT_SECRET": user["client_secret"],
        "GOCLIENT_CARRY_CLIENT_ID": carrier["client_id"],
        "GOCLIENT_CARRY_CLIENT_SECRET": carrier["client_secret"],
        "GLOBUS_CLI_CLIENT_ID": user["client_id"],
        "GLOBUS_CLI_CLIENT_SECRET": user["client_secret"],
        "SANDBOX_NATIVE_CLIENT_ID": state.fact("native_client_id"),
        "SANDBOX_OTHER_CLIENT_ID": other["client_id"],
        "SANDBOX_OTHER_CLIENT_SECRET": other["client_secret"],
        "SANDBOX_PILOT_CLIENT_ID": pilot["client_id"],
        "SANDBOX_PILOT_CLIENT_SECRET": pilot["client_secret"],
        "SANDBOX_PILOT_IDENTITY": pilot["id"],
        "GOCLIENT_ENDPOINTS": str(directory.catalogue),
        "GOCLIENT_STATE": str(directory.client_state),
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


# Variables to clear: clients would prefer them to what the sandbox sets.
CLEARED = (
    "PANDA_AUTH_ID_TOKEN",
    "OIDC_AUTH_ID_TOKEN",
    "PANDA_NICKNAME_REPLACE",  # it would make another nickname than the token has
    "GOCLIENT_GLOBUSCONNECT",
    "GLOBUS_SDK_VERIFY_SSL",
    "MYPROXY_SERVER_DN",
    "X509_USER_PROXY",
)

# A job starts it twice: -m would load a sixth more.
CONNECT = "import sys; from goclient.sandbox.globus.connect import main; sys.exit(main())"


def write_environment(state: State) -> None:
    """Write ``env.sh``, the token files and the programs, which say where the running sandbox is."""
    directory = state.directory
    tokens = {row["username"]: row["token"].encode() for row in state.rows("select username, token from identities")}
    replace(directory.user_token, tokens[USER])
    replace(directory.pilot_token, tokens[PILOT])
    replace(directory.secret, f"Authorization: Bearer {state.fact('secret')}\n".encode())
    run_gen = f"{state.fact('url')}{TRANSFORMATIONS}{next(iter(WRAPPERS))}"
    (site,) = state.rows("select id, root from collections where display_name = ?", "mxp#MXP_BNL_TEST")
    lines = ["# Written at each start of the sandbox.", "[carrier]", f'runGen = "{run_gen}"', f"[site.{STAGED}]"]
    lines += [f'collection = "{site["id"]}"', f'directory = "/{STAGING}"']
    lines += [f"node = {json.dumps(str(directory.collections / site['root'] / STAGING))}", ""]
    replace(directory.settings, "\n".join(lines).encode())
    library = Path(goclient.__file__).parent.parent
    words = [sys.executable, "-PSc", CONNECT, state.fact("url"), str(directory.secret)]
    program = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(library))} exec {shlex.join(words)} "$@"\n'
    replace(directory.programs / "globusconnectpersonal", program.encode(), mode=0o755)
    panda_client = {}  # by which prun and pathena find the panda-client installed here; PANDA_SYS is the last
    if Path(sys.prefix, CLIENT).is_file():
        panda_client = {"PANDA_PYTHON_EXEC": sys.executable, "PANDA_SYS": sys.prefix}
    exports = Exports(environment(state), panda_client, CLEARED, directory.programs)
    for file in FILES:
        replace(directory.root / file, exports.text(file).encode())

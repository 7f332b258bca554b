"""List of checks, in the order in which they judge and are reported: a new check is a module, and a line here.

The checks that ask no service, and are made even without a preflight, are ``OFFLINE`` in ``offline.py``.
"""

from __future__ import annotations

from goclient.preflight.base import Check
from goclient.preflight.endpoints import Endpoints, PersonalEnds, WorkingName
from goclient.preflight.https import Https
from goclient.preflight.login import Login
from goclient.preflight.myproxy import Account
from goclient.preflight.new_directories import NewDirectories
from goclient.preflight.nodes import Nodes
from goclient.preflight.paths import Paths, ReadOnly, ServerLogin
from goclient.preflight.payload import Payload
from goclient.preflight.permissions import PilotPermissions, UserPermissions
from goclient.preflight.probe import Probe
from goclient.preflight.queue import QueueState
from goclient.preflight.servers import Servers
from goclient.preflight.service import ServiceAccess
from goclient.preflight.sources import Contents, Size
from goclient.preflight.staging import Staging
from goclient.preflight.tokens import Tokens
from goclient.preflight.user_secrets import UserSecrets

TRANSFER_CHECKS: tuple[type[Check], ...] = (  # if endpoints are named, and the catalogue could be read
    Login,
    Endpoints,
    Servers,
    WorkingName,
    PersonalEnds,
    Paths,
    Contents,
    ReadOnly,
    ServerLogin,
    Staging,
    Https,
    Size,
    Probe,
    UserPermissions,
    PilotPermissions,
    ServiceAccess,
    Tokens,
)
JOB_CHECKS: tuple[type[Check], ...] = (Account, QueueState, Nodes, Payload, UserSecrets)
LAST_CHECKS: tuple[type[Check], ...] = (NewDirectories,)  # of transfers, once all others have judged

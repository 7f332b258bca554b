"""The servers of a sandbox, on loopback: for HTTP, where a path has its service, and for MyProxy."""

from __future__ import annotations

import logging
import os
import signal
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Request, Response

from goclient.sandbox.faults import Reset, Troubles, troubled
from goclient.sandbox.globus.access import Access
from goclient.sandbox.globus.auth import Auth
from goclient.sandbox.globus.endpoints import Endpoints
from goclient.sandbox.globus.identities import Identities
from goclient.sandbox.globus.login import Login
from goclient.sandbox.globus.mover import Mover
from goclient.sandbox.globus.paths import Paths
from goclient.sandbox.globus.personal import Personal
from goclient.sandbox.globus.submission import Submission
from goclient.sandbox.globus.tasks import Tasks
from goclient.sandbox.guard import Guard
from goclient.sandbox.http import ServiceError, not_found
from goclient.sandbox.myproxy.grid import HOST as HOST_CERTIFICATE
from goclient.sandbox.myproxy.grid import SCOPE, Grid
from goclient.sandbox.myproxy.policy import ServerPolicy
from goclient.sandbox.myproxy.server import MyProxy
from goclient.sandbox.panda.cache import Cache
from goclient.sandbox.panda.jedi import TRANSFORMATIONS
from goclient.sandbox.panda.oidc import OpenID
from goclient.sandbox.panda.server import Panda
from goclient.sandbox.panda.tasks import PandaTasks
from goclient.sandbox.recorder import Recorder
from goclient.sandbox.state import State

HOST = "127.0.0.1"
POLICY = ServerPolicy(accepted_credentials=f"{SCOPE}/*", trusted_retrievers=f"{SCOPE}/OU=Robots/*")


class Application:
    """The WSGI application of all services."""

    def __init__(self, state: State, mover: Mover) -> None:
        self._folders = state.folders
        self.troubles, self.recorder, self._guard = Troubles(), Recorder(state), Guard(state)
        openid, endpoints = OpenID(state), Endpoints(state)
        paths = Paths(state, endpoints)
        services = (
            *(Auth(state, openid), Login(state, self._guard), openid, Identities(state)),
            *(endpoints, paths, Access(state, endpoints), Submission(state, paths, mover), Tasks(state, mover)),
            *(Panda(state), PandaTasks(state), Cache(state), Personal(state), self.troubles, self.recorder),
        )
        rules = [rule for service in services for rule in service.rules()]
        for place in ("/transformations/", TRANSFORMATIONS):
            rules.append(Rule(f"{place}<path:name>", endpoint=self._transformation, methods=["GET"]))
        self._map = Map(rules, strict_slashes=False)

    def _transformation(self, request: Request, name: str) -> Response:
        """A file of the folder of transformations."""
        return send_from_directory(self._folders.transformations, name, request.environ)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """The response to a request that may be asked, unless trouble is wanted for it; raises Reset."""
        self._guard.enter(environ)
        request = Request(environ)
        try:
            self._guard.check(request)
        except ServiceError as error:
            return error.response()(environ, start_response)
        if request.path.startswith("/sandbox/"):
            return self._answer(request)(environ, start_response)
        self.recorder.note(request)
        met = self.troubles.met(request.method, request.path)
        response = troubled(met, request, lambda: self._answer(request)) if met else self._answer(request)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        """What the service of a path answers; an error is worded as the real service words it."""
        try:
            handler, values = self._map.bind_to_environ(request.environ).match()
            response: Response = handler(request, **values)
        except ServiceError as error:
            response = error.response()
        except HTTPException as error:
            response = not_found(request, error if error.code else NotFound())
        except UnicodeEncodeError:  # JSON can write halves of characters, which no database and no file takes
            response = Response("the request has half a character in it\n", 400, content_type="text/plain")
        except Exception:
            logging.getLogger(__name__).error("%s", traceback.format_exc())
            response = Response("the sandbox failed; its log says why\n", 500, content_type="text/plain")
        return response


class _Handler(WSGIRequestHandler):
    """HTTP/1.1 that keeps connections, without the delays of small packets."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """One line a request, in the sandbox's log."""
        logging.getLogger("sandbox").info("%s %s", self.requestline.rpartition(" ")[0], code)

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Resets the connection, if that is wanted: without the orderly end that closing it has."""
        self.close_connection = True
        if isinstance(error, Reset):
            at_once = struct.pack("ii", 1, 0)  # linger, for no time
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            os.close(self.connection.detach())


def serve(state: State, grid: Grid, ready: Callable[[], None], until: Callable[[], None] | None = None) -> None:
    """Run the services of a sandbox until SIGTERM or SIGINT, or until the function ``until`` returns.

    ``ready`` is called once requests are accepted and the sandbox's URL is known.
    """
    mover = Mover(state)
    listener = _listener(int(state.fact("port") or 0))
    application = Application(state, mover)
    server = make_server(HOST, 0, application, threaded=True, request_handler=_Handler, fd=listener.fileno())
    port = listener.getsockname()[1]
    state.set_fact("port", str(port))
    state.set_fact("url", f"http://{HOST}:{port}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: _shut(server))
    if until is not None:
        threading.Thread(target=_shut_after, args=(server, until), daemon=True).start()
    myproxy = _myproxy(state, grid, application)
    mover.start()
    myproxy.start()
    ready()
    try:
        server.serve_forever(poll_interval=0.05)
    finally:
        mover.stop()
        myproxy.server_close()
        server.server_close()


def _myproxy(state: State, grid: Grid, application: Application) -> MyProxy:
    """The MyProxy server, which has trouble and is recorded like the other services; its port is known."""
    listener = _listener(int(state.fact("myproxy_port") or 0))
    state.set_fact("myproxy_port", str(listener.getsockname()[1]))
    return MyProxy(
        listener,
        state,
        authority=grid.authority(),
        host=grid.credential(HOST_CERTIFICATE),
        policy=POLICY,
        troubles=application.troubles,
        recorder=application.recorder,
    )


def _listener(port: int) -> socket.socket:
    """A socket at the port of last time, or at a free one if somebody else has it now."""
    try:
        return socket.create_server((HOST, port))
    except OSError:
        return socket.create_server((HOST, 0))


def _shut_after(server: BaseWSGIServer, until: Callable[[], None]) -> None:
    until()
    server.shutdown()


def _shut(server: BaseWSGIServer) -> None:
    threading.Thread(target=server.shutdown, daemon=True).start()  # not from the thread that serves

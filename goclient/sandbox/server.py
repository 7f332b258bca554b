"""Run the servers of a sandbox, on loopback: for HTTP, where a path has its service, and for MyProxy."""

from __future__ import annotations

import io
import logging
import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from goclient.sandbox import control, faults, guard
from goclient.sandbox.faults import Fault
from goclient.sandbox.globus import access, auth, endpoints, https, identities, login, oidc, paths, personal, tasks
from goclient.sandbox.globus.mover import Mover
from goclient.sandbox.http import ServiceError, TooManyRequests, answer, failure, not_found
from goclient.sandbox.myproxy.authority import load_authority
from goclient.sandbox.myproxy.grid import SCOPE, Grid
from goclient.sandbox.myproxy.policy import ServerPolicy
from goclient.sandbox.myproxy.server import MyProxy
from goclient.sandbox.outage import Outage
from goclient.sandbox.panda import cache, legacy, pilots, task_commands, user_secrets
from goclient.sandbox.panda import server as panda
from goclient.sandbox.panda import tasks as panda_tasks
from goclient.sandbox.panda.watch import Watch
from goclient.sandbox.routes import Call, Sandbox
from goclient.sandbox.state import State

HOST = "127.0.0.1"
WHILE_DOWN = 0.02  # seconds between looks at the socket of a server that is down
POLICY = ServerPolicy(accepted_credentials=f"{SCOPE}/*", trusted_retrievers=f"{SCOPE}/OU=Robots/*")
SERVICES = (
    *(auth.routes, login.routes, oidc.routes, identities.routes),
    *(endpoints.routes, paths.routes, access.routes, tasks.routes, personal.routes, https.routes),
    *(
        panda.routes,
        pilots.routes,
        legacy.routes,
        panda_tasks.routes,
        task_commands.routes,
        cache.routes,
        user_secrets.routes,
    ),
    control.routes,
)
_ROUTES = Map(
    [rule for routes in SERVICES for rule in routes.rules()], strict_slashes=False, converters={"bytes": https.AnyBytes}
)  # once a process: to compile it is half of a start


class Reset(ConnectionResetError):
    """A connection must be reset: no answer, no orderly end."""


class Application:
    """WSGI application of all services."""

    def __init__(self, sandbox: Sandbox, outage: Outage) -> None:
        self._sandbox, self._outage = sandbox, outage

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request that is for the sandbox, unless it meets a fault; raise Reset."""
        guard.enter(environ, self._sandbox.state)
        call = Call(environ, self._sandbox)
        try:
            guard.check(call)
        except ServiceError as error:
            return error.response(call.path)(environ, start_response)
        if call.path.startswith("/sandbox/"):
            return self._answer(call)(environ, start_response)
        if self._outage.goes_on:
            raise Reset(104, "the server is down, on demand")
        query = call.query_string.decode("ascii", "replace")
        sender = call.token_holder() or call.panda_user() or {"username": "", "id": ""}
        self._sandbox.recorder.note(call.method, call.path, identity=sender["username"], query=query)
        if sender["id"] and call.path.startswith("/v0.10/"):
            rate = self._sandbox.tuning.now.requests_per_second
            if wait := self._sandbox.meter.wait(sender["id"], rate):
                return TooManyRequests(wait).response(call.path)(environ, start_response)
        return self._answer_faulty(call)(environ, start_response)

    def release(self) -> None:
        """Leave what this thread has opened to those after it."""
        self._sandbox.state.release()

    @property
    def clock(self) -> float:
        """Return how many seconds the clock of the sandbox is fast."""
        return self._sandbox.tuning.now.clock_seconds

    def _answer_faulty(self, call: Call) -> Response:
        """Answer a request, with the faults that it meets; raise Reset."""
        met = self._sandbox.faults.meet(call.method, call.path)
        if early := faults.wait(met, after=False):
            return self._replace(early, call)
        broken = next((one.bytes for one in met if one.kind == "break"), None)
        if broken is not None and call.method == "PUT":
            body = call.environ["wsgi.input"].read(min(broken, call.content_length or 0))
            call.environ["wsgi.input"] = io.BytesIO(body)
            self._answer(call)
            raise Reset(104, "reset on demand")
        response = self._answer(call)
        if broken is not None:
            response.response = _break_off(response.response, broken)
        late = faults.wait(met, after=True)
        if late is None:
            return response
        if late.kind != "truncate":
            return self._replace(late, call)
        response.direct_passthrough = False  # of a file
        content = response.get_data()
        response.set_data(content[: len(content) // 2])
        response.headers["Content-Length"] = str(max(len(content), 1))  # it claims to be whole
        return response

    def _answer(self, call: Call) -> Response:
        """Answer a request as the service of its path does; word an error as the real service words it."""
        try:
            handler, values = _ROUTES.bind_to_environ(call.environ).match()
            made = handler(call, **values)
            response: Response = made if isinstance(made, Response) else answer(made)
        except ServiceError as error:
            response = error.response(call.path)
        except HTTPException as error:
            response = not_found(call.path, error if error.code else NotFound())
        except UnicodeEncodeError:  # JSON can write halves of characters, which no database and no file takes
            response = Response("the request has half a character in it\n", 400, content_type="text/plain")
        except Exception:
            logging.getLogger(__name__).exception("a request failed")
            response = Response("the sandbox failed; its log says why\n", 500, content_type="text/plain")
        return response

    def _replace(self, fault: Fault, call: Call) -> Response:
        """Return the error that a fault answers instead; raise Reset."""
        if fault.kind == "refuse":
            self._outage.begin(fault.seconds)
        if fault.kind == "hang":
            self._sandbox.faults.hang()
            select.select([call.environ["werkzeug.socket"]], [], [], fault.seconds or None)  # readable at its end
        if fault.kind != "error":
            raise Reset(104, "reset on demand")
        own = fault.document is not None
        error = ServiceError(fault.status, fault.document) if own else failure(call.path, fault.status)
        response = error.response(call.path)
        response.headers.update(fault.headers or {})
        return response


def _break_off(body: Iterable[Any], size: int) -> Iterator[bytes]:
    """Yield the first bytes of a body; raise Reset then."""
    for piece in body:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            break
    raise Reset(104, "reset on demand")


class _Handler(WSGIRequestHandler):
    """HTTP/1.1 that keeps connections, without the delays of small packets."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def finish(self) -> None:
        """End the connection, and with it this thread."""
        super().finish()
        self._application.release()

    @property
    def _application(self) -> Application:
        application = self.server.app
        assert isinstance(application, Application)
        return application

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the time by the clock of the sandbox, which may be wrong."""
        return super().date_time_string(time.time() + self._application.clock)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Write one line a request into the sandbox's log."""
        logging.getLogger("sandbox").info("%s %s", self.requestline.rpartition(" ")[0], code)

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """Reset the connection, if that is wanted: without the orderly end that closing it has."""
        self.close_connection = True
        if isinstance(error, Reset):
            at_once = struct.pack("ii", 1, 0)  # linger, for no time
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            os.close(self.connection.detach())


def serve(state: State, grid: Grid, *, ready: Callable[[], None], until: Callable[[], None] | None = None) -> None:
    """Run the services of a sandbox until SIGTERM or SIGINT, or until the function ``until`` returns.

    ``ready`` is called once requests are accepted and the sandbox's URL is known.
    """
    sandbox = Sandbox(state)
    mover, watch = Mover(sandbox), Watch(sandbox)
    listener = _listen(state, "port")
    state.set_fact("url", f"http://{HOST}:{listener.getsockname()[1]}")
    outage = Outage(listener)
    application = Application(sandbox, outage)
    server = make_server(HOST, 0, application, threaded=True, request_handler=_Handler, fd=listener.fileno())
    take = server.get_request

    def take_unless_down() -> Any:
        if outage.goes_on:
            time.sleep(WHILE_DOWN)  # a socket that does not listen is always ready
        return take()

    server.get_request = take_unless_down  # type: ignore[method-assign]

    def shut_down(until: Callable[[], None] = lambda: None) -> None:
        until()
        server.shutdown()

    for number in (signal.SIGTERM, signal.SIGINT):  # not from the thread that serves
        signal.signal(number, lambda *_: threading.Thread(target=shut_down, daemon=True).start())
    if until is not None:
        threading.Thread(target=shut_down, args=(until,), daemon=True).start()
    host = grid.host
    authority = load_authority(grid)
    myproxy = MyProxy(_listen(state, "myproxy_port"), sandbox, authority=authority, host=host, policy=POLICY)
    mover.start()
    watch.start()
    myproxy.start()
    ready()
    try:
        server.serve_forever(poll_interval=0.05)
    finally:
        mover.stop()
        watch.stop()
        myproxy.server_close()
        server.server_close()


def _listen(state: State, fact: str) -> socket.socket:
    """Listen at the port of last time, or at a free one if another process has it now; keep it as a fact."""
    try:
        listener = socket.create_server((HOST, int(state.fact(fact) or 0)))
    except OSError:
        listener = socket.create_server((HOST, 0))
    state.set_fact(fact, str(listener.getsockname()[1]))
    return listener

"""Let a person log in to Globus: in a browser on this machine, or in one anywhere, with a code to type here."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import globus_sdk
from globus_sdk.login_flows import (
    CommandLineLoginFlowManager,
    LocalServerEnvironmentalLoginError,
    LocalServerLoginError,
    LocalServerLoginFlowManager,
)
from globus_sdk.login_flows.local_server_login_flow_manager.local_server import RedirectHandler, RedirectHTTPServer

from goclient import secrets
from goclient.errors import LoginNeeded
from goclient.reporter.base import Reporter
from goclient.services.globus.app import APP_NAME

if TYPE_CHECKING:
    from globus_sdk.gare import GlobusAuthorizationParameters


@dataclass(frozen=True, slots=True)
class Person:
    """A person who logs in, with a ``browser`` on this machine or without.

    ``show`` takes a URL to open; ``ask`` gives the code that was typed, empty if none was.
    """

    browser: bool
    show: Callable[[str], None]
    ask: Callable[[], str]


class LoginFlow(CommandLineLoginFlowManager):
    """One login; ``options`` are those of ``goclient login`` that it was asked with, for the errors' hints."""

    def __init__(
        self,
        client: globus_sdk.NativeAppAuthClient,
        *,
        person: Person,
        options: Sequence[tuple[str, str]],
        reporter: Reporter,
    ) -> None:
        self._label = f"{APP_NAME} on {platform.node()}"
        super().__init__(client, request_refresh_tokens=True, native_prefill_named_grant=self._label)
        self._person = person
        self._options = options
        self._reporter = reporter

    def run_login_flow(self, auth_parameters: GlobusAuthorizationParameters) -> globus_sdk.OAuthTokenResponse:
        """Return the tokens of a login; raise LoginNeeded without them."""
        try:
            if self._person.browser:
                browser = _Browser(
                    self.login_client, request_refresh_tokens=True, native_prefill_named_grant=self._label
                )
                self._reporter.progress(
                    "log in with the browser that opens; if none does, press Ctrl-C and add --no-browser"
                )
                try:
                    return browser.run_login_flow(auth_parameters)
                except LocalServerEnvironmentalLoginError:
                    self._reporter.progress("no browser can be opened here")
            return super().run_login_flow(auth_parameters)
        except LocalServerLoginError as error:
            raise self._failure(f"the login in the browser failed: {error}") from error
        except globus_sdk.AuthAPIError as error:
            if (error.raw_json or {}).get("error") != "invalid_grant":
                raise
            raise self._failure("Globus Auth refused the code: it is mistyped, too old, or was used before") from error

    def print_authorize_url(self, authorize_url: str) -> None:
        """Tell the person where to log in."""
        self._reporter.progress("log in at this address, with any browser, and type the code that you are shown:")
        self._person.show(authorize_url)

    def prompt_for_code(self) -> str:
        """Return the code that the person typed; raise LoginNeeded without one."""
        code = self._person.ask().strip()
        secrets.register(code)
        if not code:
            raise self._failure("no code was typed")
        return code

    def _failure(self, message: str) -> LoginNeeded:
        return LoginNeeded.to_globus(message, options=self._options, code="login-failed")


class _Browser(LocalServerLoginFlowManager):
    """A flow of the SDK, whose server keeps the code to itself, and is closed in the end."""

    @contextmanager
    def background_local_server(self) -> Iterator[RedirectHTTPServer]:
        """Run the body with the server to which the browser is sent back."""
        server = RedirectHTTPServer(self.server_address, _QuietHandler, self.html_template)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
            server.server_close()


class _QuietHandler(RedirectHandler):
    """A handler of the SDK without its log, which would have the code in it."""

    def log_message(self, *_: Any) -> None:
        """Log nothing."""

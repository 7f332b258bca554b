"""A browser without a window, which shows what a page does there: Chromium, by its DevTools protocol over two pipes.

The protocol is https://chromedevtools.github.io/devtools-protocol; with ``--remote-debugging-pipe`` a message is JSON
that ends with a zero byte, read from descriptor 3 and written to 4.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--remote-debugging-pipe",
)
TIMEOUT = 60.0  # seconds for an answer
_FREE = 10  # the descriptors below are the program's own


class Tab:
    """A page as it is shown, and what it has reported and asked for since it was opened."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **parameters: Any) -> Any:
        return self._browser.call(method, session=self._session, **parameters)

    def run(self, script: str) -> Any:
        """Run an expression of JavaScript there, and return its value, awaited."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def press(self, key: str, *, text: str = "") -> None:
        """Press a key, and let it go."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text=text if kind == "keyDown" else "",
                      windowsVirtualKeyCode={"Tab": 9, "Enter": 13}.get(key, 0))  # fmt: skip

    def screenshot(self, path: Path) -> None:
        import base64

        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    @property
    def messages(self) -> list[Any]:
        """Whatever is in its console: errors, warnings, and what its policy has refused."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [parameters for name, parameters in self._events() if name in names]

    @property
    def requests(self) -> list[str]:
        """The URLs that were asked for."""
        return [
            parameters["request"]["url"] for name, parameters in self._events() if name == "Network.requestWillBeSent"
        ]

    def _events(self) -> Iterator[tuple[str, Any]]:
        self.run("0")  # what was reported before this answer is here
        yield from (
            (one["method"], one["params"]) for one in self._browser.events if one.get("sessionId") == self._session
        )


class Browser:
    """A browser that runs, with a profile of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        ours, theirs = zip(*(_pipe(is_written=written) for written in (True, False)), strict=True)
        self._written, self._read = ours
        actions = [(os.POSIX_SPAWN_DUP2, theirs[0], 3), (os.POSIX_SPAWN_DUP2, theirs[1], 4)]
        for number in (1, 2):
            actions.append((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0))  # type: ignore[arg-type]
        words = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        environment = {**os.environ, "HOME": str(profile), "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
        self._process = os.posix_spawn(program, words, environment, file_actions=actions, setsid=True)
        for descriptor in theirs:
            os.close(descriptor)
        self._rest = b""
        self._numbers = itertools.count(1)
        self.events: list[Any] = []

    def call(self, method: str, *, session: str = "", **parameters: Any) -> Any:
        """Call a method, and return its result; what happens until then is kept as events."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        data = json.dumps({**message, "sessionId": session} if session else message).encode() + b"\0"
        while data:
            data = data[os.write(self._written, data) :]
        end = time.monotonic() + TIMEOUT
        while (answer := self._message(end)).get("id") != number:
            self.events.append(answer)
        assert "result" in answer, (method, answer)
        return answer["result"]

    def _wait_for_load(self, loader: str) -> None:
        """Wait until what has this loader is there, with its scripts run; that of an empty tab is another one."""
        end = time.monotonic() + TIMEOUT
        while not any(
            one.get("method") == "Page.lifecycleEvent"
            and (one["params"]["loaderId"], one["params"]["name"]) == (loader, "load")
            for one in self.events
        ):
            self.events.append(self._message(end))

    def open(self, url: str, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Tab:
        """Open a page in a tab of its own, with its scripts or without."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.call("Emulation.setEmulatedMedia", features=[scheme])
        tab.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        tab.call("Page.setLifecycleEventsEnabled", enabled=True)
        self._wait_for_load(tab.call("Page.navigate", url=url)["loaderId"])
        return tab

    def _message(self, end: float) -> Any:
        while b"\0" not in self._rest:
            heard, _, _ = select.select([self._read], [], [], max(end - time.monotonic(), 0))
            assert heard, "the browser does not answer"
            data = os.read(self._read, 1 << 20)
            assert data, "the browser has ended"
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def close(self) -> None:
        """End it, and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        os.close(self._written)
        os.close(self._read)


def _pipe(*, is_written: bool) -> tuple[int, int]:
    """Return our end of a pipe, and the other one, neither of them below those that a program gets."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FREE) for end in ends]
    for end in ends:
        os.close(end)
    return (high[1], high[0]) if is_written else (high[0], high[1])


@contextmanager
def chromium_in(profile: Path) -> Iterator[Browser]:
    """Run a browser; there is none without the program."""
    program = shutil.which("chromium")
    assert program is not None
    browser = Browser(program, profile)
    try:
        yield browser
    finally:
        browser.close()

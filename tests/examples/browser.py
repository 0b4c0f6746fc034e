"""A headless Chromium that a test talks to over its debugging protocol."""

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without the network services of its own, which look for their servers at every start.
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
    "--window-size=1100,900",
)
SECONDS = 60


def find_browser() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page; `problems` are the errors that its console showed."""

    def __init__(self, connection: ClientConnection):
        self._connection, self._numbers = connection, itertools.count(1)
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": arguments}))
        while True:
            message = json.loads(self._connection.recv(timeout=SECONDS))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        given = message.get("params", {})
        if message["method"] == "Runtime.exceptionThrown":
            self.problems.append(given["exceptionDetails"]["text"])
        elif message["method"] == "Log.entryAdded" and given["entry"]["level"] == "error":
            self.problems.append(given["entry"]["text"])

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """The first value of an expression that is true."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if value := self.evaluate(expression):
                return value
            time.sleep(0.1)
        raise AssertionError(f"never true: {expression}")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextlib.contextmanager
def browse(address: str) -> Iterator[Page]:
    """A page that shows `address`."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        program = [find_browser(), *OPTIONS, f"--user-data-dir={profile}", address]
        process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port_file = Path(profile) / "DevToolsActivePort"
            end = time.monotonic() + SECONDS
            while not port_file.exists() or not port_file.read_text():
                assert process.poll() is None and time.monotonic() < end, "the browser did not start"
                time.sleep(0.1)
            port = port_file.read_text().splitlines()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=SECONDS) as answer:
                target = next(item for item in json.load(answer) if item["type"] == "page")
            with connect(target["webSocketDebuggerUrl"], max_size=None) as connection:
                page = Page(connection)
                page.until(f"location.href.startsWith('{address}') && document.readyState === 'complete'")
                yield page
        finally:
            process.terminate()
            process.wait(SECONDS)

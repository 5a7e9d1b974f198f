"""A real browser, driven over the DevTools protocol with nothing but a web socket."""

import base64
import http.client
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import websocket

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-port=0"
)
LOOK_AGAIN_SECONDS = 0.05


class Browser:
    """One headless page. `run` evaluates JavaScript in it; what it logged as an error is in `errors`."""

    def __init__(self, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [str(CHROMIUM), *FLAGS.split(), f"--user-data-dir={self._folder.name}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = self._port()
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        link.request("GET", "/json")
        target = next(each for each in json.loads(link.getresponse().read()) if each["type"] == "page")
        link.close()
        self._socket = websocket.create_connection(
            target["webSocketDebuggerUrl"], timeout=20, suppress_origin=True
        )
        self._numbers = itertools.count(1)
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.size(width, height)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def size(self, width: int, height: int) -> None:
        """Give the page another size, in pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **size)

    def _port(self) -> int:
        said = Path(self._folder.name) / "DevToolsActivePort"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if said.exists() and said.read_text().strip():
                return int(said.read_text().split()[0])
            time.sleep(LOOK_AGAIN_SECONDS)
        raise TimeoutError("the browser did not start within 30 s")

    def send(self, method: str, **params: Any) -> Any:
        """One protocol command and its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            said = json.loads(self._socket.recv())
            self._note(said)
            if said.get("id") == number:
                return said.get("result", said)

    def _note(self, said: Any) -> None:
        if said.get("method") == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(said["params"]["exceptionDetails"]))
        entry = said.get("params", {}).get("entry", {})
        if said.get("method") == "Log.entryAdded" and entry["level"] == "error":
            self.errors.append(f"{entry['text']} {entry.get('url', '')}")

    def open(self, url: str) -> None:
        """Go to an address."""
        self.send("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise AssertionError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def until(self, script: str, seconds: float = 10.0) -> None:
        """Evaluate again and again until it is true."""
        deadline = time.monotonic() + seconds
        while not self.run(f"Boolean({script})"):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {script}")
            time.sleep(LOOK_AGAIN_SECONDS)

    def key(self, name: str, code: int) -> None:
        """Press a key as a person does."""
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def picture(self, path: Path) -> None:
        """Write what is visible as PNG."""
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._socket.close()
        self._process.terminate()
        self._process.wait(10)
        self._folder.cleanup()

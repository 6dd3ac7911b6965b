"""Headless Chromium through its DevTools protocol over a pipe: no package needed beyond the browser."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find():
    """The browser's path: BURIN_CHROMIUM, or the first of the usual names on PATH; None where there is none."""
    return os.environ.get("BURIN_CHROMIUM") or next((p for p in map(shutil.which, NAMES) if p), None)


class Browser:
    """One page of one browser. Use as a context manager."""

    def __init__(self, program):
        self.home = tempfile.mkdtemp(prefix="burin-browser-")
        commands, self.write = os.pipe()
        self.read, answers = os.pipe()

        def numbered():  # the browser reads commands from 3 and writes to 4
            a, b = os.dup(commands), os.dup(answers)
            os.dup2(a, 3), os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             "--remote-debugging-pipe", f"--user-data-dir={self.home}", "about:blank"],
            preexec_fn=numbered, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.home})
        os.close(commands), os.close(answers)
        self.buffer, self.count, self.session, self.events = b"", 0, None, []

    def __enter__(self):
        try:
            deadline = time.monotonic() + 60
            pages = []
            while not pages and time.monotonic() < deadline:
                pages = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
            self.session = self.call("Target.attachToTarget", targetId=pages[0]["targetId"], flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(domain + ".enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        os.close(self.write), os.close(self.read)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def _message(self, deadline):
        while b"\0" not in self.buffer:
            if not select.select([self.read], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.read, 1 << 20)
            if not data:
                raise RuntimeError("the browser ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write, data):]
        deadline = time.monotonic() + 60
        while True:
            got = self._message(deadline)
            if got.get("id") == self.count:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                return got["result"]
            self.events.append(got)

    def open(self, path, width, height, dark, scale=1):
        """Shows a file; self.events then has what the browser had to say of it."""
        self.events = []
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        deadline = time.monotonic() + 60
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._message(deadline))

    def evaluate(self, expression):
        r = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in r:
            raise RuntimeError(str(r["exceptionDetails"]))
        return r["result"].get("value")

    def complaints(self):
        """Errors and warnings of the console, exceptions, requests beyond the page itself."""
        self.evaluate("0")
        r = []
        for e in self.events:
            method, p = e.get("method"), e.get("params", {})
            if method == "Runtime.exceptionThrown" or (method == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning")) or (method == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning")):
                r.append(str(p))
            if method == "Network.requestWillBeSent" and p.get("type") != "Document":
                r.append("request: " + p["request"]["url"])
        return r

    def screenshot(self, path, whole=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

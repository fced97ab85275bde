"""Chromium without a window, driven over a pipe by its DevTools protocol: pages are loaded, clicked and looked at."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.polling import PATIENCE_S, until

PROGRAM = Path("/usr/bin/chromium")
_TO_BROWSER, _FROM_BROWSER = 3, 4


_PLACE = """(element => {
    if (!element) return null;
    element.scrollIntoView({block: 'center'});
    const {x, y, width, height} = element.getBoundingClientRect();
    const place = [x + width / 2, y + height / 2];
    return element.contains(document.elementFromPoint(...place)) ? place : null;
})(document.querySelector(%s))"""
"""The middle of an element; null if it is not there, or another one is before it."""


class Browser:
    """One tab."""

    def __init__(self, requests: int, responses: int) -> None:
        self._requests, self._responses = os.fdopen(requests, "wb", 0), os.fdopen(responses, "rb")
        self._number = 0
        self._buffer = b""
        self._session: str | None = None
        self.problems: list[str] = []
        """What the page complained about: exceptions, and errors such as what its policy has blocked."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._requests.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next_message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def _next_message(self) -> Any:
        while b"\0" not in self._buffer:
            data = self._responses.read1(1 << 20)
            assert data, "Chromium has ended"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event: Any) -> None:
        if event.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(event["params"]["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
            self.problems.append(event["params"]["entry"]["text"])

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.sees("document.readyState === 'complete' && location.href !== 'about:blank'")

    def sees(self, expression: str) -> None:
        """Wait until it is true."""
        until(lambda: bool(self.evaluate(expression)), f"never true: {expression}; {self.problems}")

    def text(self, selector: str) -> str:
        found = self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    def click(self, selector: str) -> None:
        """Press and release the mouse in the middle of an element, once it stays where it is."""
        self.sees(f"document.readyState === 'complete' && document.querySelector({json.dumps(selector)}) !== null")
        places: list[Any] = [None]

        def stays() -> bool:
            places.append(self.evaluate(_PLACE % json.dumps(selector)))
            return places[-1] is not None and places[-1] == places[-2]

        until(stays, f"{selector} does not stay where it is, or is covered")
        x, y = places[-1]
        where = {"x": x, "y": y}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, **where, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """Into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = key if len(key) == 1 and kind == "keyDown" else ""
            self.call("Input.dispatchKeyEvent", type=kind, key=key, text=text)

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self) -> bytes:
        """A PNG of what is to be seen."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        self._requests.close()
        self._responses.close()


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser with a new profile, which ends with the block."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    words = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --hide-scrollbars"
    run = f'exec "$@" {_TO_BROWSER}<&{theirs_in} {_FROM_BROWSER}>&{theirs_out}'
    process = subprocess.Popen(
        ["bash", "-c", run, "bash", PROGRAM, *words.split(), "--remote-debugging-pipe", f"--user-data-dir={profile}"],
        pass_fds=(theirs_in, theirs_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    browser = None
    try:
        browser = Browser(ours_out, ours_in)
        yield browser
    finally:
        if browser:
            browser.close()
        process.terminate()
        process.wait(PATIENCE_S)

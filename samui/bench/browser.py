"""A headless Chromium with the page in it, driven in image coordinates."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samui.errors import SamuiError

# The page is our own, and Chromium's sandbox does not start for root, as containers run things.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_POLL = 20  # ms; asking the page in each frame would add work to what is timed
_PATIENCE = 120_000  # ms
_OPENED = """(before) => {
  const { epoch, stage, pending } = samui.snapshot();
  return epoch !== before && stage === "ready" && !pending;
}"""
# The middle of the picture is half transparent grey until the picture itself is drawn.
_WATCH_OPEN = """(before) => {
  const layer = document.querySelector("#samui .layer.picture");
  const input = document.querySelector("#samui input[type=file]");
  window.samuiOpened = new Promise((resolve) => {
    input.addEventListener("change", () => {
      const began = performance.now();
      const told = {};
      const timer = setInterval(() => {
        const { epoch, stage } = samui.snapshot();
        if (epoch === before) return;
        const [, , , alpha] = layer.getContext("2d").getImageData(layer.width / 2, layer.height / 2, 1, 1).data;
        if (alpha === 255 && !("picture" in told)) told.picture = performance.now() - began;
        if (stage === "ready" && !("ready" in told)) told.ready = performance.now() - began;
        if (!("picture" in told && "ready" in told)) return;
        clearInterval(timer);
        resolve(told);
      }, 4);
    }, { once: true, capture: true });
  });
}"""
_CALLS = """
performance.getEntriesByType("resource").filter((entry) => entry.name.includes("component_server")).map((entry) => (
  {sent: entry.encodedBodySize, read: entry.decodedBodySize, duration: entry.duration}))
"""


class TimedPage:
    """The page of a running server; `action` waits until it is painted and tells what it cost."""

    def __init__(self, page: Any, address: str) -> None:
        self._page = page
        page.set_default_timeout(_PATIENCE)
        page.goto(address)
        page.wait_for_function("!!window.samui && !samui.snapshot().pending", polling=_POLL)

    def open(self, file: Path) -> None:
        """Open an image file and wait until it is encoded."""
        before = self.snapshot()["epoch"]
        self._page.locator("input[type=file]").set_input_files(str(file))
        self._page.wait_for_function(_OPENED, arg=before, polling=_POLL)

    def time_open(self, file: Path) -> dict[str, float]:
        """Open an image file: milliseconds until its picture is on the page, and until its first mask is possible."""
        self._page.evaluate(_WATCH_OPEN, self.snapshot()["epoch"])
        self._page.locator("input[type=file]").set_input_files(str(file))
        told = self._page.evaluate("samuiOpened")
        return {"picture on the page": told["picture"], "first mask possible": told["ready"]}

    def snapshot(self) -> dict[str, Any]:
        return self._page.evaluate("samui.snapshot()")

    def snap(self, on: bool) -> None:
        """Switch "snap to edges" on or off, which the server answers."""
        button = self._button("snap")
        if (button.get_attribute("aria-pressed") == "true") != on:
            self._answered(button.click)

    def stop_previews(self) -> None:
        """Switch the preview under the pointer off, whose calls would be counted with the clicks."""
        button = self._button("hover")
        if button.get_attribute("aria-pressed") == "true":
            button.click()

    def _button(self, name: str) -> Any:
        return self._page.locator(f"[data-do={name}]").first

    def click(self, x: float, y: float, *, include: bool = True, hold: float = 0.0) -> dict[str, Any]:
        """Click at an image position: the page's timings in ms, and the total size of its replies in bytes.

        hold: ms for which the button stays down.
        """
        at = self._page.evaluate("([x, y]) => samui.toClient(x, y)", [x, y])
        self._page.evaluate("performance.clearResourceTimings()")
        button = "left" if include else "right"
        told = self._answered(lambda: self._page.mouse.click(at["x"], at["y"], button=button, delay=hold))
        calls = self._page.evaluate(_CALLS)
        reply = {name: sum(call[name] for call in calls) for name in ("sent", "read")}
        return {"timings": told["timings"], "points": told["prompt"]["points"], "reply": reply, "calls": len(calls)}

    def clear(self) -> None:
        """Drop the active prompt."""
        self._answered(lambda: self._page.keyboard.press("Escape"))

    def _answered(self, action: Any) -> dict[str, Any]:
        rev = self.snapshot()["rev"]
        action()
        self._page.wait_for_function(
            "rev => samui.snapshot().rev > rev && !samui.snapshot().pending", arg=rev, polling=_POLL
        )
        return self.snapshot()


@contextlib.contextmanager
def open_page(address: str) -> Iterator[TimedPage]:
    """The page at an address in a browser of its own. SamuiError where playwright or a Chromium is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        text = "must have playwright, which is not installed; `pip install playwright` installs it"
        raise SamuiError(f"bench click: {text}") from None
    with sync_playwright() as playwright:
        path = find_chromium(playwright)
        if path is None:
            raise SamuiError(
                f"bench click: must have a Chromium, got none of {', '.join(SYSTEM_BROWSERS)}; "
                "`python -m playwright install chromium` downloads one"
            )
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield TimedPage(browser.new_page(viewport={"width": 1440, "height": 900}), address)
        finally:
            browser.close()


def find_chromium(playwright: Any) -> str | None:
    """Path of a Chromium: the system's or else the one that Playwright has downloaded; None if there is neither."""
    found = next((path for name in SYSTEM_BROWSERS if (path := shutil.which(name))), None)
    own = playwright.chromium.executable_path
    return found or (own if os.path.exists(own) else None)

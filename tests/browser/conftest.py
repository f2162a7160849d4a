"""Chromium, the real page in it, and a driver that speaks image coordinates."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pydantic.v1  # noqa: F401 FastAPI imports it late, among Playwright's greenlets, where the import lock breaks
import pytest
from playwright.sync_api import Browser, Error, Locator, Page, Playwright, sync_playwright

from samui.bench.browser import FLAGS, SYSTEM_BROWSERS, find_chromium
from samui.models import load_predictor
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.launch import launch

CUP = Path(__file__).resolve().parents[2] / "assets" / "samples" / "coffee.jpg"
CAT = CUP.with_name("cat.jpg")
INSIDE, BOX = (300, 180), ((130, 20), (470, 380))  # of coffee.jpg, 600x400: in the cup, and round cup and saucer
TIMEOUT = 30_000  # ms
# What a page of Gradio says when it is left: it closes its own streams, and then tells that they were closed.
LEAVING = re.compile(r"AbortError: signal is aborted|Connection errored out")


def find_or_download(playwright: Playwright) -> str:
    """Path of a Chromium; Playwright downloads one now if there is none."""
    if path := find_chromium(playwright):
        return path
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    path = find_chromium(playwright)
    if path is None:
        pytest.fail(
            f"no Chromium: none of {', '.join(SYSTEM_BROWSERS)} is installed, and "
            f"`python -m playwright install chromium` failed:\n{done.stderr.strip()}"
        )
    return path


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all tests; make a context or a page of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_or_download(playwright), args=FLAGS)
        yield browser
        browser.close()


class PageDriver:
    """Drives one page of samui; all coordinates are image pixels."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []  # what the page threw or logged as an error
        self._leaves = False
        page.set_default_timeout(TIMEOUT)
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on("console", lambda message: message.type == "error" and self._complain(message.text))

    def _complain(self, text: str) -> None:
        if not (self._leaves and LEAVING.search(text)):
            self.complaints.append(text)

    def visit(self, url: str) -> PageDriver:
        """Load the page and wait until it has a session."""
        return self._arrive(lambda: self.page.goto(url))

    def reload(self) -> PageDriver:
        """Load the page again and wait until it has a session."""
        return self._arrive(self.page.reload)

    def _arrive(self, go: Callable[[], object]) -> PageDriver:
        self._leaves = self.page.url != "about:blank"
        go()
        self.page.wait_for_function("!!window.samui && !samui.snapshot().pending")
        self._leaves = False
        return self

    def open(self, path: str | Path, *, wait: bool = True) -> PageDriver:
        """Open an image file; wait: until it is encoded, otherwise until it takes clicks."""
        before = self.page.evaluate("samui.snapshot().epoch")
        self.page.locator("input[type=file]").set_input_files(str(path))
        self.page.wait_for_function("before => samui.snapshot().epoch !== before", arg=before)
        return self.settle() if wait else self

    def settle(self) -> PageDriver:
        """Wait until the server has answered everything and the page has drawn it."""
        self.page.wait_for_function("!samui.snapshot().pending")
        # Toolbar and panel follow in the next frame.
        self.page.evaluate("() => new Promise(requestAnimationFrame)")
        return self

    def snapshot(self) -> dict[str, Any]:
        return self.page.evaluate("samui.snapshot()")

    def covers(self, x: float, y: float) -> bool:
        """Whether the mask shown now covers the image pixel."""
        return self.page.evaluate("([x, y]) => samui.covers(x, y)", [x, y])

    def client(self, x: float, y: float) -> tuple[float, float]:
        """Client coordinates of an image pixel position."""
        at = self.page.evaluate("([x, y]) => samui.toClient(x, y)", [x, y])
        return at["x"], at["y"]

    def hover(self, x: float, y: float) -> PageDriver:
        self.page.mouse.move(*self.client(x, y))
        return self

    def click(
        self, x: float, y: float, *, button: str = "left", modifiers: Sequence[str] = (), hold: float = 0
    ) -> PageDriver:
        """Click at an image position; hold: ms for which the button stays down."""
        with self._held(modifiers):
            self.page.mouse.click(*self.client(x, y), button=button, delay=hold)
        return self

    def double_click(self, x: float, y: float) -> PageDriver:
        self.page.mouse.dblclick(*self.client(x, y))
        return self

    def press(self, x: float, y: float) -> PageDriver:
        """Push the left button down at an image position and leave it down."""
        self.page.mouse.move(*self.client(x, y))
        self.page.mouse.down()
        return self

    def drag(self, p: tuple[float, float], q: tuple[float, float], *, modifiers: Sequence[str] = ()) -> PageDriver:
        """Drag from p to q with the left button, through the middle."""
        with self._held(modifiers):
            self.press(*p)
            self.page.mouse.move(*self.client((p[0] + q[0]) / 2, (p[1] + q[1]) / 2))
            self.page.mouse.move(*self.client(*q))
            self.page.mouse.up()
        return self

    def key(self, name: str) -> PageDriver:
        self.page.keyboard.press(name)
        return self

    def button(self, name: str) -> Locator:
        """The button with exactly this accessible name."""
        return self.page.get_by_role("button", name=name, exact=True)

    @contextlib.contextmanager
    def _held(self, modifiers: Sequence[str]) -> Iterator[None]:
        for name in modifiers:
            self.page.keyboard.down(name)
        yield
        for name in reversed(modifiers):
            self.page.keyboard.up(name)


@pytest.fixture
def drive(chromium: Browser) -> Iterator[Callable[..., PageDriver]]:
    """Makes drivers of separate people: `drive(url, width=, height=, ratio=, touch=)`; closes them afterwards."""
    contexts = []

    def make(
        url: str, *, width: int = 1280, height: int = 900, ratio: float = 1, touch: bool = False, dark: bool = False
    ) -> PageDriver:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=ratio,
            has_touch=touch,
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        return PageDriver(context.new_page()).visit(url)

    yield make
    for context in contexts:
        with contextlib.suppress(Error):
            context.close()


def launched(service: Service, **options: Any) -> tuple[Any, str]:
    """Serve the page on a free port; (page, its address).

    Nothing is collected meanwhile: what ends amid an import, and imports something itself, breaks the import lock of
    Python up to 3.11 (python/cpython#106176), and a page is launched amid many imports.
    """
    gc.collect()
    gc.disable()
    try:
        return launch(service, block=False, **options)
    finally:
        gc.enable()


class App:
    """A running server with the bundled checkpoint; counts the encoder's runs."""

    def __init__(self, service: Service, url: str) -> None:
        self.service, self.url = service, url

    @property
    def encodes(self) -> int:
        return self.service.server.embeddings.counts.encodes


@contextlib.contextmanager
def serving(scratch: Path, **settings: Any) -> Iterator[App]:
    """The real page on a free port. Snapping is on by default, as the bundled checkpoint has it."""
    previous = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(scratch / "uploads")
    service = Service(Settings(model="bundled", seats=200, **settings), load_predictor, scratch)
    service.warm()
    page, url = launched(service)
    yield App(service, url)
    page.close()
    service.close()
    os.environ.pop("GRADIO_TEMP_DIR")
    if previous is not None:
        os.environ["GRADIO_TEMP_DIR"] = previous


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A page without close-ups, which cost every click of all these tests four more runs of the encoder."""
    with serving(tmp_path_factory.mktemp("scratch"), close_ups=False) as app:
        yield app


@pytest.fixture
def person(app: App, drive: Callable[..., PageDriver]) -> PageDriver:
    """A page with the cup open."""
    return drive(app.url).open(CUP)

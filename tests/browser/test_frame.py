"""The page in a frame of another site, as a Space shows it: all works, and no policy of its own stands in its way."""

from __future__ import annotations

import http.server
import threading

import pytest

from tests.browser.conftest import CUP, INSIDE, PageDriver

pytestmark = pytest.mark.browser


@pytest.fixture
def other_site(app):
    """Address of another origin with the page in a frame."""
    body = f'<!doctype html><iframe src="{app.url}" style="width: 1200px; height: 850px"></iframe>'.encode()

    class Outside(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outside)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_page_in_a_frame_of_another_site_opens_clicks_keeps_and_saves(chromium, other_site):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    try:
        page = context.new_page()
        driver = PageDriver(page)
        page.goto(other_site)
        frame = page.frame_locator("iframe")
        frame.locator("#samui-canvas").wait_for()
        inside = page.frames[1]
        inside.wait_for_function("!!window.samui && !samui.snapshot().pending")
        frame.locator("input[type=file]").set_input_files(str(CUP))
        inside.wait_for_function("samui.snapshot().image && !samui.snapshot().pending")
        at = inside.evaluate("([x, y]) => samui.toClient(x, y)", list(INSIDE))
        offset = page.locator("iframe").bounding_box()
        page.mouse.click(offset["x"] + at["x"], offset["y"] + at["y"])
        inside.wait_for_function("samui.snapshot().candidates.length && !samui.snapshot().pending")
        assert inside.evaluate("([x, y]) => samui.covers(x, y)", list(INSIDE))
        page.keyboard.press("Enter")
        inside.wait_for_function("samui.snapshot().objects.length === 1 && !samui.snapshot().pending")
        with page.expect_download() as download:
            frame.get_by_role("button", name="Save", exact=True).click()
        assert download.value.suggested_filename
        assert driver.complaints == []
    finally:
        context.close()


def test_another_sites_page_reaches_neither_calls_nor_uploads(chromium, other_site, app):
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(other_site)
        # Without CORS a page sees no answer to these, and sends them all the same.
        told = []
        page.on("response", lambda one: one.frame == page.main_frame and told.append((one.url, one.status)))
        page.evaluate(
            """async (url) => {
                const sent = { method: "POST", mode: "no-cors" };
                const form = new FormData();
                form.append("files", new Blob(["x"]), "x.png");
                await fetch(url + "gradio_api/component_server/", { ...sent, body: "{}" }).catch(() => {});
                await fetch(url + "gradio_api/upload", { ...sent, body: form }).catch(() => {});
            }""",
            app.url,
        )
        assert sorted(told) == [(f"{app.url}gradio_api/component_server/", 403), (f"{app.url}gradio_api/upload", 403)]
    finally:
        context.close()

"""The page behind a real nginx, as docs/hosting.md sets it up: under a path of its own, with TLS."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from samui.models import load_predictor
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.browser.conftest import CUP, INSIDE, PageDriver, launched

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "hosting.md"
pytestmark = [pytest.mark.browser, pytest.mark.skipif(NGINX is None, reason="no nginx")]

MAIN = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    location / {{ return 404; }}
    location = /favicon.ico {{ return 204; }}  # which a browser asks for at the root, whatever the page
{location}
  }}
}}
"""


def location_of_the_docs(port: int) -> str:
    """The block of nginx's configuration that docs/hosting.md shows, for a server on this port."""
    block = re.search(r"```nginx\n(location /samui/ .+?)\n```", DOCS.read_text(encoding="utf-8"), re.S)
    assert block is not None
    return block.group(1).replace("127.0.0.1:7860", f"127.0.0.1:{port}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """Address of the page behind nginx."""
    folder = tmp_path_factory.mktemp("nginx")
    before = os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    service = Service(Settings(model="bundled"), load_predictor, folder / "scratch")
    service.warm()
    page, url = launched(service, root_path="/samui")
    port = free_port()
    key = ["-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run(["openssl", "req", *key, "-days", "2", "-subj", "/CN=localhost"], check=True, capture_output=True)
    told = {"location": location_of_the_docs(httpx.URL(url).port), "user": "user root;" if os.getuid() == 0 else ""}
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder, port=port, **told))
    nginx = subprocess.Popen([NGINX, "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", f"{folder}/error.log"])
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert nginx.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        yield f"https://127.0.0.1:{port}/samui"
    finally:
        nginx.terminate()
        nginx.wait(20)
        page.close(verbose=False)
        service.close()
        os.environ.pop("GRADIO_TEMP_DIR")
        if before is not None:
            os.environ["GRADIO_TEMP_DIR"] = before


@pytest.mark.parametrize("slash", ["", "/"])
def test_page_under_a_path_with_tls_opens_clicks_keeps_saves_and_reloads(chromium, behind, slash):
    context = chromium.new_context(ignore_https_errors=True, accept_downloads=True)
    try:
        person = PageDriver(context.new_page()).visit(behind + slash)
        person.open(CUP).click(*INSIDE).settle()
        assert person.covers(*INSIDE)
        person.key("Enter").settle()
        assert len(person.snapshot()["objects"]) == 1
        with person.page.expect_download() as download:
            person.button("Save").click()
        assert download.value.suggested_filename
        person.visit(behind + slash).settle()
        assert len(person.snapshot()["objects"]) == 1
        assert person.complaints == []
    finally:
        context.close()


def test_photo_of_twenty_megabytes_goes_through(behind, tmp_path):
    """nginx takes one megabyte if nobody says otherwise."""
    sent = {"files": ("large.bin", bytes(20_000_000))}
    answer = httpx.post(f"{behind}/gradio_api/upload", files=sent, verify=False, timeout=60)
    assert (answer.status_code, len(answer.json())) == (200, 1)

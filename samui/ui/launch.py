"""From a service to a running server, with the settings that keep strangers' data apart."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from samui.serve.service import Service
from samui.ui.address import LOOPBACK, PORTS, find, is_free, reached_directly
from samui.ui.guards import guards
from samui.ui.health import Metrics, health
from samui.ui.page import build_page
from samui.ui.routes import routes
from samui.ui.server_functions import functions_of
from samui.ui.uploads import Uploads

log = logging.getLogger(__name__)
KEEP_ALIVE = 75  # seconds; after uvicorn's 5, a browser would have to reconnect for the next click
THEME = gr.themes.Soft(primary_hue="blue", neutral_hue="slate")
CSS = """
#samui-intro p { margin: 0; }
#samui-intro h1 { margin: 0; }
footer { margin-top: 0.5rem !important; }
"""


def launch(
    service: Service,
    *,
    host: str = LOOPBACK,
    ports: Sequence[int] = PORTS,
    share: bool = False,
    root_path: str | None = None,
    metrics: bool = False,
    block: bool = True,
) -> tuple[gr.Blocks, str]:
    """Serve the page on the first free port; (page, its address).

    root_path: where a proxy shows the page, None for what GRADIO_ROOT_PATH says. metrics: tell figures at
    /metrics. Returns when the server ends, or at
    once with block=False. Raises SamuiError for a host that is not of this machine, and where no port is free.
    """
    uploads = Uploads(service.settings, Path(get_upload_folder()))
    page = build_page(service, uploads)
    own, functions = [*routes(service), health(service)], functions_of(page)
    if metrics:
        measured = Metrics(service)
        own, functions = [*own, measured.route], measured.timed(functions)
    page.queue(default_concurrency_limit=4, max_size=64)
    options: dict[str, Any] = {
        "share": share,
        "root_path": root_path,
        "app_kwargs": {"routes": own, "middleware": guards(page, uploads, own, functions)},
        "theme": THEME,
        "css": CSS,
        "max_file_size": service.settings.max_bytes,
        "show_error": False,
        "run_history": False,
        "ssr_mode": False,
        "strict_cors": True,
        "enable_monitoring": False,
        "footer_links": ["api", "settings"],
        "prevent_thread_lock": True,
        "quiet": True,
    }
    address = _start(page, host, ports, options)
    page.server.config.timeout_keep_alive = KEEP_ALIVE  # for connections made from now on; Gradio has no option for it
    log.info("samui is at %s", address)
    if block:
        page.block_thread()
    return page, address


def _start(page: gr.Blocks, host: str, ports: Sequence[int], options: dict[str, Any]) -> str:
    """Start the server on the first free port; its address."""
    while True:
        address = find(host, ports)
        try:
            with reached_directly(address):
                return page.launch(server_name=address.host, server_port=address.port, **options)[1]
        except OSError:
            # Raised if another program has taken the port since it was found free; Gradio tries no other port.
            if is_free(address):
                raise
            ports = ports[ports.index(address.port) + 1 :] or [address.port]

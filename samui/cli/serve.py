"""The command `serve`: the page, until it is stopped."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from samui.cli.options import add_model, loader
from samui.errors import SamuiError

HELP = "open the page in a browser"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    add_model(parser)
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=_port, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument("--share", action="store_true", help="also open a public link through Gradio's tunnel")
    parser.add_argument("--hosted", action="store_true", help="limits of a public page (default on a Space)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep embeddings there between starts")


def run(options: argparse.Namespace) -> None:
    """Load the model and serve the page until the process is stopped."""
    # Before gradio is imported, which reads it: uploads lie in this run's folder, and go with it.
    scratch = Path(tempfile.gettempdir()) / f"samui-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from samui.serve.service import Service
    from samui.serve.settings import Settings

    make = Settings.for_host if options.hosted or "SPACE_ID" in os.environ else Settings
    settings = make(model=options.model, disk_cache=options.cache)
    if options.share or not _is_loopback(options.host or os.environ.get("GRADIO_SERVER_NAME", LOOPBACK[0])):
        settings = replace(settings, free_models=False)
        logging.getLogger(__name__).warning("The page is open to everybody who reaches it: there is no login.")
    service = Service(settings, loader(options), scratch)
    os.environ["GRADIO_TEMP_DIR"] = str(service.server.scratch.folder / "uploads")
    # A container is stopped by SIGTERM; the folder of the run goes then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        service.warm()
        from samui.ui.launch import launch

        launch(service, host=options.host, port=options.port, share=options.share)
    except OSError as error:
        raise SamuiError(f"--port: must be free, got {options.port} ({error})") from error
    finally:
        service.close()


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535, got {text!r}")
    return int(text)

"""The command `serve`: the page, until it is stopped."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from samui.cli.options import add_close_ups, add_model, loader
from samui.errors import SamuiError, StoreError
from samui.ui import address
from samui.workspace.folder import Workspace, open_workspace
from samui.workspace.labels import read_labels
from samui.workspace.library import Library, open_library

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    parser.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER", help="of images to work through; what is drawn is kept in it"
    )
    add_model(parser)
    parser.add_argument("--host", help=f"address to listen on (default {address.LOOPBACK})")
    parser.add_argument(
        "--port", type=_port, help=f"port to listen on (default: the first free one from {address.PORTS[0]})"
    )
    parser.add_argument(
        "--root-path",
        type=_root_path,
        metavar="PATH",
        help="where a proxy shows the page, as in /samui (default: $GRADIO_ROOT_PATH, or the root)",
    )
    parser.add_argument("--share", action="store_true", help="also open a public link through Gradio's tunnel")
    parser.add_argument("--hosted", action="store_true", help="limits of a public page (default on a Space)")
    parser.add_argument("--metrics", action="store_true", help="figures for Prometheus at /metrics")
    add_close_ups(parser)
    parser.add_argument("--labels", type=Path, metavar="FILE", help="the only labels of FOLDER, one a line")
    parser.add_argument("--author", default="", metavar="NAME", help="whose changes these are, in the history")
    parser.add_argument(
        "--no-library",
        action="store_true",
        help="keep nothing of images that are in no FOLDER (default on public pages)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="PLACE",
        help="folder that keeps embeddings between starts (default: beside the store of FOLDER, and none without one)",
    )
    parser.add_argument(
        "--disk-cache-bytes",
        type=_size,
        default=4 * 10**9,
        metavar="N",
        help="budget of the embeddings on disk, as 500MB or 4GB; 0 for none (default 4GB)",
    )


def run(options: argparse.Namespace) -> None:
    """Load the model and serve the page until the process is stopped. Raises SamuiError for an address that cannot be
    had, before the model is loaded."""
    # Taken out of the environment before gradio is imported, which would bind what they say, of version 4 alone.
    host = os.environ.pop("GRADIO_SERVER_NAME", "")
    ports = _ports(os.environ.pop("GRADIO_SERVER_PORT", ""), os.environ.pop("GRADIO_NUM_PORTS", ""))
    host, ports = options.host or host or address.LOOPBACK, ports if options.port is None else [options.port]
    loopback = address.find(host, ports).loopback
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from samui.serve.service import Service
    from samui.serve.settings import Settings

    hosted, open_to_all = options.hosted or "SPACE_ID" in os.environ, options.share or not loopback
    make = Settings.for_host if hosted else Settings
    settings = make(model=options.model, close_ups=options.close_ups, author=options.author)
    if open_to_all:
        settings = replace(settings, free_models=False)
    folder, library = _stores(options, hosted=hosted, private=not (hosted or open_to_all))
    settings = replace(settings, disk_cache=_disk_cache(options, folder), disk_bytes=options.disk_cache_bytes)
    scratch = Path(tempfile.gettempdir()) / f"samui-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    try:
        service = Service(settings, loader(options), scratch, folder=folder, library=library)
    except OSError as error:
        place = error.filename or scratch
        raise SamuiError(f"{place}: must be a folder that can be written, got: {error.strerror}") from error
    # Also before gradio is imported: uploads lie in this run's folder, and go with it.
    os.environ["GRADIO_TEMP_DIR"] = str(service.server.scratch.folder / "uploads")
    # A container is stopped by SIGTERM; the folder of the run goes then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        service.warm()
        from samui.ui.launch import launch

        if open_to_all:
            log.warning("The page is open to everybody who reaches it: there is no login.")
        launch(
            service,
            host=host,
            ports=ports,
            share=options.share,
            root_path=options.root_path,
            metrics=options.metrics,
        )
    finally:
        service.close()


def _stores(options: argparse.Namespace, *, hosted: bool, private: bool) -> tuple[Workspace | None, Library | None]:
    """The folder to work through and the person's library, each None where it is not asked for or not allowed.

    private: whether the page is this person's alone; a library shows its recent images to whoever has the page.
    """
    if options.labels is not None and options.folder is None:
        raise SamuiError(f"--labels: must go with a FOLDER, got {options.labels} alone")
    folder = library = None
    if options.folder is not None:
        if hosted:
            raise SamuiError(f"{options.folder}: must not be given for a public page, which would show it to strangers")
        labels = () if options.labels is None else read_labels(options.labels)
        folder = open_workspace(options.folder, author=options.author, labels=labels)
        counts = folder.images.counts()
        log.info("%s: %d images, %d to do, kept in %s", options.folder, counts.images, counts.todo, folder.store_file)
    if private and not options.no_library:
        try:
            library = open_library()
        except StoreError as error:  # the page is of use all the same
            log.warning("What is drawn on images of no folder ends with this server: %s", error)
    for shelf in (folder, library):
        for note in shelf.notes if shelf is not None else ():
            log.warning("%s", note)
    return folder, library


def _disk_cache(options: argparse.Namespace, folder: Workspace | None) -> Path | None:
    """The folder that keeps embeddings: the one that is asked for, else one beside the store of the images' folder."""
    if options.disk_cache_bytes == 0:
        return None
    if options.cache is not None or folder is None:
        cache: Path | None = options.cache
        return cache
    place = folder.place / "embeddings"
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        log.warning("%s: embeddings are kept in memory alone (%s)", place, error.strerror)
        return None
    return place


def _size(text: str) -> int:
    """Bytes from a whole number with kB, MB, GB, TB or without."""
    found = re.fullmatch(r"([0-9]{1,15})\s*([kmgt]?)b?", text, re.IGNORECASE | re.ASCII)
    if found is None or (found[2] and not text.lower().endswith("b")):
        raise argparse.ArgumentTypeError(f"must be a number of bytes, such as 500MB or 4GB, got {text!r}")
    return int(found[1]) * 1000 ** " kmgt".index(found[2].lower() or " ")


def _ports(first: str, count: str) -> Sequence[int]:
    """Those to try where none is asked for, as Gradio's environment variables say."""
    default = address.PORTS
    try:
        start = _port(first) if first else default[0]
        return range(start, min(start + (int(count) if count else len(default)), 65536)) or [start]
    except (argparse.ArgumentTypeError, ValueError) as error:
        got = f"{first!r} and {count!r}"
        raise SamuiError(f"GRADIO_SERVER_PORT, GRADIO_NUM_PORTS: must be whole numbers, got {got}") from error


def _root_path(text: str) -> str:
    """A path, or the whole address of the page with one; without a slash at its end."""
    path = text.rstrip("/")
    if not re.fullmatch(r"(https?://[^/\s?#]+)?(/[^/\s?#]+)*", path) or (path and not path.startswith(("/", "http"))):
        raise argparse.ArgumentTypeError(f"must be a path such as /samui, or the page's address, got {text!r}")
    return path


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535, got {text!r}")
    return int(text)

"""The real server for a bench that drives the page: on a free port, with the model that the options name."""

from __future__ import annotations

import argparse
import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from samui.bench.checkpoint import write_random_base


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The option of the server beyond model, device and precision."""
    text = "random weights of sam-vit-base's architecture instead of --model"
    parser.add_argument("--random-base", action="store_true", help=text)


@contextlib.contextmanager
def running(args: argparse.Namespace, wrap: Callable[[Any], Any] | None = None) -> Iterator[tuple[Any, str]]:
    """A service with its model warm, and the address of its page; both end with the block and leave no files.

    wrap: makes of the loaded predictor the one that is served.
    """
    from samui.models import load_predictor
    from samui.serve.service import Service
    from samui.serve.settings import Settings
    from samui.ui.launch import launch

    def load(name: str) -> Any:
        predictor = load_predictor(name, device=args.device, dtype=args.dtype, threads=args.threads)
        return wrap(predictor) if wrap else predictor

    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="samui-bench-") as folder:
        model = args.model
        if args.random_base:
            model = str(write_random_base(Path(folder, "checkpoint")))
        # What is timed is the first mask; the answer from closer views comes after it, and would be counted as a call.
        service = Service(Settings(model=model, close_ups=False), load, Path(folder, "scratch"))
        page = None
        try:
            service.warm()
            page, address = launch(service, host="127.0.0.1", block=False)
            yield service, address
        finally:
            if page is not None:
                page.close(verbose=False)
            service.close()

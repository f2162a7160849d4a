"""The command line: parse, one call into the library, print. Results on stdout, progress and messages on stderr."""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from samui.cli import bench as bench_command
from samui.cli import everything as everything_command
from samui.errors import PromptError, SamuiError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SamuiError(f"{self.prog}: {message}")


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code: 0, or 1 with one line on stderr for a mistake of the caller's."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The name of a file may hold what a terminal or a pipe cannot; a run over a folder must not end at that.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options = _parser().parse_args(arguments)
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
        for noisy in ("httpx", "httpcore", "transformers", "accelerate", "huggingface_hub"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError as error:
        # Who reads has gone, as with `| head`. Python would try to write the rest once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"stdout: must stay open until the command ends, got: {error.strerror}", file=sys.stderr)
        return 1
    except SamuiError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="samui", description="Cut objects out of images with SAM.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="open the page in a browser")
    _add_model(serve)
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=_port, help="port to listen on (default: the first free one from 7860)")
    serve.add_argument("--share", action="store_true", help="also open a public link through Gradio's tunnel")
    serve.add_argument("--hosted", action="store_true", help="limits of a public page (default on a Space)")
    serve.add_argument("--cache", type=Path, metavar="FOLDER", help="keep embeddings there between starts")
    serve.set_defaults(run=_serve)

    segment = commands.add_parser("segment", help="masks for points and boxes on one image")
    segment.add_argument("image", type=Path, help="the image file")
    segment.add_argument(
        "--point",
        type=_point,
        action="append",
        default=[],
        metavar="X,Y[,1|0]",
        help="1 includes, 0 excludes",
    )
    segment.add_argument(
        "--box", type=_box, action="append", default=[], metavar="X0,Y0,X1,Y1", help="several are several objects"
    )
    segment.add_argument("--out", type=Path, required=True, metavar="FILE", help="to write; its ending tells how")
    segment.add_argument("--format", help="how to write it, where the ending does not tell (labelmap, cutout, ...)")
    segment.add_argument(
        "--candidate", type=_candidate, default=None, metavar="best|0|1|2", help="in SAM's own order (default best)"
    )
    segment.add_argument("--label", default="", help="class name for COCO and file names")
    segment.add_argument(
        "--snap",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="to edges (default: bundled model only)",
    )
    segment.add_argument("--json", action="store_true", help="print scores, boxes and areas as JSON")
    _add_model(segment)
    segment.set_defaults(run=_segment)

    everything = commands.add_parser("everything", help="all masks of an image, or of each image in a folder")
    everything_command.add_arguments(everything)
    _add_model(everything)
    everything.set_defaults(run=_everything)

    bench = commands.add_parser("bench", help="speed of a click, and how well masks fit")
    bench_command.add_arguments(bench, _add_model)
    bench.set_defaults(run=bench_command.run)

    models = commands.add_parser("models", help="known models, and which one 'auto' takes")
    models.add_argument("--json", action="store_true", help="print as JSON")
    models.set_defaults(run=_models)
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="auto", metavar="M", help="hub id, folder, 'bundled' or 'auto' (default)")
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1, mps (default: what accelerate finds)")
    parser.add_argument(
        "--dtype",
        default="auto",
        metavar="T",
        help="float32 (transformers' own numbers), bfloat16, float16, or auto: float32 with a large image encoder in "
        "bfloat16 where that is faster and good enough (default %(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads of torch on the CPU (default: cores allowed)")


def _serve(options: argparse.Namespace) -> None:
    # Before gradio is imported, which reads it: uploads lie in this run's folder, and go with it.
    scratch = Path(tempfile.gettempdir()) / f"samui-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from samui.models import load_predictor
    from samui.serve.service import Service
    from samui.serve.settings import Settings

    make = Settings.for_host if options.hosted or "SPACE_ID" in os.environ else Settings
    settings = make(model=options.model, disk_cache=options.cache)
    if options.share or not _is_loopback(options.host or os.environ.get("GRADIO_SERVER_NAME", LOOPBACK[0])):
        settings = replace(settings, free_models=False)
        logging.getLogger(__name__).warning("The page is open to everybody who reaches it: there is no login.")
    load = _loader(options, load_predictor)
    service = Service(settings, load, scratch)
    os.environ["GRADIO_TEMP_DIR"] = str(service.scratch.folder / "uploads")
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


def _segment(options: argparse.Namespace) -> None:
    from samui import files, formats
    from samui.models import load_predictor
    from samui.pixels.images import read_image
    from samui.work.segment import segment

    chosen = formats.get(options.format) if options.format else formats.for_file(options.out)
    prompts = _prompts(options)
    files.check_target(options.out, options.image)
    picture = read_image(options.image)
    predictor = _loader(options, load_predictor)(options.model)
    session = segment(
        predictor, picture.pixels, prompts, candidate=options.candidate, label=options.label, snap=options.snap
    )
    objects = session.state.objects
    annotation = formats.from_objects(picture.name, picture.size, objects)
    files.write(options.out, chosen.encode(annotation, picture.pixels if chosen.needs_image else None))
    if options.json:
        told = [
            {"id": o.id, "score": round(o.score, 4), "candidate": o.candidate, "area": o.mask.area, "box": o.mask.box}
            for o in objects
        ]
        height, width = picture.size
        image = {"name": picture.name, "width": width, "height": height}
        print(json.dumps({"image": image, "model": predictor.name, "objects": told, "out": str(options.out)}))
    else:
        for o in objects:
            print(f"{options.out}: object {o.id}, score {o.score:.3f}, {o.mask.area} pixels, box {o.mask.box}")


def _everything(options: argparse.Namespace) -> None:
    from samui.models import load_predictor

    everything_command.run(options, _loader(options, load_predictor))


def _models(options: argparse.Namespace) -> None:
    from samui.models.checkpoints import AUTO, KNOWN, resolve

    choice = resolve(AUTO)
    rows = [
        {"name": m.name, "title": m.title, "megabytes": m.megabytes, "million_parameters": m.params, "note": m.note}
        for m in KNOWN
    ]
    if options.json:
        print(json.dumps({"auto": choice.name, "why": choice.why, "models": rows}))
        return
    for row in rows:
        size = f"{row['megabytes']} MB, {row['million_parameters']:g} M parameters"
        print(f"{row['name']:<28} {row['title']:<14} {size:<30} {row['note']}")
    print(f"auto: {choice.name}. {choice.why}")


def _loader(options: argparse.Namespace, load_predictor: Any) -> Any:
    return lambda name: load_predictor(name, device=options.device, dtype=options.dtype, threads=options.threads)


def _prompts(options: argparse.Namespace) -> list[Any]:
    from samui.types import Prompt

    points, labels = [p[:2] for p in options.point], [p[2] for p in options.point]
    if len(options.box) > 1:
        if points:
            raise PromptError(f"--point: must go with at most one --box, got {len(options.box)} boxes")
        return [Prompt(box=box) for box in options.box]
    if not points and not options.box:
        raise PromptError("segment: must have a --point or a --box, got neither")
    return [Prompt(points, labels, options.box[0] if options.box else None)]


def _point(text: str) -> tuple[float, float, int]:
    parts = text.split(",")
    if len(parts) not in (2, 3) or (len(parts) == 3 and parts[2].strip() not in ("0", "1")):
        raise argparse.ArgumentTypeError(f"must be X,Y or X,Y,1 or X,Y,0, got {text!r}")
    x, y = _floats(parts[:2], text)
    return x, y, int(parts[2]) if len(parts) == 3 else 1


def _box(text: str) -> tuple[float, ...]:
    parts = text.split(",")
    if len(parts) != 4:
        raise argparse.ArgumentTypeError(f"must be X0,Y0,X1,Y1, got {text!r}")
    return tuple(_floats(parts, text))


def _floats(parts: Sequence[str], text: str) -> list[float]:
    try:
        return [float(part) for part in parts]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers, got {text!r}") from None


def _candidate(text: str) -> int | None:
    if text == "best":
        return None
    if text not in ("0", "1", "2"):
        raise argparse.ArgumentTypeError(f"must be best, 0, 1 or 2, got {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535, got {text!r}")
    return int(text)

"""The command `segment`: masks for points and boxes on one image."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from samui import files, formats
from samui.cli.options import add_close_ups, add_model, floats, format_for, loader
from samui.errors import PromptError
from samui.pixels.images import read_image
from samui.types import Prompt
from samui.work.segment import segment_each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `segment`."""
    parser.add_argument("image", type=Path, help="the image file")
    parser.add_argument(
        "--point", type=_point, action="append", default=[], metavar="X,Y[,1|0]", help="1 includes, 0 excludes"
    )
    parser.add_argument(
        "--box", type=_box, action="append", default=[], metavar="X0,Y0,X1,Y1", help="several are several objects"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="to write; its ending gives the format")
    parser.add_argument("--format", help="format, if the ending does not give it (labelmap, cutout, ...)")
    parser.add_argument(
        "--candidate",
        type=_candidate,
        default=None,
        metavar="best|0|1|2",
        help="in SAM's own order; with close-ups best first (default best)",
    )
    parser.add_argument("--label", default="", help="class name for COCO and file names")
    parser.add_argument(
        "--snap", action=argparse.BooleanOptionalAction, default=None, help="to edges (default: bundled model only)"
    )
    add_close_ups(parser)
    parser.add_argument("--json", action="store_true", help="print scores, boxes and areas as JSON")
    add_model(parser)


def run(options: argparse.Namespace) -> None:
    """Write the masks and print what they are like. Raises SamuiError, where possible before the model is loaded."""
    chosen = format_for(options.out, options.format)
    prompts = _prompts(options)
    files.check_target(options.out, options.image)
    picture = read_image(options.image)
    for i, prompt in enumerate(prompts):
        prompt.check_inside(*picture.size, where=f"prompts[{i}]" if len(prompts) > 1 else "prompt")
    predictor = loader(options)(options.model)
    session = segment_each(
        predictor,
        picture.pixels,
        prompts,
        candidate=options.candidate,
        label=options.label,
        snap=options.snap,
        close_ups=options.close_ups,
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


def _prompts(options: argparse.Namespace) -> list[Prompt]:
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
    x, y = floats(parts[:2], text)
    return x, y, int(parts[2]) if len(parts) == 3 else 1


def _box(text: str) -> tuple[float, ...]:
    parts = text.split(",")
    if len(parts) != 4:
        raise argparse.ArgumentTypeError(f"must be X0,Y0,X1,Y1, got {text!r}")
    return floats(parts, text)


def _candidate(text: str) -> int | None:
    if text == "best":
        return None
    if text not in ("0", "1", "2"):
        raise argparse.ArgumentTypeError(f"must be best, 0, 1 or 2, got {text!r}")
    return int(text)

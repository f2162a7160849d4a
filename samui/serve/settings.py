"""Limits and choices of a server, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samui.pixels.images import HOSTED_BYTES, HOSTED_PIXELS, LOCAL_BYTES, LOCAL_PIXELS


@dataclass(frozen=True)
class Settings:
    """What a server allows and keeps.

    model: what a new page starts with. hosted: strangers use it. free_models: any hub id and folder may be typed, else
    only the model that the server was started with and the bundled one. seats: people at once. upload_bytes: budget on
    disk of files that were sent and are not open yet; the other *_bytes: budgets of memory. decoding_pixels: how many
    are decoded at once, for all together (about 8 bytes each; a larger picture is decoded alone). disk_cache: folder
    that keeps embeddings between runs, None for none; disk_bytes: of its files. decoder_calls: how many may run
    at once, None for the number of cores. close_ups: whether prompts are answered from closer views, too; None as the
    model has it. author: who makes changes here, "" for nobody in particular.
    """

    model: str = "auto"
    hosted: bool = False
    free_models: bool = True
    max_pixels: int = LOCAL_PIXELS
    max_bytes: int = LOCAL_BYTES
    seats: int = 32
    idle_seconds: float = 12 * 3600.0
    embedding_bytes: int = 512 * 2**20
    picture_bytes: int = 512 * 2**20
    decoding_pixels: int = 100_000_000
    session_bytes: int = 2 * 2**30
    upload_bytes: int = 2 * 2**30
    disk_cache: Path | None = None
    disk_bytes: int = 4 * 2**30
    decoder_calls: int | None = None
    close_ups: bool | None = None
    author: str = ""

    @classmethod
    def for_host(cls, **changes: Any) -> Settings:
        """Settings of a public page: smaller pictures, more people, known models, sessions that end sooner."""
        limits = {"max_pixels": HOSTED_PIXELS, "max_bytes": HOSTED_BYTES, "seats": 256, "idle_seconds": 3600.0}
        return cls(**{"hosted": True, "free_models": False, **limits, **changes})

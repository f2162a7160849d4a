"""`read_image` under its first name; the rules stand in `samui.pixels.images`."""

from samui.pixels.images import Picture, read_image

__all__ = ["Picture", "read_image"]

"""The colours that objects get: told apart from each other, and readable on dark and on light pictures."""

from __future__ import annotations

import colorsys

# Steps of the golden angle never come close to a hue that was used shortly before.
_GOLDEN = 0.618033988749895
_FIRST_HUE = 0.58
_RINGS = ((0.85, 0.95), (0.55, 1.0), (0.95, 0.7))  # (saturation, value), one a turn of the palette
_TURN = 12


def colour(index: int) -> tuple[int, int, int]:
    """(r, g, b), 0..255, of the object with this index from 0; the same at every call."""
    hue = (_FIRST_HUE + index * _GOLDEN) % 1.0
    saturation, value = _RINGS[index // _TURN % len(_RINGS)]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def hex_colour(index: int) -> str:
    """The same as "#rrggbb", as the page and the session write it."""
    return "#{:02x}{:02x}{:02x}".format(*colour(index))

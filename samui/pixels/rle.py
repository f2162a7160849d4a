"""`Rle`: a mask as run lengths, byte for byte as COCO writes it.

The order is COCO's: pixels column by column, the first run counts zeros (0 if the top left pixel is set). The strings
are those of ``pycocotools.mask.encode`` (format: cocoapi ``common/maskApi.c``, ``rleToString``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from samui.errors import MaskError

_BLOCK = 1 << 20  # bytes compared at a time, so that the difference of a large mask never goes to main memory
_MAX_CHARS = 7  # of one number in a string: 5 bits each, enough for 2^32
_LIMITS = 1 << 5 * np.arange(1, _MAX_CHARS) - 1  # the smallest that does not fit into so many chars, with a sign


@dataclass(frozen=True, eq=False)
class Rle:
    """One mask as COCO run lengths; immutable, comparable, hashable.

    size: (H, W) in pixels, both at least 1. counts: run lengths, column by column, zeros first, as a read-only uint32
    array that sums to H * W.

    Raises MaskError for another size or sum.
    """

    size: tuple[int, int]
    counts: np.ndarray

    def __post_init__(self) -> None:
        height, width = _size(self.size)
        counts = np.asarray(self.counts)
        if counts.ndim != 1 or not (counts.dtype.kind in "ui" or counts.size == 0):
            raise MaskError(f"rle.counts: must be a list of whole numbers, got {_short(self.counts)}")
        if counts.size and counts.min() < 0:
            raise MaskError(f"rle.counts: must not be negative, got {int(counts.min())}")
        if counts.size and counts.max() > height * width:  # so large that their sum might wrap round to the right one
            raise MaskError(f"rle.counts: must be at most {height * width} each, got {int(counts.max())}")
        total = int(counts.sum(dtype=np.int64))
        if total != height * width:
            raise MaskError(f"rle.counts: must sum to {height * width} for {width}x{height}, got {total}")
        counts = counts.astype(np.uint32)
        counts.setflags(write=False)
        object.__setattr__(self, "size", (height, width))
        object.__setattr__(self, "counts", counts)

    @classmethod
    def encode(cls, mask: np.ndarray) -> Rle:
        """Run lengths of a bool (H, W) array; about 1.2 ms for 12 megapixels, more only where the mask is noise."""
        mask = np.asarray(mask)
        if mask.ndim != 2 or mask.dtype != np.bool_ or mask.size == 0:
            raise MaskError(f"mask: must be a bool array (H, W), got {mask.dtype} {mask.shape}")
        height, width = mask.shape
        # A run starts where a pixel differs from the one above; in the top row, from the bottom of the column before.
        rows, columns = np.divmod(_vertical_changes(np.ascontiguousarray(mask)), width)
        previous = np.concatenate(([False], mask[-1, :-1]))
        starts = np.concatenate((np.flatnonzero(mask[0] != previous) * height, columns * height + rows))
        starts.sort()
        return cls((height, width), np.diff(starts, prepend=0, append=height * width))

    def decode(self) -> np.ndarray:
        """Bool (H, W) array of the mask, C-contiguous, made anew at each call; only the mask's box is written."""
        height, width = self.size
        mask = np.zeros((height, width), np.uint8)
        box = self.box
        if box is None:
            return mask.view(np.bool_)
        x0, y0, x1, y1 = box
        # Where the runs begin and end in the pixels of the box, column by column. A run that goes on in the next
        # column touches top and bottom, and then the box is as high as the mask.
        ends = np.cumsum(self.counts, dtype=np.int64)
        (held,) = np.nonzero(self.counts[1::2])
        lengths = self.counts[1::2][held].astype(np.int64)
        x, y = np.divmod(ends[1::2][held] - lengths, height)
        inner = y1 - y0
        changes = np.empty(2 * len(lengths), np.int64)
        changes[::2] = (x - x0) * inner + y - y0
        changes[1::2] = changes[::2] + lengths
        step = max(1, _BLOCK // inner)
        for left in range(0, x1 - x0, step):
            right = min(left + step, x1 - x0)
            first, last = np.searchsorted(changes, (left * inner, right * inner))
            runs = np.diff(changes[first:last], prepend=left * inner, append=right * inner)
            values = ((np.arange(len(runs)) + first) & 1).astype(np.uint8)
            columns = np.repeat(values, runs).reshape(right - left, inner)
            mask[y0:y1, x0 + left : x0 + right] = cv2.transpose(columns).reshape(inner, right - left)
        return mask.view(np.bool_)

    def to_string(self) -> str:
        """COCO's compressed string: from the fourth number on the difference to the one two before, 5 bits a char."""
        values = self.counts.astype(np.int64)
        values[3:] -= self.counts[1:-2]
        # A char holds five bits; a number (~number if negative) needs one more for each limit that it passes.
        size = values ^ (values >> 63)
        length = np.searchsorted(_LIMITS, size, "right") + 1
        ends = np.cumsum(length)
        place = np.arange(ends[-1]) - np.repeat(ends - length, length)
        codes = (np.repeat(values, length) >> 5 * place & 31) + 80
        codes[ends - 1] -= 32  # the last char of each number says so
        return codes.astype(np.uint8).tobytes().decode("ascii")

    @classmethod
    def from_string(cls, size: tuple[int, int], text: str) -> Rle:
        """The mask of COCO's compressed string; size is (H, W).

        Raises MaskError for other characters, an unfinished number, negative runs or a wrong sum.
        """
        height, width = _size(size)
        if not isinstance(text, str) or not text.isascii():
            raise MaskError(f"rle.counts: must be a string of ASCII characters, got {_short(text)}")
        raw = np.frombuffer(text.encode("ascii"), np.uint8) - np.uint8(48)  # below '0' it wraps round
        if len(raw) and raw.max() > 63:
            at = int(np.argmax(raw > 63))
            raise MaskError(f"rle.counts[{at}]: must be a character from '0' to 'o', got {text[at]!r}")
        codes = raw.astype(np.int64)
        last = np.flatnonzero(codes < 32)
        if len(codes) == 0 or codes[-1] >= 32:
            raise MaskError(f"rle.counts: must end with a whole number, got {_short(text)}")
        first = np.concatenate(([0], last[:-1] + 1))
        chars = last - first + 1
        if chars.max() > _MAX_CHARS:
            raise MaskError(f"rle.counts: must be numbers of at most {_MAX_CHARS} characters, got {int(chars.max())}")
        low = codes & 31
        values = low[first]
        for place in range(1, int(chars.max())):  # most numbers have one or two
            longer = np.flatnonzero(chars > place)
            values[longer] |= low[first[longer] + place] << 5 * place
        values -= (codes[last] & 16) << 5 * chars - 4  # the top bit is the sign
        values[1::2] = np.cumsum(values[1::2])
        values[2::2] = np.cumsum(values[2::2])
        if values.min() < 0 or values.max() > height * width:
            at = int(np.flatnonzero((values < 0) | (values > height * width))[0])
            raise MaskError(
                f"rle.counts: each run must be from 0 to {height * width}, got {int(values[at])} as run {at}"
            )
        return cls((height, width), values)

    @property
    def area(self) -> int:
        """Number of pixels that are set."""
        return int(self.counts[1::2].sum(dtype=np.int64))

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(x0, y0, x1, y1) in pixels, right and bottom exclusive; None if no pixel is set. Nothing is decoded."""
        ends = np.cumsum(self.counts, dtype=np.int64)
        set_runs = np.flatnonzero(self.counts[1::2]) * 2 + 1
        if len(set_runs) == 0:
            return None
        height = self.size[0]
        first, last = ends[set_runs - 1], ends[set_runs] - 1
        x_first, y_first = np.divmod(first, height)
        x_last, y_last = np.divmod(last, height)
        if (x_first != x_last).any():  # a run that goes on in the next column touches bottom and top
            y0, y1 = 0, height
        else:
            y0, y1 = int(y_first.min()), int(y_last.max()) + 1
        return int(x_first[0]), y0, int(x_last[-1]) + 1, y1

    def columns(self) -> np.ndarray:
        """int64 (n, 2): first and end offset of each run of the mask, cut where a column of pixels ends."""
        height = self.size[0]
        ends = np.cumsum(self.counts, dtype=np.int64)
        last = ends[1::2]
        first = ends[:-1:2][: len(last)]
        held = first < last
        first, last = first[held], last[held]
        column = first // height
        count = (last - 1) // height - column + 1
        if count.size == 0 or count.max() == 1:
            return np.column_stack((first, last))
        at = np.repeat(column - np.cumsum(count) + count, count) + np.arange(count.sum())
        first, last = np.repeat(first, count), np.repeat(last, count)
        return np.column_stack((np.maximum(first, at * height), np.minimum(last, (at + 1) * height)))

    def overlap(self, other: Rle) -> int:
        """Number of pixels that both masks, of one size, set; nothing is decoded."""
        ends = np.cumsum(other.counts, dtype=np.int64)
        return int(np.diff(self._below(ends))[::2].sum())

    def _below(self, offsets: np.ndarray) -> np.ndarray:
        """How many pixels of the mask lie below each offset."""
        ends = np.cumsum(self.counts, dtype=np.int64)
        held = self.counts.astype(np.int64)
        held[::2] = 0
        held = np.cumsum(held)
        run = np.minimum(np.searchsorted(ends, offsets), len(ends) - 1)
        return held[run] - np.where(run % 2 == 1, ends[run] - offsets, 0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rle) and self.size == other.size and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.size, self.counts.tobytes()))


def by_value(values: np.ndarray) -> dict[int, Rle]:
    """The mask of each value but 0 of a whole-number (H, W) array, by rising value; in one pass for all of them."""
    height, width = values.shape
    flat = values.T.reshape(-1)
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    ends = np.append(starts[1:], flat.size)
    order = np.argsort(flat[starts], kind="stable")
    found, first = np.unique(flat[starts][order], return_index=True)
    masks = {}
    for value, runs in zip(found.tolist(), np.split(order, first[1:]), strict=True):
        bounds = np.column_stack((starts[runs], ends[runs])).reshape(-1)
        bounds = bounds[bounds < flat.size]
        masks[value] = Rle((height, width), np.diff(bounds, prepend=0, append=flat.size))
    masks.pop(0, None)
    return masks


def _vertical_changes(mask: np.ndarray) -> np.ndarray:
    """Flat indices of the pixels below the top row that differ from the pixel above; mask is C-contiguous."""
    width = mask.shape[1]
    flat = mask.reshape(-1).view(np.uint8)
    total = flat.size - width
    words = np.empty(-(-min(total, _BLOCK) // 8), np.uint64)
    difference = words.view(np.uint8)
    found = []
    for start in range(0, total, _BLOCK):
        stop = min(start + _BLOCK, total)
        np.bitwise_xor(flat[start + width : stop + width], flat[start:stop], out=difference[: stop - start])
        difference[stop - start :] = 0
        # Hardly any pixel differs: eight at a time are skipped, and only the words that remain are looked into.
        hit = np.flatnonzero(words != 0)
        inside = np.flatnonzero(words[hit].view(np.bool_))
        found.append(hit[inside >> 3] * 8 + (inside & 7) + (start + width))
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _size(size: tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = (int(v) for v in size)
    except (TypeError, ValueError):
        raise MaskError(f"rle.size: must be (height, width) in pixels, got {_short(size)}") from None
    if height < 1 or width < 1 or height * width >= 2**32:
        raise MaskError(f"rle.size: must be (height, width) of 1 to 2^32 pixels, got {_short(size)}")
    return height, width


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

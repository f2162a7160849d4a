"""What a workspace tells of its images, labels and history: frozen values, one a row."""

from __future__ import annotations

from dataclasses import dataclass

STATES = ("todo", "progress", "done", "skipped")


@dataclass(frozen=True)
class Image:
    """An image of a workspace, without its pixels.

    uid: its name for ever, 32 hexadecimal digits; what `Operation.image` and the page call it. path: relative to the
    folder, with "/"; in a library the name that it was opened by last. size: (H, W) in pixels, None until it was opened
    once. state: one of STATES. revision: counts the operations. objects: how many it has now. missing: its file is not
    where it was; its objects are kept.
    """

    uid: str
    path: str
    size: tuple[int, int] | None
    state: str
    revision: int
    objects: int
    note: str
    missing: bool

    @property
    def name(self) -> str:
        """The path without its folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Filter:
    """Which images are meant. state: one of STATES, or None for any. label: name of a label that some object of theirs
    has, or None. name: a part of the path, in any case; "" for any. Images whose file is missing are left out."""

    state: str | None = None
    label: str | None = None
    name: str = ""


ANY = Filter()


@dataclass(frozen=True)
class Counts:
    """How many images there are, how many in each state, and how many objects on all of them."""

    images: int
    todo: int
    progress: int
    done: int
    skipped: int
    objects: int


@dataclass(frozen=True)
class Label:
    """A label of a workspace. colour: "#rrggbb". key: one character that chooses it on the page, "" for none. order:
    its place in the list from 0, which exports take their class ids from; it changes only when a person changes it.
    objects: how many objects have it now."""

    name: str
    colour: str
    key: str
    order: int
    objects: int


@dataclass(frozen=True)
class Moment:
    """One operation in the history of an image, newest first. seq: names the moment after it, for `restore`. at:
    seconds since 1970. made, ended: how many versions of objects it made, and how many of those before ended with it
    (a deletion ends one and makes none). overtaken: how many of those that it made were too late to be held."""

    seq: int
    revision: int
    action: str
    at: float
    author: str
    made: int
    ended: int
    overtaken: int


@dataclass(frozen=True)
class Scanned:
    """What a look at the folder has found since the look before. new, moved, missing, back: how many images.

    passed: how many files look like pictures and are none that samui opens, by what they are.
    """

    new: int
    moved: int
    missing: int
    back: int
    passed: dict[str, int]

    @property
    def changed(self) -> bool:
        """Whether the list of images is another one."""
        return bool(self.new or self.moved or self.missing or self.back)

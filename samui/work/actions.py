"""What a person can do in a session, as values: the page, the API and the tests send the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from samui.types import Point, Prompt
from samui.work.gestures import StrokeGesture
from samui.work.state import Object


@dataclass(frozen=True, eq=False)
class SetPrompt:
    """The whole prompt of the active object as it stands now (an empty one drops it).

    close_ups: answered from closer views too, where the prompt is of points and a box alone.
    """

    prompt: Prompt
    close_ups: bool = False


@dataclass(frozen=True)
class Prepare:
    """Decode a prompt that is likely to be set next, while a gesture still lasts; changes nothing."""

    prompt: Prompt
    close_ups: bool = False


@dataclass(frozen=True)
class Hover:
    """A preview of the mask under a point; changes nothing."""

    point: Point


@dataclass(frozen=True)
class Choose:
    """Look at another candidate; `rank` counts from 0, the highest predicted IoU."""

    rank: int


@dataclass(frozen=True)
class Draw:
    """Draw on the active mask."""

    stroke: StrokeGesture


@dataclass(frozen=True)
class Accept:
    """Keep the shown mask as an object. label None: the one used last; colour None: the next of the palette."""

    label: str | None = None
    colour: str | None = None


@dataclass(frozen=True, eq=False)
class Copy:
    """Take over the objects of another image. image: its name in the store; objects: what it has, in their order."""

    image: str
    objects: tuple[Object, ...] = ()


@dataclass(frozen=True)
class Import(Copy):
    """Take over the objects of a file that was read before. image: what that reading is called."""


@dataclass(frozen=True)
class Clear:
    """Drop the active prompt and leave the objects."""


@dataclass(frozen=True)
class Undo:
    """Back by one step."""


@dataclass(frozen=True)
class Redo:
    """Forward by one step that was undone."""


@dataclass(frozen=True)
class Reset:
    """Drop the active prompt and all objects."""


@dataclass(frozen=True)
class Reopen:
    """Make an object active again, with the prompt and the logits that made it."""

    id: int


@dataclass(frozen=True)
class Delete:
    """Remove an object."""

    id: int


@dataclass(frozen=True)
class Relabel:
    """Give an object another label."""

    id: int
    label: str


@dataclass(frozen=True)
class Recolour:
    """Give an object another colour, "#rrggbb"."""

    id: int
    colour: str


@dataclass(frozen=True)
class Show:
    """Show or hide an object."""

    id: int
    visible: bool


@dataclass(frozen=True)
class Snap:
    """Switch "snap to edges" of the active mask and of those to come."""

    on: bool


@dataclass(frozen=True)
class Keep:
    """Make an object of each of these found masks, all in one step. label None: the one used last."""

    masks: tuple[int, ...]
    label: str | None = None


@dataclass(frozen=True)
class Merge:
    """Make one object of the union of these found masks. label None: the one used last."""

    masks: tuple[int, ...]
    label: str | None = None


@dataclass(frozen=True)
class Reject:
    """Take these found masks from the list."""

    masks: tuple[int, ...]


@dataclass(frozen=True)
class Restore:
    """Put all rejected masks back into the list."""


@dataclass(frozen=True)
class Refine:
    """Make a found mask the active one, with the point that found it, so that clicks correct it."""

    mask: int


@dataclass(frozen=True)
class Cancel:
    """Stop the run of everything mode; changes nothing in the session."""


@dataclass(frozen=True)
class Abandon:
    """Stop opening an image or loading a model; the session is then as it was before."""


@dataclass(frozen=True)
class TellFound:
    """Report all found masks; changes nothing."""


@dataclass(frozen=True)
class PutBack:
    """Take over objects that a page holds, under their own names, where the session lacks them.

    newer: uids of those that hold more than any store, so that they replace what is here; gone: of deleted ones that no
    store knows to be deleted. asked: ids of operations of which the page does not know whether they were applied.
    """

    objects: tuple[Object, ...]
    newer: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class GoBack:
    """Open the image before this one again, with its objects; this one takes its place."""


@dataclass(frozen=True)
class Report:
    """Report the whole state; changes nothing."""


Action = (
    SetPrompt
    | Prepare
    | Hover
    | Choose
    | Draw
    | Accept
    | Copy
    | Import
    | Clear
    | Undo
    | Redo
    | Reset
    | Reopen
    | Delete
    | Relabel
    | Recolour
    | Show
    | Snap
    | Keep
    | Merge
    | Reject
    | Restore
    | Refine
    | Cancel
    | Abandon
    | TellFound
    | PutBack
    | GoBack
    | Report
)

"""`Store`: where the objects of images are kept, told of every change of them as an operation.

    kept = store.commit(Operation(image, "Accept", id=..., author="anna"), before, after)
    kept.objects is after            # nobody else has changed the image meanwhile
    store.objects(image)             # another day, another process

An operation is applied once however often it comes, and once `commit` has returned it is kept for good: on disk, where
the store has one. Of two who change an image, the first one's version stands where both changed the same part; the
second is told (`Kept.conflicts`), and that version is kept in the history.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from samui.work.combine import combine
from samui.work.state import Object

_OPERATIONS_KEPT = 1000  # of an image: so many may lie between an operation and its repetition


@dataclass(frozen=True)
class Operation:
    """One change of the objects of an image. id: 32 hexadecimal digits of its own, so that it is applied once however
    often it comes.

    image: name of the image in the store. action: what the person did, such as "Accept". author: who, "" for nobody in
    particular.
    """

    image: str
    action: str
    id: str = field(default_factory=lambda: uuid4().hex)
    author: str = ""


@dataclass(frozen=True, eq=False)
class Change:
    """An operation, and the objects before and after it."""

    operation: Operation
    before: tuple[Object, ...]
    after: tuple[Object, ...]


@dataclass(frozen=True, eq=False)
class Kept:
    """What a store holds of an image now. objects: the very tuple `after` of the commit, unless somebody else has
    changed the image too. revision: counts the operations of the image. conflicts: a sentence for each change that
    could not go in; what was made then is in the image's history."""

    objects: tuple[Object, ...]
    revision: int
    conflicts: tuple[str, ...] = ()


class Store(Protocol):
    """Keeps the objects of images. Thread-safe."""

    def objects(self, image: str) -> tuple[Object, ...]:
        """The objects of an image, in the order in which they are drawn; none of one that it does not know."""

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> Kept:
        """Keep what an operation changed: the difference of two lists of objects, by their uid.

        Returns once it is kept; an operation with an id that was committed before changes nothing. Raises StoreError,
        a SamuiError with a sentence for the person, if it cannot be kept: nothing of it is then.
        """

    def knows(self, operation: str) -> bool:
        """Whether an operation of this id was committed: a page that sends it again is answered as if it were new."""

    def deleted(self, image: str) -> frozenset[str]:
        """The uids of objects that an image had and has no more; none where nobody has noted it."""

    def forget(self, image: str) -> None:
        """No way leads to an image any more. A store that outlasts the server keeps it all the same."""


class MemoryStore:
    """A store that lives as long as the process, for pages that keep nobody's work."""

    def __init__(self) -> None:
        self._images: dict[str, Kept] = {}
        self._known: dict[str, dict[str, None]] = {}  # ids of the newest operations of each image
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._images)

    def objects(self, image: str) -> tuple[Object, ...]:
        """See `Store.objects`."""
        with self._lock:
            return self._images[image].objects if image in self._images else ()

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> Kept:
        """See `Store.commit`."""
        with self._lock:
            held = self._images.get(operation.image, Kept((), 0))
            known = self._known.setdefault(operation.image, {})
            if operation.id in known:
                return held
            both = combine(held.objects, before, after)
            known[operation.id] = None
            while len(known) > _OPERATIONS_KEPT:
                del known[next(iter(known))]
            self._images[operation.image] = Kept(both.objects, held.revision + 1)
            return Kept(both.objects, held.revision + 1, both.conflicts)

    def knows(self, operation: str) -> bool:
        """See `Store.knows`."""
        with self._lock:
            return any(operation in known for known in self._known.values())

    def deleted(self, image: str) -> frozenset[str]:  # noqa: ARG002
        """None: what is deleted here is forgotten."""
        return frozenset()

    def forget(self, image: str) -> None:
        """See `Store.forget`."""
        with self._lock:
            self._images.pop(image, None)
            self._known.pop(image, None)

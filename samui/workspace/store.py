"""`Store`: where the objects of images are kept, told of every change of them as an operation."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from samui.work.state import Object

_OPERATIONS_KEPT = 1000  # of an image: so many may lie between an operation and its repetition


@dataclass(frozen=True)
class Operation:
    """One change of the objects of an image. id: unique, so that it is applied once however often it comes.

    image: name of the image in the store. action: what the person did, such as "Accept".
    """

    image: str
    action: str
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass(frozen=True, eq=False)
class Change:
    """An operation, and the objects before and after it."""

    operation: Operation
    before: tuple[Object, ...]
    after: tuple[Object, ...]


class Store(Protocol):
    """Keeps the objects of images. Thread-safe. outlasts: whether what it keeps is there after the server has ended."""

    @property
    def outlasts(self) -> bool: ...

    def objects(self, image: str) -> tuple[Object, ...]:
        """The objects of an image, in the order in which they are drawn; none of one that it does not know."""

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> None:
        """Keep what an operation changed: the difference of two lists of objects, by their uid.

        Returns once it is kept; an operation with an id that was committed before changes nothing. Raises SamuiError if
        it cannot be kept.
        """

    def knows(self, operation: str) -> bool:
        """Whether an operation of this id was committed: a page that sends it again is answered as if it were new."""

    def forget(self, image: str) -> None:
        """No way leads to an image any more. A store that outlasts the server keeps it all the same."""


class MemoryStore:
    """A store that lives as long as the process, for pages that keep nobody's work."""

    outlasts = False

    def __init__(self) -> None:
        self._images: dict[str, tuple[Object, ...]] = {}
        self._known: dict[str, dict[str, None]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._images)

    def objects(self, image: str) -> tuple[Object, ...]:
        """See `Store.objects`."""
        with self._lock:
            return self._images.get(image, ())

    def commit(self, operation: Operation, before: Sequence[Object], after: Sequence[Object]) -> None:
        """See `Store.commit`."""
        with self._lock:
            known = self._known.setdefault(operation.image, {})
            if operation.id in known:
                return
            known[operation.id] = None
            while len(known) > _OPERATIONS_KEPT:
                del known[next(iter(known))]
            held = self._images.get(operation.image, ())
            self._images[operation.image] = merged(held, before, after)

    def knows(self, operation: str) -> bool:
        """See `Store.knows`."""
        with self._lock:
            return any(operation in known for known in self._known.values())

    def forget(self, image: str) -> None:
        """See `Store.forget`."""
        with self._lock:
            self._images.pop(image, None)
            self._known.pop(image, None)


def merged(held: Sequence[Object], before: Sequence[Object], after: Sequence[Object]) -> tuple[Object, ...]:
    """What is held, with the difference of two lists applied: those that are gone, that changed, that are new.

    Where what is held is what was before, it is what comes after, in its order.
    """
    if tuple(held) == tuple(before):
        return tuple(after)
    old = {item.uid: item for item in before}
    new = {item.uid: item for item in after}
    kept = []
    for item in held:
        if item.uid not in new:
            if item.uid not in old:  # another change made it
                kept.append(item)
        else:
            now = new.pop(item.uid)
            kept.append(item if now is old.get(item.uid) else now)
    return (*kept, *(item for uid, item in new.items() if old.get(uid) is not item))

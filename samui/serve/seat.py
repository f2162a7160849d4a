"""`Seat`: one page's place in the server's table, and what it holds, as frozen values that are replaced whole.

Whoever changes a seat builds the new value beside the old one and assigns it at the end. What fails on the way leaves
the seat as it was.
"""

from __future__ import annotations

import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from samui.errors import SessionError
from samui.everything.found_masks import FoundMasks
from samui.models.predictor import Predictor
from samui.serve.line import Line
from samui.serve.open_image import OpenImage
from samui.timings import Timings
from samui.types import Prompt
from samui.work import actions
from samui.work.session import Session
from samui.work.state import Object
from samui.workspace.store import Change


@dataclass(frozen=True, eq=False)
class Work:
    """An image that is open, and all that was done on it.

    model: key of the predictor whose logits the session holds. found: what the newest run of everything mode has found.
    embedding_key: of the image's embedding, "" until it is known. encode_ms: how long the encoder took.
    """

    image: OpenImage
    session: Session
    model: str
    found: FoundMasks | None = None
    embedding_key: str = ""
    encode_ms: float | None = None

    @property
    def nbytes(self) -> int:
        """Bytes in memory of the undo list and of the found masks."""
        return self.session.nbytes + (self.found.nbytes if self.found else 0)

    def within(self, budget_bytes: int) -> Work:
        """The same work with a shorter undo list, where it is over a budget."""
        session = self.session.within(budget_bytes - (self.found.nbytes if self.found else 0))
        return self if session is self.session else replace(self, session=session)


@dataclass(frozen=True, eq=False)
class Contents:
    """What a seat holds. model: name of its model, as asked for; predictor: that model, once it was needed.

    left: the image before this one and the work on it, so that a wrong click does not cost an hour of work.
    """

    model: str = ""
    predictor: Predictor | None = None
    work: Work | None = None
    left: Work | None = None

    @property
    def nbytes(self) -> int:
        """Bytes in memory that are this seat's alone."""
        return sum(work.nbytes for work in (self.work, self.left) if work is not None)

    @property
    def images(self) -> list[OpenImage]:
        """The images that can still be reached."""
        return [work.image for work in (self.work, self.left) if work is not None]

    def opened(self, work: Work) -> Contents:
        """The same seat with another image open; one with objects stays one step back."""
        leaving = self.work is not None and bool(self.work.session.state.objects)
        return replace(self, work=work, left=self.work if leaving else self.left)

    def back(self) -> Contents:
        """The same seat with the image before this one open. SessionError if there is none."""
        if self.left is None:
            raise SessionError("back: there must be an image before this one with objects, got none")
        return replace(self, work=self.left, left=self.work)

    def within(self, budget_bytes: int) -> Contents:
        """The same with shorter undo lists, where they are over a budget: first that of the image that was left."""
        work, left = self.work, self.left
        if left is not None:
            left = left.within(budget_bytes - (work.nbytes if work else 0))
        if work is not None:
            work = work.within(budget_bytes - (left.nbytes if left else 0))
        return self if work is self.work and left is self.left else replace(self, work=work, left=left)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A prompt that was decoded before it is set. before, after: the session without it and with it.

    timings: of the decoder call that made it. close_ups: whether the answer comes from closer views, too.
    """

    prompt: Prompt
    before: Session
    after: Session
    timings: Timings
    close_ups: bool = False

    def answers(self, prompt: Prompt, session: Session, close_ups: bool = False) -> bool:
        """Whether it is what setting this prompt of points and box in this session gives."""
        mine = self.prompt
        same = (prompt.points, prompt.labels, prompt.box) == (mine.points, mine.labels, mine.box)
        return same and session is self.before and close_ups == self.close_ups


@dataclass(frozen=True, eq=False)
class Brought:
    """Objects of a file that was read and not imported yet. key: names it. image: key of the image that they are of."""

    key: str
    image: str
    objects: tuple[Object, ...]


@dataclass(eq=False)
class Seat:
    """One page's place in the table.

    token: the secret that names it. former: the token before this one, good until the new one is used. key: names its
    folder, and stays when the token changes. sender: address that it was given to, None where all may have the same.
    admitted: it is one of the people at work, who may open images. `lock` is held by whoever changes what it holds,
    from the look at the old value to the assignment of the new one; no encoder runs and no file is written meanwhile.
    Reading needs no lock.
    """

    token: str
    used: float
    key: str = field(default_factory=lambda: secrets.token_hex(8))
    former: str | None = None
    sender: str | None = None
    admitted: bool = False
    closed: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)
    line: Line = field(default_factory=Line)
    contents: Contents = field(default_factory=Contents)
    prepared: Prepared | None = None
    brought: Brought | None = None
    changes: deque[Change] = field(default_factory=deque)  # of objects, not yet told to the store
    telling: threading.Lock = field(default_factory=threading.Lock)  # of the store: changes reach it in their order

    @property
    def nbytes(self) -> int:
        """Bytes in memory that this seat alone keeps."""
        prepared = self.prepared
        beyond = prepared.after.nbytes - prepared.before.nbytes if prepared else 0
        return self.contents.nbytes + max(0, beyond)

    @property
    def work(self) -> Work:
        """The image that is open, and the work on it. SessionError if none is."""
        work = self.contents.work
        if work is None:
            raise SessionError("session: must have an image; open one first")
        return work

    def look(self) -> tuple[int, Contents]:
        """The epoch and what the seat holds in it."""
        with self.line.lock:
            return self.line.epoch, self.contents

    def move(self, contents: Contents) -> None:
        """Hold another image or model: a new epoch begins, and the page is told all. The caller holds `lock`."""
        with self.line.lock:
            self.line.sent.clear()
            self.line.epoch += 1
            self.prepared = self.brought = None
            self.contents = contents

    def update(self, change: Callable[[Work], Work]) -> None:
        """Replace the work on the open image. The caller holds `lock`."""
        self.contents = replace(self.contents, work=change(self.work))

    def prepared_for(self, action: actions.Action) -> Prepared | None:
        """What was prepared for exactly this action on exactly this session."""
        if not isinstance(action, (actions.SetPrompt, actions.Prepare)) or self.prepared is None:
            return None
        return self.prepared if self.prepared.answers(action.prompt, self.work.session, action.close_ups) else None

    def stop(self) -> bool:
        """End the run of everything mode before its next decoder pass; False if there is none."""
        work = self.contents.work
        return work is not None and work.found is not None and work.found.cancel()

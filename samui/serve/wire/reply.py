"""A session's state turned into a reply: only what the page does not have yet.

The page names the reply that it applied last; parts that are the same objects in memory are left out.
"""

from __future__ import annotations

from typing import Any

from samui.serve.wire.candidates import candidates
from samui.serve.wire.masks import encode_mask
from samui.serve.wire.objects import encode_object
from samui.work.session import Session
from samui.work.state import Object, State


def reply(session: Session, *, seen: State | None) -> dict[str, Any]:
    """What the page needs to show the session's state, beyond the state `seen` that it shows now (None: nothing)."""
    now = session.state
    answer: dict[str, Any] = {
        "ok": True,
        "prompt": {
            "points": [[*p, label] for p, label in zip(now.prompt.points, now.prompt.labels, strict=True)],
            "box": now.prompt.box,
            "object": now.reopened,
        },
        "candidate": None if now.prediction is None else now.prediction.ranking.index(now.steps[-1].candidate),
        "absent": now.prediction is not None and now.prediction.absent,
        "label": now.label,
        "snap": now.snap,
        "can": {"undo": session.can_undo, "redo": session.can_redo, "accept": session.can_accept},
    }
    if seen is None or seen.mask is not now.mask:
        answer["candidates"] = candidates(now)
        answer["mask"] = encode_mask(now.mask)
    if seen is None or seen.objects is not now.objects:
        answer["objects"] = _objects(now.objects, seen.objects if seen else ())
    if seen is None or seen.taken is not now.taken or seen.rejected is not now.rejected:
        answer["gone"] = {"taken": sorted(now.taken), "rejected": sorted(now.rejected)}
    return answer


def _objects(now: tuple[Object, ...], before: tuple[Object, ...]) -> dict[str, Any]:
    known = {o.id: o for o in before}
    return {
        "order": [o.id for o in now],
        "changed": [encode_object(o, known.get(o.id)) for o in now if known.get(o.id) is not o],
    }

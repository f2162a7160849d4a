"""One request of a page, one reply: check, gather what the action needs, apply, answer with what changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from samui.errors import ModelError, StoreError
from samui.serve import describe
from samui.serve.bringing import brought_by
from samui.serve.keeping import Told
from samui.serve.open_image import OpenImage
from samui.serve.replies import reply_to
from samui.serve.seat import Prepared, Seat, Work
from samui.serve.server import Server
from samui.serve.tools import SeatTools, decodes, snaps
from samui.serve.turns import OvertakenError
from samui.serve.views import SeatViews
from samui.serve.wire import Request, encode_hover
from samui.timings import Timings
from samui.work import actions
from samui.work.session import Session
from samui.work.state import Object
from samui.work.tools import Tools
from samui.work.views import MissingViewsError
from samui.workspace.store import Change, Operation

Reply = dict[str, Any]
Held = tuple[OpenImage, tuple[Object, ...]]  # an image, and the objects that the store has of it
log = logging.getLogger(__name__)
_PREVIEWS = (actions.Prepare, actions.Hover)  # they look at a prompt, and change nothing
_REPLACEABLE = (actions.SetPrompt, *_PREVIEWS)  # a newer one makes an older one pointless
_TELLING_FOUND = (actions.Cancel, actions.TellFound)
_TELLING = (actions.Report, *_TELLING_FOUND)


def act(server: Server, seat: Seat, request: Request) -> Reply:
    """Answer a request about a seat. Raises SamuiError, and whatever a model raises; the seat is then as it was.

    Runs the decoder for what shows a new mask, in its turn, and the encoder only where an embedding was evicted.
    """
    if isinstance(request.action, actions.Abandon):
        seat.line.abandon()
        return {"ok": True}
    if isinstance(request.action, actions.Import):
        objects = brought_by(seat, request.action.image)
        request = replace(request, action=replace(request.action, objects=objects))
    elif isinstance(request.action, actions.Copy):
        objects = server.keeper.objects(request.action.image, server.seats.all())
        request = replace(request, action=replace(request.action, objects=objects))
    if isinstance(request.action, _REPLACEABLE):
        seat.line.arrive(request.rev, previews=isinstance(request.action, _PREVIEWS))
        server.turns.look()
    timings = Timings()
    try:
        _check(seat, request)
        _check_label(server, seat, request.action)
        answer = _closely(server, seat, request, timings)
    except OvertakenError:
        return {"ok": True, "overtaken": True}
    finally:  # also when the change was made but its answer was not
        told = server.keeper.tell(seat, patient=False)
    server.seats.weigh(seat)
    return answer | _kept(seat, request, timings, told)


def _closely(server: Server, seat: Seat, request: Request, timings: Timings) -> Reply:
    """Answer a request, from closer views where it asks for them; if one of them fails, from the whole image alone."""
    action = request.action
    if not isinstance(action, (actions.SetPrompt, actions.Prepare)) or not action.close_ups:
        return _answered(server, seat, request, timings)
    plain = replace(request, action=replace(action, close_ups=False))
    if not describe.looks_closer(server.predictor_of(seat), server.settings):
        return _answered(server, seat, plain, timings)
    try:
        return _answered(server, seat, request, timings)
    except ModelError as error:
        log.warning("seat %s: answered without close-ups (%s)", seat.key, error)
        return _answered(server, seat, plain, timings)


def _answered(server: Server, seat: Seat, request: Request, timings: Timings) -> Reply:
    """Gather what a request needs and answer it; encode the views that turn out to be missing, and go on."""
    work, views = seat.contents.work, None
    left = seat.contents.left if isinstance(request.action, actions.GoBack) else None
    held = None if left is None else (left.image, server.objects_of(left.image))
    wanted = _wanted(seat, request)
    request, known = _looked_up(server, seat, request)
    while True:
        tools, views = _tools(server, seat, request, timings, wanted, views)
        try:
            with seat.lock:
                _check(seat, request)  # the encoder may have taken its time, and the lock too
                return _answer(server, seat, request, tools, timings, held, known)
        except MissingViewsError as missing:
            assert views is not None, "an action that decodes must be given the views"
            assert work is not None
            views.encode(missing.views, server.pixels_of(work))


def _check(seat: Seat, request: Request) -> None:
    """StaleError, SessionError or OvertakenError unless the request is for what the seat holds now."""
    seat.line.check_epoch(request.epoch)
    if _is_overtaken(seat, request):
        raise OvertakenError
    seat.work  # noqa: B018 (SessionError without an image)


def _check_label(server: Server, seat: Seat, action: actions.Action) -> None:
    """WorkspaceError for a label that the list of the image's folder does not have, where that list is fixed."""
    label = getattr(action, "label", None)
    if label is not None and server.store.lasts(seat.work.image.key):
        server.store.shelf(seat.work.image.key)[0].labels.check(label)


def _tools(
    server: Server,
    seat: Seat,
    request: Request,
    timings: Timings,
    wanted: Callable[[], bool],
    views: SeatViews | None,
) -> tuple[Tools, SeatViews | None]:
    """What the action needs of model and image. Not under the seat's lock, since it may encode and read the image.

    wanted: whether the answer still is. views: what this request has encoded already.
    """
    action = request.action
    if isinstance(action, actions.GoBack):
        return _tools_of_left(server, seat, timings), None
    predictor, work = server.predictor_of(seat), seat.work
    timings.encode = work.encode_ms
    embedding = server.embedding_of(seat, work, predictor) if decodes(action) else None
    if snaps(action, work.session):
        server.pixels_of(work)
    if embedding is not None and views is None:
        key = server.key_of(seat, work, predictor)
        views = SeatViews(server.embeddings, predictor, key, embedding, timings, wanted)
    pixels = partial(server.pixels_of, work)
    return SeatTools(predictor, embedding, pixels, timings, work.found, views).for_work(), views


def _wanted(seat: Seat, request: Request) -> Callable[[], bool]:
    """Tells whether the answer to a request is wanted still, while its views are encoded and decoded.

    Close-ups that are asked for ahead are wanted until anything else happens, a press on the image included.
    """
    action = request.action
    work, newest = seat.contents.work, seat.line.newest_preview

    def wanted() -> bool:
        if _is_overtaken(seat, request):
            return False
        if not isinstance(action, actions.Prepare) or not action.close_ups or work is None:
            return True
        now = seat.contents.work
        return now is not None and now.session is work.session and seat.line.newest_preview == newest

    return wanted


def _tools_of_left(server: Server, seat: Seat, timings: Timings) -> Tools:
    """What going back needs: the decoder only if the image was left with another model and a prompt."""
    predictor, left = server.predictor_of(seat), seat.contents.left
    embedding = None
    if left is not None and left.model != predictor.key and left.session.state.steps:
        embedding = server.embedding_of(seat, left, predictor)
    pixels = partial(server.pixels_of, left or seat.work)
    return SeatTools(predictor, embedding, pixels, timings).for_work()


def _looked_up(server: Server, seat: Seat, request: Request) -> tuple[Request, frozenset[str]]:
    """The request with what only the store knows, and which of its operations the store has. Not under the seat's lock.

    What cannot be read now is taken for unknown: an operation that comes again changes no store.
    """
    action = request.action
    asked = action.asked if isinstance(action, actions.PutBack) else frozenset()
    try:
        known = frozenset(op for op in (*asked, *filter(None, [request.op])) if server.store.knows(op))
        if isinstance(action, actions.PutBack):
            deleted = server.store.deleted(seat.work.image.key) - action.newer
            request = replace(request, action=replace(action, gone=action.gone | deleted))
    except StoreError as error:
        log.warning("seat %s: the store could not be read (%s)", seat.key, error)
        known = frozenset()
    return request, known | {op for op in asked if op in seat.line.ops}


def _answer(
    server: Server,
    seat: Seat,
    request: Request,
    tools: Tools,
    timings: Timings,
    held: Held | None,
    known: frozenset[str],
) -> Reply:
    """Do what the request asks for. known: operations that were applied already. The caller holds the seat's lock."""
    action, turn = request.action, partial(_turn, server, seat, request)
    if isinstance(action, actions.GoBack):
        with turn():
            _go_back(seat, tools, held)
        return {"ok": True, "moved": True}
    if isinstance(action, actions.Hover):
        with turn():
            mask, score = seat.work.session.preview(action, tools)
        return {"ok": True, "hover": encode_hover(mask, score), "timings": timings.told()}
    if isinstance(action, actions.Prepare):
        with turn():
            after = _prepare(seat, action, tools, timings)
        return reply_to(seat, request.seen, timings, after)
    if isinstance(action, actions.Cancel):
        seat.stop()
    if not isinstance(action, _TELLING) and not _is_applied(seat, request, known):
        with turn():
            _apply(seat, request, tools, timings, server.settings.author)
    answer = reply_to(seat, request.seen, timings)
    if isinstance(action, actions.PutBack):
        answer["known"] = sorted(action.asked & known)
    if isinstance(action, _TELLING_FOUND):
        answer |= describe.found(seat, masks=isinstance(action, actions.TellFound))
    return answer


def _is_applied(seat: Seat, request: Request, known: frozenset[str]) -> bool:
    """Whether a request that comes again has changed the session, or in another seat the store, already."""
    return seat.line.is_applied(request.rev) or request.op in known or request.op in seat.line.ops


@contextmanager
def _turn(server: Server, seat: Seat, request: Request) -> Iterator[None]:
    """A turn at the decoder for an action that needs one; what was prepared needs none."""
    action = request.action
    if seat.prepared_for(action) or not (decodes(action) or snaps(action, seat.work.session)):
        yield
        return
    with server.turns.turn(lambda: not _is_overtaken(seat, request)):
        yield


def _is_overtaken(seat: Seat, request: Request) -> bool:
    """Whether something newer has made a request pointless. What only looks at a prompt overtakes no prompt."""
    if not isinstance(request.action, _REPLACEABLE):
        return False
    return seat.line.is_overtaken(request.rev, previews=isinstance(request.action, _PREVIEWS))


def _prepare(seat: Seat, action: actions.Prepare, tools: Tools, timings: Timings) -> Session:
    """Do the work of setting a prompt, once: the session as it would be then, which is kept until the next action."""
    made = seat.prepared_for(action)
    if made is not None:
        timings.take(made.timings)
        return made.after
    before = seat.work.session
    after = before.apply(actions.SetPrompt(action.prompt, action.close_ups), tools)
    seat.prepared = Prepared(action.prompt, before, after, timings, action.close_ups)
    return after


def _apply(seat: Seat, request: Request, tools: Tools, timings: Timings, author: str) -> None:
    """Change the session by an action; forget what was prepared for another one."""
    made, before = seat.prepared_for(request.action), seat.work.session
    if made is None:
        seat.prepared = None
        after = before.apply(request.action, tools)
    else:
        timings.take(made.timings)
        after = made.after
    changes = _changes(seat.work, request, after, author)
    contents = replace(seat.contents, work=replace(seat.work, session=after))
    # All is made: from here on nothing can fail.
    seat.prepared = None
    seat.changes.extend(changes)
    seat.line.applied(request.rev, request.op)
    seat.contents = contents


def _go_back(seat: Seat, tools: Tools, held: Held | None) -> None:
    contents = seat.contents.back()
    work = contents.work
    if work is not None and held is not None and held[0] is work.image:
        work = replace(work, session=work.session.holding(held[1]))  # others may have had it meanwhile
    predictor = contents.predictor
    assert work is not None, "back() opens an image"
    if predictor is not None and work.model != predictor.key:  # it cannot use the logits of the previous model
        session = work.session.for_other_model(tools)
        work = replace(work, session=session, model=predictor.key, embedding_key="", encode_ms=None)
    seat.stop()
    seat.move(replace(contents, work=work))


def _changes(work: Work, request: Request, after: Session, author: str) -> list[Change]:
    """What the store must be told of a new session: nothing unless the objects differ."""
    before, now = work.session.state.objects, after.state.objects
    if now is before:
        return []
    operation = Operation(work.image.key, type(request.action).__name__, request.op or uuid4().hex, author)
    return [Change(operation, before, now)]


def _kept(seat: Seat, request: Request, timings: Timings, told: Told) -> Reply:
    """Whether the store has all changes of the seat, and what others have changed."""
    reply: Reply = {"saved": False, "why": told.why} if told.why else {}
    if told.notices:
        reply["notices"] = list(told.notices)
    if told.changed and not isinstance(request.action, (*_PREVIEWS, actions.GoBack)):
        with seat.lock:
            if seat.line.epoch == request.epoch:
                reply |= reply_to(seat, request.seen, timings)
    return reply

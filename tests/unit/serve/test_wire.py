"""Requests of a page: what is taken, and the message for each kind of malformed one; replies: only what is new."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from samui.errors import RequestError, SamuiError, SessionError, StaleError, UnknownSessionError
from samui.everything import FoundMask
from samui.pixels.geometry import Frame
from samui.pixels.rle import Rle
from samui.serve import wire
from samui.types import Prediction, Prompt
from samui.work import actions
from samui.work.segment import ImageViews
from samui.work.session import Session
from samui.work.tools import Tools
from tests.fakes import FakePredictor, NearSighted

SIZE = (60, 80)


def request(**fields):
    return {"token": "token", "epoch": 1, "rev": 2, "seen": 0, **fields}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"action": "hover", "x": 3, "y": 4.5}, actions.Hover((3.0, 4.5))),
        ({"action": "choose", "candidate": 2}, actions.Choose(2)),
        ({"action": "accept"}, actions.Accept(None, None)),
        ({"action": "accept", "label": "cat", "colour": "#1E90ff"}, actions.Accept("cat", "#1e90ff")),
        ({"action": "clear"}, actions.Clear()),
        ({"action": "undo"}, actions.Undo()),
        ({"action": "redo"}, actions.Redo()),
        ({"action": "reset"}, actions.Reset()),
        ({"action": "reopen", "object": 3}, actions.Reopen(3)),
        ({"action": "delete", "object": 3}, actions.Delete(3)),
        ({"action": "relabel", "object": 3, "label": "Stra\u00dfe <b>"}, actions.Relabel(3, "Stra\u00dfe <b>")),
        ({"action": "recolour", "object": 3, "colour": "#ffffff"}, actions.Recolour(3, "#ffffff")),
        ({"action": "show", "object": 3, "visible": False}, actions.Show(3, False)),
        ({"action": "snap", "on": True}, actions.Snap(True)),
        ({"action": "keep", "masks": [5, 3, 5], "label": "cat"}, actions.Keep((5, 3), "cat")),
        ({"action": "merge", "masks": [5, 3]}, actions.Merge((5, 3), None)),
        ({"action": "reject", "masks": [5]}, actions.Reject((5,))),
        ({"action": "restore"}, actions.Restore()),
        ({"action": "refine", "mask": 5}, actions.Refine(5)),
        ({"action": "cancel"}, actions.Cancel()),
        ({"action": "found"}, actions.TellFound()),
        ({"action": "back"}, actions.GoBack()),
        ({"action": "state"}, actions.Report()),
    ],
    ids=lambda v: v["action"] if isinstance(v, dict) else "",
)
def test_request_becomes_its_action(fields, expected):
    parsed = wire.parse(request(**fields))
    assert parsed.action == expected
    assert (parsed.token, parsed.epoch, parsed.rev, parsed.seen) == ("token", 1, 2, 0)


def test_prompt_request_carries_points_labels_and_box():
    parsed = wire.parse(request(action="prompt", points=[[1, 2, 1], [3.5, 4, 0], [5, 6]], box=[0, 1, 2, 3]))
    prompt = parsed.action.prompt
    assert prompt.points == ((1.0, 2.0), (3.5, 4.0), (5.0, 6.0))
    assert prompt.labels == (1, 0, 1)
    assert prompt.box == (0.0, 1.0, 2.0, 3.0)


MALFORMED = {
    "no object": ([], r"request: must be an object, got \[\]"),
    "null": (None, "request: must be an object, got None"),
    "no action": (request(), "request.action: must be one of prompt, prepare, hover, .*, got None"),
    "unknown action": (request(action="eval"), "request.action: must be one of .*, got 'eval'"),
    "action no text": (request(action=["undo"]), r"request.action: .*got \['undo'\]"),
    "no token": ({"action": "undo", "epoch": 1, "rev": 1}, "request.token: must be text, got None"),
    "token a number": (request(action="undo", token=5), "request.token: must be text, got 5"),
    "token too long": (request(action="undo", token="x" * 101), "request.token: must be at most 100 characters"),
    "negative epoch": (request(action="undo", epoch=-1), "request.epoch: must be a whole number from 0, got -1"),
    "epoch a bool": (request(action="undo", epoch=True), "request.epoch: must be a whole number from 0, got True"),
    "rev a fraction": (request(action="undo", rev=1.5), "request.rev: must be a whole number from 0, got 1.5"),
    "rev too large": (request(action="undo", rev=2**60), "request.rev: must be a whole number from 0"),
    "points no list": (request(action="prompt", points="1,2"), r"request.points: must be a list of .*, got '1,2'"),
    "point no list": (request(action="prompt", points=[3]), r"request.points\[0\]: must be \[x, y, label\], got 3"),
    "point too long": (
        request(action="prompt", points=[[1, 2, 1, 1]]),
        r"request.points\[0\]: must be \[x, y, label\]",
    ),
    "x a text": (request(action="prompt", points=[["1", 2]]), r"points\[0\]\[0\]: must be a finite number, got '1'"),
    "y null": (request(action="prompt", points=[[1, None]]), r"points\[0\]\[1\]: must be a finite number, got None"),
    "y not a number": (request(action="prompt", points=[[1, math.nan]]), r"points\[0\]\[1\]: must be a finite .* nan"),
    "x infinite": (request(action="prompt", points=[[math.inf, 1]]), r"points\[0\]\[0\]: must be a finite .* inf"),
    "x beyond floats": (request(action="prompt", points=[[10**400, 1]]), r"points\[0\]\[0\]: must be a finite number"),
    "label 2": (request(action="prompt", points=[[1, 2, 2]]), r"points\[0\]\[2\]: must be 1 \(include\) or .* got 2"),
    "label true": (request(action="prompt", points=[[1, 2, True]]), r"points\[0\]\[2\]: must be 1 .* got True"),
    "101 points": (request(action="prompt", points=[[1, 2]] * 101), "request.points: must be at most 100, got 101"),
    "box of three": (request(action="prompt", box=[1, 2, 3]), r"request.box: must be \[x0, y0, x1, y1\], got"),
    "box a text": (request(action="prompt", box="full"), r"request.box: must be \[x0, y0, x1, y1\], got 'full'"),
    "box inverted": (
        request(action="prompt", box=[5, 0, 1, 9]),
        r"prompt.box: must have x0 < x1 .*, got \(5, 0, 1, 9\)",
    ),
    "box empty": (request(action="prompt", box=[1, 1, 1, 9]), "prompt.box: must have x0 < x1"),
    "prepare with a point of one number": (
        request(action="prepare", points=[[1]]),
        r"request.points\[0\]: must be \[x, y, label\], got \[1\]",
    ),
    "hover without y": (request(action="hover", x=1), "request.y: must be a finite number, got None"),
    "candidate -1": (
        request(action="choose", candidate=-1),
        "request.candidate: must be a whole number from 0, got -1",
    ),
    "label too long": (
        request(action="accept", label="x" * 201),
        "request.label: must be at most 200 characters, got 201",
    ),
    "label with newline": (request(action="accept", label="a\nb"), "request.label: must be free of control characters"),
    "last control character": (request(action="accept", label="a\x1fb"), "label: must be free of control characters"),
    "half a surrogate": (request(action="accept", label="\ud83d"), "request.label: must be free of control characters"),
    "label a list": (request(action="relabel", object=1, label=["x"]), r"request.label: must be text, got \['x'\]"),
    "colour a name": (
        request(action="recolour", object=1, colour="red"),
        "request.colour: must be like #1e90ff, got 'red'",
    ),
    "colour a script": (request(action="accept", colour="#12345x"), "request.colour: must be like #1e90ff"),
    "object missing": (request(action="delete"), "request.object: must be a whole number from 0, got None"),
    "visible a number": (request(action="show", object=1, visible=1), "request.visible: must be true or false, got 1"),
    "snap without on": (request(action="snap"), "request.on: must be true or false, got None"),
}


@pytest.mark.parametrize(("data", "text"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_request_says_where_which_rule_and_which_value(data, text):
    with pytest.raises(SamuiError, match=text) as caught:
        wire.parse(data)
    assert len(str(caught.value)) < 300
    assert wire.error_reply(caught.value)["kind"] in ("request", "prompt")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UnknownSessionError("x"), "session"),
        (StaleError("x"), "epoch"),
        (SessionError("x"), "state"),
        (RequestError("x"), "request"),
        (SamuiError("x"), "error"),
    ],
    ids=lambda v: v if isinstance(v, str) else type(v).__name__,
)
def test_error_reply_tells_the_kind(error, kind):
    assert wire.error_reply(error) == {"ok": False, "error": "x", "kind": kind}


@pytest.fixture
def work():
    predictor = FakePredictor()
    embedding = predictor.embed(np.zeros((*SIZE, 3), np.uint8))
    line = Rle.encode(np.eye(*SIZE, dtype=bool))
    found = FoundMask(1, line, 0.8, 0.9, (0, 0, 60, 60), 60, (3.0, 3.0), 0, (0, 0, 80, 60), "#112233")
    tools = Tools(lambda prompt: predictor.predict(embedding, prompt), found=lambda ids: [found for _ in ids])
    return Desk(Session.begin(SIZE), tools)


class Desk:
    """A session that changes by each action."""

    def __init__(self, session, tools):
        self.session, self.tools = session, tools

    def do(self, action):
        self.session = self.session.apply(action, self.tools)

    def reply(self, **options):
        return wire.reply(self.session, **{"seen": None, **options})


def test_first_reply_holds_everything_and_is_json(work):
    work.do(actions.SetPrompt(Prompt([(30, 20)], [1])))
    told = work.reply()
    json.dumps(told)
    mask = work.session.state.mask
    assert told["mask"] == {"size": [60, 80], "counts": mask.to_string(), "box": mask.box, "area": mask.area}
    assert told["candidate"] == 0
    assert [c["score"] for c in told["candidates"]] == [0.9, 0.7, 0.6]
    assert told["candidates"][0]["area"] == mask.area
    assert told["objects"] == {"order": [], "changed": []}
    assert told["prompt"] == {"points": [[30.0, 20.0, 1]], "box": None, "object": None}


@pytest.mark.parametrize(("present", "absent"), [(None, False), (0.1, False), (-0.1, True)])
def test_reply_says_where_the_model_sees_nothing(present, absent):
    def predict(prompt):
        return replace(FakePredictor().predict(FakePredictor().embed(np.zeros((*SIZE, 3))), prompt), present=present)

    session = Session.begin(SIZE)
    assert wire.reply(session, seen=None)["absent"] is False
    session = session.apply(actions.SetPrompt(Prompt([(60, 45)], [1])), Tools(predict))
    told = wire.reply(session, seen=None)
    assert told["absent"] is absent
    assert told["mask"]["area"] > 0  # told, not applied


def test_reply_leaves_out_what_the_page_has(work):
    work.do(actions.SetPrompt(Prompt([(30, 20)], [1])))
    told = work.reply(seen=work.session.state)
    assert not {"mask", "candidates", "objects"} & told.keys()


def test_relabelled_object_travels_without_its_mask_and_without_the_others(work):
    for x in (20, 50):
        work.do(actions.SetPrompt(Prompt([(x, 20)], [1])))
        work.do(actions.Accept(label="cat"))
    seen = work.session.state
    work.do(actions.Relabel(id=2, label="dog"))
    told = work.reply(seen=seen)["objects"]
    assert told["order"] == [1, 2]
    assert [(o["id"], o["label"], "mask" in o) for o in told["changed"]] == [(2, "dog", False)]


def test_deleted_object_is_missing_from_the_order(work):
    work.do(actions.SetPrompt(Prompt([(20, 20)], [1])))
    work.do(actions.Accept())
    seen = work.session.state
    work.do(actions.Delete(id=1))
    assert work.reply(seen=seen)["objects"] == {"order": [], "changed": []}


def test_choosing_sends_the_mask_anew(work):
    work.do(actions.SetPrompt(Prompt([(30, 20)], [1])))
    seen = work.session.state
    work.do(actions.Choose(rank=1))
    told = work.reply(seen=seen)
    assert told["candidate"] == 1
    assert told["mask"]["area"] == work.session.state.mask.area


@pytest.mark.parametrize(
    ("action", "gone"),
    [(actions.Keep((1,)), {"taken": [1]}), (actions.Reject((1,)), {"rejected": [1]})],
    ids=["taken", "rejected"],
)
def test_page_is_told_which_found_masks_are_gone(work, action, gone):
    seen = work.session.state
    assert "gone" not in work.reply(seen=seen)
    work.do(action)
    assert work.reply(seen=seen)["gone"] == {"taken": [], "rejected": []} | gone
    assert "gone" not in work.reply(seen=work.session.state)


def test_thumbnail_covers_the_image_and_estimates_the_area(work):
    work.do(actions.SetPrompt(Prompt(box=(10, 10, 70, 50))))
    told = work.reply()["candidates"]
    thumb = Rle.from_string(told[1]["thumb"]["size"], told[1]["thumb"]["counts"])
    assert thumb.size == (72, 96)
    assert told[1]["area"] == pytest.approx(60 * 40, rel=0.03)
    assert told[1]["box"] == pytest.approx([10, 10, 70, 50], abs=1)


def test_thumbnail_covers_the_image_where_the_model_sees_it_stretched():
    frame = Frame.stretch(*SIZE, side=512, low=128)
    logits = np.full((1, 128, 128), -1.0, np.float32)
    logits[0, 64:, 64:] = 1.0
    answer = Prediction(logits, np.ones(1, np.float32), SIZE, frame.mask, frame.runs, covered=frame.covered)
    session = Session.begin(SIZE).apply(actions.SetPrompt(Prompt([(60, 45)], [1])), Tools(lambda _: answer))
    (told,) = wire.reply(session, seen=None)["candidates"]
    assert told["box"] == [40, 30, 80, 60]
    assert Rle.from_string(told["thumb"]["size"], told["thumb"]["counts"]).box == (48, 36, 96, 72)


def test_typical_object_of_a_12_megapixel_photo_fits_in_15_kilobytes():
    predictor, size = FakePredictor(), (3000, 4000)
    embedding = predictor.embed(np.empty((*size, 3), np.uint8))
    session = Session.begin(size)
    session = session.apply(
        actions.SetPrompt(Prompt([(2000, 1500)], [1])), Tools(lambda p: predictor.predict(embedding, p))
    )
    told = wire.reply(session, seen=None)
    assert len(json.dumps(told)) < 15_000


def answered(logits, scores, **fields):
    """What a page is told of the candidates of an answer with these logits."""
    frame = Frame.stretch(*SIZE, side=512, low=logits.shape[-1])
    answer = Prediction(logits, np.array(scores, np.float32), SIZE, frame.mask, frame.runs, covered=frame.covered)
    session = Session.begin(SIZE).apply(actions.SetPrompt(Prompt([(60, 45)], [1])), Tools(lambda _: answer))
    return wire.reply(session, seen=None)["candidates"]


def test_candidates_that_look_the_same_are_told_as_such():
    logits = np.full((3, 64, 64), -1.0, np.float32)
    logits[0, 10:40, 10:40] = logits[2, 10:40, 10:41] = 1.0
    logits[1, 10:60, 10:60] = 1.0
    told = answered(logits, [0.6, 0.7, 0.8])
    assert [(one["index"], one["like"]) for one in told] == [(2, None), (1, None), (0, 0)]


def test_a_score_is_never_above_one_or_below_none():
    logits = np.full((3, 8, 8), 1.0, np.float32)
    assert [one["score"] for one in answered(logits, [1.02, 0.5, -0.1])] == [1.0, 0.5, 0.0]


def test_a_candidate_of_a_view_is_shown_where_it_lies():
    image = np.zeros((400, 600, 3), np.uint8)
    image[200:230, 300:340] = 255
    tools = ImageViews(NearSighted(), image).tools()
    session = Session.begin((400, 600)).apply(actions.SetPrompt(Prompt([(320, 215)], [1]), True), tools)
    session = session.apply(actions.Choose(1), tools)  # so that the first is told from its logits
    told = wire.reply(session, seen=None)["candidates"][0]
    assert told["box"] == pytest.approx([300, 200, 340, 230], abs=2)
    assert told["area"] == pytest.approx(1200, rel=0.06)
    thumb = Rle.from_string(told["thumb"]["size"], told["thumb"]["counts"])
    assert thumb.size == (64, 96)
    assert thumb.box == pytest.approx((48, 32, 54, 37), abs=1)
    session = session.apply(actions.Choose(0), tools)
    assert session.state.steps[-1].view is not None

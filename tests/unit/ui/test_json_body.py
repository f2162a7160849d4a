"""Bodies as JSON: how deep they are is known before they are parsed."""

import json
import random

import pytest

from samui.errors import RequestError
from samui.ui.json_body import DEEPEST, read_json


def nested(levels, inner, draw=None):
    """A value `levels` deep, in lists or objects."""
    for _ in range(levels):
        inner = {"k": inner} if draw and draw.random() < 0.5 else [inner]
    return inner


@pytest.mark.parametrize("seed", range(20))
def test_depth_that_is_allowed_is_read_and_one_more_is_refused(seed):
    draw = random.Random(seed)
    texts = ["".join(draw.choice('[]{}"\\é\n') for _ in range(draw.randrange(60))) for _ in range(40)]
    flat = [nested(draw.randrange(5), text, draw) for text in texts] + [{text: text for text in texts}]
    value = nested(DEEPEST - 6, [flat, nested(4, texts[0], draw)], draw)
    for escaped in (True, False):
        assert read_json(json.dumps(value, ensure_ascii=escaped).encode()) == value
        body = json.dumps([flat, nested(DEEPEST, texts, draw), flat], ensure_ascii=escaped).encode()
        with pytest.raises(RequestError, match="request: must be nested at most 100 deep, got 102"):
            read_json(body)


def test_brackets_beyond_the_first_fault_are_never_parsed():
    with pytest.raises(RequestError, match="request: must be JSON, got "):
        read_json(b"]" * 5000 + b"[" * 5000)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-32-be"])
def test_other_encodings_than_that_of_json_are_refused(encoding):
    with pytest.raises(RequestError, match="request: must be JSON in UTF-8"):
        read_json('{"a": 1}'.encode(encoding))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"[NaN]", "NaN, which is not a JSON number"),
        (b"[-Infinity]", "-Infinity, which is not a JSON number"),
        (b'["\\ud800"]', "surrogates not allowed"),
    ],
)
def test_strict_refuses_what_json_does_not_have(body, text):
    read_json(body)
    with pytest.raises(RequestError, match=text):
        read_json(body, strict=True)


def test_strict_reads_both_halves_of_a_pair():
    assert read_json(b'["\\ud83d\\ude00"]', strict=True) == ["😀"]

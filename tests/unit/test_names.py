"""Names for files, and names in files: what can be kept is, and every text comes back."""

import json
import os

import orjson
import pytest

from samui.names import escape, safe_name, unescape


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b", "a_b"),
        ("Größe", "Größe"),
        ("猫 1", "猫_1"),
        ("😀", ""),
        (".hidden.", "hidden"),
        ("v1.2-x", "v1.2-x"),
        ("हिन्दी न", "हिन्दी_न"),
        ("น้ำ", "น้ำ"),
        ("1️⃣", "1"),
        ("❤️", ""),
        ("\u0301a", "a"),
    ],
)
def test_safe_name_keeps_what_it_can(text, name):
    assert safe_name(text) == name


TEXTS = {
    "plain": "photo.jpg",
    "umlaut": "größe 😀.png",
    "percent alone stays": "100%25.png",
    "a byte that is not UTF-8": os.fsdecode(b"gr\xff.png"),
    "latin-1 with a percent": os.fsdecode(b"50%FC gr\xfc\xdfe.png"),
    "a lone surrogate of UTF-16": "a\ud83d.png",
    "both kinds": "\udcff\ud800%u0041",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_is_strict_json_and_comes_back(text):
    data = orjson.dumps(escape({"id": 1, "name": text}))
    for read in (orjson.loads, json.loads):
        assert unescape(read(data)) == {"id": 1, "name": text}


def test_a_name_that_is_unicode_stays_as_it_is():
    assert escape({"name": "50%FC größe"}) == {"name": "50%FC größe"}
    assert escape({"name": os.fsdecode(b"gr\xfc%.png")}) == {"name": "gr%FC%25.png", "escaped": ["name"]}


@pytest.mark.parametrize("escaped", [1, ["id"], [[]], ["nothing"], {}, None, "name"])
def test_what_says_wrongly_that_it_is_escaped_does_no_harm(escaped):
    assert unescape({"id": 1, "name": "a%FF", "escaped": escaped})["name"] == "a%FF"

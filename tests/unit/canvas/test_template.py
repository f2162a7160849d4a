"""The canvas's HTML and CSS are static, and its parts refer to what is there."""

import re

import pytest

from samui.canvas import component

HTML = component.source("canvas.html")


def test_every_icon_that_is_used_is_drawn_once_and_every_one_drawn_is_used():
    drawn = re.findall(r'<symbol id="([^"]+)"', HTML)
    assert sorted(drawn) == sorted(set(re.findall(r'<use href="#([^"]+)"', HTML)))


def test_every_button_names_a_command_of_the_page():
    commands = component.script()
    for name in set(re.findall(r'data-do="([^"]+)"', HTML)):
        assert re.search(rf'^(?:async )?"?{re.escape(name)}"?[:,(]', commands, re.MULTILINE), name


@pytest.mark.parametrize("syntax", ["{{", "${", "`", "\\"])
def test_what_gradio_would_interpolate_is_refused(monkeypatch, syntax):
    monkeypatch.setattr(component, "source", lambda name: f"<p>{syntax}</p>")
    with pytest.raises(ValueError, match=r"canvas\.html: must be static"):
        component.template("canvas.html")

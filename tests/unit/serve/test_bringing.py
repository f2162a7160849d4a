"""Masks of a file for the open image: told first, taken over by one action, once, and only for that image."""

from dataclasses import replace

import numpy as np
import pytest

from samui import formats
from samui.errors import FormatError, StaleError
from samui.formats import Annotation, SavedObject
from samui.pixels.rle import Rle
from tests.fakes import Page

SIZE = (60, 80)


def saved(image, count=2, size=SIZE):
    objects = []
    for index in range(count):
        mask = np.zeros(size, bool)
        mask[5 + 10 * index : 12 + 10 * index, 4:30] = True
        objects.append(SavedObject(index + 1, f"l{index}", "#102030", Rle.encode(mask)))
    return Annotation(image, size, objects)


@pytest.fixture
def page(service, photo):
    page = Page(service)
    page.open(photo(), name="My photo.png")
    return page


def bring(page, service, file, **more):
    return list(service.bring(page.token, file, file.name, **more))[-1]


def test_a_file_is_told_first_and_taken_over_as_one_step(page, service, tmp_path):
    formats.write(iter([saved("x/My photo.png"), saved("other.png")]), tmp_path / "in.json")
    told = bring(page, service, tmp_path / "in.json")
    assert (told["stage"], told["count"]) == ("brought", 2)
    assert told["told"] == ["2 objects of x/My photo.png in in.json", "left out: 1 other image of the file"]
    assert service.seats.get(page.token).work.session.state.objects == ()
    told = page.act("import", key=told["key"])
    assert [one["label"] for one in told["objects"]["changed"]] == ["l0", "l1"]
    assert page.act("undo")["objects"]["order"] == []


def test_what_is_here_already_is_not_taken_twice(page, service, tmp_path):
    formats.write(saved("My photo.png"), tmp_path / "in.json")
    page.act("import", key=bring(page, service, tmp_path / "in.json")["key"])
    formats.write(saved("My photo.png", 3), tmp_path / "in.json")
    told = bring(page, service, tmp_path / "in.json")
    assert (told["count"], told["told"][1]) == (1, "2 are here already")
    page.act("import", key=told["key"])
    page.act("import", key=told["key"])
    assert len(service.seats.get(page.token).work.session.state.objects) == 3


def test_the_only_image_of_a_file_is_meant_whatever_it_is_called(page, service, tmp_path):
    formats.write(saved("elsewhere.jpg"), tmp_path / "in.json")
    told = bring(page, service, tmp_path / "in.json")
    assert told["told"] == ["2 objects of elsewhere.jpg in in.json", "the file calls its image elsewhere.jpg"]


def test_objects_of_one_image_are_never_taken_over_into_another(page, service, photo, tmp_path):
    formats.write(saved("My photo.png"), tmp_path / "in.json")
    key = bring(page, service, tmp_path / "in.json")["key"]
    page.open(photo(seed=2), name="second.png")
    told = page.act("import", key=key)
    assert told["error"] == "import: must be of the file that was read last for this image; choose it again"
    assert page.act("import", key="x" * 101)["ok"] is False


def test_a_file_that_was_read_while_the_image_changed_is_of_the_image_before(page, service, tmp_path):
    formats.write(saved("My photo.png"), tmp_path / "in.json")
    key = bring(page, service, tmp_path / "in.json")["key"]
    seat = service.seats.get(page.token)
    seat.brought = replace(seat.brought, image="another")
    assert page.act("import", key=key)["error"].startswith("import: must be of the file that was read last for this")


def broken(folder, text):
    (folder / "in.json").write_text(text)
    return folder / "in.json"


def test_what_does_not_fit_or_is_broken_is_one_sentence_with_the_name_that_the_person_knows(page, service, tmp_path):
    with pytest.raises(FormatError, match=r"^photo of mine\.json: must be JSON, got"):
        list(service.bring(page.token, broken(tmp_path, "{"), "photo of mine.json"))
    formats.write(saved("My photo.png", size=(40, 50)), tmp_path / "in.json")
    with pytest.raises(FormatError, match=r"^My photo.png: must be 80x60 as My photo.png, got 50x40$"):
        bring(page, service, tmp_path / "in.json")
    formats.write(iter([saved("a.png"), saved("b.png")]), tmp_path / "in.json")
    with pytest.raises(FormatError, match=r"^in.json: must have masks of My photo.png, got a.png, b.png$"):
        bring(page, service, tmp_path / "in.json")
    with pytest.raises(StaleError):
        bring(page, service, tmp_path / "in.json", epoch=99)
    assert service.seats.get(page.token).brought is None

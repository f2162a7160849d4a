"""Masks of a file as a person brings them in: chosen or dropped, told first, taken over as one step, undone as one."""

import json

import numpy as np
import pytest

from samui import formats
from samui.formats import Annotation, SavedObject
from samui.pixels.rle import Rle

pytestmark = pytest.mark.browser
SIZE = (400, 600)


def disc(x, y, radius):
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    return Rle.encode(np.hypot(ys - y, xs - x) < radius)


def saved(image="coffee.jpg"):
    objects = [
        SavedObject(1, "cup", "#ff8000", disc(150, 100, 40)),
        SavedObject(2, "spoon", "#00c080", disc(450, 300, 30)),
    ]
    return Annotation(image, SIZE, objects)


def choose(person, file):
    with person.page.expect_file_chooser() as chooser:
        person.button("Import masks").click()
    chooser.value.set_files(str(file))


def told(person):
    return person.page.locator(".import-told")


@pytest.mark.parametrize("name", ["yolo", "labelme"])
def test_masks_of_another_program_become_objects_in_one_step(name, person, tmp_path):
    path = tmp_path / f"coffee{formats.get(name).suffix}"
    formats.write(saved(), path, name)
    choose(person, path)
    told(person).get_by_text(
        f"2 objects of {'train/coffee' if name == 'yolo' else 'coffee.jpg'} in {path.name}"
    ).wait_for()
    assert person.snapshot()["objects"] == [], "nothing is taken before it is told"
    person.button("Add the objects").click()
    person.settle()
    objects = person.snapshot()["objects"]
    assert [(one["label"], one["area"]) for one in objects] == [
        ("cup", disc(150, 100, 40).area),
        ("spoon", disc(450, 300, 30).area),
    ]
    assert [tuple(one["box"]) for one in objects] == [disc(150, 100, 40).box, disc(450, 300, 30).box]
    choose(person, path)
    told(person).get_by_text("2 are here already").wait_for()
    assert not person.button("Add the objects").is_visible()
    person.button("Close the import").click()
    person.key("Control+z").settle()
    assert person.snapshot()["objects"] == []
    assert person.complaints == []


def test_an_imported_mask_is_worked_on_like_any_other(person, tmp_path):
    formats.write(saved(), tmp_path / "in.json")
    choose(person, tmp_path / "in.json")
    person.button("Add the objects").click()
    person.settle()
    person.page.locator(".objects-list .reopen").first.click()
    person.settle()
    assert person.covers(150, 100)
    person.key("Enter").settle()
    assert person.snapshot()["objects"][0]["area"] == disc(150, 100, 40).area


def test_what_does_not_fit_is_told_and_changes_nothing(person, tmp_path):
    formats.write(Annotation("coffee.jpg", (40, 60), ()), tmp_path / "in.json")
    choose(person, tmp_path / "in.json")
    told(person).get_by_text("coffee.jpg: must be 600x400 as coffee.jpg, got 60x40").wait_for()
    person.button("Close the import").click()
    (tmp_path / "broken.json").write_text("{")
    choose(person, tmp_path / "broken.json")
    told(person).get_by_text("broken.json: must be JSON, got").wait_for()
    person.page.keyboard.press("Escape")
    assert not told(person).is_visible()
    formats.write(iter([saved("a.jpg"), saved("b.jpg")]), tmp_path / "others.json")
    choose(person, tmp_path / "others.json")
    told(person).get_by_text("others.json: must have masks of coffee.jpg, got a.jpg, b.jpg").wait_for()
    person.button("Close the import").click()
    assert person.snapshot()["objects"] == []
    assert person.complaints == []


def test_a_dropped_file_of_masks_is_imported_and_not_opened(person, tmp_path):
    formats.write(saved(), tmp_path / "in.json")
    person.page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], "in.json"));
          document.querySelector(".samui").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
        }""",
        (tmp_path / "in.json").read_text(),
    )
    told(person).get_by_text("2 objects of coffee.jpg in in.json").wait_for()
    person.page.keyboard.press("Enter")
    person.settle()
    assert len(person.snapshot()["objects"]) == 2


@pytest.mark.parametrize("name", ["samui", "yolo", "geojson", "measurements"])
def test_the_image_is_saved_in_the_formats_of_the_registry_and_comes_back(name, person, tmp_path):
    formats.write(saved(), tmp_path / "in.json")
    choose(person, tmp_path / "in.json")
    person.button("Add the objects").click()
    person.settle()
    options = person.page.locator("select.format option").evaluate_all("all => all.map(one => one.value)")
    assert options == list(formats.FORMATS)
    person.page.get_by_label("Format", exact=True).select_option(name)
    with person.page.expect_download() as download:
        person.button("Save").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"coffee-{name}{formats.get(name).suffix}"
    if name == "measurements":
        lines = path.read_text().splitlines()
        assert [line.split(",")[2] for line in lines] == ["label", "cup", "spoon"]
        assert float(lines[1].split(",")[-1]) > 0
        return
    person.key("Control+z").settle()
    choose(person, path)
    person.button("Add the objects").click()
    person.settle()
    assert [one["area"] for one in person.snapshot()["objects"]] == [one.rle.area for one in saved().objects]


def test_the_dialog_fits_a_phone(person, tmp_path):
    person.page.set_viewport_size({"width": 390, "height": 800})
    (tmp_path / "broken.json").write_text(json.dumps({"images": [{"id": "x" * 500}]}))
    choose(person, tmp_path / "broken.json")
    told(person).wait_for()
    box = person.page.locator(".import-dialog").bounding_box()
    assert 0 <= box["x"]
    assert box["x"] + box["width"] <= 390

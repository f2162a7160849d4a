"""The whole product in a real browser, on a real photo, with the bundled checkpoint: what a person does, end to end."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from samui.pixels.rle import Rle
from tests.browser.conftest import BOX, CUP, INSIDE

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]


def mask_of(person, app):
    """The mask as the server holds it for this person's page."""
    token = person.page.evaluate("sessionStorage.getItem('samui-session')") or person.page.evaluate(
        "Object.values(sessionStorage)[0]"
    )
    return app.service.seats.get(token.strip('"')).work.session.state.mask


def shown(person):
    """What the page shows on a grid of pixels, as a bool array."""
    return np.array(
        person.page.evaluate(
            "() => { const out = []; for (let y = 2; y < 400; y += 5) { const row = [];"
            " for (let x = 2; x < 600; x += 5) row.push(samui.covers(x, y)); out.push(row); } return out; }"
        )
    )


def on_grid(mask):
    return mask[2:400:5, 2:600:5]


def test_click_shows_the_mask_of_the_thing(person, app):
    person.click(*INSIDE).settle()
    told = person.snapshot()
    assert told["prompt"]["points"] == [[pytest.approx(300, abs=0.5), pytest.approx(180, abs=0.5), 1]]
    assert person.covers(*INSIDE)
    assert len(told["candidates"]) == 3
    assert np.array_equal(shown(person), on_grid(mask_of(person, app).decode()))
    assert person.complaints == []


def test_exclude_click_shrinks_the_mask(person, app):
    person.drag(*BOX).settle()
    mask = mask_of(person, app).decode()
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    depth[:, 220:] = 0  # the deepest place in the left part of the thing
    y, x = (int(v) for v in np.unravel_index(depth.argmax(), depth.shape))
    person.click(x + 0.5, y + 0.5, button="right").settle()
    told = person.snapshot()
    assert told["prompt"]["points"][0][2] == 0
    assert not person.covers(x, y)
    assert told["candidates"][told["candidate"]]["area"] < mask.sum()
    assert mask_of(person, app).area < mask.sum()


def test_drag_draws_a_box_and_its_mask_stays_inside(person):
    person.drag(*BOX).settle()
    assert person.snapshot()["prompt"]["box"] == pytest.approx([130, 20, 470, 380], abs=0.5)
    assert shown(person).any()
    outside = np.ones((80, 120), bool)
    outside[4:76, 26:94] = False
    assert not (shown(person) & outside).any()


def test_box_and_points_together(person):
    person.drag(*BOX).click(*INSIDE).click(460, 370, modifiers=["Alt"]).settle()
    told = person.snapshot()["prompt"]
    assert told["box"] is not None
    assert [p[2] for p in told["points"]] == [1, 0]
    assert person.covers(*INSIDE)
    assert not person.covers(460, 370)


def test_keys_1_2_3_choose_the_candidate(person, app):
    person.click(*INSIDE).settle()
    masks = []
    for key in "123":
        person.key(key).settle()
        assert person.snapshot()["candidate"] == int(key) - 1
        assert np.array_equal(shown(person), on_grid(mask_of(person, app).decode()))
        masks.append(mask_of(person, app).to_string())
    assert len(set(masks)) == 3


def test_undo_to_the_start_and_redo_to_the_end_give_identical_masks(person, app):
    def state():
        told = person.snapshot()
        mask = mask_of(person, app)
        return mask and mask.to_string(), shown(person).tobytes(), told["prompt"], told["objects"], told["candidate"]

    steps = [
        lambda: person.click(*INSIDE),
        lambda: person.key("2"),
        lambda: person.click(350, 220),
        lambda: person.click(150, 30, button="right"),
        lambda: person.key("Enter"),
        lambda: person.drag((20, 20), (120, 120)),
        lambda: person.key("Enter"),
    ]
    states = [state()]
    for step in steps:
        step().settle()
        states.append(state())
    assert all(one != other for one, other in itertools.pairwise(states))
    for expected in states[-2::-1]:
        person.key("Control+z").settle()
        assert state() == expected
    for expected in states[1:]:
        person.key("Control+Shift+z").settle()
        assert state() == expected


def test_three_clicks_in_quick_succession_end_with_the_mask_of_all_three(person, app, drive):
    points = [(300, 180), (340, 230), (250, 120)]
    for x, y in points:
        person.click(x, y)
    person.settle()
    assert len(person.snapshot()["prompt"]["points"]) == 3
    patient = drive(app.url).open(CUP)
    for x, y in points:
        patient.click(x, y).settle()
    assert mask_of(person, app) == mask_of(patient, app)
    assert np.array_equal(shown(person), shown(patient))


def test_second_tab_disturbs_nothing(person, app, drive):
    encodes = app.encodes
    person.click(*INSIDE).settle()
    before = shown(person)
    other = drive(app.url).open(CUP)
    other.drag((10, 10), (100, 100)).settle()
    other.key("Enter").settle()
    person.click(350, 220).key("Control+z").settle()
    assert np.array_equal(shown(person), before)
    assert person.snapshot()["objects"] == []
    assert app.encodes == encodes


def test_click_at_four_times_zoom_and_pixel_ratio_2_lands_on_the_pixel_meant(app, drive):
    person = drive(app.url, ratio=2).open(CUP)
    x, y = person.client(300, 180)
    person.page.mouse.move(x, y)
    while person.snapshot()["view"]["scale"] < 4:
        before = person.snapshot()["view"]["scale"]
        person.page.mouse.wheel(0, -200)
        person.page.wait_for_function("before => samui.snapshot().view.scale !== before", arg=before)
    for target in ((301.5, 181.5), (290.25, 170.75)):
        person.click(*target).settle()
        landed = person.snapshot()["prompt"]["points"][-1][:2]
        assert landed == pytest.approx(target, abs=0.5)


def test_two_accepted_objects_saved_as_coco_read_back_as_the_page_showed_them(person, app, tmp_path):
    masks = []
    for box, label in ((BOX, "cup"), (((480, 20), (590, 200)), "table")):
        person.page.get_by_label("Label for the next objects", exact=True).fill(label)
        person.drag(*box).settle()
        masks.append(shown(person))
        person.page.locator("#samui-canvas").focus()
        person.key("Enter").settle()
    told = person.snapshot()["objects"]
    assert [o["label"] for o in told] == ["cup", "table"]
    person.page.get_by_label("Format", exact=True).select_option("coco")
    with person.page.expect_download() as download:
        person.button("Save").click()
    assert download.value.suggested_filename == "coffee-coco.json"
    file = tmp_path / "coffee.json"
    download.value.save_as(file)
    coco = COCO(file)
    found = coco.loadAnns(coco.getAnnIds())
    assert [coco.loadCats(a["category_id"])[0]["name"] for a in found] == ["cup", "table"]
    for annotation, mask, item in zip(found, masks, told, strict=True):
        assert np.array_equal(on_grid(coco.annToMask(annotation).astype(bool)), mask)
        assert annotation["area"] == item["area"]


def test_command_line_writes_the_mask_that_the_page_showed_bit_for_bit(person, app, tmp_path):
    person.drag(*BOX).click(*INSIDE).click(460, 360, button="right").settle()
    told = person.snapshot()["prompt"]
    out = tmp_path / "mask.png"
    command = [sys.executable, "-m", "samui", "segment", str(CUP), "--out", str(out), "--model", "bundled", "--json"]
    command += ["--box", ",".join(map(repr, told["box"]))]
    for point in told["points"]:
        command += ["--point", ",".join(map(repr, point))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    written = cv2.imread(str(out), cv2.IMREAD_UNCHANGED) > 0
    assert Rle.encode(written) == mask_of(person, app)
    assert json.loads(done.stdout)["objects"][0]["area"] == int(written.sum())


def test_reopened_object_goes_on_where_it_was(person):
    person.click(*INSIDE).click(350, 220).settle()
    before = shown(person)
    person.key("Enter").settle()
    assert len(person.snapshot()["objects"]) == 1
    person.double_click(*INSIDE).settle()
    assert len(person.snapshot()["prompt"]["points"]) == 2
    assert np.array_equal(shown(person), before)


def test_reload_keeps_image_and_work(person):
    person.click(*INSIDE).settle()
    person.key("Enter").settle()
    objects = person.snapshot()["objects"]
    person.reload()
    person.page.wait_for_function("samui.snapshot().image && !samui.snapshot().pending")
    assert person.snapshot()["objects"] == objects


def test_clicks_made_while_encoding_are_kept_and_answered(app, drive, tmp_path):
    big = tmp_path / "big.png"
    cv2.imwrite(str(big), cv2.resize(cv2.imread(str(CUP)), (1800, 1200)))
    person = drive(app.url).open(big, wait=False)
    person.click(900, 540)
    person.settle()
    assert len(person.snapshot()["prompt"]["points"]) == 1
    assert person.covers(900, 540)


def test_broken_file_is_a_message_and_the_work_stays(person, tmp_path):
    person.click(*INSIDE).settle()
    before = shown(person)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not really")
    person.page.locator("input[type=file]").set_input_files(str(broken))
    alert = person.page.get_by_role("alert")
    alert.get_by_text("broken.jpg").wait_for()
    assert np.array_equal(shown(person), before)
    person.click(350, 220).settle()
    assert len(person.snapshot()["prompt"]["points"]) == 2


def test_label_that_looks_like_markup_stays_text(person):
    person.page.get_by_label("Label for the next objects", exact=True).fill("<img src=x onerror=window.hacked=1>")
    person.click(*INSIDE).settle()
    person.page.locator("#samui-canvas").focus()
    person.key("Enter").settle()
    assert person.snapshot()["objects"][0]["label"].startswith("<img")
    assert person.page.evaluate("window.hacked") is None
    assert person.page.locator("img[src=x]").count() == 0


def test_what_gradio_says_of_its_streams_when_a_page_is_left_is_no_complaint(person):
    """Which it does or not, with the version of the browser; all else that is said then is one."""
    said = ["Unexpected error Connection errored out. ", "something else"]
    person.page.evaluate("said => addEventListener('beforeunload', () => said.map((one) => console.error(one)))", said)
    assert person.reload().complaints == ["something else"]

"""A folder of photos worked through in a real browser, with keys alone where a person would use them."""

import os
import queue

import cv2
import numpy as np
import pytest
from gradio.context import Context

from samui.models import load_predictor
from samui.models.embeddings import embedding_key
from samui.pixels.images import read_image
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.launch import launch
from samui.workspace.folder import open_workspace
from samui.workspace.library import Library

pytestmark = pytest.mark.browser

SIZE = (240, 320)
TOKEN = "Object.values(sessionStorage)[0]"
PATIENCE = 30  # seconds after which a test has failed


def paint(folder, names):
    """A photo of a disc for each name, each another one."""
    folder.mkdir(exist_ok=True)
    for name in names:
        random = np.random.default_rng(list(name.encode()))
        picture = cv2.resize(random.integers(0, 255, (5, 7, 3), np.uint8), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
        cv2.circle(picture, (160, 120), 60, [int(tone) for tone in random.integers(0, 255, 3)], -1)
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(file), picture)
    return folder


class Running:
    """A server over a folder, which can be stopped and started again at the same address."""

    def __init__(self, folder, scratch):
        self.folder, self.scratch, self.ports = folder, scratch, None
        self.start()

    def start(self):
        Context.id = 0  # of Gradio's components, which in a process of its own are counted from the beginning
        workspace = open_workspace(self.folder)
        self.service = Service(
            Settings(model="bundled", close_ups=False), load_predictor, self.scratch, folder=workspace
        )
        self.service.warm()
        self.wanted = queue.Queue()  # names of images that the page has asked to have ready
        ahead = self.service.server.gallery.ahead
        want = ahead.want
        ahead.want = lambda *given: (want(*given), self.wanted.put(given[-1]))
        self.page, self.url = launch(self.service, block=False, **({"ports": self.ports} if self.ports else {}))
        self.ports = [self.page.server_port]

    def stop(self):
        self.page.close()
        self.service.close()

    def restart(self):
        self.stop()
        self.start()

    def is_ready(self, path):
        """Whether an image of the folder is embedded, once nothing is on its way any more."""
        server = self.service.server
        while not self.wanted.get(timeout=PATIENCE).endswith(path):
            pass
        assert server.gallery.ahead.settle(PATIENCE)
        predictor = server.predictors.get("bundled")
        key = embedding_key(predictor, read_image(self.folder / path).pixels)
        return server.embeddings.get(key) is not None

    @property
    def images(self):
        return self.service.server.gallery.folder.images

    def objects(self, path):
        return self.service.server.gallery.folder.objects(self.images.find(path).uid)


@pytest.fixture
def over(tmp_path, monkeypatch):
    """Makes a running server over a folder of photos of these names."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    servers = []

    def make(names):
        servers.append(Running(paint(tmp_path / "photos", names), tmp_path / "scratch"))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def names(count):
    return [f"photo-{i:03}.png" for i in range(count)]


def told(person):
    return person.snapshot()["workspace"]


def stands(person, **expected):
    """Wait until the page says so of the folder and its open image, and everything is answered."""
    person.page.wait_for_function(
        "expected => { const told = window.samui && samui.snapshot(); return told && !told.pending && "
        "told.stage === 'ready' && Object.entries(expected).every(([key, value]) => told.workspace[key] === value); }",
        arg=expected,
    )
    return person.settle()


def annotate(person):
    """Include the middle of the image and keep it, by the keyboard's cursor."""
    person.key("ArrowRight").key("Space").settle()
    return person.key("Enter").settle()


def test_pass_through_20_photos_with_keys_alone_and_a_restart_between(over, drive):
    server = over(names(20))
    person = stands(drive(server.url), at=1, images=20, state="todo", name="photo-000.png")
    for i, name in enumerate(names(20)):
        stands(person, at=i + 1, name=name)
        if i == 10:
            token = person.page.evaluate(TOKEN)
            server.restart()
            person.page.wait_for_function(f"token => {TOKEN} !== token", arg=token)  # it has noticed by itself
            stands(person, at=i + 1, name=name)
        annotate(person)
        if i < 19:
            assert server.is_ready(names(20)[i + 1])  # nobody will wait for the encoder
        person.key("d" if i % 2 else "Shift+Enter")
    stands(person, at=20)
    counts = server.images.counts()
    assert (counts.done, counts.progress, counts.objects) == (10, 10, 20)
    assert all(len(server.objects(name)) == 1 for name in names(20))
    lost = ("Failed to load resource", "Failed to fetch")
    assert [line for line in person.complaints if not line.startswith(lost)] == []
    server.restart()
    again = stands(drive(server.url), name="photo-019.png", state="progress")
    assert len(again.snapshot()["objects"]) == 1


def test_states_filter_and_list_go_together(over, drive):
    server = over(names(12))
    person = stands(drive(server.url), at=1)
    page = person.page
    person.key("d")
    stands(person, at=2)
    person.button("Done").click()
    stands(person, state="done")
    assert server.images.find("photo-001.png").objects == 0  # done without objects counts
    person.button("Skip").click()
    stands(person, state="skipped")
    person.button("Skip").click()
    stands(person, state="todo")
    person.button("Done").click()
    stands(person, state="done")
    page.get_by_label("State", exact=True).select_option("todo")
    rows = page.get_by_role("option").filter(has_text="photo-")
    page.get_by_role("option", name="photo-002.png, to do").wait_for()
    page.wait_for_function("document.querySelector('.image-row:not([hidden])').ariaSetSize === '11'")
    assert "photo-001.png" not in " ".join(rows.all_inner_texts())
    person.key("a")
    stands(person, at=1)
    person.key("d")  # the next of those in the list
    stands(person, at=3)
    page.get_by_label("Name contains").fill("-007")
    page.get_by_role("option", name="photo-007.png, to do").click()
    stands(person, at=8, name="photo-007.png")
    page.get_by_label("Name contains").fill("nothing like that")
    page.get_by_text("No image is like that.").wait_for()
    assert page.get_by_label("Counts").inner_text() == "11 to do · 1 done"


def test_note_state_and_place_are_there_after_a_reload(over, drive):
    server = over(names(3))
    person = stands(drive(server.url), at=1)
    person.key("d")
    stands(person, at=2)
    note = person.page.get_by_label("Note on the image")
    note.fill("blurred")
    note.press("Enter")
    person.page.wait_for_function("!samui.snapshot().pending")
    person.page.reload()
    stands(person, at=2)
    assert person.page.get_by_label("Note on the image").input_value() == "blurred"
    assert server.images.find("photo-001.png").note == "blurred"


def test_mask_that_is_not_kept_is_told_of_once_before_it_is_left(over, drive):
    server = over(names(3))
    person = stands(drive(server.url), at=1)
    person.click(160, 120).settle()
    person.key("d")
    person.page.get_by_text("The mask at work is not kept.").wait_for()
    assert told(person)["at"] == 1
    person.key("d")
    stands(person, at=2)
    assert server.images.counts().objects == 0


def test_new_file_appears_without_a_restart(over, drive):
    server = over(names(2))
    person = stands(drive(server.url), at=1)
    paint(server.folder, ["photo-000b.png"])
    stands(person, images=3)
    person.key("d")
    stands(person, at=2, name="photo-000b.png")


def test_labels_are_chosen_by_keys_and_renamed_over_all_images(over, drive):
    server = over(names(2))
    person = stands(drive(server.url), at=1)
    page = person.page
    label = page.get_by_label("Label for the next objects")
    label.fill("cat")
    label.press("Enter")
    annotate(person)
    label.fill("dog")
    label.press("Enter")
    person.click(40, 40).settle()
    person.key("Enter").settle()
    page.get_by_role("button", name="Label dog").wait_for()
    person.key("Alt+1")
    assert label.input_value() == "cat"
    person.key("d")
    stands(person, at=2)
    assert label.input_value() == "cat"  # the last one stays chosen over images
    annotate(person)
    colours = {item.label: item.colour for item in server.objects("photo-000.png")}
    assert server.objects("photo-001.png")[0].colour == colours["cat"]
    person.button("Edit labels").click()
    name = page.get_by_label("Name of cat;")
    name.fill("lion")
    name.press("Enter")
    page.get_by_label("Name of lion;").wait_for()
    person.settle()
    assert [item["label"] for item in person.snapshot()["objects"]] == ["lion"]
    assert [item.label for item in server.objects("photo-000.png")] == ["lion", "dog"]
    person.button("Undo the last change of labels").click()
    page.get_by_text("Undone: Rename label.").wait_for()
    assert [item.label for item in server.objects("photo-000.png")] == ["cat", "dog"]


def test_objects_of_the_previous_image_are_copied(over, drive):
    server = over(names(2))
    person = stands(drive(server.url), at=1)
    annotate(person)
    person.key("d")
    stands(person, at=2)
    person.key("Shift+V")
    person.page.wait_for_function("samui.snapshot().objects.length === 1")
    person.settle()
    assert [item.mask for item in server.objects("photo-001.png")] == [
        item.mask for item in server.objects("photo-000.png")
    ]


def test_folder_folds_away_on_a_narrow_page(over, drive):
    server = over(names(3))
    person = stands(drive(server.url, width=390, height=844, touch=True), at=1)
    page = person.page
    assert page.get_by_text("photo-000.png").is_visible()
    assert page.get_by_text("1 of 3").is_visible()
    listed = page.get_by_role("listbox", name="Images of the folder")
    assert not listed.is_visible()
    person.button("List of images").tap()
    page.get_by_role("option", name="photo-002.png").tap()
    stands(person, at=3)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert person.complaints == []


def test_list_of_5000_images_has_the_rows_in_sight_and_asks_for_their_thumbnails_alone(over, drive):
    server = over(names(1))
    for i in range(1, 5000):
        os.link(server.folder / "photo-000.png", server.folder / f"photo-{i:04}.png")
    server.service.server.gallery.folder.scan()
    asked = []
    person = stands(drive(server.url), images=5000)
    person.page.on("request", lambda request: asked.append(request.url))
    page = person.page
    listed = page.get_by_role("listbox", name="Images of the folder")
    listed.focus()
    person.key("End")
    page.get_by_role("option", name="photo-4999.png, to do").wait_for()
    for key in ("PageUp", "PageUp", "Home", "PageDown", "PageDown", "End"):  # rows are used again
        person.key(key)
    page.get_by_role("option", name="photo-4999.png, to do").wait_for()
    person.key("Enter")
    stands(person, at=5000, name="photo-4999.png")
    page.wait_for_function("[...document.querySelectorAll('.image-row:not([hidden]) img[src]')].length > 3")
    assert page.locator(".image-row").count() < 40
    assert sum("/samui/thumbnail/" in url for url in asked) < 80


def test_recent_images_come_back_with_their_objects(tmp_path, drive, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    photos = paint(tmp_path / "photos", names(2))
    service = Service(
        Settings(model="bundled", close_ups=False),
        load_predictor,
        tmp_path / "scratch",
        library=Library(tmp_path / "library"),
    )
    service.warm()
    page, url = launch(service, block=False)
    try:
        person = drive(url).open(photos / "photo-000.png")
        annotate(person)
        person.open(photos / "photo-001.png")
        assert not person.button("Go back").is_visible()  # there is a list instead
        person.button("Open photo-000.png again, 1 object").click()
        person.page.wait_for_function("samui.snapshot().image?.name === 'photo-000.png' && !samui.snapshot().pending")
        assert len(person.settle().snapshot()["objects"]) == 1
        other = drive(url)
        other.page.get_by_role("heading", name="Recent images").first.wait_for()
        picture = other.page.locator(".empty .recent img").first
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 160
        narrow = drive(url, width=390, height=844, touch=True)
        stage = narrow.page.locator(".stage").bounding_box()
        for shown in (
            narrow.page.get_by_role("heading", name="Open a photo to begin"),
            narrow.button("Open the sample Cat"),
        ):
            box = shown.bounding_box()
            assert stage["y"] <= box["y"]
            assert box["y"] + box["height"] <= stage["y"] + stage["height"]
        assert person.complaints == []
    finally:
        page.close()
        service.close()

"""The service behind page and API, with the fake predictor: begin, act, open, models, saving, isolation, clean-up."""

import json
import os
import sys
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest

from samui import embeddings, open_image
from samui.embeddings import embedding_key
from samui.errors import (
    ExportError,
    ImageError,
    ModelError,
    RequestError,
    SamuiError,
    StaleError,
    UnknownSessionError,
)
from samui.masks import Rle
from samui.service import Service
from samui.settings import Settings
from tests.fakes import FakePredictor


class Page:
    """What a browser does, without one."""

    def __init__(self, service, token=None):
        self.service = service
        told = service.begin({"session": token})
        self.token, self.rev, self.serial, self.first = told["session"], 0, 0, told
        self.epoch = told["epoch"]

    def open(self, file, name="photo.png"):
        events = list(self.service.open(self.token, file, name))
        self.epoch = events[-1]["epoch"]
        return events

    def act(self, action, **fields):
        self.rev += 1
        request = {"session": self.token, "epoch": self.epoch, "rev": self.rev, "seen": self.serial}
        told = self.service.act({**request, "action": action, **fields})
        self.serial = told.get("serial", self.serial)
        return told

    def click(self, *points):
        return self.act("prompt", points=[list(p) for p in points])


@pytest.fixture
def photo(tmp_path):
    def make(width=80, height=60, seed=0):
        file = tmp_path / f"{seed}-{width}x{height}.png"
        pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
        cv2.imwrite(str(file), pixels)
        return file

    return make


@pytest.fixture
def loaded():
    return {}


@pytest.fixture
def service(tmp_path, loaded):
    def load(name):
        if name.startswith("bad"):
            raise ModelError(f"model: must be good, got {name!r}")
        loaded[name] = FakePredictor()
        loaded[name].name = loaded[name].key = name
        return loaded[name]

    service = Service(Settings(model="fake"), load, tmp_path / "scratch")
    yield service
    service.close()


def test_opening_tells_each_step_and_ends_ready(service, photo):
    events = Page(service).open(photo())
    assert [e["stage"] for e in events] == ["reading", "image", "encoding", "ready"]
    assert events[1]["image"]["width"] == 80
    assert events[1]["image"]["height"] == 60
    assert events[-1]["state"]["objects"] == {"order": [], "changed": []}


def test_encoder_runs_while_the_picture_is_made_ready_to_show(service, photo, loaded, monkeypatch):
    page = Page(service)
    encoding, shown = threading.Event(), threading.Event()
    embed, show = loaded["fake"].embed, open_image.encode_for_display

    def slow_embed(image):
        encoding.set()
        assert shown.wait(10)
        return embed(image)

    def slow_show(pixels):
        assert encoding.wait(10)  # serial work would wait here in vain
        return show(pixels)

    monkeypatch.setattr(loaded["fake"], "embed", slow_embed)
    monkeypatch.setattr(open_image, "encode_for_display", slow_show)
    events = service.open(page.token, photo(), "photo.png")
    assert [next(events)["stage"] for _ in range(2)] == ["reading", "image"]
    shown.set()
    assert [event["stage"] for event in events] == ["encoding", "ready"]
    assert loaded["fake"].embed_calls == 1


def test_click_is_answered_while_another_image_is_encoded(service, photo, loaded, monkeypatch):
    page, other = Page(service), Page(service)
    page.open(photo())
    began, answered = threading.Event(), threading.Event()
    embed = loaded["fake"].embed
    priorities = []

    def slow_embed(image):
        if sys.platform == "linux":
            priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        began.set()
        assert answered.wait(10)
        return embed(image)

    monkeypatch.setattr(loaded["fake"], "embed", slow_embed)
    opening = threading.Thread(target=other.open, args=(photo(seed=1),))
    opening.start()
    assert began.wait(10)
    assert page.click((20, 20, 1))["ok"]
    answered.set()
    opening.join()
    assert other.click((20, 20, 1))["ok"]
    if priorities:  # the encoder's thread stands back, the one that answers does not
        mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        assert priorities == [min(19, mine + 5)]


def test_content_is_hashed_once_an_open(service, photo, monkeypatch):
    keys = []
    monkeypatch.setattr(embeddings, "embedding_key", lambda *given: keys.append(given) or embedding_key(*given))
    Page(service).open(photo())
    assert len(keys) == 1


def test_image_that_is_late_when_it_is_read_is_not_encoded(service, photo, loaded):
    page = Page(service)
    older = service.open(page.token, photo(seed=1), "older.png")
    next(older)  # "reading"
    page.open(photo(seed=2), name="newer.png")
    assert list(older) == []
    assert loaded["fake"].embed_calls == 1


def test_encoder_runs_once_an_image_in_however_many_tabs(service, photo, loaded):
    pages = [Page(service) for _ in range(3)]
    for page in pages:
        page.open(photo())
        page.click((20, 20, 1))
        page.click((20, 20, 1), (40, 40, 0))
        page.act("undo")
        page.act("accept", label="x")
        page.act("reopen", object=1)
    assert loaded["fake"].embed_calls == 1


def test_click_answers_with_mask_and_candidates(service, photo):
    page = Page(service)
    page.open(photo())
    told = page.click((40, 30, 1))
    assert told["ok"]
    assert told["rev"] == 1
    mask = Rle.from_string(told["mask"]["size"], told["mask"]["counts"]).decode()
    assert mask[30, 40]
    assert not mask[2, 2]
    assert told["timings"]["decode"] > 0


def test_overtaken_click_is_not_decoded(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    calls = loaded["fake"].predict_calls
    newest = {"session": page.token, "epoch": page.epoch, "rev": 9, "seen": 0, "action": "prompt"}
    assert service.act({**newest, "points": [[20, 20, 1]]})["ok"]
    late = service.act({**newest, "rev": 5, "points": [[50, 50, 1]]})
    assert late["overtaken"]
    assert loaded["fake"].predict_calls == calls + 1


def test_action_that_is_sent_again_is_applied_once(service, photo):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.click((20, 20, 1), (40, 40, 1))
    undo = {"session": page.token, "epoch": page.epoch, "rev": 7, "seen": 0, "action": "undo"}
    first, second = service.act(undo), service.act(undo)
    assert len(first["prompt"]["points"]) == len(second["prompt"]["points"]) == 1
    assert second["mask"] == first["mask"]
    assert service.act({**undo, "rev": 8})["prompt"]["points"] == []


def test_request_about_the_image_before_is_refused(service, photo):
    page = Page(service)
    page.open(photo())
    before = page.epoch
    page.open(photo(seed=1))
    page.epoch = before
    told = page.click((20, 20, 1))
    assert (told["ok"], told["kind"]) == (False, "epoch")


def test_failed_open_leaves_image_and_work(service, photo, tmp_path):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    with pytest.raises(ImageError, match="broken"):
        list(service.open(page.token, broken, "broken.png"))
    page.serial = 0
    assert page.act("state")["objects"]["order"] == [1]


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {}, {"session": 3}, {"action": "undo"}, {"session": "x", "action": "undo", "epoch": 0, "rev": 0}],
    ids=str,
)
def test_act_answers_anything_with_an_envelope(service, data):
    told = service.act(data)
    assert told["ok"] is False
    assert told["kind"] in ("request", "session")
    json.dumps(told)


def test_action_without_an_image_says_open_one_first(service):
    told = Page(service).click((1, 1, 1))
    assert told["error"] == "session: must have an image; open one first"


def test_unexpected_error_is_an_envelope_and_the_session_lives(service, photo, loaded, caplog):
    page = Page(service)
    page.open(photo())
    works = loaded["fake"].predict
    loaded["fake"].predict = lambda *a, **k: 1 / 0
    told = page.click((20, 20, 1))
    assert (told["ok"], told["kind"]) == (False, "internal")
    assert "ZeroDivisionError" in caplog.text
    assert "Zero" not in told["error"]
    loaded["fake"].predict = works
    assert page.click((20, 20, 1))["ok"]


def test_reloaded_page_gets_its_work_back_and_the_old_tab_is_told(service, photo):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    again = Page(service, token=page.token)
    assert again.first["resumed"]
    assert again.first["objects"]["order"] == [1]
    assert "mask" in again.first["objects"]["changed"][0]
    assert again.first["stage"] == "ready"
    assert again.act("state")["ok"]
    assert page.act("state")["kind"] == "session"


def test_copied_tab_counts_its_own_requests(service, photo):
    page = Page(service)
    page.open(photo())
    copy = Page(service, token=page.token)
    for x in (10, 20, 30):
        assert page.click((x, 20, 1))["ok"]
    told = copy.click((50, 30, 1))
    assert told["prompt"]["points"] == [[50.0, 30.0, 1]]
    assert page.click((10, 20, 1))["kind"] == "session"


def test_failed_encoding_is_told_and_a_later_click_tries_again(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    works = loaded["fake"].embed

    def fail(image):
        raise ModelError("device: must have memory, got none")

    loaded["fake"].embed = fail
    with pytest.raises(ModelError):
        page.open(photo(seed=1))
    again = Page(service, token=page.token)
    assert again.first["stage"] == "ready"
    assert again.click((20, 20, 1))["kind"] == "model"
    loaded["fake"].embed = works
    assert again.click((20, 20, 1))["ok"]


def test_unknown_token_gets_a_new_empty_seat(service):
    page = Page(service, token="made-up")
    assert not page.first["resumed"]
    assert page.first["image"] is None
    assert page.token != "made-up"


def test_two_sessions_see_nothing_of_each_other(service, photo):
    one, two = Page(service), Page(service)
    one.open(photo(seed=1))
    two.open(photo(seed=2, width=50))
    one.click((20, 20, 1))
    one.act("accept", label="secret")
    told = two.act("state")
    assert told["objects"]["order"] == []
    assert told["prompt"]["points"] == []


def test_many_threads_get_the_masks_of_their_own_image(service, photo):
    pages = [Page(service) for _ in range(6)]
    for seed, page in enumerate(pages):
        page.open(photo(width=60 + 10 * seed, seed=seed))
    wrong = []

    def work(page, width):
        for x in range(5, 50, 5):
            told = page.click((x, 20, 1))
            if told["mask"]["size"] != [60, width]:
                wrong.append(told)

    threads = [threading.Thread(target=work, args=(page, 60 + 10 * i)) for i, page in enumerate(pages)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_other_model_keeps_the_objects_and_decodes_the_prompt_anew(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    page.click((50, 30, 1))
    events = list(service.change_model(page.token, "other"))
    assert [e["stage"] for e in events] == ["loading", "encoding", "ready"]
    state = events[-1]["state"]
    assert state["objects"]["order"] == [1]
    assert state["prompt"]["points"] == [[50.0, 30.0, 1]]
    assert loaded["other"].embed_calls == 1
    page.epoch = events[-1]["epoch"]
    page.act("clear")
    reopened = page.act("reopen", object=1)
    assert reopened["ok"]
    assert loaded["other"].prompts[-1].mask_logits is None


def test_model_that_does_not_load_leaves_the_old_one(service, photo):
    page = Page(service)
    page.open(photo())
    with pytest.raises(ModelError, match="got 'bad'"):
        list(service.change_model(page.token, "bad"))
    assert page.click((20, 20, 1))["ok"]


@pytest.mark.parametrize("name", ["", "  ", None, 7, "x" * 301], ids=["empty", "blank", "none", "number", "long"])
def test_model_name_must_be_a_name(service, name):
    with pytest.raises(RequestError, match="model: must be a name of 1 to 300 characters"):
        list(service.change_model(Page(service).token, name))


def test_hosted_page_takes_known_models_only(service, tmp_path):
    service.settings = replace(Settings.for_host(), model="fake")
    with pytest.raises(ModelError, match=r"model: must be one of .* on this page, got 'somebody/else'"):
        list(service.change_model(Page(service).token, "somebody/else"))


def test_saved_file_is_what_the_page_showed(service, photo):
    from pycocotools import mask as coco_mask

    page = Page(service)
    page.open(photo(), name="My photo.png")
    shown = page.click((40, 30, 1))["mask"]
    page.act("accept", label="cat")
    file, name = service.save(page.token, "coco")
    assert name == "My_photo-coco.json"
    saved = json.loads(file.read_text())["annotations"][0]
    assert saved["segmentation"] == {"size": shown["size"], "counts": shown["counts"]}
    assert coco_mask.area(saved["segmentation"]) == shown["area"]
    assert saved["samui"]["prompt"]["points"] == [[40.0, 30.0, 1]]
    assert service.export_of(page.token, file.parent.name, name) == file


def test_saving_nothing_says_so(service, photo):
    page = Page(service)
    with pytest.raises(ExportError, match="save: there must be an image"):
        service.save(page.token, "coco")
    page.open(photo())
    with pytest.raises(ExportError, match="save: there must be at least one object"):
        service.save(page.token, "coco")


def test_export_is_reached_by_its_own_token_and_name_alone(service, photo):
    page, stranger = Page(service), Page(service)
    page.open(photo())
    page.click((40, 30, 1))
    page.act("accept")
    file, name = service.save(page.token, "mask")
    folder = file.parent.name
    wrong = [(stranger.token, folder, name), ("x", folder, name), (page.token, "..", name), (page.token, folder, "..")]
    for token, place, wanted in [*wrong, (page.token, "/etc", "passwd")]:
        with pytest.raises(SamuiError):
            service.export_of(token, place, wanted)


def test_saves_at_the_same_time_do_not_disturb_each_other(service, photo):
    page = Page(service)
    page.open(photo())
    for x in (20, 40, 60):
        page.click((x, 30, 1))
        page.act("accept")
    files, threads = [], []
    for only in (1, 2, 3):
        threads.append(threading.Thread(target=lambda o=only: files.append(service.save(page.token, "mask", o))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(name for _, name in files) == [f"photo-object-{n}-mask.png" for n in (1, 2, 3)]
    assert all(file.is_file() for file, _ in files)
    for _ in range(20):
        service.save(page.token, "mask")
    assert len(list((service.scratch.seat(service.sessions.get(page.token).key) / "exports").iterdir())) == 5


def test_save_names_the_image_that_it_means(service, photo):
    page = Page(service)
    page.open(photo())
    page.click((40, 30, 1))
    page.act("accept")
    epoch = page.epoch
    page.open(photo(seed=1))
    with pytest.raises(StaleError, match=r"save\.epoch: must be 2"):
        service.save(page.token, "mask", epoch=epoch)


def test_of_two_opens_the_newer_wins_whichever_ends_last(service, photo):
    page = Page(service)
    older = service.open(page.token, photo(seed=1), "older.png")
    next(older)
    page.open(photo(seed=2), name="newer.png")
    page.click((20, 20, 1))
    page.act("accept")
    assert list(older) == []
    assert service.image_of(page.token).name == "newer.png"
    page.serial = 0
    assert page.act("state")["objects"]["order"] == [1]
    folders = [p for p in service.scratch.folder.rglob("image-*") if p.is_dir()]
    assert len(folders) == 1


def test_session_closed_while_it_opens_an_image_leaves_nothing(service, photo, loaded):
    page = Page(service)
    opening = service.open(page.token, photo(), "photo.png")
    next(opening)
    service.sessions.close(page.token)
    assert list(opening) == []
    assert [p for p in service.scratch.folder.rglob("*") if p.is_file()] == []
    assert service.pictures.nbytes == 0
    assert loaded["fake"].embed_calls == 0


def test_model_change_without_an_image_holds_no_lock(service):
    page = Page(service)
    steps = service.change_model(page.token, "other")
    done = []
    worker = threading.Thread(target=lambda: done.extend([next(steps), next(steps)]))
    worker.start()
    worker.join()
    assert done[-1]["stage"] == "ready"
    assert service.sessions.get(page.token).lock.acquire(timeout=1)
    assert list(steps) == []


def test_model_whose_encoder_fails_leaves_the_old_one_and_the_work(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    page.click((20, 20, 1))
    service.predictors.get("other")

    def fail(image):
        raise ModelError("device: must have memory, got none")

    loaded["other"].embed = fail
    with pytest.raises(ModelError):
        list(service.change_model(page.token, "other"))
    assert page.click((20, 20, 1), (40, 40, 1))["ok"]
    assert page.act("undo")["can"]["undo"]


def test_closed_session_leaves_no_file(service, photo):
    page = Page(service)
    page.open(photo())
    folder = service.image_of(page.token).file.parent
    assert folder.is_dir()
    service.sessions.close_all()
    assert not folder.exists()
    with pytest.raises(UnknownSessionError):
        service.image_of(page.token)


def test_opening_the_next_image_removes_the_last_ones_files(service, photo):
    page = Page(service)
    page.open(photo())
    first = service.image_of(page.token).file
    page.open(photo(seed=1))
    assert not first.exists()
    assert photo().exists()


def test_image_that_was_left_with_objects_can_be_gone_back_to(service, photo, loaded):
    page = Page(service)
    page.open(photo(seed=1), name="one.png")
    page.click((20, 20, 1))
    page.act("accept", label="cat")
    page.open(photo(seed=2), name="two.png")
    assert page.act("back")["moved"]
    back = Page(service, token=page.token)
    assert back.first["image"]["name"] == "one.png"
    assert back.first["objects"]["order"] == [1]
    assert back.act("undo")["objects"]["order"] == []
    assert back.click((30, 30, 1))["mask"]["size"] == [60, 80]
    assert back.act("back")["moved"]
    assert Page(service, token=back.token).first["image"]["name"] == "two.png"
    assert loaded["fake"].embed_calls == 2


def test_only_one_image_before_is_kept_and_it_counts(service, photo):
    page = Page(service)
    for seed in range(4):
        page.open(photo(seed=seed))
        page.click((20, 20, 1))
        page.act("accept")
    assert len([p for p in service.scratch.folder.rglob("image-*") if p.is_dir()]) == 2
    seat = service.sessions.get(page.token)
    assert seat.nbytes == seat.session.nbytes + seat.left.session.nbytes


def test_without_an_image_before_there_is_no_way_back(service, photo):
    page = Page(service)
    page.open(photo())
    page.open(photo(seed=1))
    assert page.act("back")["error"] == "back: there must be an image before this one with objects, got none"


def test_clicks_leave_nothing_on_disk(service, photo):
    page = Page(service)
    page.open(photo())

    def count():
        return sorted(p for p in service.scratch.folder.rglob("*"))

    before = count()
    for x in range(10, 60, 10):
        page.click((x, 20, 1))
    assert count() == before


def test_evicted_embedding_is_made_again_for_the_same_mask(service, photo, loaded):
    page = Page(service)
    page.open(photo())
    first = page.click((40, 30, 1))["mask"]
    page.act("clear")
    service.embeddings.shrink()
    assert page.click((40, 30, 1))["mask"] == first
    assert loaded["fake"].embed_calls == 2


def test_evicted_picture_is_read_again(tmp_path, photo):
    service = Service(Settings(model="fake", picture_bytes=1), lambda name: FakePredictor(), tmp_path / "s")
    pages = [Page(service) for _ in range(2)]
    for seed, page in enumerate(pages):
        page.open(photo(seed=seed))
        page.click((40, 30, 1))
        page.act("accept")
    assert service.pictures.nbytes == 80 * 60 * 3
    file, _ = service.save(pages[0].token, "cutout-full")
    rgba = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    original = cv2.imread(str(photo(seed=0)))
    assert np.array_equal(rgba[30, 40, :3], original[30, 40])
    service.close()


def test_bytes_are_flat_once_the_budgets_are_full(tmp_path, photo):
    """200 images one after the other: everything that is held stays under its budget."""
    settings = Settings(model="fake", embedding_bytes=20_000, picture_bytes=10 * 80 * 60 * 3)
    service = Service(settings, lambda name: FakePredictor(), tmp_path / "s")
    page, held = Page(service), []
    for seed in range(200):
        page.open(photo(seed=seed))
        page.click((40, 30, 1))
        files = sum(1 for p in service.scratch.folder.rglob("*") if p.is_file())
        seat = service.sessions.get(page.token)
        held.append((service.embeddings.nbytes, service.pictures.nbytes, seat.nbytes, files))
    assert max(h[0] for h in held) <= 20_000
    assert max(h[1] for h in held) <= 10 * 80 * 60 * 3
    assert len({h[1:] for h in held[50:]}) == 1
    service.close()

"""What a service holds on disk and in memory, and that evicted things come back."""

import cv2
import numpy as np
import pytest

from samui.errors import UnknownSessionError
from samui.serve.service import Service
from samui.serve.settings import Settings
from tests.fakes import FakeEmbedding, FakePredictor, Page


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
    other = Page(service)  # whose image has the only room there is
    service.embeddings.budget_bytes = 0
    other.open(photo(width=70))
    assert page.click((40, 30, 1))["mask"] == first
    assert loaded["fake"].embed_calls == 3


@pytest.mark.parametrize(("change", "size", "nbytes"), [("image", (60, 50), 1000), ("model", (60, 80), 2000)])
def test_run_that_looks_for_an_embedding_gives_none_to_what_the_seat_has_next(
    service, photo, loaded, monkeypatch, change, size, nbytes
):
    page = Page(service)
    for width in (80, 50):
        page.open(photo(width=width))
        page.click((20, 20, 1))
        page.act("accept")
    other = service.predictors.get("other")
    other.embed = lambda image: FakeEmbedding(image.shape[:2], nbytes=2000)
    page.act("back")  # whose embedding has to be looked for
    page = Page(service, token=page.token)
    get = service.pictures.get

    def changed_meanwhile(file):
        pixels = get(file)
        monkeypatch.setattr(service.pictures, "get", get)
        if change == "image":
            assert page.act("back")["moved"]
        else:
            list(service.change_model(page.token, "other"))
        return pixels

    monkeypatch.setattr(service.pictures, "get", changed_meanwhile)
    list(service.everything(page.token, {"points_per_side": 4}))
    page = Page(service, token=page.token)
    predictor, used = loaded[page.first["settings"]["model"]["name"]], []
    predict = predictor.predict
    predictor.predict = lambda embedding, prompt: used.append(embedding) or predict(embedding, prompt)
    assert page.click((20, 20, 1))["ok"]
    assert {(embedding.size, embedding.nbytes) for embedding in used} == {(size, nbytes)}


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

"""Saving: the file is what the page showed, and nobody else reaches it."""

import json
import threading

import pytest

from samui import formats
from samui.errors import ExportError, SamuiError, StaleError, UnknownSessionError
from tests.fakes import Page


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
    assert len(list((service.server.scratch.seat(service.seats.get(page.token).key) / "exports").iterdir())) == 5


def test_session_closed_while_it_saves_leaves_nothing(service, photo, monkeypatch):
    page = Page(service)
    page.open(photo())
    page.click((40, 30, 1))
    page.act("accept")
    download = formats.download

    def closed_meanwhile(*given, **how):
        service.seats.close(page.token)
        return download(*given, **how)

    monkeypatch.setattr(formats, "download", closed_meanwhile)
    with pytest.raises(UnknownSessionError, match=r"^session: must be open until its files are written"):
        service.save(page.token, "mask")
    assert list(service.server.scratch.folder.iterdir()) == []


def test_save_names_the_image_that_it_means(service, photo):
    page = Page(service)
    page.open(photo())
    page.click((40, 30, 1))
    page.act("accept")
    epoch = page.epoch
    page.open(photo(seed=1))
    with pytest.raises(StaleError, match=r"save\.epoch: must be 2"):
        service.save(page.token, "mask", epoch=epoch)

"""The commands over a folder's store: what they print, what they keep, and that they go on where they were stopped."""

import json
import shutil

import pytest

from samui import cli
from samui.workspace.folder import open_workspace
from samui.workspace.store import Operation
from tests.unit.conftest import FLAGS, NAMES
from tests.unit.workspace.conftest import thing


@pytest.fixture
def drawn(folder):
    """The folder with an object on its first image, the second one done, the third one skipped."""
    workspace = open_workspace(folder)
    first, second, third, _ = (image.uid for image in workspace.images.all())
    workspace.commit(Operation(first, "Accept"), (), (thing(1, "cat"), thing(2, "cat"), thing(3, "dog")))
    workspace.images.set_state(second, "done")
    workspace.images.set_state(third, "skipped")
    workspace.close()
    return folder


def run(*words):
    return cli.main([str(word) for word in words])


def test_info_tells_images_states_objects_and_labels(drawn, capsys):
    assert run("info", drawn, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    store = str(drawn / ".samui" / "store.sqlite")
    assert {name: told[name] for name in ("images", "todo", "progress", "done", "skipped", "objects", "store")} == {
        "images": 4, "todo": 1, "progress": 1, "done": 1, "skipped": 1, "objects": 3, "store": store,
    }  # fmt: skip
    assert [(one["name"], one["objects"], one["key"]) for one in told["labels"]] == [("cat", 2, ""), ("dog", 1, "")]
    assert run("info", drawn) == 0
    assert capsys.readouterr().out == (
        f"{drawn}: 4 images: 1 to do, 1 in progress, 1 done, 1 skipped; 3 objects\ncat: 2 objects\ndog: 1 objects\n"
    )


@pytest.mark.parametrize("command", ["info", "replay", "merge"])
def test_no_folder_is_one_line(command, tmp_path, capsys):
    assert run(command, tmp_path / "nowhere", *(["x"] if command == "merge" else [])) == 1
    told = capsys.readouterr()
    assert told.err == f"{tmp_path / 'nowhere'}: must be a folder of images, got nothing there\n"
    assert told.out == ""


def test_merge_joins_a_copy_that_others_went_on_with(drawn, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(drawn, other)
    workspace = open_workspace(other)
    uid = workspace.images.all()[3].uid
    workspace.commit(Operation(uid, "Accept"), (), (thing(9, "bird"),))
    workspace.close()
    assert run("merge", drawn, other) == 0
    assert "1 objects added, 0 changed, 0 deleted on 4 images; 0 conflicts" in capsys.readouterr().out
    assert run("merge", drawn, other, "--json") == 0
    assert json.loads(capsys.readouterr().out)["added"] == 0
    assert run("info", drawn, "--json") == 0
    assert json.loads(capsys.readouterr().out)["objects"] == 4
    assert run("merge", drawn, drawn) == 1
    assert "must be another store than" in capsys.readouterr().err


def test_everything_keeps_its_masks_in_the_folder_and_goes_on_where_it_was_stopped(folder, predictor, capsys):
    (folder / "broken.png").write_bytes(b"\x89PNG no picture")
    assert run("everything", folder, "--keep", "--label", "disc", *FLAGS) == 1  # one image could not be done
    told = capsys.readouterr()
    assert told.out.splitlines()[-1].endswith("masks of 4 images")
    assert "broken.png: must be" in told.err
    encoded = predictor.embed_calls
    workspace = open_workspace(folder)
    counts = {image.path: image.objects for image in workspace.images.all()}
    assert set(counts) == {*NAMES, "broken.png"}
    assert all(counts[name] > 0 for name in NAMES)
    first = workspace.objects(workspace.images.find("a.png").uid)
    assert {(item.label, item.model) for item in first} == {("disc", "fake")}
    assert [item.mask.area for item in first] == sorted((item.mask.area for item in first), reverse=True)
    assert [moment.action for moment in workspace.history.moments(workspace.images.all()[0].uid)] == ["Everything"]
    workspace.close()
    (folder / "broken.png").unlink()
    assert run("everything", folder, "--keep", "--label", "disc", *FLAGS) == 0
    assert capsys.readouterr().out.count("done before") == 4
    assert predictor.embed_calls == encoded
    workspace = open_workspace(folder)
    assert {image.path: image.objects for image in workspace.images.all()} == {name: counts[name] for name in NAMES}
    workspace.close()


@pytest.mark.parametrize("words", [["--out", "x", "--keep"], ["--format", "coco", "--keep"], []])
def test_everything_wants_one_place_for_its_masks(folder, words, predictor, capsys):
    assert run("everything", folder, *words) == 1
    assert "--keep" in capsys.readouterr().err
    assert predictor.embed_calls == 0


def accepted(folder, label="cat", *, model="fake"):
    """An object that a person made on the first image, in a page's session."""
    from samui.pixels.images import read_image
    from samui.types import Prompt
    from samui.work.segment import segment_each
    from tests.fakes import FakePredictor

    workspace = open_workspace(folder)
    image = workspace.images.all()[0]
    fake = FakePredictor()
    fake.name = model
    pixels = read_image(workspace.file(image.uid)).pixels
    session = segment_each(
        fake, pixels, [Prompt([(30, 30), (50, 30)], [1, 0]), Prompt(box=(5, 5, 40, 30))], label=label
    )
    before = workspace.objects(image.uid)
    workspace.commit(Operation(image.uid, "Accept"), before, (*before, *session.state.objects))
    workspace.close()


def test_replay_makes_every_mask_again_and_tells_those_that_differ(folder, predictor, capsys):
    accepted(folder)
    assert run("replay", folder) == 0
    assert "2 masks made again, 2 to the pixel, mean IoU 1.0000, least 1.0000; 0 were given" in capsys.readouterr().out
    workspace = open_workspace(folder)
    uid = workspace.images.all()[0].uid
    one, two = workspace.objects(uid)
    from dataclasses import replace

    workspace.commit(Operation(uid, "Accept"), (one, two), (replace(one, mask=two.mask), two))
    workspace.close()
    assert run("replay", folder, "--json") == 0
    first, second = json.loads(capsys.readouterr().out)["objects"]
    assert (first["id"], second["id"], second["iou"], first["image"]) == (1, 2, 1, "a.png")
    assert 0 < first["iou"] < 0.9


def test_replay_goes_on_without_what_it_cannot_have_and_says_so(folder, predictor, monkeypatch, capsys):
    from samui.errors import ModelError

    accepted(folder)
    accepted(folder, model="gone")

    def load(name, **options):
        if name == "gone":
            raise ModelError("model: must be there, got 'gone'")
        return predictor

    monkeypatch.setattr("samui.models.load_predictor", load)
    assert run("replay", folder) == 1
    told = capsys.readouterr()
    assert "2 masks made again" in told.out
    assert told.err.endswith("1 could not be made again; model: must be there, got 'gone'\n")
    assert run("replay", folder, "--model", "fake") == 0
    assert "4 masks made again" in capsys.readouterr().out

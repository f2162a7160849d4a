"""The named endpoints, called by gradio_client over HTTP on the bundled checkpoint; and what strangers cannot reach."""

import json
import socket
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from pycocotools import mask as coco_mask

import samui
from samui.models import load_predictor
from samui.pixels.images import read_image
from samui.pixels.rle import Rle
from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.launch import launch
from samui.ui.uploads import Uploads
from samui.work.segment import segment_each

pytestmark = pytest.mark.model

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"
CUP = SAMPLES / "coffee.jpg"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    scratch = tmp_path_factory.mktemp("scratch")
    patch.setenv("GRADIO_TEMP_DIR", str(scratch / "uploads"))
    service = Service(Settings(model="bundled"), load_predictor, scratch)
    page, url = launch(service, block=False)
    yield service, url.rstrip("/")
    page.close()
    service.close()
    patch.undo()


@pytest.fixture(scope="module")
def client(server):
    client = Client(server[1], verbose=False)
    yield client
    client.close()


@pytest.fixture(scope="module")
def opened(client):
    return client.predict(handle_file(CUP), api_name="/open")


def test_open_segment_accept_export_give_the_mask_of_the_library(client, opened):
    assert opened["image"] == {"width": 600, "height": 400, "name": "coffee.jpg", "notes": []}
    found = client.predict(opened["session"], [[300, 180, 1]], None, api_name="/segment")
    mask = Rle.from_string(found["mask"]["size"], found["mask"]["counts"])
    picture = read_image(CUP)
    expected = segment_each(load_predictor("bundled"), picture.pixels, [samui.Prompt([(300, 180)], [1])])
    assert mask == expected.state.objects[0].mask
    assert [c["score"] for c in found["candidates"]] == sorted((c["score"] for c in found["candidates"]), reverse=True)
    kept = client.predict(opened["session"], "cup", api_name="/accept")
    assert kept["objects"][0]["label"] == "cup"
    file = client.predict(opened["session"], "coco", api_name="/export")
    saved = json.loads(Path(file).read_text())["annotations"][0]
    assert np.array_equal(coco_mask.decode(saved["segmentation"]).astype(bool), mask.decode())


def test_candidate_is_chosen_by_its_index(client, opened):
    best = client.predict(opened["session"], [[300, 180, 1]], None, api_name="/segment")
    other = next(c for c in best["candidates"] if c is not best["candidates"][0])
    found = client.predict(opened["session"], [[300, 180, 1]], None, str(other["index"]), api_name="/segment")
    assert found["candidates"][found["candidate"]]["index"] == other["index"]
    assert found["mask"]["area"] == pytest.approx(other["area"], rel=0.25)


BAD_CALLS = {
    "unknown session": (lambda _: ("made-up", [[1, 1]], None), "session: must be one that this server issued"),
    "point outside": (lambda s: (s, [[601, 1, 1]], None), "prompt.points[0]: must lie inside 600x400, got (601, 1)"),
    "point malformed": (lambda s: (s, [["a", 1]], None), "points[0][0]: must be a finite number, got 'a'"),
    "box inverted": (lambda s: (s, [], [9, 9, 1, 1]), "prompt.box: must have x0 < x1"),
    "candidate 7": (lambda s: (s, [[300, 180]], None, "7"), "candidate: must be best or one of 0, 1, 2, got '7'"),
}


@pytest.mark.parametrize(("arguments", "text"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_call_is_answered_with_where_rule_and_value(client, opened, arguments, text):
    with pytest.raises(AppError) as caught:
        client.predict(*arguments(opened["session"]), api_name="/segment")
    assert text in str(caught.value)


def test_file_that_is_no_picture_is_refused_by_name(client, tmp_path):
    file = tmp_path / "notes.jpg"
    file.write_text("hello")
    with pytest.raises(AppError, match=r"notes.jpg: must be a JPEG, PNG, WebP, BMP, TIFF or MPO picture"):
        client.predict(handle_file(file), api_name="/open")


@pytest.mark.parametrize("path", ["/etc/passwd", str(SAMPLES / "cat.jpg"), "../../etc/passwd"])
def test_path_on_the_server_is_not_opened(server, path):
    body = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, ""]}
    with httpx.Client(base_url=server[1]) as http:
        told = http.post("/gradio_api/call/open", json=body)
    assert told.status_code == 400
    assert told.json() == {"detail": f"file: must be an uploaded file, got {path[:60]!r}"}


def test_picture_is_served_to_the_token_of_its_session_alone(server, opened):
    service, url = server
    seat = service.seats.get(opened["session"])
    name = seat.work.image.file.parent.name
    with httpx.Client(base_url=url) as http:
        mine = http.get(f"/samui/image/{opened['session']}/{name}")
        assert mine.status_code == 200
        assert mine.headers["content-type"] == "image/png"
        assert "private" in mine.headers["cache-control"]
        for token in ("x", seat.key, service.begin({})["token"]):
            assert http.get(f"/samui/image/{token}/{name}").status_code == 404
        for path in (seat.work.image.file, seat.work.image.display, service.server.scratch.folder):
            assert http.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_uploads_do_not_outlive_the_opening(server, client):
    client.predict(handle_file(CUP), api_name="/open")
    uploads = server[0].server.scratch.folder.parent / "uploads"
    assert [p for p in uploads.rglob("coffee.jpg") if p.is_file()] == []


def test_equal_uploads_of_two_people_are_opened_by_both(server, client):
    data = CUP.read_bytes()
    with httpx.Client(base_url=server[1]) as http:
        sent = [http.post("/gradio_api/upload", files={"files": ("same.jpg", data)}).json() for _ in range(2)]
    assert sent[0] == sent[1]
    for (path,) in sent:
        file = {"path": path, "orig_name": "same.jpg", "meta": {"_type": "gradio.FileData"}}
        assert client.predict(file, api_name="/open")["image"]["name"] == "same.jpg"


def test_upload_that_is_broken_off_leaves_nothing_and_a_large_one_is_refused(server, monkeypatch):
    ended = threading.Event()
    arrived = Uploads.arrived
    monkeypatch.setattr(Uploads, "arrived", lambda self, *told: (arrived(self, *told), ended.set()))
    uploads = server[0].server.scratch.folder.parent / "uploads"
    address = httpx.URL(server[1])
    head = (
        b"POST /gradio_api/upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    )
    with socket.create_connection((address.host, address.port)) as sender:
        sender.sendall(head + bytes(100_000))
    assert ended.wait(30)
    assert [p for p in uploads.iterdir() if p.is_file()] == []
    with socket.create_connection((address.host, address.port)) as sender:
        sender.sendall(head.replace(b"1000000", b"1100000000").replace(b"test", b"test\r\nConnection: close", 1))
        assert b"upload: must be at most 1000 MB, got 1100 MB" in sender.makefile("rb").read()


def test_sample_names_are_no_paths(server):
    with httpx.Client(base_url=server[1]) as http:
        assert http.get("/samui/sample/cat.jpg").status_code == 200
        for name in ("..%2f..%2fapp.py", "ATTRIBUTION.md", "%2fetc%2fpasswd", "none.jpg"):
            assert http.get(f"/samui/sample/{name}").status_code == 404

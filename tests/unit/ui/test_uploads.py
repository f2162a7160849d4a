"""Uploads: a budget of bytes, one opening for each, and nothing that stays behind."""

import asyncio
import contextlib
import itertools
import json
import os

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.routing import Route

from samui.errors import FullError, RequestError
from samui.serve.settings import Settings
from samui.ui.upload_limit import UploadLimit
from samui.ui.uploads import Uploads
from tests.loops import run_async

FRAME = 2**16
SETTINGS = Settings(max_bytes=10_000_000, upload_bytes=1_000_000)


@pytest.fixture
def uploads(tmp_path):
    (tmp_path / "uploads").mkdir()
    return Uploads(SETTINGS, tmp_path / "uploads")


def put(uploads, name, size, *, at=0):
    """An upload that has arrived, with a time of its own in s; Gradio's FileData of it."""
    arrival = uploads.expect(size)
    file = uploads.folder / ("hash-of-" + name) / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(bytes(size))
    os.utime(file, (at, at))
    uploads.arrived(arrival, [str(file)])
    return {"path": str(file), "orig_name": name}


def names(uploads):
    return sorted(file.name for file in uploads.folder.rglob("*") if file.is_file())


def test_oldest_file_that_nobody_opened_makes_room(uploads):
    for at, name in enumerate(["b", "a", "c"]):
        put(uploads, name, 300_000, at=at)
    assert uploads.nbytes == 900_000
    put(uploads, "d", 400_000, at=9)
    assert names(uploads) == ["a", "c", "d"]
    assert uploads.nbytes == 1_000_000


def test_file_that_is_being_opened_is_not_taken_for_its_room(uploads):
    oldest = put(uploads, "a", 500_000, at=0)
    put(uploads, "b", 500_000, at=1)
    with uploads.opened(oldest) as (file, name):
        put(uploads, "c", 500_000, at=2)
        assert names(uploads) == ["a", "c"]
        assert (name, file.stat().st_size) == ("a", 500_000)
    assert names(uploads) == ["c"]


def test_upload_is_refused_while_others_are_written_into_all_the_room(uploads):
    put(uploads, "a", 300_000)
    first = uploads.expect(800_000)
    assert names(uploads) == []
    message = "upload: all uploads at once must be at most 1 MB, got 1.1 MB; try again in a minute"
    with pytest.raises(FullError) as caught:
        uploads.expect(300_000)
    assert str(caught.value) == message
    assert uploads.nbytes == 800_000
    uploads.arrived(first)
    uploads.expect(300_000)
    assert uploads.nbytes == 300_000


def test_what_is_written_of_an_upload_counts_once(uploads):
    arrival = uploads.expect(800_000)
    (uploads.folder / "part").write_bytes(bytes(500_000))
    arrival.received = 500_000
    assert uploads.nbytes == 800_000


def test_upload_over_the_limit_of_one_is_refused_by_its_length(uploads):
    with pytest.raises(RequestError, match=r"^upload: must be at most 10 MB, got 11 MB$"):
        uploads.expect(11_000_000)


def test_upload_of_unknown_length_takes_the_room_of_the_largest(tmp_path):
    uploads = Uploads(Settings(max_bytes=300_000, upload_bytes=1_000_000), tmp_path)
    uploads.expect(None)
    assert uploads.nbytes == 300_000 + FRAME


def test_what_is_announced_and_does_not_come_takes_nobodys_room(tmp_path):
    uploads = Uploads(Settings(max_bytes=100_000_000, upload_bytes=30_000_000), tmp_path)
    for _ in range(20):
        uploads.expect(100_000_000)
    assert uploads.nbytes == 20_000_000
    honest = uploads.expect(5_000_000)
    honest.received = 2_500_000
    uploads.grow(honest)
    assert uploads.nbytes == 25_000_000


def test_upload_grows_by_what_has_come_up_to_its_length_and_the_budget(tmp_path):
    uploads = Uploads(Settings(max_bytes=100_000_000, upload_bytes=30_000_000), tmp_path)
    arrival = uploads.expect(20_000_000)
    held = []
    for received in (1_000_001, 3_000_000, 12_000_000):
        arrival.received = received
        uploads.grow(arrival)
        held.append(uploads.nbytes)
    assert held == [2_000_002, 6_000_000, 20_000_000]
    late = uploads.expect(20_000_000)
    late.received = 6_000_000
    with pytest.raises(FullError, match=r"at most 30 MB, got 32 MB"):
        uploads.grow(late)


def test_address_has_some_uploads_under_way_and_others_have_theirs(uploads):
    own = [uploads.expect(1000, "203.0.113.5") for _ in range(8)]
    with pytest.raises(FullError, match=r"^upload: must be at most 8 at once from one address; wait for one to end$"):
        uploads.expect(1000, "203.0.113.5")
    uploads.expect(1000, "203.0.113.6")
    uploads.arrived(own[0])
    uploads.expect(1000, "203.0.113.5")


def test_opened_files_leave_no_folders(uploads):
    other = put(uploads, "b", 1000)
    arrival = uploads.expect(1000)
    with uploads.opened(put(uploads, "a", 1000)):
        pass
    uploads.arrived(arrival)
    assert [folder.name for folder in uploads.folder.iterdir()] == ["hash-of-b"]
    with uploads.opened(other):
        pass
    assert list(uploads.folder.iterdir()) == []


def test_empty_files_take_room_too(uploads):
    for at in range(40):
        put(uploads, f"{at:02}", 0, at=at)
    assert uploads.nbytes <= 1_000_000
    assert names(uploads) == [f"{at:02}" for at in range(25, 40)]


def test_equal_files_of_two_people_are_opened_twice(uploads):
    one = put(uploads, "a", 1000)
    two = put(uploads, "a", 1000)
    assert one["path"] == two["path"]
    for data in (one, two):
        with uploads.opened(data) as (file, _):
            assert file.stat().st_size == 1000
    assert names(uploads) == []
    with (
        pytest.raises(RequestError, match=r"^file: must still be there, got 'a', which is gone; send it again$"),
        uploads.opened(one),
    ):
        pass


def test_file_stays_while_an_equal_one_may_be_on_its_way(uploads):
    data = put(uploads, "a", 1000)
    arrival = uploads.expect(1000)
    with uploads.opened(data):
        pass
    assert names(uploads) == ["a"]
    uploads.arrived(arrival, [data["path"]])
    with uploads.opened(data):
        pass
    assert names(uploads) == []


def test_upload_that_was_opened_twice_does_not_cost_the_next_person_theirs(uploads):
    data = put(uploads, "a", 1000)
    arrival = uploads.expect(1000)
    with uploads.opened(data), uploads.opened(data):
        pass
    uploads.arrived(arrival, [data["path"]])
    assert names(uploads) == ["a"]


@pytest.mark.parametrize("path", [None, 7, "/etc/passwd", "../notes.txt"], ids=str)
def test_file_outside_the_folder_is_no_upload(uploads, path):
    (uploads.folder.parent / "notes.txt").write_text("mine")
    if path == "../notes.txt":
        path = str(uploads.folder / path)
    with pytest.raises(RequestError, match=r"^file: must be an uploaded file, got"), uploads.opened({"path": path}):
        pass
    assert (uploads.folder.parent / "notes.txt").exists()


# The way in


def gradio(uploads, **limits):
    """An app that takes uploads as Gradio does: a part that takes its name when it is whole, and stays if it is not."""

    async def upload(request):
        part = uploads.folder / "tmp-part"
        with part.open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        whole = uploads.folder / "hash" / "photo.jpg"
        whole.parent.mkdir(exist_ok=True)
        part.rename(whole)
        return JSONResponse([str(whole)])

    middleware = [Middleware(UploadLimit, uploads=uploads, **limits)]
    return Starlette(routes=[Route("/gradio_api/upload", upload, methods=["POST"])], middleware=middleware)


def send(uploads, content):
    async def post():
        transport = httpx.ASGITransport(gradio(uploads))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/gradio_api/upload", content=content)

    return run_async(post())


async def chunks(*sizes):
    for size in sizes:
        yield bytes(size)


def test_each_upload_that_was_answered_is_good_for_one_opening(uploads):
    for _ in range(2):
        answer = send(uploads, bytes(100_000))
    (path,) = json.loads(answer.text)
    for left in (100_000, 0):
        with uploads.opened({"path": path}):
            assert uploads.nbytes == 100_000
        assert uploads.nbytes == left


def test_too_large_upload_is_refused_before_a_byte_is_written(uploads):
    answer = send(uploads, bytes(11_000_000))
    assert (answer.status_code, answer.text) == (413, "upload: must be at most 10 MB, got 11 MB")
    assert names(uploads) == []


def test_upload_without_a_length_is_stopped_at_the_limit(tmp_path):
    uploads = Uploads(Settings(max_bytes=1000, upload_bytes=1_000_000), tmp_path)
    answer = send(uploads, chunks(500, FRAME, 501))
    assert (answer.status_code, answer.text) == (413, "upload: must be at most 0.001 MB, got more")
    assert (names(uploads), uploads.nbytes) == ([], 0)


def test_upload_for_which_there_is_no_room_says_so(uploads):
    uploads.expect(900_000)
    answer = send(uploads, bytes(200_000))
    assert answer.status_code == 503
    assert answer.text.startswith("upload: all uploads at once must be at most 1 MB, got 1.1 MB")


def test_upload_that_outgrows_the_room_on_its_way_says_so_and_leaves_nothing(tmp_path):
    uploads = Uploads(Settings(max_bytes=100_000_000, upload_bytes=3_000_000), tmp_path)
    answer = send(uploads, chunks(*[500_000] * 8))
    assert answer.status_code == 503
    assert answer.text.startswith("upload: all uploads at once must be at most 3 MB")
    assert (names(uploads), uploads.nbytes) == ([], 0)


def stream(uploads, *messages, **limits):
    """Play messages of a server to the app; what it answers, at all."""
    sent, waiting = [], list(messages)

    async def receive():
        if not waiting:
            await asyncio.Event().wait()  # for ever
        return waiting.pop(0)

    async def keep(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": [], "query_string": b""}
    with contextlib.suppress(ClientDisconnect):
        run_async(asyncio.wait_for(gradio(uploads, **limits)(scope, receive, keep), 20))
    return sent


def part(size):
    return {"type": "http.request", "body": bytes(size), "more_body": True}


def test_upload_that_is_broken_off_leaves_nothing(tmp_path):
    uploads = Uploads(Settings(max_bytes=10_000, upload_bytes=100_000), tmp_path)
    stream(uploads, part(500), {"type": "http.disconnect"})
    assert (names(uploads), uploads.nbytes) == ([], 0)


def test_upload_that_stalls_is_given_up_and_its_room_is_free(tmp_path):
    uploads = Uploads(Settings(max_bytes=10_000, upload_bytes=100_000), tmp_path)
    start, body = stream(uploads, part(500), stall=0.2)
    assert start["status"] == 408
    assert body["body"] == b"upload: must not pause for more than 0.2 s"
    assert (names(uploads), uploads.nbytes) == ([], 0)


@pytest.mark.parametrize(("size", "status"), [(500, 408), (500_000, 200)], ids=["drips", "flows"])
def test_upload_that_drips_is_given_up_and_one_that_flows_is_not(tmp_path, size, status):
    uploads = Uploads(Settings(max_bytes=10_000_000, upload_bytes=100_000_000), tmp_path)
    end = {"type": "http.request", "body": b"", "more_body": False}
    seconds = itertools.count(step=50)
    start, body = stream(uploads, part(size), part(size), end, clock=lambda: next(seconds))
    assert start["status"] == status
    if status == 408:
        assert body["body"] == b"upload: must bring 10 kB a second, got 1 kB in 100 s"
        assert (names(uploads), uploads.nbytes) == ([], 0)


def test_part_of_an_upload_that_is_being_written_is_left_alone(uploads):
    arrival = uploads.expect(1000)
    (uploads.folder / "part").write_bytes(bytes(10))
    (uploads.folder / "left").write_bytes(bytes(10))
    os.utime(uploads.folder / "left", (0, 0))
    send(uploads, bytes(1000))
    assert names(uploads) == ["part", "photo.jpg"]
    uploads.arrived(arrival)
    assert names(uploads) == ["photo.jpg"]

"""Malformed requests to the real server: each is answered by its sender's fault, and none fills the log."""

import itertools
import json
import logging
import traceback

import httpx
import pytest

from samui.serve.service import Service
from samui.serve.settings import Settings
from samui.ui.launch import launch
from samui.ui.server_functions import functions_of
from tests.fakes import FakePredictor

pytestmark = pytest.mark.slow  # many, and together they take seconds

API = "/gradio_api/"
CANVAS_CALL, JOIN, UPLOAD = f"{API}component_server/", f"{API}queue/join", f"{API}upload"
NAMED = [f"{API}{way}/segment" for way in ("run", "api", "call", "call/v2")]
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    patch, folder = pytest.MonkeyPatch(), tmp_path_factory.mktemp("server")
    patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
    service = Service(Settings(model="fake"), lambda _: FakePredictor(), folder / "scratch")
    page, url = launch(service, host="127.0.0.1", block=False)
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client, page
    page.close(verbose=False)
    service.close()
    patch.undo()


@pytest.fixture
def client(server):
    return server[0]


@pytest.fixture
def logged(monkeypatch):
    """All that the server logs, as text; tracebacks that Gradio prints past the log too."""
    lines = []

    class Lines(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler, loggers = Lines(logging.INFO), [logging.getLogger(name) for name in ("", "uvicorn", "uvicorn.error")]
    for logger in loggers:
        logger.addHandler(handler)
    monkeypatch.setattr(traceback, "print_exc", lambda *_, **__: lines.append(traceback.format_exc()))
    yield lines
    for logger in loggers:
        logger.removeHandler(handler)


def as_json(value):
    return {"content": json.dumps(value).encode(), "headers": {"content-type": "application/json"}}


def as_body(content, kind="application/json"):
    return {"content": content, "headers": {"content-type": kind}}


def as_part(head, content=b"x"):
    return as_body(b"--x\r\n" + head + b"\r\n\r\n" + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x")


def deep(levels):
    return b'{"data":' + b"[" * levels + b"]" * levels + b"}"


# What no parser of JSON should meet.
BODIES = {
    "nested 3,000 deep": as_body(deep(3000)),
    "nested 101 deep": as_body(deep(101)),
    "objects nested 3,000 deep": as_body(b'{"a":' * 3000 + b"1" + b"}" * 3000),
    "400,000 brackets": as_body(b"[" * 400_000),
    "nested deep, with quotes that are escaped": as_body(b'["\\"", ' + b"[" * 3000 + b"]" * 3000 + b"]"),
    "nested deep in UTF-16": as_body(deep(3000).decode().encode("utf-16")),
    "nested deep in UTF-32": as_body(deep(3000).decode().encode("utf-32")),
    "no JSON": as_body(b"{not json"),
    "not UTF-8": as_body(b'{"data":["\xff"]}'),
    "a number of 5,000 digits": as_body(b'{"data":[' + b"9" * 5000 + b"]}"),
    "a list": as_json([1]),
    "null": as_json(None),
}


@pytest.mark.parametrize("path", [CANVAS_CALL, JOIN, *NAMED])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_body_that_no_parser_should_meet_is_refused_on_every_route_that_takes_json(client, logged, path, body):
    answer = client.post(path, **body)
    assert (answer.status_code, logged) == (400, [])
    assert len(answer.text) < 200


@pytest.mark.parametrize("path", ["cancel", "reset", "vibe-edit", "process_recording", "run-history/connect"])
@pytest.mark.parametrize("value", [b"NaN", b"-Infinity", b'"\\ud800"'])
def test_what_cannot_be_sent_back_is_refused_on_every_route_of_gradio(client, logged, path, value):
    """Gradio quotes a body that it refuses, and fails where the quote is no JSON."""
    assert (client.post(API + path, **as_body(b'{"data":' + value + b"}")).status_code, logged) == (400, [])


def call(**changes):
    return as_json({"component_id": 1, "fn_name": "act", "session_hash": "x", "data": {}, **changes})


CANVAS_CALLS = {
    **{f"component_id {value!r}": call(component_id=value) for value in (0, -1, 10**30, 1.5, "x", None, [], {})},
    **{f"fn_name {value!r}": call(fn_name=value) for value in ("nope", "__init__", None, [], 5)},
    "no fields": as_json({}),
}


@pytest.mark.parametrize("body", CANVAS_CALLS.values(), ids=CANVAS_CALLS)
def test_canvas_call_that_names_no_function_is_refused(client, logged, body):
    assert (client.post(CANVAS_CALL, **body).status_code, logged) == (400, [])


def test_canvas_call_is_no_form(client, logged):
    form = as_part(b'Content-Disposition: form-data; name="data"')
    assert (client.post(CANVAS_CALL, **form).status_code, logged) == (415, [])


@pytest.mark.parametrize("index", [99, -1, 10**30, 1.5, "x", [], True])
@pytest.mark.parametrize("path", [JOIN, f"{API}run/segment"])
def test_function_by_an_unknown_number_is_not_found(client, logged, path, index):
    answer = client.post(path, **as_json({"fn_index": index, "session_hash": "x", "data": []}))
    assert (answer.status_code, logged) == (404, [])
    assert answer.json()["detail"].startswith("fn_index: must be that of a function, got ")


@pytest.mark.parametrize("name", ["nope", "..%2f", "%00", "a" * 5000])
@pytest.mark.parametrize("way", ["run", "api", "call", "call/v2"])
def test_function_by_an_unknown_name_is_not_found(client, logged, way, name):
    assert (client.post(f"{API}{way}/{name}", **as_json({"data": []})).status_code, logged) == (404, [])


@pytest.mark.parametrize("path", [JOIN, *NAMED[:3]])
@pytest.mark.parametrize("data", [[], ["x"], ["x", []]])
def test_call_with_too_few_values_is_refused(server, logged, path, data):
    client, page = server
    index = next(number for number, fn in page.fns.items() if fn.api_name == "segment")
    answer = client.post(path, **as_json({"fn_index": index, "session_hash": "x", "data": data}))
    assert (answer.status_code, logged) == (400, [])
    assert answer.json() == {"detail": f"data: must have 4 values, got {len(data)}"}


@pytest.mark.parametrize("arguments", [{}, {"session": "x"}, {"session": "x", "points": [], "nope": 1}])
def test_call_by_names_that_are_not_those_of_the_endpoint_is_refused(client, logged, arguments):
    answer = client.post(NAMED[3], **as_json(arguments))
    assert (answer.status_code, logged) == (400, [])
    assert answer.json()["detail"].startswith("arguments: must be those of the endpoint, got a call with ")


def test_call_of_a_session_without_a_name_is_refused(client, logged):
    answer = client.post(JOIN, **as_json({"fn_index": 0, "session_hash": "", "data": [None]}))
    assert (answer.status_code, logged) == (400, [])


FILES = {
    **{f"path {value!r:.20}": {"path": value} for value in ("a\0b", "/etc/passwd", "", "../x", "/" + "a" * 5000)},
    **{f"path {value!r}": {"path": value} for value in (5, None, FILE, "http://127.0.0.1:1/x", "http://[x")},
    "orig_name 5": {"orig_name": 5},
    "size x": {"size": "x"},
    "meta 5": {"meta": 5},
}


@pytest.mark.parametrize("changes", FILES.values(), ids=FILES)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{API}call/open", lambda file: {"data": [file, ""]}),
        (f"{API}run/open", lambda file: {"data": [file, ""]}),
        (f"{API}call/v2/open", lambda file: {"image": file}),
        (f"{API}call/segment", lambda file: {"data": ["x", [[file]], None, "best"]}),
        (JOIN, lambda file: {"fn_index": 0, "session_hash": "x", "data": [{"file": file}]}),
    ],
    ids=["call", "run", "call by names", "another endpoint", "the page's event"],
)
def test_file_that_was_not_uploaded_is_refused_before_gradio_looks_for_it(client, logged, path, body, changes):
    answer = client.post(path, **as_json(body({**FILE, **changes})))
    assert (answer.status_code, logged) == (400, [])
    assert answer.json()["detail"].startswith("file: must be ")


@pytest.mark.parametrize("path", ["a\0b", "/" + "a" * 5000, "/etc/passwd"])
def test_page_event_is_told_of_a_file_that_gradio_does_not_know_as_one(client, logged, path):
    """Without `meta` it is no file to Gradio, and reaches the page's own handler."""
    client.post(JOIN, **as_json({"fn_index": 0, "session_hash": "bare", "data": [{"file": {"path": path}}]}))
    with client.stream("GET", f"{API}queue/data", params={"session_hash": "bare"}) as events:
        told = next(line for line in events.iter_lines() if "process_generating" in line or "process_completed" in line)
    assert "file: must be an uploaded file, got" in told
    assert logged == []


ARGUMENTS = {
    "open": [None, ""],
    "segment": ["x", [], None, "best"],
    "accept": ["x", ""],
    "export": ["x", ""],
    "close": ["x"],
}


@pytest.mark.parametrize("value", [None, [[]], {"a": 1}, "\0"], ids=repr)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_argument_of_another_kind_is_told_as_an_event(client, logged, name, value):
    for place in range(len(ARGUMENTS[name])):
        data = [*ARGUMENTS[name][:place], value, *ARGUMENTS[name][place + 1 :]]
        event = client.post(f"{API}call/{name}", **as_json({"data": data})).json()["event_id"]
        told = client.get(f"{API}call/{name}/{event}").text
        assert '"error": null' not in told  # an error of no words
    assert logged == []


UPLOADS = {
    "part without a name": as_part(b"Content-Disposition: form-data"),
    "file without a name of its field": as_part(b'Content-Disposition: form-data; filename="a.jpg"'),
    "part without a disposition": as_part(b"X: y"),
    "field that is no file": as_part(b'Content-Disposition: form-data; name="files"'),
    "file called ..": as_part(b'Content-Disposition: form-data; name="files"; filename=".."'),
    "name of 9,000 bytes": as_part(b'Content-Disposition: form-data; name="files"; filename="' + b"a" * 9000 + b'"'),
    "no boundary": as_body(b"x", "multipart/form-data"),
    "boundary of 500 bytes": as_body(b"x", "multipart/form-data; boundary=" + "a" * 500),
    "another boundary": as_body(b"--y\r\n\r\n", "multipart/form-data; boundary=x"),
    "JSON": as_json({}),
}


@pytest.mark.parametrize("query", ["", "?upload_id=x"])
@pytest.mark.parametrize("body", UPLOADS.values(), ids=UPLOADS)
def test_upload_that_is_no_form_of_files_is_refused(client, logged, body, query):
    assert client.post(UPLOAD + query, **body).status_code in (400, 413)
    assert sum(len(line.splitlines()) for line in logged) <= 1


@pytest.mark.parametrize(
    "path",
    ["assets/%00", "assets/" + "a" * 5000, f"{API}proxy=%00", f"{API}file=%00", "samui/sample/%00", "static/%0a"],
)
def test_file_that_no_system_can_name_is_not_found(client, logged, path):
    assert (client.get(path).status_code, logged) == (404, [])


@pytest.mark.parametrize("path", ["call/segment/nope", "call/nope/nope", "queue/data?session_hash=nope"])
def test_unknown_event_is_told_as_an_error(client, logged, path):
    assert "404: Not Found" in client.get(API + path).text
    assert logged == []


def test_page_is_never_told_that_it_may_reload(client, logged):
    for path in ("app_id", "app_id/"):
        answer = client.get(API + path)
        assert (answer.status_code, "reload" in answer.text) == (404, True)
    assert logged == []


def test_good_calls_pass(client, logged):
    """Nested as deep as is allowed, brackets and escapes in a string, an uploaded file."""
    name = "[" * 400 + '\\"' * 50 + "é"
    data = {"session": "x", "points": json.loads(b"[" * 98 + b"]" * 98), "box": None, "candidate": name}
    event = client.post(NAMED[3], **as_json(data)).json()["event_id"]
    assert "session: must be one that this server issued" in client.get(f"{NAMED[2]}/{event}").text
    (path,) = client.post(UPLOAD, files={"files": ("a b[é].jpg", b"no picture")}).json()
    event = client.post(f"{API}call/open", **as_json({"data": [{**FILE, "path": path}, ""]})).json()["event_id"]
    assert "must be a JPEG, PNG" in client.get(f"{API}call/open/{event}").text
    assert logged == []


def test_steps_of_an_event_tell_nothing_of_the_process(server):
    client, page = server
    canvas = next(id for id, name in functions_of(page) if name == "begin")
    token = client.post(CANVAS_CALL, **call(component_id=canvas, fn_name="begin")).json()["token"]
    asked = {"token": token, "sample": "coffee.jpg", "asked": 1}
    client.post(JOIN, **as_json({"fn_index": 0, "session_hash": "steps", "data": [asked]}))
    with client.stream("GET", f"{API}queue/data?session_hash=steps") as steps:
        told = "".join(itertools.takewhile(lambda line: "close_stream" not in line, steps.iter_lines()))
    assert '"stage":"ready"' in told
    assert " at 0x" not in told

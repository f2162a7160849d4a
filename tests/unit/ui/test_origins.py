"""Which web sites may make a browser call the server, and what each answer tells browsers."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from samui.ui.answers import SafeAnswers
from samui.ui.origins import Origins
from samui.ui.paths import CALLS, UPLOAD
from samui.ui.root_path import RootPath
from tests.loops import run_async

JSON = {"content-type": "application/json"}
OWN = "http://page.example:7860"


def ask(method, path, headers, *, base=OWN, root_path=""):
    """The answer of an app that says yes to everything behind the two guards."""

    async def yes(_request):
        return PlainTextResponse("yes")

    routes = [Route("/{rest:path}", yes, methods=["GET", "POST"]), Mount("/", yes)]
    app = Starlette(routes=routes, middleware=[Middleware(SafeAnswers), Middleware(Origins)])

    async def send():
        transport = httpx.ASGITransport(app=app, root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            return await client.request(method, path, headers=headers)

    return run_async(send())


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"origin": OWN},
        {"origin": "HTTP://PAGE.EXAMPLE:7860"},
        {"origin": "https://public.example", "x-forwarded-host": "public.example"},
        {"origin": "https://public.example", "sec-fetch-site": "same-origin"},  # a proxy that changes the host
        {"sec-fetch-site": "none"},
    ],
)
@pytest.mark.parametrize("path", [CALLS, f"{CALLS}/", UPLOAD, "/gradio_api/queue/join"])
def test_own_page_and_programs_are_let_through(path, headers):
    assert ask("POST", path, {**JSON, **headers}).text == "yes"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://page.example:7860.evil.example"},
        {"origin": "http://page.example:7861"},
        {"origin": OWN, "sec-fetch-site": "cross-site"},
        {"origin": OWN, "sec-fetch-site": "same-site"},  # a neighbour's subdomain
        {"origin": "http://evil.example", "x-forwarded-host": ""},
    ],
)
@pytest.mark.parametrize("path", [CALLS, f"{CALLS}/", UPLOAD, "/gradio_api/queue/join", "/gradio_api/call/open"])
def test_page_of_another_site_is_refused(path, headers):
    answer = ask("POST", path, {**JSON, **headers})
    assert (answer.status_code, answer.text[:34]) == (403, "origin: must be this page's own, g")


@pytest.mark.parametrize("given", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None])
def test_call_of_the_canvas_is_json(given):
    answer = ask("POST", CALLS, {} if given is None else {"content-type": given})
    assert answer.status_code == 415
    assert answer.text == f"content-type: must be application/json, got {given or ''!r}"
    assert ask("POST", CALLS, {"content-type": "application/json; charset=utf-8"}).text == "yes"


def test_reading_is_left_to_the_browser():
    assert ask("GET", "/", {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}).text == "yes"


@pytest.mark.parametrize("path", ["/", "/samui/image/x/y", CALLS])
def test_every_answer_says_that_its_type_is_meant(path):
    headers = ask("GET", path, {}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "object-src 'none'" in headers["content-security-policy"]


def test_refusals_say_so_too():
    headers = ask("POST", CALLS, {"origin": "http://evil.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("root", ["", "/sub"])
def test_file_that_somebody_sent_runs_nothing_in_the_pages_name(root):
    headers = ask("GET", f"{root}/gradio_api/file=/tmp/x/page.html", {}, root_path=root).headers
    assert headers["content-security-policy"].startswith("sandbox;")


@pytest.mark.parametrize(
    ("path", "root", "whole"),
    [
        ("/samui/sample/x", "", "/samui/sample/x"),
        ("/samui/sample/x", "/samui", "/samui/samui/sample/x"),
        ("/samui/samui/sample/x", "/samui", "/samui/samui/sample/x"),
        ("/gradio_api/upload", "/samui", "/samui/gradio_api/upload"),
        ("/samui/gradio_api/upload", "/samui", "/samui/gradio_api/upload"),
        ("/", "/samui", "/samui/"),
        ("/samui", "/samui", "/samui"),
        ("/samuix", "/samui", "/samui/samuix"),
        ("/samui/sample/x", "/deep/er/", "/deep/er/samui/sample/x"),
    ],
)
def test_path_is_whole_whether_or_not_a_proxy_took_its_beginning_off(path, root, whole):
    seen = []

    async def app(scope, _receive, _send):
        seen.append(scope["path"])

    run_async(RootPath(app, own=["/samui/sample/"])({"type": "http", "path": path, "root_path": root}, None, None))
    assert seen == [whole]


@pytest.mark.parametrize(
    ("path", "root", "status"),
    [
        (CALLS, "", 415),
        (f"/sub{CALLS}", "/sub", 415),
        (f"/sub{CALLS}/", "/sub/", 415),
        (f"/x{CALLS}", "", 200),  # no suffix of a path is a route
        (f"/subway{CALLS}", "/sub", 200),
    ],
)
def test_routes_are_compared_whole_below_the_place_of_the_page(path, root, status):
    assert ask("POST", path, {"content-type": "text/plain"}, root_path=root).status_code == status

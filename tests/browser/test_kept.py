"""What a page holds is never lost: the server is killed, stands still, or cannot write; tabs close; two have one image.

The server is a process of its own. Where nothing else is said its library lies in a folder of the test.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, BrowserContext, Error

from samui.bench.browser import FLAGS, find_chromium
from tests.browser.conftest import CAT, CUP, INSIDE, PageDriver
from tests.browser.killable import Killable

pytestmark = pytest.mark.browser

SETTLED = "!!window.samui && !samui.snapshot().pending && samui.snapshot().saved"  # it may load itself anew
ROUNDS = int(os.environ.get("SAMUI_KILLS", "8"))
THINGS = [(70, 70), (540, 60), (300, 180), (430, 200), (100, 330), (560, 350), (250, 90), (330, 60)]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Killable]]:
    """Makes servers with a data folder of their own; `.data` is that folder."""
    servers = []

    def start(*options: str) -> Killable:
        folder = tmp_path_factory.mktemp("server")
        (folder / "tmp").mkdir()
        places = {"TMPDIR": str(folder / "tmp"), "XDG_DATA_HOME": str(folder / "data"), "HOME": str(folder)}
        server = Killable(options, places, folder / "log")
        servers.append(server)
        server.data = folder / "data"
        server.start()
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def server(make: Callable[..., Killable]) -> Killable:
    """One with a library, which outlasts the page and the server."""
    return make()


@pytest.fixture(scope="module")
def public(make: Callable[..., Killable]) -> Killable:
    """One that keeps nothing."""
    return make("--hosted")


@pytest.fixture
def cup(tmp_path: Path) -> Path:
    """A photo that no library has yet: it ends with bytes of its own, which no reader looks at."""
    file = tmp_path / "coffee.jpg"
    file.write_bytes(CUP.read_bytes() + os.urandom(16))
    return file


@pytest.fixture
def person(server: Killable, drive: Callable[..., PageDriver], cup: Path) -> PageDriver:
    return drive(server.url).open(cup)


def accept(person: PageDriver, x: float, y: float) -> PageDriver:
    person.click(x, y).settle()
    return person.key("Enter")


def back(person: PageDriver) -> list[dict]:
    """Wait until all is saved; the objects of the page."""
    person.page.wait_for_function(SETTLED)
    return person.snapshot()["objects"]


def uids(person: PageDriver) -> list[str]:
    return [item["uid"] for item in person.snapshot()["objects"]]


def word(person: PageDriver) -> str:
    return person.page.locator(".kept").inner_text().strip()


def alerts(person: PageDriver) -> str:
    return " ".join(person.page.get_by_role("alert").all_inner_texts())


def test_server_that_is_killed_between_two_accepts_loses_nothing_and_asks_nothing(
    server: Killable, person: PageDriver
) -> None:
    accept(person, *INSIDE)
    assert len(back(person)) == 1
    assert word(person) == "Saved"
    first = uids(person)
    person.drag((20, 20), (120, 120)).settle()
    server.kill()
    person.key("Enter")
    person.page.get_by_text("The server cannot be reached").wait_for()
    told = person.snapshot()
    assert (told["saved"], word(person), len(told["objects"])) == (False, "Not saved", 1)
    server.start()
    assert len(back(person)) == 2
    assert uids(person)[:1] == first
    assert person.snapshot()["image"]["name"] == "coffee.jpg"
    assert alerts(person) == ""
    person.key("Control+z")  # the new undo list begins with what came after
    person.settle()
    accept(person, 540, 60)
    assert len(back(person)) >= 2
    assert [text for text in person.complaints if "ERR_CONNECTION" not in text and "Failed to" not in text] == []


def test_prompt_at_work_comes_back_with_its_mask_and_its_candidate(server: Killable, person: PageDriver) -> None:
    person.click(*INSIDE).click(350, 220).key("3").settle()
    before = person.snapshot()
    server.kill()
    server.start()
    person.key("h")
    person.click(150, 30, button="right").settle()  # a seat that is gone is found out by the next step
    back(person)
    person.key("Control+z").settle()
    after = person.snapshot()
    assert after["prompt"] == before["prompt"]
    assert after["candidate"] == before["candidate"]
    assert after["candidates"] == before["candidates"]


def test_closed_tab_and_killed_server_leave_all_in_the_library(
    server: Killable, drive: Callable[..., PageDriver]
) -> None:
    person = drive(server.url)
    person.page.get_by_label("Open the sample Astronaut").first.click()
    person.page.wait_for_function("samui.snapshot().stage === 'ready'")
    accept(person, 200, 200)
    back(person)
    kept = uids(person)
    person.page.close()
    server.kill()
    server.start()
    other = drive(server.url)
    other.page.get_by_label("Open the sample Astronaut").first.click()
    other.page.wait_for_function("samui.snapshot().stage === 'ready'")
    assert uids(other) == kept


def test_reloaded_page_of_a_killed_server_has_its_image_and_its_objects(server: Killable, person: PageDriver) -> None:
    accept(person, *INSIDE)
    kept = [item["uid"] for item in back(person)]
    server.kill()
    server.start()
    person.page.reload()
    person.page.wait_for_function("!!window.samui && samui.snapshot().stage === 'ready' && !samui.snapshot().pending")
    assert uids(person) == kept
    assert person.snapshot()["image"]["name"] == "coffee.jpg"


def test_public_page_keeps_its_work_in_the_browser(public: Killable, drive: Callable[..., PageDriver]) -> None:
    person = drive(public.url).open(CUP)
    accept(person, *INSIDE)
    accept(person, 70, 70)
    person.page.locator(".object-label").first.fill("cup")
    person.page.locator(".object-label").first.blur()
    objects = back(person)
    assert word(person) == "Saved in this browser"
    person.click(540, 60).settle()
    prompt = person.snapshot()["prompt"]
    public.kill()
    public.start()
    # The page is reloaded, then its tab is closed: image, objects and prompt come from the browser each time.
    person.page.reload()
    person.page.wait_for_function("!!window.samui && samui.snapshot().objects.length === 2")
    assert back(person) == objects
    assert person.snapshot()["prompt"] == prompt
    tab = person.page.context.new_page()
    person.page.close()
    public.kill()
    public.start()
    again = PageDriver(tab).visit(public.url)
    again.page.wait_for_function("samui.snapshot().objects.length === 2")
    assert back(again) == objects
    assert again.snapshot()["prompt"] == prompt
    again.key("Enter")
    again.page.wait_for_function("samui.snapshot().objects.length === 3")


def test_public_page_whose_seat_was_taken_goes_on_without_a_word_of_a_session(
    public: Killable, drive: Callable[..., PageDriver]
) -> None:
    person = drive(public.url).open(CUP)
    accept(person, *INSIDE)
    back(person)
    # As if the table had been full: the seat's token is handed on, and then nobody's.
    token = person.page.evaluate("sessionStorage.getItem('samui.session')")
    other = drive(public.url)
    other.page.evaluate("token => sessionStorage.setItem('samui.session', token)", token)
    other.page.reload()
    other.page.wait_for_function("!!window.samui && samui.snapshot().objects.length === 1")
    accept(other, 70, 70)
    other.page.wait_for_function("samui.snapshot().objects.length === 2")
    accept(person, 540, 60)
    person.page.wait_for_function("samui.snapshot().objects.length === 2")
    assert back(person)
    assert alerts(person) == ""


@pytest.mark.parametrize("kind", ["public", "server"])
def test_page_whose_run_was_broken_off_loads_itself_anew_and_has_all_that_it_had(
    kind: str, request: pytest.FixtureRequest, drive: Callable[..., PageDriver], cup: Path
) -> None:
    server: Killable = request.getfixturevalue(kind)
    person = drive(server.url).open(cup)
    accept(person, *INSIDE)
    kept = [item["uid"] for item in back(person)]
    person.click(70, 70).settle()
    prompt = person.snapshot()["prompt"]
    person.page.evaluate("() => { window.before = true; }")
    person.page.get_by_role("button", name="Everything", exact=True).click()
    person.page.get_by_role("button", name="Find all masks", exact=True).click()
    person.page.wait_for_function("samui.snapshot().everything.running")
    server.kill()
    server.start()
    person.page.wait_for_function("() => !window.before")
    person.page.wait_for_function("!!window.samui && samui.snapshot().prompt.points.length === 1")
    back(person)
    assert (uids(person), person.snapshot()["prompt"]) == (kept, prompt)
    accept(person, 540, 60)  # and long work works again
    person.open(CAT)
    assert person.snapshot()["image"]["name"] == "cat.jpg"


def test_browser_that_keeps_nothing_is_told_once_and_works_on(public: Killable, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script("Object.defineProperty(window, 'indexedDB', { get() { throw new Error('blocked'); } })")
    person = PageDriver(context.new_page()).visit(public.url).open(CUP)
    accept(person, *INSIDE)
    person.page.get_by_text("This browser keeps nothing of your work").wait_for()
    assert (person.snapshot()["saved"], word(person)) == (False, "Not saved")
    accept(person, 70, 70).settle()
    assert len(person.snapshot()["objects"]) == 2
    public.kill()
    public.start()
    accept(person, 540, 60)
    person.page.wait_for_function("samui.snapshot().objects.length === 3 && !samui.snapshot().pending")
    context.close()


def test_server_that_stands_still_is_told_within_three_seconds_and_nothing_is_lost(
    server: Killable, person: PageDriver
) -> None:
    person.click(*INSIDE).settle()
    server.stop()
    person.page.evaluate(
        "() => { window.late = new Promise((resolve) => { const began = performance.now(); const look = () => "
        "document.querySelector('.kept').dataset.kind === 'unsaved' ? resolve(performance.now() - began) "
        ": setTimeout(look, 20); look(); }); }"
    )
    person.key("Enter")
    took = person.page.evaluate("late")
    server.resume()
    assert len(back(person)) == 1
    assert 2000 < took < 3500  # the page's own timer, not the machine's speed


def test_store_that_is_locked_is_told_with_its_reason_and_kept_once_it_is_free(
    server: Killable, person: PageDriver
) -> None:
    accept(person, *INSIDE)
    back(person)
    (file,) = server.data.glob("samui/library/store.sqlite")
    locker = sqlite3.connect(file, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    accept(person, 70, 70)
    person.page.wait_for_function("document.querySelector('.kept').dataset.kind === 'unsaved'")
    person.page.get_by_text("Not saved yet:").wait_for()
    assert "locked" in alerts(person)
    # Work goes on meanwhile.
    accept(person, 540, 60)
    person.page.wait_for_function("samui.snapshot().objects.length === 3")
    # Whoever leaves now is asked.
    assert person.page.evaluate("dispatchEvent(new Event('beforeunload', {cancelable: true}))") is False
    locker.execute("ROLLBACK")
    locker.close()
    assert len(back(person)) == 3
    assert alerts(person) == ""
    assert person.page.evaluate("dispatchEvent(new Event('beforeunload', {cancelable: true}))") is True
    rows = sqlite3.connect(file).execute(
        "SELECT count(*) FROM object WHERE ended IS NULL AND uid IN (?, ?, ?)",
        [bytes.fromhex(uid) for uid in uids(person)],
    )
    assert rows.fetchone() == (3,)


def test_second_tab_of_an_image_is_told_at_once_and_both_keep_all(
    server: Killable, person: PageDriver, cup: Path
) -> None:
    accept(person, *INSIDE)
    back(person)
    other = PageDriver(person.page.context.new_page()).visit(server.url).open(cup)
    for page in (person, other):
        page.page.get_by_text("open in another tab as well").wait_for()
    mine, theirs = uids(person), uids(other)
    assert mine == theirs
    accept(other, 70, 70)
    back(other)
    accept(person, 540, 60)
    # What the other tab has added comes with the answer to one's own.
    person.page.wait_for_function("n => samui.snapshot().objects.length === n", arg=len(mine) + 2)
    assert set(uids(other)) < set(uids(person))
    other.page.close()


def _rounds(server: Killable, person: PageDriver, rounds: int, seed: int) -> None:
    """Kill the server at random moments of a session; what was acknowledged stays, and nothing comes twice."""
    chance = random.Random(seed)
    acknowledged: set[str] = set()
    accepted = len(uids(person))
    for number in range(rounds):
        x, y = chance.choice(THINGS)
        person.click(x + chance.randrange(-15, 15), y + chance.randrange(-15, 15)).settle()
        told = person.snapshot()
        if told["candidate"] is None or not told["candidates"][told["candidate"]]["area"]:
            person.key("Escape").settle()  # nothing is there that could be accepted
            continue
        acknowledged |= set(uids(person)) if told["saved"] else set()
        moment = chance.choice(["before", "at", "after", "while coming back"])
        if moment == "before":
            server.kill()
        person.key("Enter")
        accepted += 1
        if moment == "at":
            person.page.wait_for_timeout(chance.random() * 60)  # somewhere in the accept
        elif moment == "after":
            person.page.wait_for_function(SETTLED)
            acknowledged |= set(uids(person))
        if moment != "before":
            server.kill()
        server.start()
        if moment == "while coming back":
            person.page.wait_for_timeout(chance.random() * 1500)
            server.kill()
            server.start()
        if moment in ("after", "while coming back"):
            person.key("Escape")  # an idle page finds out by its next step
        person.page.wait_for_function(SETTLED)
        now = uids(person)
        told = f"round {number}, {moment}: {len(now)} of {accepted}; {person.page.locator('.notices').inner_text()}"
        assert len(now) == len(set(now)) == accepted, told
        assert acknowledged <= set(now), f"round {number}, {moment}"
        acknowledged |= set(now)


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    server: Killable, drive: Callable[..., PageDriver]
) -> None:
    """SAMUI_KILLS says how many."""
    seed = int(os.environ.get("SAMUI_SEED", "1"))
    person = drive(server.url)
    person.page.get_by_label("Open the sample Cat").first.click()
    person.page.wait_for_function("samui.snapshot().stage === 'ready'")
    _rounds(server, person, ROUNDS, seed)
    kept = uids(person)
    file = next(server.data.glob("samui/library/store.sqlite"))
    with sqlite3.connect(file) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        held = {uid.hex() for (uid,) in store.execute("SELECT uid FROM object WHERE ended IS NULL")}
    assert set(kept) <= held


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["public", "server"])
def test_browser_and_server_that_are_killed_together_keep_what_was_acknowledged(
    kind: str, chromium: Browser, request: pytest.FixtureRequest, tmp_path: Path, cup: Path
) -> None:
    server: Killable = request.getfixturevalue(kind)
    path, profile = find_chromium(SimpleNamespace(chromium=chromium.browser_type)), tmp_path / "profile"

    def browser() -> BrowserContext:
        return chromium.browser_type.launch_persistent_context(str(profile), executable_path=path, args=FLAGS)

    context = browser()
    person = PageDriver(context.pages[0]).visit(server.url).open(cup)
    for x, y in THINGS[:3]:
        accept(person, x, y)
    kept = [item["uid"] for item in back(person)]
    server.kill()
    _kill_browser(profile)
    with contextlib.suppress(Error):
        context.close()
    for lock in profile.glob("Singleton*"):
        lock.unlink()
    server.start()
    context = browser()
    person = PageDriver(context.pages[0]).visit(server.url)
    if kind == "server":  # a person opens the photo again; a page of a public server has it itself
        person.open(cup)
    person.page.wait_for_function("n => samui.snapshot().objects.length === n", arg=len(kept))
    assert uids(person) == kept
    assert person.page.evaluate(SETTLED) or back(person)
    context.close()


def _kill_browser(profile: Path) -> None:
    """SIGKILL to the processes of one profile, and to no other."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"--user-data-dir={profile}".encode() in words:
            os.kill(int(folder.name), 9)

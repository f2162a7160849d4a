"""Seats: a reload takes the work along, strangers see nothing of each other."""

import threading

from tests.fakes import Page


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

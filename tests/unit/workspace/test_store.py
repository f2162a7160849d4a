"""The store: what it is told of, once each and in order, and what it gives back."""

from dataclasses import replace

import pytest

from samui.workspace.store import MemoryStore, Operation
from tests.unit.workspace.conftest import thing


@pytest.fixture
def store():
    return MemoryStore()


def test_store_gives_back_what_was_committed(store):
    one, two = thing(1), thing(2)
    store.commit(Operation("image", "Accept"), (), (one,))
    store.commit(Operation("image", "Accept"), (one,), (one, two))
    assert store.objects("image") == (one, two)
    assert store.objects("other") == ()
    renamed = replace(one, label="cat")
    store.commit(Operation("image", "Relabel"), (one, two), (renamed, two))
    store.commit(Operation("image", "Delete"), (renamed, two), (renamed,))
    assert store.objects("image") == (renamed,)


def test_operation_that_comes_again_is_applied_once(store):
    one, two = thing(1), thing(2)
    accept = Operation("image", "Accept")
    store.commit(accept, (), (one,))
    store.commit(Operation("image", "Delete"), (one,), ())
    store.commit(accept, (), (one,))
    assert store.objects("image") == ()
    store.commit(replace(accept, image="other"), (), (two,))
    assert store.objects("other") == (two,)


def test_only_the_difference_is_applied_to_what_another_has_changed(store):
    one, two, theirs = thing(1), thing(2), thing(3)
    store.commit(Operation("image", "Accept"), (), (one, two))
    store.commit(Operation("image", "Accept"), (one, two), (one, two, theirs))
    renamed, four = replace(two, label="cat"), thing(4)
    store.commit(Operation("image", "Delete"), (one, two), (renamed, four))
    assert store.objects("image") == (renamed, theirs, four)


def test_forgotten_image_takes_no_memory(store):
    store.commit(Operation("image", "Accept"), (), (thing(1),))
    store.forget("image")
    assert len(store) == 0
    assert store.objects("image") == ()

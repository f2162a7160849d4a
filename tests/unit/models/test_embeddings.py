import contextvars
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from samui.errors import ModelError
from samui.models import background, embeddings, waits
from samui.models.embeddings import CacheCounts, EmbeddingCache, UnwantedError, embedding_key
from tests.fakes import FakePredictor

BYTES = 1000  # of one fake embedding


def image(seed: int, size: tuple[int, int] = (6, 8)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


class SlowPredictor(FakePredictor):
    """Encodes only once `go` is set; `started` tells that an encoder runs."""

    def __init__(self):
        super().__init__()
        self.go, self.started = threading.Event(), threading.Event()

    def embed(self, image):
        self.started.set()
        assert self.go.wait(10)
        return super().embed(image)


class FailingPredictor(SlowPredictor):
    def embed(self, image):
        super().embed(image)
        raise ModelError("device cuda: must have memory for the image encoder, got none")


@pytest.fixture
def waiting(monkeypatch):
    """A semaphore that counts who waits for the run of another."""
    told = threading.Semaphore(0)

    class Awaited(Future):
        def result(self, timeout=None):
            told.release()
            return super().result(timeout)

    monkeypatch.setattr(embeddings, "Future", Awaited)
    return told


# Memory


def test_the_same_pixels_are_encoded_once():
    cache, predictor = EmbeddingCache(10 * BYTES), FakePredictor()
    first = cache.get_or_encode(predictor, image(0))
    assert cache.get_or_encode(predictor, image(0).copy()) is first
    assert cache.get(embedding_key(predictor, image(0))) is first
    assert predictor.embed_calls == 1
    assert cache.counts == CacheCounts(encodes=1, hits=2)


@pytest.mark.parametrize("change", ["pixel", "shape", "name", "revision", "dtype"])
def test_whatever_changes_the_embedding_changes_the_key(change):
    picture, predictor = image(0), FakePredictor()
    before = embedding_key(predictor, picture)
    if change == "pixel":
        picture[-1, -1, -1] ^= 1
    elif change == "shape":
        picture = picture.reshape(8, 6, 3)
    else:
        setattr(predictor, change, "other")
    assert embedding_key(predictor, picture) != before


def test_a_view_has_the_key_of_its_pixels():
    wide = image(0, (6, 16))
    assert embedding_key(FakePredictor(), wide[:, ::2]) == embedding_key(FakePredictor(), wide[:, ::2].copy())


def test_the_least_recently_used_goes_and_bytes_are_exact():
    cache, predictor = EmbeddingCache(3 * BYTES), FakePredictor()
    for seed in (0, 1, 2):
        cache.get_or_encode(predictor, image(seed))
    cache.get_or_encode(predictor, image(0))
    cache.get_or_encode(predictor, image(3))
    held = [cache.get(embedding_key(predictor, image(seed))) is not None for seed in range(4)]
    assert held == [True, False, True, True]
    assert cache.nbytes == 3 * BYTES
    assert cache.counts.evictions == 1


def test_memory_is_flat_over_two_hundred_images():
    cache, predictor = EmbeddingCache(int(5.5 * BYTES)), FakePredictor()
    for seed in range(200):
        cache.get_or_encode(predictor, image(seed))
        assert cache.nbytes == min(seed + 1, 5) * BYTES == len(cache) * BYTES
    assert cache.counts.evictions == 195


def test_an_embedding_larger_than_the_budget_is_kept_until_the_next():
    cache, predictor = EmbeddingCache(BYTES // 2), FakePredictor()
    first = cache.get_or_encode(predictor, image(0))
    assert cache.get_or_encode(predictor, image(0)) is first
    cache.get_or_encode(predictor, image(1))
    assert len(cache) == 1
    assert cache.nbytes == BYTES


# Threads


def test_concurrent_opens_of_one_image_encode_once(waiting):
    cache, predictor = EmbeddingCache(10 * BYTES), SlowPredictor()
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(cache.get_or_encode, predictor, image(0)) for _ in range(8)]
        assert all(waiting.acquire(timeout=10) for _ in range(7))
        predictor.go.set()
        found = [call.result(10) for call in calls]
    assert predictor.embed_calls == 1
    assert all(embedding is found[0] for embedding in found)
    assert cache.counts == CacheCounts(encodes=1, hits=7)


def test_an_image_in_memory_does_not_wait_for_an_encoder():
    cache, quick, slow = EmbeddingCache(10 * BYTES), FakePredictor(), SlowPredictor()
    cache.get_or_encode(quick, image(0))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(cache.get_or_encode, slow, image(1))
        assert slow.started.wait(10)
        cache.get_or_encode(quick, image(0))
        assert not running.done()
        slow.go.set()
        running.result(10)


def test_a_failed_encode_reaches_all_who_wait_and_the_next_call_tries_again(waiting):
    cache, failing = EmbeddingCache(10 * BYTES), FailingPredictor()
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(cache.get_or_encode, failing, image(0)) for _ in range(3)]
        assert all(waiting.acquire(timeout=10) for _ in range(2))
        failing.go.set()
        for call in calls:
            with pytest.raises(ModelError, match="must have memory"):
                call.result(10)
    assert cache.get_or_encode(FakePredictor(), image(0)).size == (6, 8)
    assert (len(cache), cache.nbytes, cache.counts.encodes) == (1, BYTES, 1)


def test_what_is_dropped_before_its_turn_is_not_made_unless_another_wants_it():
    cache, predictor = EmbeddingCache(10 * BYTES), SlowPredictor()
    busy = cache.begin(predictor, image(0))
    assert predictor.started.wait(10)
    one, two, alone = (cache.begin(predictor, image(seed)) for seed in (1, 1, 2))
    one.drop()
    alone.drop()
    with pytest.raises(UnwantedError):
        alone.result()
    predictor.go.set()
    busy.result(), two.result()
    assert predictor.embed_calls == 2
    assert cache.get_or_encode(predictor, image(2)).size == (6, 8)
    assert predictor.embed_calls == 3


def test_what_is_dropped_just_before_its_turn_is_not_made(monkeypatch):
    monkeypatch.setattr(waits, "LOOK", 60.0)  # nobody looks before the turn comes
    cache, predictor = EmbeddingCache(10 * BYTES), SlowPredictor()
    busy = cache.begin(predictor, image(0))
    assert predictor.started.wait(10)
    late = cache.begin(predictor, image(1))
    late.drop()
    predictor.go.set()
    busy.result()
    with pytest.raises(UnwantedError):
        late.result()
    assert predictor.embed_calls == 1
    assert cache.get_or_encode(predictor, image(1)).size == (6, 8)


def test_the_function_that_is_handed_in_runs_the_encoder(tmp_path):
    calls = []

    def encode(predictor, pixels):
        calls.append(pixels.shape)
        return predictor.embed(pixels)

    cache, predictor = EmbeddingCache(10 * BYTES, tmp_path, encode=encode), FakePredictor()
    key, _ = cache.begin(predictor, image(0)).result()
    cache.get_or_encode(predictor, image(1))
    cache.get_or_encode(predictor, image(0))
    assert calls == [(6, 8, 3)] * 2
    assert cache.get(key) is not None


def test_begin_can_run_in_the_callers_own_thread():
    threads = []

    def encode(predictor, pixels):
        threads.append(threading.current_thread())
        return predictor.embed(pixels)

    cache = EmbeddingCache(10 * BYTES, encode=encode, start=lambda work: work())
    begun = cache.begin(FakePredictor(), image(0))
    assert threads == [threading.current_thread()]
    assert cache.get(begun.result()[0]) is not None


def test_what_runs_beside_has_the_context_of_its_caller():
    request = contextvars.ContextVar("request")
    seen = []

    def encode(predictor, pixels):
        seen.append((request.get(), threading.current_thread() is threading.main_thread()))
        return predictor.embed(pixels)

    request.set("somebody's")
    EmbeddingCache(10 * BYTES, encode=encode).begin(FakePredictor(), image(0)).result()
    assert seen == [("somebody's", False)]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own here")
@pytest.mark.parametrize("nice", [0, 3])
def test_a_thread_that_encodes_steps_back_as_far_as_the_constant_says(monkeypatch, nice):
    monkeypatch.setattr(background, "NICE", nice)
    own, seen = os.getpriority(os.PRIO_PROCESS, 0), []

    def encode(predictor, pixels):
        seen.append(os.getpriority(os.PRIO_PROCESS, 0))  # of this thread
        return predictor.embed(pixels)

    EmbeddingCache(10 * BYTES, encode=encode).begin(FakePredictor(), image(0)).result()
    assert seen == [min(19, own + nice)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own here")
def test_image_is_encoded_where_a_sandbox_forbids_priorities(monkeypatch):
    def forbidden(*given):
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(os, "setpriority", forbidden)
    cache, predictor = EmbeddingCache(10 * BYTES), FakePredictor()
    key, _ = cache.begin(predictor, image(0)).result()
    assert cache.get(key) is not None


def test_many_threads_on_many_images_keep_the_books_straight():
    cache, predictor = EmbeddingCache(4 * BYTES), FakePredictor()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: cache.get_or_encode(predictor, image(n % 7)), range(400)))
    counts = cache.counts
    assert counts.encodes == predictor.embed_calls
    assert counts.encodes + counts.hits == 400
    assert counts.encodes - counts.evictions == len(cache) == 4
    assert cache.nbytes == 4 * BYTES

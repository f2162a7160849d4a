import contextvars
import os
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import load_file

import samui.models.embedding_key as embedding_key_module
from samui import files
from samui.errors import ModelError, SamuiError
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


def disk_files(folder):
    return sorted(folder.glob("*.safetensors"))


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


# Disk


def test_a_second_start_reads_from_disk_instead_of_encoding(tmp_path):
    EmbeddingCache(10 * BYTES, tmp_path).get_or_encode(FakePredictor(), image(0))
    cache, predictor = EmbeddingCache(10 * BYTES, tmp_path), FakePredictor()
    assert cache.get_or_encode(predictor, image(0)).size == (6, 8)
    assert predictor.embed_calls == 0
    assert cache.counts == CacheCounts(disk_hits=1)


def test_an_image_evicted_from_memory_comes_back_from_disk(tmp_path):
    cache, predictor = EmbeddingCache(BYTES, tmp_path), FakePredictor()
    for seed in (0, 1, 0, 1):
        cache.get_or_encode(predictor, image(seed))
    assert cache.counts == CacheCounts(encodes=2, disk_hits=2, evictions=3)


def test_the_disk_holds_halves(tmp_path):
    EmbeddingCache(BYTES, tmp_path).get_or_encode(FakePredictor(), image(0))
    (path,) = disk_files(tmp_path)
    assert load_file(path)["half"].tolist() == [True]


def test_a_file_of_an_older_format_counts_as_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_key_module, "_FORMAT", 1)
    EmbeddingCache(BYTES, tmp_path).get_or_encode(FakePredictor(), image(0))
    monkeypatch.undo()
    cache = EmbeddingCache(BYTES, tmp_path)
    cache.get_or_encode(FakePredictor(), image(0))
    assert cache.counts == CacheCounts(encodes=1)


def test_nobody_waits_for_the_disk(tmp_path, monkeypatch):
    writing, disk, waited_for = threading.Event(), threading.Event(), threading.Event()

    def slow(path, data):
        writing.set()
        if not disk.wait(10):
            waited_for.set()

    monkeypatch.setattr(files, "write", slow)
    cache, predictor = EmbeddingCache(10 * BYTES, tmp_path), FakePredictor()
    begun = cache.begin(predictor, image(0))
    key, _ = begun.result()
    assert cache.get(key) is not None
    assert cache.get_or_encode(predictor, image(0)).size == (6, 8)
    assert writing.wait(10)
    assert not waited_for.is_set()
    disk.set()


def test_the_disk_is_written_in_the_thread_that_encoded(tmp_path, monkeypatch):
    threads = []
    monkeypatch.setattr(files, "write", lambda path, data: threads.append(threading.current_thread()))
    cache = EmbeddingCache(10 * BYTES, tmp_path, start=lambda work: work())
    cache.begin(FakePredictor(), image(0))
    assert threads == [threading.current_thread()]


@pytest.mark.parametrize("error", [TypeError("no such dtype"), MemoryError("no room"), SamuiError("full")])
def test_an_embedding_that_cannot_be_packed_is_not_lost(tmp_path, caplog, error):
    def refuse(embedding, half=True):
        raise error

    predictor = FakePredictor()
    predictor.pack = refuse
    cache = EmbeddingCache(10 * BYTES, tmp_path)
    key, _ = cache.begin(predictor, image(0)).result()
    assert cache.get_or_encode(predictor, image(1)).size == (6, 8)
    assert cache.get(key) is not None
    assert disk_files(tmp_path) == []
    assert f"embedding not kept on disk ({error})" in caplog.text


DAMAGE = {
    "truncated": lambda content: content[:-3],
    "cut in the header": lambda content: content[:5],
    "zero bytes": lambda content: b"",
    "one bit in the data": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "something else": lambda content: b"\x89PNG\r\n" * 20,
    "absurd header length": lambda content: b"\xff" * 8 + content[8:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_a_miss_and_is_replaced(tmp_path, damage):
    EmbeddingCache(10 * BYTES, tmp_path).get_or_encode(FakePredictor(), image(0))
    (path,) = disk_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    predictor = FakePredictor()
    cache = EmbeddingCache(10 * BYTES, tmp_path)
    assert cache.get_or_encode(predictor, image(0)).size == (6, 8)
    assert predictor.embed_calls == 1
    assert cache.counts == CacheCounts(encodes=1)
    assert path.read_bytes() == whole


def test_a_file_of_another_shape_is_a_miss(tmp_path):
    EmbeddingCache(10 * BYTES, tmp_path).get_or_encode(FakePredictor(), image(0))
    picky = FakePredictor()

    def refuse(arrays):
        raise ValueError("embedding: must have another shape")

    picky.unpack = refuse
    EmbeddingCache(10 * BYTES, tmp_path).get_or_encode(picky, image(0))
    assert picky.embed_calls == 1


def test_the_disk_tier_keeps_to_its_budget_and_drops_what_was_read_longest_ago(tmp_path):
    predictor = FakePredictor()
    cache = EmbeddingCache(BYTES, tmp_path)
    cache.get_or_encode(predictor, image(0))
    size = disk_files(tmp_path)[0].stat().st_size
    cache = EmbeddingCache(BYTES, tmp_path, disk_budget_bytes=3 * size)
    for seed in (1, 2):
        cache.get_or_encode(predictor, image(seed))
    for age, seed in enumerate((0, 1, 2)):
        path = tmp_path / f"{embedding_key(predictor, image(seed))}.safetensors"
        os.utime(path, (1000 + age, 1000 + age))
    cache.get_or_encode(predictor, image(0))  # from disk, so it is the newest now
    cache.get_or_encode(predictor, image(3))
    kept = {path.stem for path in disk_files(tmp_path)}
    assert kept == {embedding_key(predictor, image(seed)) for seed in (0, 2, 3)}


def test_a_disk_that_is_full_costs_the_tier_and_not_the_work(tmp_path, monkeypatch, caplog):
    def fail(*_):
        raise OSError(28, "No space left on device")

    cache = EmbeddingCache(10 * BYTES, tmp_path)
    monkeypatch.setattr("os.fsync", fail)
    assert cache.get_or_encode(FakePredictor(), image(0)).size == (6, 8)
    assert list(tmp_path.iterdir()) == []
    assert "No space left" in caplog.text


def test_nothing_half_written_takes_a_name(tmp_path, monkeypatch):
    seen = []
    replace = os.replace
    monkeypatch.setattr(
        "os.replace", lambda a, b: seen.append((disk_files(tmp_path), a.stat().st_size)) or replace(a, b)
    )
    EmbeddingCache(10 * BYTES, tmp_path).get_or_encode(FakePredictor(), image(0))
    assert seen == [([], disk_files(tmp_path)[0].stat().st_size)]


def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path):
    new, other = tmp_path / ".samui-2.tmp", tmp_path / "notes.txt"
    old = [tmp_path / "a.part", tmp_path / ".samui-1.tmp"]
    for path in (*old, new, other):
        path.write_bytes(b"x")
    for path in (*old, other):
        os.utime(path, (1000, 1000))
    EmbeddingCache(BYTES, tmp_path, disk_budget_bytes=0)
    assert sorted(tmp_path.iterdir()) == [new, other]


def test_a_folder_that_cannot_be_made_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SamuiError, match=r"disk_dir: must be a folder that can be written, got .*file/cache"):
        EmbeddingCache(BYTES, tmp_path / "file" / "cache")

"""The disk tier of embeddings: what it holds, that nobody waits for it, and what a broken folder or file costs."""

import os
import threading

import pytest
from safetensors.numpy import load_file

import samui.models.embedding_key as embedding_key_module
from samui import files
from samui.errors import SamuiError
from samui.models.embeddings import CacheCounts, EmbeddingCache, embedding_key
from tests.fakes import FakePredictor
from tests.unit.models.test_embeddings import BYTES, image


def disk_files(folder):
    return sorted(folder.glob("*.safetensors"))


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

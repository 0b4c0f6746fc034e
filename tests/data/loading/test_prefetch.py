import os
import threading
import time

import cv2
import numpy as np
import pytest

from src.data.loading.epoch_order import count_steps, epoch_order
from src.data.loading.prefetch import batches_ahead, clamp_workers, map_in_order, run_ahead


def names_of_threads():
    return [t.name for t in threading.enumerate() if t.name.startswith(("sample", "prefetch"))]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_order_is_kept_whatever_finishes_first(workers):
    def work(item):
        time.sleep(0.01 if item % 3 == 0 else 0)
        return item * item

    assert list(map_in_order(work, range(20), num_workers=workers, ahead=5)) == [i * i for i in range(20)]


def test_no_more_than_asked_is_done_ahead():
    started = []
    results = map_in_order(started.append, range(100), num_workers=2, ahead=4)
    next(results)
    time.sleep(0.05)
    assert len(started) <= 5
    results.close()
    assert not names_of_threads()


def test_a_failure_is_raised_in_its_place_and_threads_end():
    def work(item):
        if item == 5:
            raise KeyError("five")
        return item

    seen = []
    with pytest.raises(KeyError, match="five"):
        for batch in batches_ahead(work, range(9), list, batch_size=2, num_workers=2, depth=2):
            seen.extend(batch)
    assert seen == [0, 1, 2, 3]
    assert not names_of_threads()


def test_leaving_early_ends_the_threads_and_the_source():
    closed = []

    def source():
        try:
            yield from range(10**9)
        finally:
            closed.append(True)

    batches = batches_ahead(lambda i: i, source(), list, batch_size=3, num_workers=2, depth=2)
    assert next(batches) == [0, 1, 2]
    batches.close()
    assert not names_of_threads()
    assert closed == [True]


def test_work_goes_on_while_the_consumer_is_busy():
    produced = []
    results = run_ahead(lambda: (produced.append(i) or i for i in range(10)), depth=3)
    assert next(results) == 0
    deadline = time.time() + 5
    while len(produced) < 4 and time.time() < deadline:
        time.sleep(0.005)
    time.sleep(0.03)
    assert 4 <= len(produced) <= 5  # three wait, one is in hand, one was taken
    assert list(results) == list(range(1, 10))


def test_none_is_left_out_and_the_rest_comes():
    work = lambda i: None if i in (1, 2) else i  # noqa: E731
    batches = batches_ahead(work, range(7), list, batch_size=2, num_workers=2, depth=1)
    assert list(batches) == [[0, 3], [4, 5], [6]]


def test_opencv_gets_its_threads_back():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        inside = set(
            batches_ahead(lambda i: cv2.getNumThreads(), range(4), tuple, batch_size=1, num_workers=1, depth=1)
        )
        assert inside == {(1,)}
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("cores", [1, 2, 16])
def test_workers_never_exceed_the_cores(monkeypatch, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert clamp_workers(100) == cores
    assert clamp_workers(0) == 1
    assert clamp_workers(1) == 1
    assert clamp_workers(None) == min(8, cores)


@pytest.mark.parametrize(("size", "batch", "ranks"), [(37, 2, 1), (37, 2, 3), (40, 5, 4), (3, 8, 2), (1, 1, 1)])
def test_ranks_share_every_sample_in_equal_steps(size, batch, ranks):
    steps = count_steps(size, batch, ranks)
    parts = [epoch_order(size, 4, seed=9, batch_size=batch, rank_id=r, rank_size=ranks) for r in range(ranks)]
    assert all(part.shape == (steps, batch) for part in parts)
    dealt = np.concatenate([part.ravel() for part in parts])
    assert set(dealt.tolist()) == set(range(size))
    repeats = steps * batch * ranks - size
    assert repeats < batch * ranks
    if size >= batch * ranks:
        assert len(dealt) - len(set(dealt.tolist())) == repeats
        seen_twice = np.bincount(dealt).max()
        assert seen_twice <= 2


def test_ranks_are_disjoint_where_the_data_divides_evenly():
    parts = [epoch_order(24, 0, seed=1, batch_size=2, rank_id=r, rank_size=3).ravel() for r in range(3)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(24))


def test_a_step_holds_the_same_samples_on_one_rank_or_many():
    whole = epoch_order(24, 2, seed=1, batch_size=6)
    parts = [epoch_order(24, 2, seed=1, batch_size=2, rank_id=r, rank_size=3) for r in range(3)]
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))


def test_order_depends_on_seed_and_epoch_only():
    def order(epoch, seed):
        return epoch_order(50, epoch, seed=seed, batch_size=5).tolist()

    assert order(1, 7) == order(1, 7)
    assert order(1, 7) != order(2, 7)
    assert order(1, 7) != order(1, 8)
    assert order(0, 7) != list(map(list, np.arange(50).reshape(10, 5)))


def test_impossible_parts_are_refused():
    with pytest.raises(ValueError, match="cannot deal"):
        epoch_order(0, 0, seed=1, batch_size=1)
    with pytest.raises(ValueError, match="rank 2 of 2"):
        epoch_order(5, 0, seed=1, batch_size=1, rank_id=2, rank_size=2)

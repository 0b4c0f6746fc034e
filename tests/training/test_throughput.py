import pytest

from src.training.throughput import Throughput


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def timed(seconds, **options):
    clock = Clock()
    speed = Throughput(8, clock=clock, **options)
    for second in seconds:
        clock.now += second
        speed.step_done()
    return speed, clock


def test_compile_step_is_apart():
    speed, _ = timed([30.0, 2.0, 2.0])
    assert speed.compile_seconds == 30.0
    assert speed.images_per_second == pytest.approx(4.0)


def test_mean_over_the_steps_after_the_warm_up():
    speed, _ = timed([30.0] + [5.0] * 3 + [1.0, 3.0], warmup_steps=4)
    assert speed.images_per_second == pytest.approx(8 * 2 / 4.0)


def test_other_work_is_not_counted():
    speed, clock = timed([30.0, 2.0])
    clock.now += 100
    speed.restart_clock()
    clock.now += 2.0
    speed.step_done()
    assert speed.images_per_second == pytest.approx(4.0)


def test_window_starts_anew():
    speed, clock = timed([30.0, 1.0])
    assert speed.window() == pytest.approx(8.0)
    clock.now += 4.0
    speed.step_done()
    assert speed.window() == pytest.approx(2.0)
    assert speed.window() is None


def test_nothing_timed_yet():
    speed, _ = timed([30.0])
    assert speed.images_per_second is None
    assert speed.seconds_per_step is None

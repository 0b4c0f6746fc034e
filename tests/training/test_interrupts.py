import os
import signal
import threading

import pytest

from src.training.interrupts import StopRequest


@pytest.mark.parametrize(("signum", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")])
def test_a_signal_becomes_a_request_and_handlers_return(signum, name):
    before = signal.getsignal(signum)
    with StopRequest() as stop:
        assert not stop.requested
        os.kill(os.getpid(), signum)
        assert stop.requested
        assert stop.name == name
    assert signal.getsignal(signum) is before


def test_a_second_signal_gets_the_old_handler():
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("old"))
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
            assert seen == []
            os.kill(os.getpid(), signal.SIGTERM)
            assert seen == ["old"]
            assert stop.requested
    finally:
        signal.signal(signal.SIGTERM, before)


def test_harmless_in_another_thread():
    answers = []

    def work():
        with StopRequest() as stop:
            answers.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]

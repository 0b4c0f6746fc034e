"""Signals that come at a bad moment are answered after it."""

import signal
import threading

import pytest

from src.common.signal_handlers import delayed


def test_what_comes_within_a_block_is_answered_at_its_end():
    done = []
    with pytest.raises(KeyboardInterrupt), delayed(signal.SIGINT, signal.SIGTERM):
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    assert done == ["all"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_other_threads_nothing_is_changed():
    handlers = []

    def work():
        with delayed(signal.SIGINT):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]

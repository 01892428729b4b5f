"""The thread that all loops run on: its end, and that nothing dies in it unseen."""

import threading

import pytest

from tests.waiting import LIMIT_S
from tidewheel.runtime.background import BackgroundThread


def test_it_works_until_it_is_closed() -> None:
    turning = threading.Event()

    def work(stop: threading.Event) -> None:
        turning.set()
        stop.wait(LIMIT_S)

    thread = BackgroundThread("one", work).start()
    assert turning.wait(LIMIT_S)
    assert not thread.ended()
    thread.close()
    assert thread.ended()
    thread.check()


def test_the_stop_of_a_service_is_the_end_of_its_threads() -> None:
    stop = threading.Event()
    threads = [BackgroundThread(name, lambda stop: stop.wait(LIMIT_S) and None, stop).start() for name in ("a", "b")]
    stop.set()
    assert all(thread.ended(LIMIT_S) for thread in threads)


def test_what_it_raised_is_raised_for_whoever_looks() -> None:
    def work(stop: threading.Event) -> None:
        raise SystemExit("not even this ends in silence")

    thread = BackgroundThread("one", work).start()
    assert thread.ended(LIMIT_S)
    with pytest.raises(SystemExit, match="in silence"):
        thread.check()
    thread.close()

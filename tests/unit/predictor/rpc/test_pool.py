"""The threads that answer calls."""

import threading

from services.predictor.rpc.pool import CallPool
from tests.waiting import LIMIT_S


def test_closing_ends_the_threads_after_what_was_handed_over() -> None:
    done: list[int] = []
    pool = CallPool("closing", 2)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("closing-")]
    assert len(threads) == 2
    pool.submit(done.append, 1)
    pool.close()
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    assert done == [1]

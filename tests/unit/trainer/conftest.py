"""Linear algebra on one thread, as the trainer's own process has it: sums of one thread have one order, and many small
products on two threads crawl where both cores are taken."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield

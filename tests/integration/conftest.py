"""A registry on the run's Redis, and a predictor that serves from it."""

from collections.abc import Iterator

import pytest

from tests.made_models import published
from tests.predictors import Client, eventually, running
from tidewheel.registry.store import Registry


@pytest.fixture
def registry(empty_redis: str) -> Iterator[Registry]:
    store = Registry.connect(empty_redis)
    yield store
    store.close()


@pytest.fixture
def client(registry: Registry, empty_redis: str) -> Iterator[Client]:
    """A predictor that serves window 1, without a Kafka."""
    registry.publish(*published(1))
    with running(empty_redis) as made:
        eventually(lambda: made.client.served() == (1, 1), "window 1 is served")
        yield made.client

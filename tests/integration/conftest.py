"""A registry on the run's Redis, a predictor that serves from it, and a broker behind a proxy."""

import os
import threading
from collections.abc import Iterator

import pytest

from tests.predictors import Client, running
from tests.proxy.broker import ProxiedKafka, proxied_kafka
from tests.proxy.schedule import Schedule
from tests.servers import docker_is_there
from tests.synthetic_models import published
from tests.waiting import eventually
from tidewheel.registry.store import Registry
from tidewheel.runtime import topic_admin

# Servers and runs that the tests of a module share.
SHARED_IN_A_MODULE = {"ended", "locked", "proxied"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share one are done by one worker: else each worker starts it for the few that it is given."""
    for item in items:
        if isinstance(item, pytest.Function) and SHARED_IN_A_MODULE & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group(item.module.__name__))


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


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedKafka]:
    """A broker of the module's own, without topics."""
    if os.environ.get("TIDEWHEEL_TEST_KAFKA") or docker_is_there():
        pytest.skip("the broker must advertise the proxy's address, which the embedded one can be told")
    with proxied_kafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka
    assert kafka.proxy.failures == []
    assert "proxy" not in {thread.name for thread in threading.enumerate()}


@pytest.fixture(scope="module")
def topics_of_one_partition(proxied: ProxiedKafka) -> None:
    topic_admin.create(proxied.direct, 1)


@pytest.fixture
def kafka(proxied: ProxiedKafka) -> Iterator[ProxiedKafka]:
    """The same, whose proxy lets everything pass after the test."""
    yield proxied
    proxied.proxy.use(Schedule())
    proxied.proxy.release()

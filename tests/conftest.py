"""A real Kafka and a real Redis, started once for a test run.

Addresses given in TIDEWHEEL_TEST_KAFKA and TIDEWHEEL_TEST_REDIS are used; else containers where Docker is there;
else the embedded servers. A test that asks for `broker` gets the declared topics empty and no consumer groups.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, settings

from tests.servers import kafka_server, redis_server
from tests.waiting import LIMIT_S, Deadline
from tidewheel.contracts.topics import TOPICS
from tidewheel.runtime import topic_admin
from tidewheel.telemetry import declaration

PARTITIONS = 2
# No example fails by the clock: a busy machine is slow, which says nothing about the code.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


_internal_errors: list[str] = []


def pytest_internalerror(excrepr: object) -> None:
    """A worker of pytest-xdist that fails by itself ends the run by a second failure, whose traceback hides it."""
    _internal_errors.append(str(excrepr))


def pytest_unconfigure(config: pytest.Config) -> None:
    """So its own words are the last that are said."""
    if _internal_errors and not hasattr(config, "workerinput"):
        sys.stderr.write("\nfirst internal error:\n" + "\n".join(_internal_errors[0].splitlines()[-12:]) + "\n")


@pytest.fixture(autouse=True)
def _named_instruments() -> None:
    """A test's instruments are shown by name, however many those before it had."""
    declaration.NAMES.clear()


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a running broker."""
    with kafka_server(os.environ.get("TIDEWHEEL_TEST_KAFKA"), tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a running Redis."""
    with redis_server(os.environ.get("TIDEWHEEL_TEST_REDIS"), tmp_path_factory.mktemp("redis")) as address:
        yield address


@pytest.fixture
def broker(kafka_address: str) -> str:
    """A broker with every declared topic, empty, and no consumer groups."""
    admin = AdminClient({"bootstrap.servers": kafka_address})
    present = [name for name in TOPICS if name in admin.list_topics(timeout=LIMIT_S).topics]
    for future in admin.delete_topics(present, operation_timeout=LIMIT_S).values() if present else ():
        future.result()
    deadline = Deadline()
    while not _without_groups(admin) and not deadline.passed:
        admin.poll(0.1)
    # The broker learns of a deletion a little later than it is done; before that the old topics look like new ones.
    while set(present) & set(admin.list_topics(timeout=LIMIT_S).topics) and not deadline.passed:
        admin.poll(0.1)
    topic_admin.create(kafka_address, PARTITIONS)
    while topic_admin.faults(kafka_address) and not deadline.passed:
        topic_admin.create(kafka_address, PARTITIONS)
    assert topic_admin.faults(kafka_address) == []
    return kafka_address


def _without_groups(admin: AdminClient) -> bool:
    """Delete all consumer groups; False while one has a member, which a killed process has till its session ends."""
    groups = [group.group_id for group in admin.list_consumer_groups().result().valid]
    failures = [future.exception() for future in admin.delete_consumer_groups(groups).values()] if groups else []
    for failure in filter(None, failures):
        if failure.args[0].code() != KafkaError.NON_EMPTY_GROUP:
            raise failure
    return not any(failures)


@pytest.fixture
def empty_redis(redis_address: str) -> str:
    """A Redis without keys."""
    with redis.Redis.from_url(redis_address) as client:
        client.flushall()
    return redis_address


@pytest.fixture
def shared_data() -> Path:
    """The folder of real recorded prices, which stands beside the checkout; skips where it does not."""
    folder = Path(__file__).parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no recorded prices beside the checkout")
    return folder

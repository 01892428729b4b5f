"""Kafka and Redis of a run: given ones that are checked, or our own as children that keep their data when they die."""

import signal
from collections.abc import Callable

from confluent_kafka import KafkaException

from tidewheel.local.data_dir import DataDir
from tidewheel.local.processes.health_poller import NO_ANSWER
from tidewheel.local.processes.ports import Ports
from tidewheel.local.processes.subprocesses import accepts_connections
from tidewheel.local.processes.supervisor import ProcessSpec
from tidewheel.local.servers import kafka, redis
from tidewheel.registry.client import RegistryUnavailableError
from tidewheel.registry.redis_access import RedisServer
from tidewheel.registry.store import Registry
from tidewheel.runtime import topic_admin
from tidewheel.runtime.kafka import KAFKA as KAFKA_CLIENTS
from tidewheel.runtime.kafka import client
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError

KAFKA, REDIS = "kafka", "redis"
ANSWER_LIMIT_S = 5.0
HealthCheck = Callable[[], tuple[bool, str]]


def prepare_external_kafka(bootstrap: Broker, partitions: int) -> None:
    """Create what topics are missing on a broker that runs already. Raises FatalError."""
    topic_admin.require_admission(bootstrap)
    try:
        KAFKA_CLIENTS.admin(client(bootstrap, "run")).list_topics(timeout=ANSWER_LIMIT_S)
    except KafkaException as failure:
        raise FatalError(f"Kafka at {bootstrap} does not answer") from failure
    try:
        topic_admin.create(bootstrap, partitions)
        faults = topic_admin.faults(bootstrap)
    except KafkaException as failure:
        raise FatalError(f"Kafka at {bootstrap} cannot be used: {failure.args[0].str()}") from failure
    if faults:
        raise FatalError(f"the topics at {bootstrap} are not as declared: {'; '.join(faults)}")


def check_external_redis(server: RedisServer) -> None:
    """Raises FatalError where no Redis answers."""
    registry = Registry.connect(server)
    try:
        registry.ping()
    except RegistryUnavailableError as failure:
        raise FatalError(str(failure)) from failure
    finally:
        registry.close()


def kafka_spec(data: DataDir, ports: Ports) -> ProcessSpec:
    """Our own broker; started again on the same port and data."""
    return ProcessSpec(
        name=KAFKA,
        command=lambda: kafka.kafka_command(data.kafka, ports.kafka, ports.kafka_controller),
        log=data.log(KAFKA),
        parent_death_signal=signal.SIGTERM,
    )


def redis_spec(data: DataDir, ports: Ports) -> ProcessSpec:
    """Our own Redis; started again on the same port and data."""
    return ProcessSpec(
        name=REDIS,
        command=lambda: redis.redis_command(data.redis, ports.redis),
        log=data.log(REDIS),
        parent_death_signal=signal.SIGTERM,
    )


def kafka_check(port: int, bootstrap: Broker, partitions: int) -> HealthCheck:
    """Ready is a broker that has the declared topics: making them is the last step of its start."""

    made = False

    def check() -> tuple[bool, str]:
        nonlocal made
        if not accepts_connections(port):
            return False, NO_ANSWER
        if not made:
            try:
                topic_admin.create(bootstrap, partitions)
            except KafkaException as failure:
                return False, failure.args[0].str()
            made = True
        return True, "ready"

    return check


def redis_check(port: int) -> HealthCheck:
    def check() -> tuple[bool, str]:
        return (True, "ready") if accepts_connections(port) else (False, NO_ANSWER)

    return check

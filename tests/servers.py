"""Real servers for tests: the ones given, in containers, or embedded."""

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Producer

from tidewheel.local.processes.ports import PortClaims
from tidewheel.local.servers.kafka import start_kafka
from tidewheel.local.servers.redis import start_redis
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.transactional_producer import ClientCall

# Ports of servers: claimed until this process ends. Clients that a test left behind know their server's address for as
# long, and would find another test's server there, whose log gets their records then.
PORTS = PortClaims()
PORTS_FROM = 20_000  # any but the usual ones, which are left to people
CLOSE_LIMIT_S = 5.0


def server_port() -> int:
    """A port that no server had before, below those that outgoing connections take."""
    return PORTS.port(PORTS_FROM)


def docker_is_there() -> bool:
    """Whether a Docker engine answers; a client alone is not enough."""
    if not shutil.which("docker"):
        return False
    try:
        import docker

        docker.from_env(timeout=2).ping()
    except Exception:
        return False
    return True


def close_producers() -> None:
    """Close the producers that tests have left behind, while their broker is there.

    Python does not free them where they and their callbacks know each other, as of a labeler that is abandoned like a
    killed one. Without their broker they would log attempts for ever to a queue that nobody reads, at a cost that grows
    with its length: five of them took a core for the rest of a run. One that hangs cannot be closed, and is heard.
    """
    objects = gc.get_objects()
    calls = [one for one in objects if type(one) is ClientCall and not one.returned.is_set()]
    left = [one for one in objects if issubclass(type(one), Producer) and all(one is not call.client for call in calls)]
    closing = [BackgroundThread("closing", lambda _, one=one: one.close()).start() for one in left]
    for one in closing:
        one.ended(CLOSE_LIMIT_S)


@contextmanager
def kafka_server(given: str | None, directory: Path) -> Iterator[str]:
    """Yields a bootstrap address."""
    if given:
        yield given
    elif docker_is_there():
        from tests.containers import ApacheKafkaContainer

        with ApacheKafkaContainer() as container:
            yield container.bootstrap
    else:
        server = start_kafka(directory, server_port(), server_port())
        try:
            yield server.bootstrap
        finally:
            server.stop()


@contextmanager
def redis_server(given: str | None, directory: Path) -> Iterator[str]:
    """Yields a URL."""
    if given:
        yield given
    elif docker_is_there():
        from testcontainers.redis import RedisContainer

        with RedisContainer("redis:7-alpine") as container:
            yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
    else:
        server = start_redis(directory, server_port())
        try:
            yield server.url
        finally:
            server.stop()

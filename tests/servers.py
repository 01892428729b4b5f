"""Real servers for tests: the ones given, in containers, or embedded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidewheel.local.children.processes import free_port
from tidewheel.local.servers.kafka import start_kafka
from tidewheel.local.servers.redis import start_redis


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
        server = start_kafka(directory, free_port(), free_port())
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
        server = start_redis(directory, free_port())
        try:
            yield server.url
        finally:
            server.stop()

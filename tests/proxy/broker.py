"""A broker of its own behind a proxy: clients that come through it stay with it, others have the broker itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.proxy.schedule import Schedule
from tests.proxy.server import Proxy
from tests.servers import close_producers, server_port
from tidewheel.local.servers.kafka import LocalKafka, ProxyListener, launch_kafka, start_kafka


class ProxiedKafka:
    """`bootstrap` leads through `proxy`, `direct` does not. The broker can be killed, and started on the same data."""

    def __init__(self, directory: Path, proxy: Proxy) -> None:
        self.proxy = proxy
        self._directory = directory
        self._ports = server_port(), server_port()  # also of a broker that is killed and started again
        self._server: LocalKafka | None = None

    @property
    def bootstrap(self) -> str:
        return self.proxy.bootstrap

    @property
    def direct(self) -> str:
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def server(self) -> LocalKafka:
        assert self._server is not None
        return self._server

    def start(self) -> None:
        """Raises as start_kafka."""
        self._server = start_kafka(self._directory, *self._ports, self._front)

    def launch(self) -> None:
        """Start it without waiting till it `listens`. Raises as start_kafka."""
        self._server = launch_kafka(self._directory, *self._ports, self._front)

    @property
    def listens(self) -> bool:
        return self.server.listens

    @property
    def _front(self) -> ProxyListener:
        return ProxyListener(self.proxy.broker_port, self.proxy.port)

    def kill(self) -> None:
        self.server.process.kill()
        self.server.process.wait()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()


@contextmanager
def proxied_kafka(directory: Path, schedule: Schedule | None = None) -> Iterator[ProxiedKafka]:
    """Raises as start_kafka."""
    with Proxy(server_port(), schedule) as proxy:
        kafka = ProxiedKafka(directory, proxy)
        try:
            kafka.start()
            yield kafka
        finally:
            close_producers()
            kafka.stop()

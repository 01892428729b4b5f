"""Ports of a run: the usual ones where they are free, so that other commands find the system without being told."""

import errno
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from tidewheel.local.processes.subprocesses import free_port

KAFKA_PORT = 9092
KAFKA_CONTROLLER_PORT = 9093
REDIS_PORT = 6379
PREDICTOR_PORT = 50051
METRICS_PORTS_FROM = 9101
FALLBACK_PORTS_FROM, FALLBACK_PORTS_END = 20_000, 30_000


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of a run; `metrics` of each service."""

    kafka: int
    kafka_controller: int
    redis: int
    predictor: int
    metrics: dict[str, int]


def fallback_ports(usual: int) -> range:
    """Other ports for a usual one; usual ones that differ in their last two digits share none.

    They lie below the ports that systems hand out for outgoing connections: such a connection could take a port in the
    seconds between its choice and its use.
    """
    return range(FALLBACK_PORTS_FROM + usual % 100, FALLBACK_PORTS_END, 100)


@dataclass(slots=True)
class PortClaims:
    """Keeps two runs that start at the same time from taking the same usual port, since a server listens only seconds
    after its port was chosen, and from taking one whose service is just being started again. The claims end with this
    process.

    A claim is a socket in Linux's abstract namespace (unix(7)): every run on the network that has the ports sees it,
    whoever's it is, and no file stays behind. Where there is no such namespace, only what listens counts.
    """

    scope: str = "tidewheel"
    _claims: list[socket.socket] = field(default_factory=list)

    def choose(self, services: Sequence[str]) -> Ports:
        return Ports(
            self.port(KAFKA_PORT),
            self.port(KAFKA_CONTROLLER_PORT),
            self.port(REDIS_PORT),
            self.port(PREDICTOR_PORT),
            {name: self.port(METRICS_PORTS_FROM + number) for number, name in enumerate(services)},
        )

    def port(self, usual: int) -> int:
        """The usual port, if no other run claims it and nothing listens there; else one that stands in for it."""
        return self._first(chain((usual,), fallback_ports(usual)))

    def alternative(self, usual: int) -> int:
        """One that stands in for the usual port, which is left to a run."""
        return self._first(fallback_ports(usual))

    def _first(self, wanted: Iterable[int]) -> int:
        for port in wanted:
            if self._claimed(port) and free_port(port) == port:
                return port
        return free_port()

    def _claimed(self, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0{self.scope}-port-{port}")
        except OSError as refused:
            claim.close()
            return refused.errno != errno.EADDRINUSE
        self._claims.append(claim)
        return True

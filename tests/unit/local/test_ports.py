"""Which ports a run takes."""

import os
import socket
import subprocess
import sys
from uuid import uuid4

import pytest

from tidewheel.local.processes.ports import PortClaims, fallback_ports

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
# Where Linux begins to hand out ports for outgoing connections.
HANDED_OUT_FROM = 32_768


@pytest.fixture
def scope() -> str:
    """Of claims that no run on this machine sees."""
    return f"test-{uuid4().hex}"


def taken(claims: PortClaims) -> list[int]:
    ports = claims.choose(SERVICES)
    return [ports.kafka, ports.kafka_controller, ports.redis, ports.predictor, *ports.metrics.values()]


def test_two_runs_that_start_together_share_no_port(scope: str) -> None:
    first, second, third = (PortClaims(scope) for _ in range(3))
    ports = taken(first) + taken(second) + taken(third)
    assert len(set(ports)) == len(ports)


def test_stand_ins_are_never_ports_of_outgoing_connections(scope: str) -> None:
    holder = PortClaims(scope)
    taken(holder)
    assert max(taken(PortClaims(scope))) < HANDED_OUT_FROM


def test_a_port_on_which_something_listens_is_passed_over(scope: str) -> None:
    usual = 29_999
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", fallback_ports(usual)[0]))
            listener.listen()
        except OSError:
            pass  # someone else listens there, which is as good
        holder, claims = PortClaims(scope), PortClaims(scope)
        holder.port(usual)
        assert claims.port(usual) != fallback_ports(usual)[0]


def test_a_claim_is_seen_from_under_another_home_and_ends_with_its_process(scope: str) -> None:
    usual, home = 29_998, {**os.environ, "HOME": "/nowhere", "XDG_CACHE_HOME": "/nowhere", "TMPDIR": "/tmp"}
    program = f"from {PortClaims.__module__} import PortClaims; print(PortClaims({scope!r}).port({usual}))"

    def chosen_elsewhere() -> int:
        return int(subprocess.run([sys.executable, "-c", program], env=home, check=True, capture_output=True).stdout)

    holder = PortClaims(scope)
    mine = holder.port(usual)
    assert chosen_elsewhere() != mine
    assert chosen_elsewhere() == chosen_elsewhere()

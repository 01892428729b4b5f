"""Which ports a run takes."""

import socket
from pathlib import Path

from tidewheel.local.processes.ports import PortClaims, fallback_ports

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")
# Where Linux begins to hand out ports for outgoing connections.
HANDED_OUT_FROM = 32_768


def taken(claims: PortClaims) -> list[int]:
    ports = claims.choose(SERVICES)
    return [ports.kafka, ports.kafka_controller, ports.redis, ports.predictor, *ports.metrics.values()]


def test_two_runs_that_start_together_share_no_port(tmp_path: Path) -> None:
    first, second, third = (PortClaims(tmp_path) for _ in range(3))
    ports = taken(first) + taken(second) + taken(third)
    assert len(set(ports)) == len(ports)


def test_stand_ins_are_never_ports_of_outgoing_connections(tmp_path: Path) -> None:
    holder = PortClaims(tmp_path)
    taken(holder)
    assert max(taken(PortClaims(tmp_path))) < HANDED_OUT_FROM


def test_a_port_on_which_something_listens_is_passed_over(tmp_path: Path) -> None:
    usual = 29_999
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", fallback_ports(usual)[0]))
            listener.listen()
        except OSError:
            pass  # someone else listens there, which is as good
        holder, claims = PortClaims(tmp_path), PortClaims(tmp_path)
        holder.port(usual)
        assert claims.port(usual) != fallback_ports(usual)[0]

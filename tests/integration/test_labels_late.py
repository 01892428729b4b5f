"""The labeler's real loop on a real broker, many requests of which come late, twice or not at all."""

import os
from collections.abc import Iterator

import pytest

from tests.late_requests import tamper
from tests.proxy.actions import Hold, Later
from tests.proxy.broker import ProxiedKafka, proxied_kafka
from tests.proxy.drawn import drawn
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.schedule import Rule, Schedule
from tests.servers import docker_is_there
from tidewheel.runtime.transaction_evidence import TransactionEvidence

# Beside the short chaos, whose broker is killed and comes again, no other broker comes and goes.
pytestmark = [pytest.mark.broker, pytest.mark.xdist_group("replayed")]

REQUESTS = 40  # `make late` takes a thousand


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedKafka]:
    if os.environ.get("TIDEWHEEL_TEST_KAFKA") or docker_is_there():
        pytest.skip("the broker must advertise the proxy's address, which the embedded one can be told")
    with proxied_kafka(tmp_path_factory.mktemp("kafka")) as kafka:
        yield kafka
    assert kafka.proxy.failures == []


def test_labels_are_those_of_an_undisturbed_run(kafka: ProxiedKafka) -> None:
    verdict = tamper(kafka, 1, REQUESTS, schedule=drawn(1, rate=0.5, client="tidewheel-labeler"))
    assert verdict.faults == []
    assert verdict.tampered.total() >= REQUESTS
    assert verdict.renewals.total() > 5


def test_a_loop_that_notices_nothing_is_found(kafka: ProxiedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: every end is certain. One is held until the very moment in which it does harm."""
    monkeypatch.setattr(TransactionEvidence, "uncertainty", None)
    late = Later(ApiKey.PRODUCE, Direction.REPLY, or_after_s=20.0)
    rule = Rule.of(Hold(late, 0.0), ApiKey.END_TXN, client="tidewheel-labeler")
    verdict = tamper(kafka, 2, REQUESTS, schedule=Schedule([rule], held_max=1))
    assert any("of them twice" in fault for fault in verdict.faults)

"""The labeler's real loop on a real broker, many requests of which come late, twice or not at all."""

import pytest

from tests.late_requests import tamper
from tests.proxy.actions import AfterFrame, Hold
from tests.proxy.broker import ProxiedKafka
from tests.proxy.frames import ApiKey, Direction
from tests.proxy.random_schedule import random_schedule
from tests.proxy.schedule import Rule, Schedule
from tidewheel.runtime.transaction_evidence import TransactionEvidence

pytestmark = pytest.mark.broker

REQUESTS = 40  # `make late` takes a thousand


def test_labels_are_those_of_an_undisturbed_run(kafka: ProxiedKafka) -> None:
    verdict = tamper(kafka, 1, REQUESTS, schedule=random_schedule(1, rate=0.5, client="tidewheel-labeler"))
    assert verdict.faults == []
    assert verdict.tampered.total() >= REQUESTS
    assert verdict.renewals.total() > 0  # it mattered


def test_a_loop_that_notices_nothing_is_found(kafka: ProxiedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: every end is certain. One is held until the very moment in which it does harm: labels are
    there twice, or, where the transaction that it tore cannot be gone on from, no more of them come."""
    monkeypatch.setattr(TransactionEvidence, "uncertainty", None)
    late = AfterFrame(ApiKey.PRODUCE, Direction.REPLY, or_after_s=20.0)
    rule = Rule.of(Hold(late, 0.0), ApiKey.END_TXN, client="tidewheel-labeler")
    verdict = tamper(kafka, 2, REQUESTS, schedule=Schedule([rule], held_frames_max=1))
    assert verdict.faults

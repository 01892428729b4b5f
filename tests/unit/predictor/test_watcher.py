"""The watcher on a registry of the test's own: what it takes, what it keeps, and how much it says."""

import logging

import pytest

from services.predictor.model_slot import ModelSlots
from services.predictor.watcher import BACKOFF_MAX_S, VERSIONS_COUNTED_MAX, Watcher
from tests.synthetic_models import INSTRUMENT, make_model
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.models import Evidence, Model
from tidewheel.registry.store import ModelPointer, RegistryUnavailableError, VerificationError, VerificationFailure
from tidewheel.telemetry import metrics


class Registry:
    """Holds what a test puts in, and counts the loads."""

    def __init__(self) -> None:
        self.pointer: ModelPointer | None = None
        self.reason: VerificationFailure | None = None
        self.unavailable = False
        self.loads = 0

    def point(self, seq: int, epoch: int = 1, evidence: Evidence = Evidence.NONE) -> None:
        schema = SCHEMA_HASH.hex()
        self.pointer = ModelPointer(INSTRUMENT, seq, epoch, f"sha of {seq}", schema, evidence, 1, seq, 2)

    def instruments(self) -> list[str]:
        if self.unavailable:
            raise RegistryUnavailableError("Redis at nowhere does not answer")
        return [INSTRUMENT]

    def current(self, instrument: str) -> ModelPointer | None:
        return self.pointer

    def load_pointed(self, pointer: ModelPointer) -> Model:
        self.loads += 1
        if self.reason is not None:
            raise VerificationError(self.reason, "made up")
        return make_model(pointer.seq)


class Watched:
    """A watcher with a clock that a test turns."""

    def __init__(self) -> None:
        self.registry, self.slots, self.now_s, self.first_models = Registry(), ModelSlots(), 0.0, 0
        self.watcher = Watcher(
            self.registry,  # type: ignore[arg-type]
            self.slots,
            logging.getLogger("test"),
            on_model_loaded=self._on_model_loaded,
            clock=lambda: self.now_s,
        )

    def _on_model_loaded(self) -> None:
        self.first_models += 1

    def poll_once(self, after_s: float = 1.0, notified: str | None = None) -> tuple[int, int] | None:
        """Epoch and seq that serve after one more look."""
        self.now_s += after_s
        self.watcher.poll_once(notified)
        model = self.slots.get(INSTRUMENT)
        return (model.epoch, model.seq) if model else None


@pytest.fixture
def watched() -> Watched:
    return Watched()


def swap_failures(reason: VerificationFailure) -> float:
    labels = {"instrument": INSTRUMENT, "reason": reason}
    return metrics.REGISTRY.get_sample_value("tidewheel_model_swap_failures_total", labels) or 0.0


def test_it_follows_publications_rollbacks_and_evidence(watched: Watched) -> None:
    assert watched.poll_once() is None
    assert watched.slots.is_awaiting_model(INSTRUMENT)
    watched.registry.point(1)
    assert watched.poll_once() == (1, 1)
    assert not watched.slots.is_awaiting_model(INSTRUMENT)
    watched.registry.point(5)
    assert watched.poll_once() == (1, 5)
    watched.registry.point(3, epoch=2)
    assert watched.poll_once() == (2, 3)
    watched.registry.point(3, epoch=2, evidence=Evidence.WEAK)
    watched.poll_once()
    model = watched.slots.get(INSTRUMENT)
    assert model is not None
    assert model.evidence is Evidence.WEAK
    assert watched.first_models == 1


def test_a_pointer_that_stands_still_is_not_loaded_again(watched: Watched) -> None:
    watched.registry.point(1)
    for _ in range(5):
        watched.poll_once()
    assert watched.registry.loads == 1


def test_a_doubt_keeps_the_last_good_model_and_is_tried_ever_less(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.registry.point(1)
    watched.poll_once()
    watched.registry.point(2)
    watched.registry.reason = VerificationFailure.GOLDEN
    before, loads = swap_failures(VerificationFailure.GOLDEN), watched.registry.loads
    for _ in range(100):
        assert watched.poll_once() == (1, 1)
    # At 0, 1, 3, 7, 15, 31 s, then every 30.
    assert watched.registry.loads - loads == 8
    assert swap_failures(VerificationFailure.GOLDEN) - before == 8
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    watched.registry.reason = None
    assert watched.poll_once(after_s=BACKOFF_MAX_S) == (1, 2)


def test_another_doubt_is_said_and_another_pointer_tried_at_once(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.registry.point(2)
    watched.registry.reason = VerificationFailure.GOLDEN
    for _ in range(3):
        watched.poll_once()
    watched.registry.point(3)
    loads = watched.registry.loads
    watched.poll_once(after_s=0.0)
    assert watched.registry.loads == loads + 1
    assert [record.levelname for record in caplog.records].count("ERROR") == 2


def test_news_of_the_instrument_ends_the_waiting(watched: Watched) -> None:
    watched.registry.point(2)
    watched.registry.reason = VerificationFailure.CHECKSUM
    for _ in range(20):
        watched.poll_once()
    watched.registry.reason = None
    assert watched.poll_once(after_s=0.0) is None
    assert watched.poll_once(after_s=0.0, notified="sim:OTHER") is None
    assert watched.poll_once(after_s=0.0, notified=INSTRUMENT) == (1, 2)


def test_a_pointer_that_is_gone_is_a_doubt(watched: Watched) -> None:
    watched.registry.point(1)
    watched.poll_once()
    before = swap_failures(VerificationFailure.MISSING)
    watched.registry.pointer = None
    assert watched.poll_once() == (1, 1)
    assert swap_failures(VerificationFailure.MISSING) == before + 1


def test_an_outage_is_said_once_and_changes_nothing(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    watched.registry.point(1)
    watched.poll_once()
    watched.registry.unavailable = True
    for _ in range(5):
        assert watched.poll_once() == (1, 1)
    up = metrics.REGISTRY.get_sample_value
    assert up("tidewheel_registry_up", {"service": "predictor"}) == 0
    assert sum("does not answer" in record.message for record in caplog.records) == 1
    watched.registry.unavailable = False
    watched.poll_once()
    assert up("tidewheel_registry_up", {"service": "predictor"}) == 1


def test_counters_of_old_versions_are_dropped(watched: Watched) -> None:
    def counted() -> set[str]:
        samples = next(iter(metrics.PREDICTIONS.collect())).samples
        return {sample.labels["model_version"] for sample in samples if sample.labels["instrument"] == INSTRUMENT}

    last = 10_000 + 2 * VERSIONS_COUNTED_MAX
    for seq in range(10_001, last + 1):
        watched.registry.point(seq)
        watched.poll_once()
        metrics.PREDICTIONS.labels(INSTRUMENT, str(seq), "1").inc()
    here = {int(seq) for seq in counted() if int(seq) > 10_000}
    assert here == set(range(last - VERSIONS_COUNTED_MAX + 1, last + 1))

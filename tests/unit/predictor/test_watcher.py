"""The watcher on a registry of the test's own: what it takes, what it keeps, and how much it says."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from services.predictor.models.follower import BACKOFF, VERSIONS_COUNTED_MAX
from services.predictor.models.model_slot import ModelSlots
from services.predictor.models.watcher import SWEPT_EACH, Watcher
from tests.synthetic_models import INSTRUMENT, make_model, published
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.models import Evidence
from tidewheel.registry.reading import Moved, Names
from tidewheel.registry.store import ModelPointer, RegistryUnavailableError, VerificationError, VerificationFailure
from tidewheel.registry.values import LoadedModel
from tidewheel.registry.verify import sha256_of
from tidewheel.telemetry import metrics


class Registry:
    """Holds what a test puts in, and counts the loads. It is its own reader, and a pointer's state is what it is."""

    def __init__(self) -> None:
        self.pointer: ModelPointer | None = None
        self.reason: VerificationFailure | None = None
        self.unavailable = False
        self.has_moved = False
        self.loads = 0
        self.bytes_there: bytes | None = None

    @property
    def reader(self) -> "Registry":
        return self

    def point(self, seq: int, epoch: int = 1, evidence: Evidence = Evidence.NONE, sha256: str = "") -> None:
        sha256 = sha256 or sha256_of(str(seq).encode())
        self.pointer = ModelPointer(INSTRUMENT, seq, epoch, sha256, SCHEMA_HASH.hex(), evidence, 1, seq, 2)

    def now_ns(self) -> int:
        return 0

    def moved(self, since_us: int) -> Moved:
        if self.unavailable:
            raise RegistryUnavailableError("Redis at nowhere does not answer")
        return Moved([INSTRUMENT] if self.has_moved else [], since_us + 1, True)

    def some_instruments(self, cursor: int) -> Names:
        return Names([INSTRUMENT], 0, 0)

    def pointers(self, instruments: list[str], role: str) -> list[bytes]:
        return [repr(self.pointer).encode() if self.pointer and one == INSTRUMENT else b"" for one in instruments]

    def model_states(self, models: list[tuple[str, int]]) -> list[bytes]:
        return [b"=" + str(seq).encode() if self.bytes_there is None else self.bytes_there for _, seq in models]

    def parse(self, instrument: str, role: str, state: bytes) -> ModelPointer | None:
        return self.pointer if state else None

    def load_with_bytes(self, pointer: ModelPointer) -> LoadedModel:
        self.loads += 1
        if self.reason is not None:
            raise VerificationError(self.reason, "made up")
        return LoadedModel(make_model(pointer.seq), published(pointer.seq)[1], b"", b"")


class Watched:
    """A watcher with a clock that a test turns."""

    def __init__(self, registry: Registry | None = None) -> None:
        self.registry, self.slots, self.now_s, self.first_models = registry or Registry(), ModelSlots(), 0.0, 0
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
        self.watcher.poll_once([notified] if notified else [])
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
    assert watched.poll_once(after_s=BACKOFF.pause_after(100)) == (1, 2)


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


def test_news_by_the_marks_of_the_registry_end_the_waiting_too(watched: Watched) -> None:
    watched.registry.point(2)
    watched.registry.reason = VerificationFailure.CHECKSUM
    for _ in range(20):
        watched.poll_once()
    watched.registry.reason, watched.registry.has_moved = None, True
    assert watched.poll_once(after_s=0.0) == (1, 2)


@pytest.mark.parametrize(
    ("reason", "pointer"),
    [
        (VerificationFailure.BACKWARD, {"seq": 4, "epoch": 2}),
        (VerificationFailure.BACKWARD, {"seq": 5, "epoch": 1}),
        (VerificationFailure.BACKWARD, {"seq": 1, "epoch": 1}),
        (VerificationFailure.OTHER_BYTES, {"seq": 5, "epoch": 2, "sha256": "another"}),
    ],
)
def test_a_pointer_never_goes_backward(watched: Watched, reason: VerificationFailure, pointer: dict[str, Any]) -> None:
    watched.registry.point(5, epoch=2)
    assert watched.poll_once() == (2, 5)
    before, loads = swap_failures(reason), watched.registry.loads
    watched.registry.point(**pointer)
    assert watched.poll_once() == (2, 5)
    assert swap_failures(reason) == before + 1
    assert watched.registry.loads == loads
    watched.registry.point(1, epoch=3)
    assert watched.poll_once() == (3, 1)


def test_a_window_newer_than_any_before_is_no_step_back(watched: Watched) -> None:
    watched.registry.point(5, epoch=2)
    assert watched.poll_once() == (2, 5)
    watched.registry.point(6, epoch=1)
    assert watched.poll_once() == (1, 6)


def test_a_pointer_born_later_is_taken_whatever_its_numbers(watched: Watched) -> None:
    watched.registry.point(5, epoch=2)
    assert watched.poll_once() == (2, 5)
    watched.registry.point(1, epoch=1)
    assert watched.registry.pointer
    watched.registry.pointer = replace(watched.registry.pointer, born_ns=1)
    assert watched.poll_once() == (1, 1)


@pytest.mark.parametrize(
    ("reason", "there"), [(VerificationFailure.SERVED_MISSING, b""), (VerificationFailure.SERVED_CHANGED, b"=other")]
)
def test_a_serving_model_damaged_in_place_is_said_once(
    watched: Watched, caplog: pytest.LogCaptureFixture, reason: VerificationFailure, there: bytes
) -> None:
    watched.registry.point(1)
    watched.poll_once()
    watched.registry.bytes_there, before = there, swap_failures(reason)
    for _ in range(5):
        assert watched.poll_once() == (1, 1)
    assert swap_failures(reason) == before + 1
    assert sum("damaged in the registry" in record.message for record in caplog.records) == 1


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


class Crowded(Registry):
    """A registry that knows very many instruments, a part of whose names is told at a time."""

    NAMES_EACH = 1_000

    def __init__(self, known: int) -> None:
        super().__init__()
        self.names = [f"sim:I{number}" for number in range(known)]
        self.looked_at: list[int] = []

    def some_instruments(self, cursor: int) -> Names:
        following = cursor + self.NAMES_EACH
        return Names(self.names[cursor:following], 0, following if following < len(self.names) else 0)

    def pointers(self, instruments: list[str], role: str) -> list[bytes]:
        self.looked_at.append(len(instruments))
        return super().pointers(instruments, role)


@pytest.mark.parametrize("known", [5_000, 50_000])
def test_a_look_costs_the_same_however_many_are_known(known: int) -> None:
    registry = Crowded(known)
    watched = Watched(registry)
    for _ in range(2 * known // Crowded.NAMES_EACH):
        watched.poll_once()
    assert max(registry.looked_at) <= Crowded.NAMES_EACH + SWEPT_EACH
    # What moved is seen at the next look, not when its turn comes.
    registry.point(1)
    registry.has_moved = True
    assert watched.poll_once() == (1, 1)


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

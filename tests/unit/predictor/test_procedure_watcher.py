"""How the record of the procedure and the candidates are followed, on a registry of the test's own."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from services.predictor.market.history import MarketViews, PriceHistory
from services.predictor.models.model_slot import ModelSlots, ServingModel
from services.predictor.served.shadow import Candidates
from services.predictor.served.shadow_watcher import POLL_EVERY_S, ShadowWatcher
from services.predictor.trust.assessment import RECORDS_READ, ProcedureRecords
from services.predictor.trust.procedure_watcher import REREAD_S, ProcedureWatcher
from tests.predictors import metric_value
from tests.synthetic_models import CARD, INSTRUMENT, make_model, published
from tests.synthetic_seconds import START, seconds
from tidewheel.domain.models import Evidence, Model, ModelPointer, ModelRecord
from tidewheel.domain.time import NS_PER_S
from tidewheel.registry.store import RegistryUnavailableError, VerificationError, VerificationFailure

OTHER = "sim:ETH-USD"


def pointer(seq: int, instrument: str = INSTRUMENT) -> ModelPointer:
    return ModelPointer(instrument, seq, 1, f"sha {seq}", "", Evidence.NONE, 1, seq, 2)


def serving(seq: int, instrument: str = INSTRUMENT) -> ServingModel:
    return ServingModel.of(pointer(seq, instrument), make_model(seq, instrument))


def judged(seq: int, precision: float = 0.6) -> ModelRecord:
    return replace(published(1)[1], seq=seq, scorecard=replace(CARD, hits=round(20 * precision)))


class StubRegistry:
    """Answers what the test puts there, and counts how many records were asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Any] | Exception] = {}
        self.pointed: dict[str, ModelPointer | Exception] = {}
        self.asked: list[int] = []

    def records(self, instrument: str, newest: int = 0) -> list[Any]:
        self.asked.append(newest)
        found = self.kept.get(instrument, [])
        if isinstance(found, Exception):
            raise found
        return found[:newest]

    def candidate(self, instrument: str) -> ModelPointer | None:
        found = self.pointed.get(instrument)
        if isinstance(found, Exception):
            raise found
        return found

    def load_pointed(self, at: ModelPointer) -> Model:
        return make_model(at.seq, at.instrument)


class Watched:
    """A watcher with its clock and its registry."""

    def __init__(self) -> None:
        self.registry, self.slots, self.records, self.views = (
            StubRegistry(),
            ModelSlots(),
            ProcedureRecords(),
            MarketViews(),
        )
        self.now_s = 100.0
        self.slots.put(serving(5))
        self.watcher = ProcedureWatcher(
            self.registry,  # type: ignore[arg-type]
            self.slots,
            self.views,
            self.records,
            logging.getLogger("test"),
            clock=lambda: self.now_s,
            clock_ns=lambda: 1_700_000_000 * NS_PER_S,
        )

    def look(self, after_s: float = 1.0) -> None:
        self.now_s += after_s
        self.watcher.poll_once()

    @property
    def known(self) -> tuple[int, int]:
        """Models judged, and the newest of them."""
        record = self.records.get(INSTRUMENT)
        return record.pooled.models, record.judged[0] if record.judged else 0


def failures(instrument: str = INSTRUMENT) -> float:
    return metric_value("tidewheel_procedure_record_failures_total", instrument=instrument)


def test_records_are_read_at_a_swap_and_the_newest_now_and_then() -> None:
    watched = Watched()
    watched.registry.kept[INSTRUMENT] = [published(1)[1], judged(4), judged(3)]
    watched.look()
    watched.look()
    assert (watched.registry.asked, watched.known) == ([RECORDS_READ], (2, 4))
    watched.registry.kept[INSTRUMENT] = [judged(5), judged(4), judged(3)]
    watched.look(REREAD_S)
    assert (watched.registry.asked[1:], watched.known) == ([3], (3, 5))
    watched.slots.put(serving(6))
    watched.look()
    assert watched.registry.asked[2:] == [RECORDS_READ]


def test_only_the_last_records_count() -> None:
    watched = Watched()
    watched.registry.kept[INSTRUMENT] = [judged(seq) for seq in range(60, 0, -1)]
    watched.look()
    assert watched.known == (20, 60)
    watched.registry.kept[INSTRUMENT] = [judged(seq) for seq in range(63, 0, -1)]
    watched.look(REREAD_S)
    assert watched.known == (20, 63)


def test_an_empty_registry_takes_nothing_away() -> None:
    watched = Watched()
    watched.registry.kept[INSTRUMENT] = [judged(4)]
    watched.look()
    watched.registry.kept[INSTRUMENT] = []
    watched.look(REREAD_S)
    watched.registry.kept[INSTRUMENT] = RegistryUnavailableError("away")
    watched.look(REREAD_S)
    assert watched.known == (1, 4)


@pytest.mark.parametrize(
    "damage",
    [
        [VerificationError(VerificationFailure.UNDECODABLE, "no ModelRecord"), judged(4)],
        [replace(judged(5), scorecard=replace(CARD, hits=10**6)), judged(4)],
        [replace(judged(5), scorecard=replace(CARD, flagged=-1, rows=-5)), judged(4)],
        VerificationError(VerificationFailure.MISSING, "the history is none"),
        ValueError("an odd member"),
    ],
)
def test_damage_is_counted_said_once_and_concerns_its_instrument(
    damage: list[Any] | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched()
    watched.slots.put(serving(2, OTHER))
    watched.registry.kept |= {INSTRUMENT: [judged(4)], OTHER: [judged(1)]}
    watched.look()
    before, others = failures(), failures(OTHER)
    watched.registry.kept[INSTRUMENT] = damage
    watched.slots.put(serving(6))
    watched.look(REREAD_S)
    watched.look(REREAD_S)
    assert (failures(), failures(OTHER)) == (before + 2, others)
    assert caplog.text.count("is not used") == 1
    assert watched.known == (1, 4)
    assert watched.records.get(OTHER).pooled.models == 1


def test_one_damaged_scorecard_costs_itself_alone() -> None:
    watched = Watched()
    bad = replace(judged(5), scorecard=replace(CARD, hits=10**6))
    watched.registry.kept[INSTRUMENT] = [judged(6), bad, judged(4)]
    watched.look()
    assert watched.known == (2, 6)


def test_ages_are_told() -> None:
    watched = Watched()
    model = replace(make_model(5), last_resolved_ns=(START + 1) * NS_PER_S)
    watched.slots.put(ServingModel.of(pointer(5), model))
    history = PriceHistory()
    for second in seconds(11):
        history.add(second, (1_700_000_000 - 7) * NS_PER_S)
    view = history.view()
    assert view is not None
    watched.views.put(view)
    watched.look()
    assert metric_value("tidewheel_model_age_seconds", instrument=INSTRUMENT) == 10.0
    assert metric_value("tidewheel_features_age_seconds", instrument=INSTRUMENT) == 7.0


class Shadowed:
    """A watcher of candidates with its clock and its registry."""

    def __init__(self) -> None:
        self.registry, self.slots, self.candidates, self.now_s = StubRegistry(), ModelSlots(), Candidates(), 100.0
        for instrument in (INSTRUMENT, OTHER):
            self.slots.put(serving(1, instrument))
        self.watcher = ShadowWatcher(
            self.registry,  # type: ignore[arg-type]
            self.slots,
            self.candidates,
            logging.getLogger("test"),
            clock=lambda: self.now_s,
        )

    def look(self) -> int | None:
        self.now_s += POLL_EVERY_S
        self.watcher.poll_once()
        found = self.candidates.get(INSTRUMENT)
        return found.seq if found else None


def test_a_candidate_is_followed_and_forgotten() -> None:
    shadowed = Shadowed()
    assert shadowed.look() is None
    shadowed.registry.pointed[INSTRUMENT] = pointer(2)
    assert shadowed.look() == 2
    loaded = shadowed.candidates.get(INSTRUMENT)
    assert shadowed.look() == 2
    assert shadowed.candidates.get(INSTRUMENT) is loaded  # not loaded again
    shadowed.registry.pointed[INSTRUMENT] = pointer(3)
    assert shadowed.look() == 3
    shadowed.registry.pointed[INSTRUMENT] = RegistryUnavailableError("away")
    assert shadowed.look() == 3
    del shadowed.registry.pointed[INSTRUMENT]
    assert shadowed.look() is None


@pytest.mark.parametrize(
    "damage", [VerificationError(VerificationFailure.POINTER, "cannot be read"), OverflowError("10^400")]
)
def test_a_damaged_candidate_shadows_nothing_and_concerns_its_instrument(
    damage: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    shadowed = Shadowed()
    shadowed.registry.pointed |= {INSTRUMENT: pointer(2), OTHER: pointer(2, OTHER)}
    assert shadowed.look() == 2
    before = metric_value("tidewheel_shadow_failures_total", instrument=INSTRUMENT)
    shadowed.registry.pointed[INSTRUMENT] = damage
    assert (shadowed.look(), shadowed.look()) == (None, None)
    assert metric_value("tidewheel_shadow_failures_total", instrument=INSTRUMENT) == before + 2
    assert caplog.text.count("does not shadow") == 1
    assert shadowed.candidates.get(OTHER) is not None
    shadowed.registry.pointed[INSTRUMENT] = pointer(2)
    assert shadowed.look() == 2

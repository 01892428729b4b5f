"""A window that is met again: its verdict stands, whatever serves by now and whatever the settings are."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.core import EventSink, SearchStart
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.assembly import Candidate
from services.trainer.modelling.no_model import NoModelError
from services.trainer.runs.jobs import ClosedWindow
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from services.trainer.worker import Worker
from tests.simulation.redis_memory import Store
from tests.synthetic_models import INSTRUMENT, make_model, with_golden_score
from tests.unit.trainer.made_workers import RecordedEvents, a_registry, a_worker
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Lineage, Model, ModelRecord
from tidewheel.domain.training import RunEvent, RunReason, Step
from tidewheel.registry import keys
from tidewheel.registry.store import Registry

SIZE = 400
CONFIG = TrainingConfig(window=SIZE, step=SIZE)


def window(seq: int, *, one_class: bool = False) -> Window:
    """Rows worth a label each, which the first feature tells."""
    at = np.arange((seq - 1) * SIZE, seq * SIZE, dtype=np.int64)
    label = np.zeros(SIZE, dtype=bool) if one_class else np.random.default_rng(seq).random(SIZE) < 0.5
    features = np.random.default_rng(seq).standard_normal((SIZE, FEATURE_COUNT)).astype(np.float32)
    features[:, 0] = np.where(label, 3.0, -3.0)
    rows = Rows(features, label.astype(np.uint8), 10 * at, 10 * at + 9, at, at + 1, at)
    return Window(INSTRUMENT, seq, 0, int(at[0]), int(at[-1]), rows)


class Learner:
    """Makes models that know their rows, and holdout models as good as chance on the test part, as of a market without
    an edge: against its own model a window loses."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, window: Window, config: TrainingConfig, _: EventSink, __: SearchStart) -> Candidate:
        self.made.append(window.seq)
        rows = window.rows
        if rows.label.min() == rows.label.max():
            raise NoModelError(RunReason.ONE_CLASS, "one class only")
        model, holdout_model = (self._model(window, config, feature) for feature in (0, 1))
        return Candidate(model, encode_model(model), holdout_model, rows.take(slice(SIZE // 2, None)))

    def _model(self, window: Window, config: TrainingConfig, feature: int) -> Model:
        weights = np.zeros(FEATURE_COUNT)
        weights[feature] = 1.0 + config.seed / 100
        seqs = window.rows.example_seq
        return with_golden_score(
            replace(
                make_model(window.seq),
                coefficients=weights,
                mean=np.zeros(FEATURE_COUNT),
                std=np.ones(FEATURE_COUNT),
                intercept=0.0,
                lineage=Lineage("examples", 0, int(seqs[0]), int(seqs[-1]), config.canonical_json(), ""),
                last_resolved_ns=int(window.rows.resolved_ns.max()),
            )
        )


def processed(worker: Worker, *windows: Window) -> list[bool]:
    """What the worker answers for each."""
    return [worker.process(ClosedWindow(one, 0)) for one in windows]


def endings(events: RecordedEvents) -> list[tuple[int, str]]:
    return [(event.seq, event.reason or event.step.name.lower()) for event in events.ends]


def records(registry: Registry) -> dict[int, tuple[str, str]]:
    found = [one for one in registry.records(INSTRUMENT) if isinstance(one, ModelRecord)]
    return {one.seq: (one.reason, one.sha256) for one in found}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_window_is_not_held_against_its_own_model(restarted: bool) -> None:
    registry, events, learner = a_registry(), RecordedEvents(), Learner()
    worker = a_worker(registry, events, learner, CONFIG)
    # The first has no model: that what was read again is not kept says nothing of what comes after it.
    windows = window(1, one_class=True), window(2), window(3)
    assert processed(worker, *windows) == [False, False, True]
    before = records(registry)
    assert endings(events) == [(1, "one_class"), (2, "published"), (3, "worse_than_served")]
    again = a_worker(registry, events, learner, CONFIG) if restarted else worker
    assert processed(again, *windows) == [False, False, True]
    assert endings(events)[3:] == endings(events)[:3]
    assert [event.result and event.result.sha256 for event in events.ends[3:]] == [
        sha for _, (_, sha) in sorted(before.items())
    ]
    assert records(registry) == before
    assert learner.made == [1, 2, 3, 3]


class Killed(BaseException):
    pass


class DiesAtTheEnd(RecordedEvents):
    """Dies with the closing event of a window in hand."""

    def __init__(self, seq: int) -> None:
        super().__init__()
        self._seq = seq

    def write(self, event: RunEvent) -> None:
        if event.seq == self._seq and event.step in (Step.PUBLISHED, Step.REFUSED, Step.FAILED):
            raise Killed
        super().write(event)


def test_killed_between_publication_and_the_closing_event_a_window_is_published() -> None:
    registry, events, learner = a_registry(), RecordedEvents(), Learner()
    windows = window(1, one_class=True), window(2)
    with pytest.raises(Killed):
        processed(a_worker(registry, DiesAtTheEnd(2), learner, CONFIG), *windows)
    assert registry.current(INSTRUMENT)
    processed(a_worker(registry, events, learner, CONFIG), *windows)
    assert endings(events) == [(1, "one_class"), (2, "published")]


class WithoutHoldout(Learner):
    """Makes models without a holdout model."""

    def __call__(
        self, window: Window, config: TrainingConfig, publish: EventSink, search_start: SearchStart
    ) -> Candidate:
        return replace(super().__call__(window, config, publish, search_start), holdout_model=None)


def test_a_model_without_a_holdout_model_is_published_beside_another_and_it_is_said_why() -> None:
    registry, events = a_registry(), RecordedEvents()
    processed(a_worker(registry, events, Learner(), CONFIG), window(1))
    assert processed(a_worker(registry, events, WithoutHoldout(), CONFIG), window(2)) == [False]
    assert endings(events) == [(1, "published"), (2, "published")]
    (gate,) = (event for event in events.events if event.step is Step.GATE and event.seq == 2)
    assert gate.detail.startswith("too little was known before the test part to state anything of it")
    assert registry.current(INSTRUMENT)


def test_a_refused_model_is_told_in_the_same_figures() -> None:
    registry, events, learner = a_registry(), RecordedEvents(), Learner()
    processed(a_worker(registry, RecordedEvents(), learner, CONFIG), window(1))
    for _ in range(2):
        assert processed(a_worker(registry, events, learner, CONFIG), window(2)) == [True]
    first, again = (replace(event, detail="") for event in events.ends)
    assert first.reason == "worse_than_served"
    assert first.result
    assert first.result.sha256
    assert first == again


def test_other_settings_change_no_verdict() -> None:
    registry, events, learner = a_registry(), RecordedEvents(), Learner()
    windows = window(1), window(2)
    processed(a_worker(registry, events, learner, CONFIG), *windows)
    before = records(registry)
    assert processed(a_worker(registry, events, learner, replace(CONFIG, seed=7)), *windows) == [False, False]
    assert endings(events) == [(1, "published"), (2, "worse_than_served")] * 2
    assert records(registry) == before


def test_what_was_kept_back_is_judged_on_its_next_window_after_a_restart() -> None:
    registry, events, learner = a_registry(), RecordedEvents(), Learner()
    processed(a_worker(registry, events, learner, CONFIG), window(1), window(2))
    processed(a_worker(registry, events, learner, CONFIG), window(2), window(3))
    record = registry.record_of(INSTRUMENT, 2)
    assert record
    assert (record.reason, record.scorecard and record.scorecard.rows) == ("worse_than_served", SIZE)


def test_a_damaged_model_that_serves_is_made_again() -> None:
    store, events, learner = Store(), RecordedEvents(), Learner()
    registry = a_registry(store)
    processed(a_worker(registry, events, learner, CONFIG), window(1))
    store.set(keys.model(INSTRUMENT, 1), b"damaged")
    processed(a_worker(registry, events, learner, CONFIG), window(1))
    assert endings(events) == [(1, "published")] * 2
    registry.load(INSTRUMENT, 1)


def test_a_window_says_in_its_record_from_where_on_its_rows_and_memory_are_needed() -> None:
    registry = a_registry()
    processed(a_worker(registry, RecordedEvents(), Learner(), CONFIG), window(1))
    later = replace(window(2), memory=(window(1).remembered(),))
    processed(a_worker(registry, RecordedEvents(), Learner(), CONFIG), later)
    record = registry.record_of(INSTRUMENT, 2)
    assert record
    assert (record.replay_offset, record.first_offset) == (0, SIZE)

"""Early windows: between two regular ones, trained only where the models have drifted."""

from dataclasses import replace

import numpy as np

from services.trainer.core import EventSink, SearchStart
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.assembly import Candidate
from services.trainer.runs.jobs import ClosedWindow
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tests.synthetic_models import INSTRUMENT, make_model, with_golden_score
from tests.unit.trainer.made_workers import RecordedEvents, a_registry, a_worker
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Lineage, Model
from tidewheel.domain.training import RunReason

SIZE, STEP, EACH = 400, 100, 4
TELLING = 10


def window(seq: int, turned_at: int) -> Window:
    """One row after the other, each worth a label. One feature tells it, until it tells the opposite."""
    at = np.arange((seq - 1) * STEP, (seq - 1) * STEP + SIZE, dtype=np.int64)
    label = (np.random.default_rng(5).random(10_000) < 0.5)[at]
    features = np.zeros((SIZE, FEATURE_COUNT), dtype=np.float32)
    features[:, TELLING] = np.where(label ^ (at >= turned_at), 1.0, -1.0)
    rows = Rows(features, label.astype(np.uint8), 10 * at, 10 * at + 9, at, at + 1, np.where(label, 5, -5))
    return Window(INSTRUMENT, seq, 0, int(at[0]), int(at[-1]), rows)


def reads_the_feature(window: Window, config: TrainingConfig, _: EventSink, __: SearchStart) -> Candidate:
    """A learner that knows what tells the label."""
    weights = np.zeros(FEATURE_COUNT)
    weights[TELLING] = 8.0
    rows = window.rows
    lineage = Lineage("examples", 0, int(rows.example_seq[0]), int(rows.example_seq[-1]), config.canonical_json(), "")
    model: Model = replace(
        make_model(window.seq),
        coefficients=weights,
        mean=np.zeros(FEATURE_COUNT),
        std=np.ones(FEATURE_COUNT),
        intercept=0.0,
        threshold=0.5,
        lineage=lineage,
        last_resolved_ns=int(rows.resolved_ns.max()),
    )
    model = with_golden_score(model)
    return Candidate(model, encode_model(model), model, rows)


def ended(windows: int, turned_at: int, each: int = EACH) -> dict[int, str]:
    """How each window's run ended: `published`, or the reason why not."""
    events, registry = RecordedEvents(), a_registry()
    worker = a_worker(registry, events, reads_the_feature, TrainingConfig(window=SIZE, step=STEP), due_each=each)
    for seq in range(1, windows + 1):
        worker.process(ClosedWindow(window(seq, turned_at), 0))
    ends = events.ends
    assert [event.seq for event in ends] == list(range(1, windows + 1)), "every window ends once"
    kept = [seq for seq in range(1, windows + 1) if registry.record_of(INSTRUMENT, seq)]
    assert kept == [event.seq for event in ends if event.reason != RunReason.NOT_DUE]
    return {event.seq: event.reason or "published" for event in ends}


def test_without_drift_only_the_regular_ones_are_trained() -> None:
    found = ended(9, turned_at=10**9)
    assert [seq for seq, how in found.items() if how == "published"] == [1, 5, 9]
    assert set(found.values()) == {"published", "not_due"}


def test_drift_makes_the_next_early_window_due() -> None:
    # The market turns with the first row of window 7's fresh rows; window 8 closes a hundred rows later.
    found = ended(9, turned_at=6 * STEP + SIZE - STEP)
    trained = [seq for seq, how in found.items() if how != "not_due"]
    assert trained[:2] == [1, 5]
    assert set(trained) & {7, 8}, "a turned market is noticed before window 9"


def test_drift_is_noted_at_the_model_that_was_judged() -> None:
    registry = a_registry()
    worker = a_worker(
        registry, RecordedEvents(), reads_the_feature, TrainingConfig(window=SIZE, step=STEP), due_each=EACH
    )
    for seq in range(1, 14):
        worker.process(ClosedWindow(window(seq, turned_at=1_050), 0))
    seen = {record.seq: record.drift_seq for record in registry.records(INSTRUMENT) if record.drift_seq}
    assert seen
    assert all(seq < drift_seq for seq, drift_seq in seen.items())
    for seq in range(1, 14):
        worker.process(ClosedWindow(window(seq, turned_at=1_050), 0))
    again = {record.seq: record.drift_seq for record in registry.records(INSTRUMENT) if record.drift_seq}
    assert again == seen


def test_usually_every_window_is_due() -> None:
    assert set(ended(5, turned_at=10**9, each=1).values()) == {"published"}

"""Models made up for tests of the registry and the predictor: they verify, and each window's scores differ."""

from dataclasses import replace

import numpy as np

from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.features import FEATURE_COUNT, SCHEMA_HASH
from tidewheel.domain.models import (
    Confusion,
    Evidence,
    Hyperparameters,
    Lineage,
    Model,
    ModelRecord,
    PartMetrics,
    Scorecard,
    Scorer,
    Verdict,
)
from tidewheel.registry.store import Registry
from tidewheel.registry.verify import sha256_of

INSTRUMENT = "sim:BTC-USD"
# Of every feature, that a model made up here saw in training: rows of `make_row` and of `synthetic_seconds` are within.
RANGE = 1000.0
CARD = Scorecard(
    rows=100,
    positives=40,
    flagged=20,
    hits=12,
    precision=0.6,
    recall=0.3,
    base_rate=0.4,
    log_loss=0.65,
    effective_rows=4.0,
    flagged_pnl_e9=5,
    pnl_e9=-7,
)


def _part(precision: float, recall: float) -> PartMetrics:
    counts = Confusion(0.5, 30, 20, 70, 80)
    return PartMetrics(200, 100, precision, recall, 0.69, 0.55, 0.5, 8.0, counts, counts, counts)


def make_model(seq: int, instrument: str = INSTRUMENT, salt: int = 0) -> Model:
    """The same arguments give the same model."""
    chance = np.random.default_rng([seq, salt])
    made = Model(
        instrument=instrument,
        seq=seq,
        schema_hash=SCHEMA_HASH,
        # Small, so that scores stay clear of 0 and 1, where a changed coefficient would not show.
        coefficients=0.02 * chance.normal(size=FEATURE_COUNT),
        mean=chance.normal(size=FEATURE_COUNT),
        std=chance.uniform(0.5, 2, size=FEATURE_COUNT),
        intercept=0.25,
        threshold=0.5,
        hyperparameters=Hyperparameters(True, 1e-5, 0.1, 2.0, 1e-6, 128),
        training=_part(0.61, 0.31),
        validation=_part(0.62, 0.32),
        test=_part(0.63, 0.33),
        base_rate=0.5,
        effective_rows=20.0,
        first_placed_ns=1,
        last_resolved_ns=2,
        lineage=Lineage("examples", 0, 1 + 10_000 * (seq - 1), 10_000 * seq, "{}", ""),
        golden_features=make_row(seq).tobytes(),
        golden_score=0.0,
        lowest=np.full(FEATURE_COUNT, -RANGE, dtype="<f4").tobytes(),
        highest=np.full(FEATURE_COUNT, RANGE, dtype="<f4").tobytes(),
    )
    return with_golden_score(made)


def with_golden_score(model: Model) -> Model:
    """The model with the score that its golden row gets."""
    row = np.frombuffer(model.golden_features, dtype="<f4")
    return replace(model, golden_score=Scorer.of(model).score(row))


def make_row(seed: int) -> np.ndarray:
    """One row of features."""
    return np.random.default_rng(seed).normal(size=FEATURE_COUNT).astype("<f4")


def make_record(
    payload: bytes, seq: int, instrument: str = INSTRUMENT, evidence: Evidence = Evidence.NONE
) -> ModelRecord:
    """What the trainer says of a model it publishes."""
    return ModelRecord(instrument, seq, sha256_of(payload), Verdict.PUBLISHED, "", evidence, 1_700_000_000 * 10**9)


def put(registry: Registry, record: ModelRecord) -> None:
    """Write a run's record, whatever is there."""
    registry.update_record(record.instrument, record.seq, lambda _: record)


def published(seq: int, instrument: str = INSTRUMENT, salt: int = 0) -> tuple[bytes, ModelRecord]:
    """Bytes and record, as Registry.publish takes them."""
    payload = encode_model(make_model(seq, instrument, salt))
    return payload, make_record(payload, seq, instrument)

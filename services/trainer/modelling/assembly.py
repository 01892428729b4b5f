"""The chosen setting as two models: the one that goes out, and the holdout model, which never saw the test part.

The newest rows are worth most, so the model that goes out is trained on all of them, and no row is left to test it.
What is stated of the test part is what its *holdout model* reached there: the same setting, found and trained without
those rows. The gate looks at that. `training` is of the rows the model was trained on. `validation` is of those rows
scored out of fold, as the model would score them, at its threshold: that was fitted on their labels, so these figures
flatter; those of the test part do not.
"""

from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np

from services.trainer.dataset import basis
from services.trainer.dataset.rows import Float32, Rows
from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import effective_sample_size
from services.trainer.learning.classification_metrics import part_metrics
from services.trainer.modelling.refit import FittedModel
from services.trainer.modelling.training_data import TrainingData
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tidewheel.contracts.topics import EXAMPLES
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.models import (
    Confusion,
    Hyperparameters,
    Lineage,
    Model,
    PartMetrics,
    RememberedWindow,
    Scorer,
)

_NO_COUNTS = Confusion(0.0, 0, 0, 0, 0)
_NO_METRICS = PartMetrics(0, 0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, _NO_COUNTS, _NO_COUNTS, _NO_COUNTS)


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model the gate has not seen yet; the holdout model, and the test part to judge that on. No
    holdout model where what came before that part allows none."""

    model: Model
    model_bytes: bytes
    holdout_model: Model | None
    test: Rows

    @property
    def sha256(self) -> str:
        return sha256(self.model_bytes).hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class ModelContext:
    """What a model and its holdout model share. `started_from`: the setting the search was started from, as the lineage
    tells it."""

    window: Window
    config: TrainingConfig
    setting: Hyperparameters
    started_from: str
    data: TrainingData


def assemble(context: ModelContext, fitted: FittedModel, part: Sample) -> Model:
    """A model that scores, trained on `part`; its metrics of the test part are yet to be stated."""
    bare = _bare(context, fitted)
    scorer, effective, rows = Scorer.of(bare), effective_sample_size(part), context.window.rows
    # The row whose score is nearest to 0.5: where a score is at its end, it shows no other coefficients.
    golden = rows.features[np.abs(scorer.scores(rows.features) - 0.5).argmin()]
    return replace(
        bare,
        training=part_metrics(fitted.scores(part), part.label, fitted.threshold, effective),
        validation=part_metrics(fitted.held_out, fitted.labels, fitted.threshold, effective),
        golden_features=golden.astype("<f4").tobytes(),
        golden_score=scorer.score(golden),
        lowest=_extremes(np.minimum, rows, part),
        highest=_extremes(np.maximum, rows, part),
    )


def _extremes(extreme: np.ufunc, rows: Rows, part: Sample) -> bytes:
    """Of each feature, over the window's own rows and over the averages that are remembered of others."""
    own, remembered = (extreme.reduce(features, axis=0) for features in (rows.features, part.features))
    column: Float32 = extreme(own, basis.of_features(remembered))
    return column.astype("<f4").tobytes()


def with_test_metrics(model: Model, holdout_model: Model | None, test: Rows) -> Model:
    """The model with the test part's metrics, which are its holdout model's; without one nothing is stated but the base
    rate."""
    if holdout_model is None:
        return replace(model, base_rate=float(test.label.mean()))
    scores = Scorer.of(holdout_model).scores(test.features)
    metrics = part_metrics(scores, test.label, holdout_model.threshold, effective_sample_size(test))
    return replace(model, test=metrics, base_rate=metrics.base_rate)


def _bare(context: ModelContext, fitted: FittedModel) -> Model:
    """A model that can score and has no metrics yet."""
    window, rows = context.window, context.window.rows
    return Model(
        instrument=window.instrument,
        seq=window.seq,
        schema_hash=SCHEMA_HASH,
        coefficients=basis.weights_of_features(fitted.weights),
        mean=basis.of_features(fitted.scaler.mean),
        std=basis.of_features(fitted.scaler.std),
        intercept=fitted.bias,
        threshold=fitted.threshold,
        hyperparameters=context.setting,
        training=_NO_METRICS,
        validation=_NO_METRICS,
        test=_NO_METRICS,
        base_rate=0.0,
        effective_rows=effective_sample_size(rows),
        first_placed_ns=int(rows.placed_ns.min()),
        last_resolved_ns=int(rows.resolved_ns.max()),
        lineage=Lineage(
            topic=EXAMPLES.name,
            partition=window.partition,
            first_example_seq=int(rows.example_seq[0]),
            last_example_seq=int(rows.example_seq[-1]),
            training_config=context.config.canonical_json(),
            started_from=context.started_from,
            memory=_memory(context),
        ),
        golden_features=b"",
        golden_score=0.0,
    )


def _memory(context: ModelContext) -> tuple[RememberedWindow, ...]:
    return tuple(
        RememberedWindow(one.seq, one.first_example_seq, one.last_example_seq, weight)
        for one, weight in zip(context.window.memory, context.data.weights.tolist(), strict=True)
    )

"""The chosen setting as a model: its final threshold, the figures of every part, its lineage, its golden row.

Thresholds and figures are taken from the scores of `Scorer`, the very ones a predictor will give. The threshold is
fitted on the validation part, so the validation figures at the threshold flatter; the test part's do not.
"""

from dataclasses import replace

import numpy as np

from services.trainer import learner, threshold, tuning
from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.figures import part_metrics
from services.trainer.parts import Parts
from services.trainer.rows import Rows
from services.trainer.split import effective_rows
from tidewheel.contracts.topics import EXAMPLES
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.models import Confusion, Lineage, Model, PartMetrics, Scorer

_NO_COUNTS = Confusion(0.0, 0, 0, 0, 0)
_NO_FIGURES = PartMetrics(0, 0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, _NO_COUNTS, _NO_COUNTS, _NO_COUNTS)


def build(window: Window, config: TrainingConfig, scaling: learner.Scaling, tried: tuning.Tried, parts: Parts) -> Model:
    """The model of a window from its winning setting."""
    bare = _bare(window, config, scaling, tried)
    scorer = Scorer.of(bare)
    validation_scores = scorer.scores(parts.validation.features)
    fitted = threshold.fit(validation_scores[:, np.newaxis], parts.validation.label, config.recall_min)
    at = float(fitted.threshold[0])

    def figures_of(part: Rows) -> PartMetrics:
        return part_metrics(scorer.scores(part.features), part.label, at, effective_rows(part))

    test = figures_of(parts.test)
    # The test row whose score is nearest to 0.5: where a score is at its end, it shows no other coefficients.
    golden = parts.test.features[np.abs(scorer.scores(parts.test.features) - 0.5).argmin()]
    return replace(
        bare,
        threshold=at,
        training=figures_of(parts.training),
        validation=part_metrics(validation_scores, parts.validation.label, at, effective_rows(parts.validation)),
        test=test,
        base_rate=test.base_rate,
        golden_features=golden.astype("<f4").tobytes(),
        golden_score=scorer.score(golden),
    )


def _bare(window: Window, config: TrainingConfig, scaling: learner.Scaling, tried: tuning.Tried) -> Model:
    """A model that can score and has no figures yet."""
    rows = window.rows
    return Model(
        instrument=window.instrument,
        seq=window.seq,
        schema_hash=SCHEMA_HASH,
        coefficients=tried.weights,
        mean=scaling.mean,
        std=scaling.std,
        intercept=tried.bias,
        threshold=0.5,
        hyperparameters=tried.hyperparameters,
        training=_NO_FIGURES,
        validation=_NO_FIGURES,
        test=_NO_FIGURES,
        base_rate=0.0,
        effective_rows=effective_rows(rows),
        first_placed_ns=int(rows.placed_ns.min()),
        last_resolved_ns=int(rows.resolved_ns.max()),
        lineage=Lineage(
            topic=EXAMPLES.name,
            partition=window.partition,
            first_example_seq=int(rows.example_seq[0]),
            last_example_seq=int(rows.example_seq[-1]),
            training_config=config.canonical(),
            started_from="",
        ),
        golden_features=b"",
        golden_score=0.0,
    )

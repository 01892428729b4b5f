"""The chosen setting as two models: the one that goes out, and its twin that never saw the test part.

The newest rows of a window are worth most, so the model that goes out is trained on all of them, and no row is left to
test it. What is stated of the test part is what its *twin* reached there: the same setting, found and trained without
those rows. The gate judges the twin. `validation` is of the window's rows scored out of fold, as the model would score
them, at its threshold: that was fitted on them, so these figures flatter; those of the test part do not.
"""

from dataclasses import replace

import numpy as np

from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.figures import part_metrics
from services.trainer.finish import Finished
from services.trainer.rows import Rows
from services.trainer.split import effective_rows
from tidewheel.contracts.topics import EXAMPLES
from tidewheel.domain.features import SCHEMA_HASH
from tidewheel.domain.models import Confusion, Hyperparameters, Lineage, Model, PartMetrics, Scorer

_NO_COUNTS = Confusion(0.0, 0, 0, 0, 0)
_NO_FIGURES = PartMetrics(0, 0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, _NO_COUNTS, _NO_COUNTS, _NO_COUNTS)


def build(
    window: Window, config: TrainingConfig, setting: Hyperparameters, started_from: str, finished: Finished, part: Rows
) -> Model:
    """A model that scores, trained on `part` of the window; its figures of the test part are yet to be stated."""
    bare = _bare(window, config, setting, started_from, finished)
    scorer, worth = Scorer.of(bare), effective_rows(part)
    scores = scorer.scores(part.features)
    # The row whose score is nearest to 0.5: where a score is at its end, it shows no other coefficients.
    golden = part.features[np.abs(scores - 0.5).argmin()]
    return replace(
        bare,
        training=part_metrics(scores, part.label, finished.threshold, worth),
        validation=part_metrics(finished.held_out, finished.labels, finished.threshold, worth),
        golden_features=golden.astype("<f4").tobytes(),
        golden_score=scorer.score(golden),
    )


def tested(model: Model, twin: Model, test: Rows) -> Model:
    """The model with the test part's figures, which are its twin's."""
    scores = Scorer.of(twin).scores(test.features)
    figures = part_metrics(scores, test.label, twin.threshold, effective_rows(test))
    return replace(model, test=figures, base_rate=figures.base_rate)


def _bare(
    window: Window, config: TrainingConfig, setting: Hyperparameters, started_from: str, finished: Finished
) -> Model:
    """A model that can score and has no figures yet."""
    rows = window.rows
    return Model(
        instrument=window.instrument,
        seq=window.seq,
        schema_hash=SCHEMA_HASH,
        coefficients=finished.weights,
        mean=finished.scaling.mean,
        std=finished.scaling.std,
        intercept=finished.bias,
        threshold=finished.threshold,
        hyperparameters=setting,
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
            started_from=started_from,
        ),
        golden_features=b"",
        golden_score=0.0,
    )

"""The chosen setting as two models: the one that goes out, and its twin that never saw the test part.

The newest rows are worth most, so the model that goes out is trained on all of them, and no row is left to test it.
What is stated of the test part is what its *twin* reached there: the same setting, found and trained without those
rows. The gate looks at the twin. `training` is of the rows the model was trained on. `validation` is of those rows
scored out of fold, as the model would score them, at its threshold: that was fitted on their labels, so these figures
flatter; those of the test part do not.
"""

from dataclasses import dataclass, replace

import numpy as np

from services.trainer import basis
from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.figures import part_metrics
from services.trainer.finish import Finished
from services.trainer.parts import Parts
from services.trainer.rows import Rows
from services.trainer.sample import Sample
from services.trainer.split import effective_rows
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
_NO_FIGURES = PartMetrics(0, 0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, _NO_COUNTS, _NO_COUNTS, _NO_COUNTS)


@dataclass(frozen=True, slots=True, eq=False)
class About:
    """What a model and its twin share. `started_from`: the setting the search was started from, as the lineage tells
    it."""

    window: Window
    config: TrainingConfig
    setting: Hyperparameters
    started_from: str
    parts: Parts


def build(about: About, finished: Finished, part: Sample) -> Model:
    """A model that scores, trained on `part`; its figures of the test part are yet to be stated."""
    bare = _bare(about, finished)
    scorer, worth, rows = Scorer.of(bare), effective_rows(part), about.window.rows
    # The row whose score is nearest to 0.5: where a score is at its end, it shows no other coefficients.
    golden = rows.features[np.abs(scorer.scores(rows.features) - 0.5).argmin()]
    return replace(
        bare,
        training=part_metrics(finished.scores(part), part.label, finished.threshold, worth),
        validation=part_metrics(finished.held_out, finished.labels, finished.threshold, worth),
        golden_features=golden.astype("<f4").tobytes(),
        golden_score=scorer.score(golden),
    )


def tested(model: Model, twin: Model | None, test: Rows) -> Model:
    """The model with the test part's figures, which are its twin's; without a twin nothing is stated but the base
    rate."""
    if twin is None:
        return replace(model, base_rate=float(test.label.mean()))
    scores = Scorer.of(twin).scores(test.features)
    figures = part_metrics(scores, test.label, twin.threshold, effective_rows(test))
    return replace(model, test=figures, base_rate=figures.base_rate)


def _bare(about: About, finished: Finished) -> Model:
    """A model that can score and has no figures yet."""
    window, rows = about.window, about.window.rows
    return Model(
        instrument=window.instrument,
        seq=window.seq,
        schema_hash=SCHEMA_HASH,
        coefficients=basis.weights_of_features(finished.weights),
        mean=basis.of_features(finished.scaling.mean),
        std=basis.of_features(finished.scaling.std),
        intercept=finished.bias,
        threshold=finished.threshold,
        hyperparameters=about.setting,
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
            training_config=about.config.canonical(),
            started_from=about.started_from,
            memory=_memory(about),
        ),
        golden_features=b"",
        golden_score=0.0,
    )


def _memory(about: About) -> tuple[RememberedWindow, ...]:
    return tuple(
        RememberedWindow(one.seq, one.first_example_seq, one.last_example_seq, weight)
        for one, weight in zip(about.window.memory, about.parts.weights.tolist(), strict=True)
    )

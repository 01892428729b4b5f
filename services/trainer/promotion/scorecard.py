"""The next-window scorecard: a model at its own threshold on rows placed after its window closed.

Rows judged: `example_seq` after the window's last and `placed_ns` after its last `resolved_ns`, up to the close of the
next window. That is what a user of the model would have got, and it depends on nothing but the rows. Orders placed in
that time and still open at its end are not in it.
"""

import numpy as np
from numpy.typing import NDArray

from services.trainer.dataset.rows import Rows
from services.trainer.dataset.split import effective_sample_size
from services.trainer.learning import classification_metrics
from tidewheel.domain.models import Model, Scorecard, Scorer


def rows_after(model: Model, following: Rows) -> Rows:
    """The rows of the next window that may judge a model."""
    seqs, placed = following.example_seq, following.placed_ns
    return following.take((seqs > model.lineage.last_example_seq) & (placed > model.last_resolved_ns))


def score(model: Model, judged: Rows) -> Scorecard:
    """The model's metrics on rows that may judge it."""
    scores = Scorer.of(model).scores(judged.features)
    counts = classification_metrics.confusion(scores, judged.label, model.threshold)
    flags = scores >= model.threshold
    positives = int(judged.label.sum())
    return Scorecard(
        rows=len(judged),
        positives=positives,
        flagged=int(flags.sum()),
        hits=counts.true_positives,
        precision=classification_metrics.precision_of(counts),
        recall=classification_metrics.recall_of(counts),
        base_rate=positives / len(judged) if len(judged) else 0.0,
        log_loss=classification_metrics.log_loss(scores, judged.label),
        effective_rows=effective_sample_size(judged),
        flagged_pnl_e9=_total(judged, flags),
        pnl_e9=_total(judged, np.ones(len(judged), dtype=bool)),
        calibration=classification_metrics.calibration(scores, judged.label),
    )


def _total(rows: Rows, which: NDArray[np.bool_]) -> int:
    """Exact sum of profit and loss; Python's integers cannot overflow."""
    return sum(rows.pnl_e9[which].tolist())

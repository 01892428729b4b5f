"""What the trainer records of how its models do on later rows."""

from services.trainer.promotion.next_window import NextWindowResult
from services.trainer.statistics.pooled_scorecards import PooledScorecards
from tidewheel.domain.models import Scorecard
from tidewheel.telemetry import metrics


def record_next_window(instrument: str, finding: NextWindowResult) -> None:
    """One model on rows after its window."""
    if finding.drift_detected:
        metrics.DRIFTS.labels(instrument).inc()
    if finding.card is not None:
        _record_scorecard(instrument, finding.card)


def _record_scorecard(instrument: str, card: Scorecard) -> None:
    metrics.NEXT_WINDOW_PRECISION.labels(instrument).set(card.precision)
    metrics.NEXT_WINDOW_RECALL.labels(instrument).set(card.recall)
    metrics.NEXT_WINDOW_BASE_RATE.labels(instrument).set(card.base_rate)
    if card.rows:
        metrics.NEXT_WINDOW_FLAGGED_SHARE.labels(instrument).set(card.flagged / card.rows)
    if card.baseline and card.baseline.flagged:
        metrics.BASELINE_PRECISION.labels(instrument).set(card.baseline.hits / card.baseline.flagged)


def record_pooled_scorecards(instrument: str, pooled: PooledScorecards) -> None:
    """The last models together."""
    if pooled.lift:
        metrics.POOLED_LIFT.labels(instrument).set(pooled.lift.value)

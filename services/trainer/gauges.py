"""The metrics that tell how the models do on later rows."""

from services.trainer.judges import Finding
from services.trainer.pooled import Pooled
from tidewheel.domain.models import Scorecard
from tidewheel.telemetry import metrics


def tell_finding(instrument: str, finding: Finding) -> None:
    """One model on rows after its window."""
    if finding.drifted:
        metrics.DRIFTS.labels(instrument).inc()
    if finding.card is not None:
        _tell_card(instrument, finding.card)


def _tell_card(instrument: str, card: Scorecard) -> None:
    metrics.NEXT_PRECISION.labels(instrument).set(card.precision)
    metrics.NEXT_RECALL.labels(instrument).set(card.recall)
    metrics.NEXT_BASE_RATE.labels(instrument).set(card.base_rate)
    if card.rows:
        metrics.NEXT_FLAGGED_SHARE.labels(instrument).set(card.flagged / card.rows)
    if card.baseline and card.baseline.flagged:
        metrics.BASELINE_PRECISION.labels(instrument).set(card.baseline.hits / card.baseline.flagged)


def tell_pooled(instrument: str, pooled: Pooled) -> None:
    """The last models together."""
    if pooled.lift:
        metrics.POOLED_LIFT.labels(instrument).set(pooled.lift.value)

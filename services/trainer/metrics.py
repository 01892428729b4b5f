"""What the trainer records: rows gathered, runs and how they ended, and how its models do on later rows."""

from services.trainer.promotion.next_window import NextWindowResult
from tidewheel.domain.models import Scorecard, Verdict
from tidewheel.evidence.pooled_scorecards import PooledScorecards
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


def record_gathered(instrument: str, rows: int) -> None:
    """Rows of the window that is open."""
    metrics.WINDOW_ROWS.labels(instrument).set(rows)


def record_scratch(used_bytes: int) -> None:
    metrics.SCRATCH_BYTES.set(used_bytes)


def record_run(instrument: str, verdict: Verdict, reason: str) -> None:
    """A run has ended; the reason of a published one is empty."""
    metrics.TRAINING_RUNS.labels(instrument, verdict, reason).inc()


def record_set_aside(instrument: str) -> None:
    metrics.TRAINING_RECORDS_SET_ASIDE.labels(instrument).inc()


def record_tuning(instrument: str, duration_s: float) -> None:
    metrics.TUNING_DURATION_SECONDS.labels(instrument).observe(duration_s)


def record_published(instrument: str, waited_s: float) -> None:
    """A model serves, so long after its window closed."""
    metrics.WINDOW_CLOSED_TO_PUBLISHED_SECONDS.labels(instrument).observe(waited_s)


def record_registry_up(up: bool) -> None:
    metrics.REGISTRY_UP.labels("trainer").set(up)

"""What the trainer records: rows gathered, runs and how they ended, and how its models do on later rows."""

from collections.abc import Iterable

from services.trainer.promotion.next_window import NextWindowResult
from tidewheel.domain.account import Account
from tidewheel.domain.models import Evidence, RememberedWindow, Scorecard, Verdict
from tidewheel.domain.training import RunEvent, RunReason, Step
from tidewheel.evidence.pooled_scorecards import PooledScorecards
from tidewheel.telemetry import metrics
from tidewheel.telemetry.tracing.tracer import Exemplar

OUTCOMES = {"": "published", str(RunReason.NOT_PROVEN): "candidate"}
# Without a model by design: none was asked for, a newer one serves, or what serves was shown better on the same rows.
EXPECTED_REASONS = frozenset({RunReason.NOT_DUE, RunReason.STALE, RunReason.WORSE_THAN_SERVED})


def record_next_window(instrument: str, finding: NextWindowResult) -> None:
    """One model on rows after its window."""
    metrics.DRIFT_E_VALUE.labels(instrument).set(finding.drift_e_value)
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
    if card.account is not None:
        _record_account(instrument, card.account)


def record_pooled_scorecards(instrument: str, pooled: PooledScorecards) -> None:
    """The last models together."""
    metrics.EVIDENCE_LEVEL.labels(instrument).set(list(Evidence).index(pooled.evidence))
    if pooled.lift:
        metrics.POOLED_LIFT.labels(instrument).set(pooled.lift.value)


def record_begun(instrument: str) -> None:
    """Reading begins with the instrument's first example: what is true before anything came of it."""
    metrics.WINDOW_CLOSED_SEQ.labels(instrument).set(0)
    metrics.WINDOWS_WITHOUT_MODEL.labels(instrument).set(0)
    metrics.MEMORY_WINDOWS.labels(instrument).set(0)
    metrics.TRAINING_STEP.labels(instrument).set(0)
    metrics.DRIFT_E_VALUE.labels(instrument).set(0)
    metrics.EVIDENCE_LEVEL.labels(instrument).set(0)
    metrics.DRIFTS.labels(instrument)
    metrics.TRAINING_RUNS.labels(instrument, Verdict.PUBLISHED, "")
    _record_account(instrument, Account())


def record_gathered(instrument: str, rows: int) -> None:
    """Rows of the window that is open."""
    metrics.WINDOW_ROWS.labels(instrument).set(rows)


def record_scratch(used_bytes: int) -> None:
    metrics.SCRATCH_BYTES.set(used_bytes)


def record_run(instrument: str, verdict: Verdict, reason: str) -> None:
    """A run has ended; the reason of a published one is empty."""
    metrics.TRAINING_RUNS.labels(instrument, verdict, reason).inc()


def record_rejected(instrument: str) -> None:
    metrics.TRAINING_RECORDS_REJECTED.labels(instrument).inc()


def record_tuning(duration_s: float, sample: Exemplar | None = None) -> None:
    """`sample`: the run's trace, if there is one."""
    metrics.TUNING_DURATION_SECONDS.observe(duration_s, sample)


def record_published(waited_s: float, sample: Exemplar | None = None) -> None:
    """A model serves, so long after its window closed."""
    metrics.WINDOW_CLOSED_TO_PUBLISHED_SECONDS.observe(waited_s, sample)


def record_end(instrument: str, seq: int, reason: str) -> None:
    """What a window's run has ended with: a model that the registry holds, none by design, or none though due."""
    outcome = OUTCOMES.get(reason)
    if outcome is not None:
        metrics.NEWEST_MODEL_SEQ.labels(instrument, outcome).set(seq)
        metrics.WINDOWS_WITHOUT_MODEL.labels(instrument).set(0)
    elif reason not in EXPECTED_REASONS:
        metrics.WINDOWS_WITHOUT_MODEL.labels(instrument).inc()


def record_window_closed(instrument: str, seq: int) -> None:
    """The window's last row was read."""
    metrics.WINDOW_CLOSED_SEQ.labels(instrument).set(seq)


def record_windows_waiting(count: int) -> None:
    metrics.WINDOWS_WAITING.set(count)


def record_step(event: RunEvent) -> None:
    """A state change of a run."""
    instrument = event.instrument
    if event.step is Step.SCORED:
        return
    metrics.TRAINING_STEP.labels(instrument).set(event.step)
    if event.trial is not None and event.step is Step.TRIAL:
        metrics.TRIAL_SCORE.labels(instrument, "last").set(event.trial.objective)
    if event.trial is not None and event.step is Step.SELECTED:
        metrics.TRIAL_SCORE.labels(instrument, "best").set(event.trial.objective)


def record_memory(instrument: str, memory: Iterable[RememberedWindow]) -> None:
    """The windows before its own that a model learnt from."""
    metrics.MEMORY_WINDOWS.labels(instrument).set(sum(window.weight for window in memory))


def _record_account(instrument: str, account: Account) -> None:
    bettor = account.bettor
    metrics.E_VALUE.labels(instrument, "gross").set(bettor.e_gross)
    metrics.E_VALUE.labels(instrument, "net").set(bettor.e_net)
    metrics.BETS.labels(instrument).set(bettor.bets)


def record_registry_up(up: bool) -> None:
    metrics.REGISTRY_UP.labels("trainer").set(up)

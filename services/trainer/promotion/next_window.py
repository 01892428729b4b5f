"""How one instrument's models do, each on the next window: next-window scorecard, drift watch and online baseline."""

from dataclasses import dataclass, replace

from services.trainer.dataset.rows import Rows
from services.trainer.promotion import scorecard
from services.trainer.promotion.drift_watch import DriftWatch
from services.trainer.promotion.online_baseline import OnlineBaseline
from services.trainer.windows.count_windows import Window
from tidewheel.domain.models import Model, Scorecard
from tidewheel.domain.orders import ExitOn


@dataclass(frozen=True, slots=True, eq=False)
class NextWindowResult:
    """A model on rows after its window; `drift_detected`: the models have turned bad; `drift_e_value`: how
    much speaks for that. An older model than that of the window before has no scorecard: it had its own."""

    rows: Rows
    card: Scorecard | None
    drift_detected: bool
    drift_e_value: float = 0.0

    @property
    def detail(self) -> str:
        """A sentence for people."""
        card = self.card
        if card is None:
            return f"watched on {len(self.rows)} rows"
        detail = f"{card.flagged} of {card.rows} rows flagged, {card.hits} right; base rate {card.base_rate:.3f}"
        if card.baseline:
            baseline = card.baseline
            detail += f"; online baseline {baseline.hits} right of {baseline.flagged} flagged, of {baseline.rows} rows"
        return detail + ("; the models have drifted" if self.drift_detected else "")


class NextWindowEvaluator:
    """Shown each closed window in turn, with the model of the window before where one is to be judged, or an older one
    to watch."""

    def __init__(self, recall_min: float, exit_on: ExitOn = ExitOn.BID) -> None:
        self._drift = DriftWatch(exit_on)
        self._baseline = OnlineBaseline(recall_min)
        self._seen = 0

    def update(self, window: Window, model: Model | None) -> NextWindowResult | None:
        """Judge the model on the window's rows. Without one the baseline learns all the same."""
        seen, self._seen = self._seen, int(window.rows.example_seq[-1])
        baseline = self._baseline.update(window)
        if model is None:
            return None
        rows = scorecard.rows_after(model, window.rows)
        if model.seq != window.seq - 1:
            # Windows may overlap: of an older model's rows the watch has seen those of the windows between.
            fresh = rows.take(rows.example_seq > seen)
            return NextWindowResult(fresh, None, self._drift.update(model, fresh), self._drift.detector.e_value)
        card = replace(scorecard.score(model, rows), baseline=baseline)
        return NextWindowResult(rows, card, self._drift.update(model, rows), self._drift.detector.e_value)

"""What judges one instrument's models, window after window: next-window scorecard, drift watch and online baseline."""

from dataclasses import dataclass, replace

from services.trainer import scorecard
from services.trainer.baseline import OnlineBaseline
from services.trainer.core import Window
from services.trainer.drift_watch import DriftWatch
from services.trainer.rows import Rows
from tidewheel.domain.models import Model, Scorecard
from tidewheel.domain.orders import ExitOn


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A model on rows after its window; `drifted`: the models have turned bad. An older model than that of the
    window before has no scorecard: it had its own."""

    rows: Rows
    card: Scorecard | None
    drifted: bool

    @property
    def words(self) -> str:
        """A sentence for people."""
        card = self.card
        if card is None:
            return f"watched on {len(self.rows)} rows"
        words = f"{card.flagged} of {card.rows} rows flagged, {card.hits} right; base rate {card.base_rate:.3f}"
        if card.baseline:
            beside = card.baseline
            words += f"; online baseline {beside.hits} right of {beside.flagged} flagged, of {beside.rows} rows"
        return words + ("; the models have drifted" if self.drifted else "")


class Judges:
    """Shown each closed window in turn, with the model of the window before where one is to be judged, or an older one
    to watch."""

    def __init__(self, recall_min: float, exit_on: ExitOn = ExitOn.BID) -> None:
        self._drift = DriftWatch(exit_on)
        self._baseline = OnlineBaseline(recall_min)
        self._seen = 0

    def saw(self, window: Window, model: Model | None) -> Finding | None:
        """Judge the model on the window's rows. Without one the baseline learns all the same."""
        seen, self._seen = self._seen, int(window.rows.example_seq[-1])
        baseline = self._baseline.saw(window)
        if model is None:
            return None
        rows = scorecard.rows_after(model, window.rows)
        if model.seq != window.seq - 1:
            # Windows may overlap: of an older model's rows the watch has seen those of the windows between.
            fresh = rows.take(rows.example_seq > seen)
            return Finding(fresh, None, self._drift.saw(model, fresh))
        card = replace(scorecard.score(model, rows), baseline=baseline)
        return Finding(rows, card, self._drift.saw(model, rows))

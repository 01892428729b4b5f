"""What judges one instrument's models, window after window: next-window scorecard, drift watch and online baseline."""

from dataclasses import dataclass, replace

from services.trainer import scorecard
from services.trainer.baseline import OnlineBaseline
from services.trainer.core import Window
from services.trainer.rows import Rows
from services.trainer.scorecard import DriftWatch
from tidewheel.domain.models import Model, Scorecard


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """A model on the rows after its window; `drifted`: its error has changed on the way."""

    rows: Rows
    card: Scorecard
    drifted: bool

    @property
    def words(self) -> str:
        """A sentence for people."""
        card = self.card
        words = f"{card.flagged} of {card.rows} rows flagged, {card.hits} right; base rate {card.base_rate:.3f}"
        if card.baseline:
            beside = card.baseline
            words += f"; online baseline {beside.hits} right of {beside.flagged} flagged, of {beside.rows} rows"
        return words + ("; the models' error has drifted" if self.drifted else "")


class Judges:
    """Shown each closed window in turn, with the model of the window before where one is to be judged."""

    def __init__(self, recall_min: float) -> None:
        self._drift = DriftWatch()
        self._baseline = OnlineBaseline(recall_min)

    def saw(self, window: Window, model: Model | None) -> Finding | None:
        """Judge the model on the window's rows. Without one the baseline learns all the same."""
        baseline = self._baseline.saw(window)
        if model is None:
            return None
        rows = scorecard.rows_after(model, window.rows)
        card = replace(scorecard.score(model, rows), baseline=baseline)
        return Finding(rows, card, self._drift.saw(model, rows, card.effective_rows))

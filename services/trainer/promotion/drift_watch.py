"""Whether what one instrument's models have learnt has turned bad: the e-detector of ADR 25, fed with orders one at a
time."""

from collections import deque

import numpy as np

from services.trainer.dataset.rows import Rows
from tidewheel.domain.betting import FlaggedOrders, non_overlapping_bets
from tidewheel.domain.drift import DriftDetector
from tidewheel.domain.models import Float64, Model, Scorer, sigmoid
from tidewheel.domain.orders import ExitOn

# Models forget a market that has turned within some windows; on small ones that is a handful of orders, which show
# nothing. What had been learnt before stays wrong for long enough.
MODELS_BEFORE = 3


class DriftWatch:
    """Successive models on the orders placed after their windows, each `MODELS_BEFORE` models later: those that come
    next are made of the same market, and who has forgotten it already cannot be found wrong. The oldest where there
    are fewer. It starts anew with the process.

    Results are in units of the largest one in the window before, so the first window is only measured. Orders that have
    not ended when a window closes are left out: on a market whose quick orders do better than its slow ones the mean
    time to a false alarm is not quite what is stated.
    """

    def __init__(self, exit_on: ExitOn = ExitOn.BID) -> None:
        """`exit_on`: the price that ends orders."""
        self._exit_on = exit_on
        self.detector = DriftDetector()
        self._models: deque[Model] = deque(maxlen=MODELS_BEFORE + 1)
        self._free_from_ns = 0
        self._unit_e9 = 0

    def update(self, model: Model, judged: Rows) -> bool:
        """Take in the rows that judge a model; whether they show that what was learnt before has turned bad."""
        if not self._models or self._models[-1].seq != model.seq:
            self._models.append(model)
        unit_e9, self._unit_e9 = self._unit_e9, judged.largest_pnl_e9 if len(judged) else self._unit_e9
        if not unit_e9:
            return False
        bets = non_overlapping_bets(_signed(self._models[0], judged, unit_e9, self._exit_on), self._free_from_ns)
        if not bets:
            return False
        self._free_from_ns = bets[-1].resolved_ns
        self.detector = self.detector.update([bet.gross for bet in bets])
        return self.detector.drift_detected


def _signed(model: Model, rows: Rows, unit_e9: int, exit_on: ExitOn) -> FlaggedOrders:
    """All orders with their gross results, counted the other way round where a model scores below its average row."""
    # The average row that a model was trained on has all scaled features 0.
    above = Scorer.of(model).scores(rows.features) >= sigmoid(np.array([model.intercept]))
    gross: Float64 = np.where(above, 1.0, -1.0) * (rows.gross_e9(exit_on) / unit_e9)
    return FlaggedOrders(rows.placed_ns, rows.resolved_ns, gross, rows.pnl_e9 / unit_e9).with_bets(())

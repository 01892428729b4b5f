"""Examples through the trainer of one instrument: its own windows and its own worker, on a registry in memory.

What differs from the service is that nothing is read from a topic and no clock runs: no search is ever cut short by
the time it takes, as `TIDEWHEEL_TUNING_LIMIT_S` would have it in a run.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from services.trainer.dataset.rows import Rows
from services.trainer.promotion import bets
from services.trainer.promotion.gate import Promotion
from services.trainer.runs.jobs import ClosedWindow
from services.trainer.runs.ledger import Ledger
from services.trainer.settings import Settings
from services.trainer.windows.count_windows import Window, Windows
from services.trainer.worker import Worker
from tidewheel.domain.account import Account
from tidewheel.domain.comparison import ConfigurationOrders
from tidewheel.domain.features import Example
from tidewheel.domain.market import Int64
from tidewheel.domain.models import Model
from tidewheel.domain.orders import ExitOn
from tidewheel.domain.training import RunEvent
from tidewheel.domain.training_runs import TrainingRun, TrainingRuns
from tidewheel.evidence import pooling
from tidewheel.evidence.pooled_scorecards import PooledScorecards
from tidewheel.registry.in_memory import InMemoryRegistry

LOG = logging.getLogger("tidewheel.compare")
# What goes wrong in a run is its last event, which is recorded.
LOG.addHandler(logging.NullHandler())
LOG.propagate = False


@dataclass(frozen=True, slots=True, eq=False)
class TrainingResult:
    """What came of one configuration: its runs by window, what the last models' scorecards say together, and the orders
    that its models flagged."""

    runs: tuple[TrainingRun, ...]
    pooled: PooledScorecards
    flagged: ConfigurationOrders | None


def train(
    examples: Iterable[Example],
    settings: Settings,
    instrument: str,
    partition: int,
    on_window_end: Callable[[int], object],
) -> TrainingResult:
    """Take every window of one instrument to its end. `partition`: of topic `examples`, which models name.
    `on_window_end` gets how many windows have ended, after each."""
    config, runs, flagged_orders = settings.training(), _RunRecorder(), _FlaggedOrders()
    ledger = Ledger(InMemoryRegistry(), threading.Event(), LOG)
    worker = Worker(
        config,
        Promotion(settings.promotion),
        ledger,
        runs,
        LOG,
        lambda: 0,
        due_each=settings.due_each,
        exit_on=ExitOn[settings.exit_on.upper()],
        settle=flagged_orders.settle,
    )
    windows, closed = Windows(config.windowing, config.memory), 0
    for offset, example in enumerate(examples):
        for event in windows.on_example(example, partition, offset):
            if isinstance(event, Window):
                flagged_orders.on_window(event.rows)
                worker.process(ClosedWindow(event, 0))
                closed = event.seq
                on_window_end(closed)
    pooled = pooling.pool_scorecards(ledger.scorecards(instrument, closed + 1))
    return TrainingResult(runs.ended, pooled, flagged_orders.orders)


class _RunRecorder:
    """Records the events of the worker's runs."""

    def __init__(self) -> None:
        self._runs = TrainingRuns()

    def write(self, event: RunEvent) -> None:
        self._runs.on_event(event)

    def flush(self) -> None:
        """Nothing is on its way."""

    @property
    def ended(self) -> tuple[TrainingRun, ...]:
        return tuple(run for _, run in sorted(self._runs.by_seq.items()) if run.end is not None)


@dataclass(slots=True)
class _FlaggedOrders:
    """Keeps the orders that are the bettor's bets, or could be: by her own rule, since it is asked where she is."""

    _holding_ns: int = 0  # of an order in the first window, in the middle
    _from_ns: int = 0
    _unit_e9: int = 0
    _parts: list[tuple[Int64, Int64, Int64]] = field(default_factory=list)

    def on_window(self, rows: Rows) -> None:
        """The rows of the next window."""
        if not self._holding_ns:
            self._holding_ns = max(1, int(np.median(rows.resolved_ns - rows.placed_ns)))

    def settle(
        self, account: Account, model: Model, window: Window, model_of: bets.ModelOf, exit_on: ExitOn
    ) -> Account:
        """As `bets.settle`."""
        for period, rows in bets.flagged(account, model, window, model_of):
            if not self._unit_e9:
                self._from_ns, self._unit_e9 = period.from_ns, period.unit_e9
            self._parts.append((rows.placed_ns, rows.resolved_ns, rows.pnl_e9))
        return bets.settle(account, model, window, model_of, exit_on)

    @property
    def orders(self) -> ConfigurationOrders | None:
        """None where no model's orders could be bets."""
        if not self._unit_e9:
            return None
        placed_ns, resolved_ns, pnl_e9 = (np.concatenate(columns) for columns in zip(*self._parts, strict=True))
        return ConfigurationOrders(placed_ns, resolved_ns, pnl_e9, self._from_ns, self._unit_e9, self._holding_ns)

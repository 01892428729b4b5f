"""Made outcomes of a comparison."""

from dataclasses import replace

import numpy as np

from backtest.parallel import ConfigurationResult
from backtest.training import TrainingResult
from tests.synthetic_models import CARD
from tests.unit.local.values import event, result
from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.comparison import Comparison, ConfigurationOrders, History, Lead, Standing
from tidewheel.domain.models import Evidence
from tidewheel.domain.training import Step
from tidewheel.domain.training_runs import TrainingRuns
from tidewheel.evidence import pooling
from tidewheel.local.run_counts import RunCounts

WINDOWS = 3


def flagged(seed: int, chance_to_win: float, count: int = 1_500) -> ConfigurationOrders:
    """Orders that overlap: placed each nanosecond, ended within twenty, each a win or a loss of 2."""
    chance = np.random.default_rng(seed)
    placed = np.arange(1, count + 1)
    pnl = np.where(chance.random(count) < chance_to_win, 2, -2)
    return ConfigurationOrders(placed, placed + chance.integers(1, 20, count), pnl, from_ns=0, unit_e9=2, holding_ns=10)


def found() -> ConfigurationResult:
    """Three windows that made models, two of them judged."""
    runs, card = TrainingRuns(), replace(CARD, account=Account(Bettor(bets=4)))
    for seq in range(1, WINDOWS + 1):
        runs.on_event(event(seq, Step.PUBLISHED, result=result()))
        if seq < WINDOWS:
            runs.on_event(event(seq, Step.SCORED, scorecard=card))
    trained = TrainingResult(tuple(runs.by_seq.values()), pooling.pool_scorecards([card, card]), flagged(1, 0.5))
    return ConfigurationResult(RunCounts(), trained)


def standing(name: str, **others: object) -> Standing:
    known = Standing(name, 12, 11, 4_000, 900, 1_500_000_000, (0.1, -0.05, 0.25), 30.0, 0.5, Evidence.WEAK)
    return replace(known, **others)  # type: ignore[arg-type]


NO_SCORECARDS = {"rows": 0, "flagged": 0, "net_e9": 0, "lift": None, "models": 0, "evidence": Evidence.NONE}


def comparison(e: float = 300.0) -> Comparison:
    """Two files; on the first of them one is shown better than another where e is large enough for 8 looks."""
    leads = (Lead(1, 0, e, 40), Lead(0, 1, 0.01, 40))
    standings = (standing("memory 1"), standing("memory <8>"), standing("memory 64", **NO_SCORECARDS))
    more = (Lead(0, 1, 2.0, 9), Lead(1, 0, 0.4, 9), Lead(0, 2, 1.5, 9), Lead(2, 0, 0.5, 9), Lead(1, 2, 1.2, 9))
    other = History("b.csv.gz", standings, (*more, Lead(2, 1, 0.9, 9)))
    return Comparison((History("a.csv", standings, leads), other))

"""Made values of a watched system."""

from tidewheel.domain.account import Account
from tidewheel.domain.betting import Bettor
from tidewheel.domain.models import Confusion, Hyperparameters, PartMetrics, Scorecard
from tidewheel.domain.training import RunEvent, RunResult, SplitSizes, Step, Trial
from tidewheel.local.monitoring.observed import InstrumentState
from tidewheel.local.monitoring.predictor_client import Prediction

NAME = "sim:BTC-USD"
T0_NS = 1_700_000_000 * 10**9
WHOLE = Confusion(0.5, 1, 2, 3, 4)
PART = PartMetrics(1500, 720, 0.612, 0.31, 0.69, 0.55, 0.48, 12.0, WHOLE, WHOLE, WHOLE)
SETTINGS = Hyperparameters(True, 1e-4, 0.01, 1.0, 0.1, 100)
ACCOUNT = Account(Bettor((34.2,) * 5, (0.4,) * 5, bets=1_200))
CARD = Scorecard(10_000, 4800, 600, 333, 0.555, 0.12, 0.48, 0.69, 12.0, 1, 1, account=ACCOUNT)


def trial(number: int, objective: float = 0.5, feasible: bool = True) -> Trial:
    return Trial(number, 10, objective, feasible, 0.5, 0.3, 0.6, SETTINGS)


def result(verdict: str = "published", tested: PartMetrics | None = PART) -> RunResult:
    return RunResult("ab" * 32, verdict, "weak", 0.6, 0.48, tested, tested, 10, 1.73, 3.1)


def event(seq: int, step: Step, after_s: float = 0.0, **more: object) -> RunEvent:
    """A state change `after_s` after the window closed."""
    base = {
        "at_ns": T0_NS + round(after_s * 1e9),
        "window_closed_at_ns": T0_NS,
        "first_example_seq": (seq - 1) * 10_000 + 1,
        "last_example_seq": seq * 10_000,
        "trials_planned": 10,
    }
    return RunEvent(NAME, seq, step, **{**base, **more})  # type: ignore[arg-type]


def whole_run(seq: int, end: Step = Step.PUBLISHED, reason: str = "") -> list[RunEvent]:
    """Every state change of a run."""
    return [
        event(seq, Step.WINDOW_CLOSED),
        event(seq, Step.VALIDATED),
        event(seq, Step.SPLIT, split=SplitSizes(6900, 1420, 1480, 200)),
        *(event(seq, Step.TRIAL, trial=trial(n, 0.4 + 0.01 * n, n % 3 > 0)) for n in range(1, 11)),
        event(seq, Step.SELECTED, trial=trial(10, 0.5)),
        event(seq, Step.GATE),
        event(seq, end, 3.0, reason=reason, result=result(end.name.lower())),
    ]


def instrument(*events: RunEvent) -> InstrumentState:
    made = InstrumentState(NAME)
    for one in events:
        made.runs.on_event(one)
    return made


def prediction(seq: int = 1, score: float = 0.7, second: int = 1_700_000_000) -> Prediction:
    return Prediction(score, int(score >= 0.6), 0.6, seq, 1, "weak", second, 100 * 10**9, 101 * 10**9)

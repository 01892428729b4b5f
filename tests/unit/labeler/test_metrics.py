"""What the labeler records of orders that ended: once their transaction is committed, and no more of what it gives
away."""

from services.labeler.core import Output
from services.labeler.metrics import TransactionMetrics
from tidewheel.domain.orders import Outcome, Transaction
from tidewheel.domain.prices import E9
from tidewheel.telemetry import metrics

INSTRUMENT = "sim:EXITS"


def ended(outcome: Outcome, exit_usd: int) -> Output:
    prices = {"entry_e9": 100 * E9, "upper_e9": 110 * E9, "lower_e9": 90 * E9, "exit_e9": exit_usd * E9}
    return Output(Transaction(INSTRUMENT, 1, 1, 0, resolved_ns=E9, resolved_seq=1, outcome=outcome, **prices), None)


def exit_price(outcome: Outcome) -> float | None:
    labels = {"instrument": INSTRUMENT, "outcome": outcome.name}
    return metrics.REGISTRY.get_sample_value("tidewheel_exit_price", labels)


def test_the_newest_exit_of_each_outcome_is_shown_once_it_is_committed() -> None:
    recorder = TransactionMetrics()
    recorder.record_outputs([ended(Outcome.PROFIT, 110), ended(Outcome.LOSS, 90), ended(Outcome.PROFIT, 111)])
    assert exit_price(Outcome.PROFIT) is None
    recorder.flush([])
    assert (exit_price(Outcome.PROFIT), exit_price(Outcome.LOSS)) == (111.0, 90.0)
    assert exit_price(Outcome.VOID) is None


def test_what_is_aborted_is_not_shown_and_what_is_given_away_is_shown_no_more() -> None:
    recorder = TransactionMetrics()
    recorder.record_outputs([ended(Outcome.PROFIT, 110)])
    recorder.flush([])
    recorder.record_outputs([ended(Outcome.PROFIT, 112)])
    recorder.discard([])
    recorder.flush([])
    assert exit_price(Outcome.PROFIT) == 110.0
    recorder.discard([INSTRUMENT])
    assert exit_price(Outcome.PROFIT) is None

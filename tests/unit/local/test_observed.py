"""What the topics tell, each record counted once."""

import numpy as np

from tests.unit.local.values import CARD, NAME, event, instrument, trial, whole_run
from tidewheel.contracts.codecs.market import DeadLetter
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import MarketSecond, Quotes, SourceKind
from tidewheel.domain.orders import NotPlacedReason, Outcome, SecondOrders, Transaction
from tidewheel.domain.training import Step
from tidewheel.domain.training_runs import TrainingRuns
from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.observed import LabelerFrontier, ObservedSystem


def second(number: int, first_seq: int, count: int) -> MarketSecond:
    column = np.full(count, 100, dtype=np.int64)
    quotes = Quotes(np.full(count, number * 10**9, dtype=np.int64), column, column + 2)
    return MarketSecond(
        NAME, 1, number, first_seq, quotes, 100, 102, 100, 102, 101, 101, 101, 1, False, SourceKind.SIMULATED, False
    )


def orders(number: int, count: int, unplaced: int = 0) -> SecondOrders:
    ids = np.arange(count, dtype=np.int64)
    return SecondOrders(NAME, 1, number, ids, not_placed={NotPlacedReason.STALE: unplaced} if unplaced else {})


def transaction(order_id: int, outcome: Outcome) -> Transaction:
    return Transaction(NAME, order_id, 1, 0, 102, 112, 92, 1, 1, 112, outcome)


def test_a_repeated_second_counts_once() -> None:
    seen = ObservedSystem()
    for record in (second(7, 1, 3), second(8, 4, 0), second(8, 4, 0), second(7, 1, 3), second(9, 4, 2)):
        seen.on_record(record)
    market = seen.instruments[NAME].market
    assert (market.bars, market.ticks, market.second, list(market.mids_e9)) == (3, 5, 9, [101, 101, 101])


def test_repeated_orders_count_once() -> None:
    seen = ObservedSystem()
    for record in (orders(7, 5), orders(8, 3, 2), orders(8, 3, 2), orders(7, 5)):
        seen.on_record(record)
    for number, outcome in enumerate((Outcome.PROFIT, Outcome.LOSS, Outcome.LOSS)):
        seen.on_record(transaction(number, outcome))
    seen.on_record(LabelerFrontier(NAME, 8, 2))
    counts = seen.instruments[NAME].orders
    assert (counts.placed, counts.not_placed[NotPlacedReason.STALE], counts.resolved, counts.open) == (8, 2, 3, 5)
    assert (counts.labeled_second, counts.examples) == (8, 2)


def test_fewer_orders_seen_than_resolved_is_not_a_negative_number() -> None:
    seen = ObservedSystem()
    seen.on_record(transaction(1, Outcome.VOID))
    assert seen.instruments[NAME].orders.open == 0


def test_a_dead_letter_written_again_counts_once() -> None:
    seen = ObservedSystem()
    dead_letters = [
        DeadLetter("ingest", "replay:x", -1, line, DeadLetterReason.CROSSED, "", b"", b"") for line in (3, 5, 3)
    ]
    for letter in dead_letters:
        seen.on_record(letter)
    seen.on_record(DeadLetter("labeler", "orders", 0, 3, DeadLetterReason.UNDECODABLE, "", b"", b""))
    assert seen.dead_letters == 3


def test_a_line_of_a_file_of_the_same_name_is_another_one() -> None:
    seen = ObservedSystem()
    for name in ("replay:A-USD", "replay:B-USD"):
        seen.on_record(DeadLetter("ingest", "replay:x", -1, 3, DeadLetterReason.CROSSED, "", b"", b"", name))
    assert seen.dead_letters == 2


def test_the_same_line_of_another_day_s_file_is_another_one() -> None:
    seen = ObservedSystem()
    for raw in (b"1700000000000,101,100", b"1700100000000,101,100", b"1700000000000,101,100"):
        seen.on_record(DeadLetter("ingest", "replay:x", -1, 3, DeadLetterReason.CROSSED, "", b"", raw, NAME))
    assert seen.dead_letters == 2


def test_events_of_a_run_told_twice_change_nothing() -> None:
    runs = TrainingRuns()
    events = whole_run(1)
    assert all(runs.on_event(one) for one in events)
    assert not any(runs.on_event(one) for one in events)
    run = runs.by_seq[1]
    assert (run.published, len(run.trials), run.trials_planned) == (True, 10, 10)
    assert run.selected == trial(10, 0.5)


def test_a_scorecard_comes_after_the_end() -> None:
    runs = instrument(*whole_run(1), event(1, Step.SCORED, scorecard=CARD)).runs
    assert runs.by_seq[1].scorecard == CARD
    assert runs.by_seq[1].end is Step.PUBLISHED


def test_which_windows_are_decided() -> None:
    runs = instrument(*whole_run(1), *whole_run(2, Step.REFUSED, "one class"), event(3, Step.WINDOW_CLOSED)).runs
    assert [runs.awaited(count) for count in range(5)] == [[], [], [], [3], [3, 4]]
    newest, published = runs.latest(), runs.newest_published()
    assert newest is not None
    assert published is not None
    assert (newest.seq, published.seq, [run.seq for run in runs.recent(9)]) == (3, 1, [2, 1])


def test_windows_as_the_runs_tell_them() -> None:
    assert TrainingRuns().windowing() is None
    assert instrument(event(1, Step.WINDOW_CLOSED)).runs.windowing() == Windowing(10_000, 10_000)
    closer = event(2, Step.WINDOW_CLOSED, first_example_seq=2_501, last_example_seq=12_500)
    assert instrument(event(1, Step.WINDOW_CLOSED), closer).runs.windowing() == Windowing(10_000, 2_500)

"""The labeler's rules, each computed by hand. Prices are small whole numbers; times are nanoseconds after the start."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import pytest

from services.labeler.core import Labeler, LabelerConfig, Output, StateMismatchError
from tests.unit.labeler.tape import INSTRUMENT, START, Tape, feed, resolved
from tidewheel.contracts.codecs.orders import encode_example, encode_transaction
from tidewheel.domain import features
from tidewheel.domain.features import HISTORY_S, DayMids
from tidewheel.domain.labeler_state import Frontier
from tidewheel.domain.orders import ExitOn, Outcome
from tidewheel.domain.time import NS_PER_S

S = NS_PER_S
SECOND = LabelerConfig(max_holding_ns=S)


def encoded(outputs: Sequence[Output]) -> list[tuple[bytes, bytes]]:
    return [(encode_transaction(t), encode_example(e) if e else b"") for t, e in outputs]


# ---- touches -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bid", "outcome"), [(109, None), (110, "PROFIT"), (111, "PROFIT"), (91, None), (90, "LOSS"), (89, "LOSS")]
)
def test_the_bid_at_or_beyond_a_threshold_ends_an_order(bid: int, outcome: str | None) -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).second([(7, bid, bid + 1)])
    assert resolved(tape.labeled()) == ([(outcome, 0, S + 7, 2, bid)] if outcome else [])


def test_the_first_touch_in_order_of_receipt_counts() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 110, 90)]).second([(1, 90, 91), (1, 110, 111), (2, 120, 121)])
    assert resolved(tape.labeled()) == [("LOSS", 0, S + 1, 2, 90)]


def test_a_tick_at_the_orders_own_instant_does_not_count_one_later_does() -> None:
    tape = Tape().second([(0, 100, 101), (5, 120, 121), (6, 115, 116)], [(5, 110, 90)])
    assert resolved(tape.labeled()) == [("PROFIT", 0, 6, 3, 115)]


def test_an_order_is_touched_in_its_own_second_by_later_ticks_only() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 200, 1), (3, 110, 90)])
    tape.second([(1, 120, 121), (4, 100, 101)], [(2, 120, 90), (3, 110, 99), (3, 110, 100)])
    assert resolved(tape.labeled()) == [("PROFIT", 1, S + 1, 2, 120), ("LOSS", 1002, S + 4, 3, 100)]


@pytest.mark.parametrize(
    ("exit_on", "exit_e9", "seq"), [(ExitOn.BID, 110, 4), (ExitOn.MID, 110, 3), (ExitOn.OFFER, 111, 2)]
)
def test_the_exit_price_may_be_mid_or_offer(exit_on: ExitOn, exit_e9: int, seq: int) -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 110, 90)])
    tape.second([(1, 107, 111), (2, 109, 112), (3, 110, 115)])
    assert resolved(tape.labeled(LabelerConfig(exit_on))) == [("PROFIT", 0, S + seq - 1, seq, exit_e9)]


def test_the_mid_is_rounded_down() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 110, 90)]).second([(1, 109, 112)]).second([(1, 90, 93)])
    config = LabelerConfig(ExitOn.MID)
    assert resolved(tape.labeled(config)) == [("PROFIT", 0, S + 1, 2, 110)]
    assert resolved(Tape().second([(0, 100, 101)], [(0, 111, 90)]).second([(1, 109, 112)]).labeled(config)) == []


def test_touches_stand_in_order_of_ticks_then_of_orders() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 120, 90), (1, 110, 90), (2, 110, 90)])
    tape.second([(5, 111, 112), (5, 121, 122)])
    assert resolved(tape.labeled()) == [
        ("PROFIT", 1, S + 5, 2, 111),
        ("PROFIT", 2, S + 5, 2, 111),
        ("PROFIT", 0, S + 5, 3, 121),
    ]


def test_a_second_of_many_quotes_is_no_other() -> None:
    quotes = [(at, 100 + at % 7, 110) for at in range(200)]
    quotes[150] = (150, 130, 131)
    tape = Tape().second([(0, 100, 101)], [(0, 130, 50), (0, 106, 50), (0, 131, 50)]).second(quotes)
    assert resolved(tape.labeled()) == [("PROFIT", 1, S + 6, 8, 106), ("PROFIT", 0, S + 150, 152, 130)]


# ---- expiry and void -----------------------------------------------------------------------------------------------


def test_a_touch_at_the_end_of_the_holding_time_counts_one_later_does_not() -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90), (4, 110, 90)]).second([(5, 110, 111)])
    assert resolved(tape.labeled(SECOND)) == [("EXPIRED", 1, S + 4, 1, 100), ("PROFIT", 0, S + 5, 2, 110)]


def test_an_expired_order_exits_at_the_quote_in_force() -> None:
    tape = (
        Tape().second([(0, 100, 101)], [(2, 110, 90), (7, 110, 90)]).second([(3, 102, 103), (7, 103, 104), (8, 1, 2)])
    )
    assert resolved(tape.labeled(SECOND)) == [("EXPIRED", 0, S + 2, 1, 100), ("EXPIRED", 1, S + 7, 3, 103)]


def test_a_holding_time_may_end_in_the_orders_own_second() -> None:
    tape = Tape().second([(0, 100, 101), (9, 120, 121)], [(5, 110, 90), (3, 110, 90), (7, 110, 90)])
    outputs = tape.labeled(LabelerConfig(max_holding_ns=3))
    assert resolved(outputs) == [("EXPIRED", 1, 6, 1, 100), ("EXPIRED", 0, 8, 1, 100), ("PROFIT", 2, 9, 2, 120)]


def test_an_expiry_at_a_seconds_end_belongs_to_the_next_where_a_tick_may_still_touch() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 110, 90), (0, 120, 90)])
    assert tape.labeled(SECOND) == []
    tape.second([(0, 110, 111)])
    assert resolved(tape.labeled(SECOND)) == [("PROFIT", 0, S, 2, 110), ("EXPIRED", 1, S, 2, 110)]


def test_open_orders_are_void_when_the_session_ends() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 110, 90)]).second([(5, 101, 102)], [(6, 111, 91)], ends=True)
    assert resolved(tape.labeled()) == [("VOID", 0, 2 * S, 2, 101), ("VOID", 1000, 2 * S, 2, 101)]


def test_an_expiry_at_the_sessions_very_end_is_no_void() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 110, 90), (1, 110, 90)], ends=True)
    assert resolved(tape.labeled(SECOND)) == [("EXPIRED", 0, S, 1, 100), ("VOID", 1, S, 1, 100)]


@pytest.mark.parametrize(
    "broken",
    [
        *({"skip": 1}, {"skip": 5_000}, {"session": 2}, {"first_seq": 3}, {"skip": 7, "session": 2, "first_seq": 9}),
        *({"opening": (99, 101)}, {"opening": (100, 102)}),
    ],
)
def test_a_break_ends_open_orders_at_the_last_second_before_it(broken: dict[str, Any]) -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).second([(3, 200, 201)], [(4, 210, 190)], **broken)
    assert resolved(tape.labeled()) == [("VOID", 0, S, 1, 100)]
    assert resolved(tape.second([(5, 210, 211)]).labeled())[1:2][0][0] == "PROFIT"


def test_a_break_expires_what_was_due_at_its_instant() -> None:
    tape = Tape().second([(0, 100, 101)], [(0, 110, 90), (1, 110, 90)]).second([(0, 200, 201)], skip=3)
    assert resolved(tape.labeled(SECOND)) == [("EXPIRED", 0, S, 1, 100), ("VOID", 1, S, 1, 100)]


def test_canonical_order_at_one_instant_is_touches_then_expiries_then_voids() -> None:
    tape = (
        Tape().second([(0, 100, 101)], [(9, 110, 90), (9, 120, 90)]).second([(9, 110, 111)], [(9, 120, 90)], ends=True)
    )
    assert resolved(tape.labeled(SECOND)) == [
        ("PROFIT", 0, S + 9, 2, 110),
        ("EXPIRED", 1, S + 9, 2, 110),
        ("VOID", 1000, 2 * S, 2, 110),
    ]


# ---- the join ------------------------------------------------------------------------------------------------------


def test_a_second_waits_for_its_orders() -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).second([(7, 110, 111)])
    labeler = Labeler(INSTRUMENT)
    assert feed(labeler, tape.seconds) == []
    assert (labeler.buffered_seconds, labeler.frontier) == (2, Frontier())
    assert feed(labeler, tape.orders[:1]) == []
    assert labeler.frontier == Frontier(START)
    assert resolved(feed(labeler, tape.orders[1:])) == [("PROFIT", 0, S + 7, 2, 110)]
    assert labeler.frontier == Frontier(START + 1, 0, 1)


def test_a_second_without_a_record_of_its_orders_is_labeled_when_a_later_one_is_seen() -> None:
    tape = (
        Tape().second([(0, 100, 101)], [(5, 110, 90)]).second([(7, 110, 111)], [(1, 120, 90)]).second([(8, 120, 121)])
    )
    labeler = Labeler(INSTRUMENT)
    assert feed(labeler, [*tape.seconds, tape.orders[0]]) == []
    assert resolved(feed(labeler, [tape.orders[2]])) == [("PROFIT", 0, S + 7, 2, 110)]
    assert labeler.orders_missing == 1
    assert feed(labeler, [tape.orders[1]]) == []  # too late: a repeat, as far as can be told


def test_orders_of_another_session_are_none() -> None:
    tape, other = Tape().second([(0, 100, 101)]), Tape().second([(0, 100, 101)], [(5, 110, 90)], session=2)
    labeler = Labeler(INSTRUMENT)
    assert feed(labeler, [*tape.seconds, *other.orders]) == []
    assert (labeler.open_order_count, labeler.orders_missing) == (0, 1)


def test_orders_without_a_second_are_dropped() -> None:
    tape = Tape().second([(0, 100, 101)]).second([], [(5, 110, 90)]).second([(0, 110, 111)])
    labeler = Labeler(INSTRUMENT)
    feed(labeler, [*tape.orders, tape.seconds[0], tape.seconds[2]])
    assert (labeler.open_order_count, labeler.buffered_orders, labeler.second) == (0, 0, START + 2)


def eventful() -> Tape:
    """Sessions, breaks, quiet stretches, orders that end every way, examples among them."""
    rng, tape = Random(5), Tape().second([(0, 100, 101)])
    tape.quiet(HISTORY_S + 5)
    for _ in range(300):
        quotes = [(at * 1000, bid := rng.randint(95, 105), bid + 1) for at in range(rng.choice((0, 0, 1, 3)))]
        orders = [(at * 500, 100 + rng.randint(2, 6), 100 - rng.randint(2, 6)) for at in range(3)]
        tape.second(quotes, orders, skip=rng.random() < 0.003)
    tape.second(ends=True)
    tape.second([(0, 100, 101)], [(5, 103, 97)], session=2, skip=4)
    return tape.second([(1, 103, 104)], [(5, 108, 97)])


@pytest.mark.parametrize("seed", range(4))
def test_the_outputs_do_not_depend_on_how_the_topics_interleave(seed: int) -> None:
    rng, tape = Random(seed), eventful()
    config = LabelerConfig(max_holding_ns=20 * S)
    queues, mixed = [tape.seconds[::-1], tape.orders[::-1]], []
    while any(queues):
        queue = rng.choice([queue for queue in queues if queue])
        for _ in range(min(len(queue), rng.choice((1, 2, 40, 400)))):
            mixed.append(queue.pop())  # noqa: PERF401 - the queues change
    expected = encoded(tape.labeled(config))
    assert len(expected) > 500
    assert encoded(feed(Labeler(INSTRUMENT, config), mixed)) == expected


def test_repeats_change_nothing() -> None:
    tape = eventful()
    labeler = Labeler(INSTRUMENT)
    records, outputs = tape.records, []
    for at, record in enumerate(records):
        outputs += feed(labeler, [record, record, *records[max(0, at - 7) : at : 3]])
    assert encoded(outputs) == encoded(tape.labeled())


# ---- examples ------------------------------------------------------------------------------------------------------


def history(seconds: int) -> Tape:
    """Closing quotes that tell their second."""
    tape = Tape()
    for at in range(seconds):
        tape.second([(0, 1000 + at, 1002 + at)])
    return tape


def test_features_are_cut_from_the_seconds_before_the_orders_own() -> None:
    tape = history(HISTORY_S)
    tape.second([(0, 2000, 2010), (9, 3000, 3010)], [(5, 4000, 100)]).second([(1, 4000, 4001)])
    ((transaction, example),) = tape.labeled()
    assert example is not None
    # Placed at the closing quote, 3000 and 3010: the mid at the instant is 3005.
    mids = np.array([1001 + at for at in range(HISTORY_S)], dtype=np.int64)
    day = DayMids(10 + HISTORY_S - 1, 20 + HISTORY_S - 1, 30 + HISTORY_S - 1)
    expected = features.feature_row(3000, 3010, day, mids)
    assert example.features == expected.tobytes()
    assert np.frombuffer(example.features, dtype="<f4")[5] == np.float32((1001 + HISTORY_S - 1 - 3005) / 1e9)
    assert (example.example_seq, example.label, example.pnl_e9) == (1, 1, 4000 - 3010)
    assert (example.order_id, example.placed_ns) == (transaction.order_id, transaction.placed_ns)
    assert example.resolved_ns == transaction.resolved_ns


def test_an_order_with_a_shorter_past_makes_no_example() -> None:
    tape = history(HISTORY_S - 1).second([], [(5, 4000, 100)]).second([], [(5, 4000, 100)]).second([(1, 4000, 4001)])
    assert [example and example.order_id for _, example in tape.labeled()] == [None, (START + 600) * 1000]


def test_the_past_begins_anew_after_a_break() -> None:
    tape = history(HISTORY_S + 10).second([(0, 5000, 5001)], skip=1).quiet(HISTORY_S - 1)
    tape.second([], [(5, 9000, 1)]).second([], [(5, 9000, 1)]).second([(1, 9000, 9001)])
    assert [example is not None for _, example in tape.labeled()] == [True, True]
    short = history(HISTORY_S + 10).second([(0, 5000, 5001)], skip=1).quiet(HISTORY_S - 2)
    short.second([], [(5, 9000, 1)]).second([], [(5, 9000, 1)]).second([(1, 9000, 9001)])
    assert [example is not None for _, example in short.labeled()] == [False, True]


def test_example_seq_counts_touched_orders_that_have_features() -> None:
    tape = history(HISTORY_S).second([], [(5, 4000, 100), (6, 5000, 100)]).second([(1, 4000, 4001)], [(2, 9000, 100)])
    tape.second([(1, 50, 51)], [(3, 60, 40)]).second([(1, 40, 41)], [(3, 99, 1)], ends=True)
    outputs = tape.labeled(LabelerConfig(max_holding_ns=10 * S))
    assert [(t.outcome, e and (e.example_seq, e.label)) for t, e in outputs] == [
        (Outcome.PROFIT, (1, 1)),
        (Outcome.LOSS, (2, 0)),
        (Outcome.LOSS, (3, 0)),
        (Outcome.LOSS, (4, 0)),
        (Outcome.VOID, None),
    ]


def test_an_order_keeps_its_past_however_long_it_is_open() -> None:
    tape = history(HISTORY_S).second([(0, 2000, 2010)], [(5, 10**6, 100)])
    for at in range(2_500):
        tape.second([(0, 1000 + at % 50, 1002)], [(5, 1100, 990)] if at % 3 == 0 else [])
    outputs = tape.second([(0, 10**6, 10**6 + 1)]).labeled()
    old = next(e for t, e in outputs if t.order_id == (START + HISTORY_S) * 1000)
    assert old is not None
    mids = np.array([1001 + at for at in range(HISTORY_S)], dtype=np.int64)
    assert old.features == features.feature_row(2000, 2010, DayMids(609, 619, 629), mids).tobytes()


# ---- state ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [LabelerConfig(), LabelerConfig(ExitOn.MID, 30 * S)])
def test_a_snapshot_taken_anywhere_goes_on_the_same(config: LabelerConfig) -> None:
    tape = eventful()
    whole, records = tape.labeled(config), tape.records
    labeler, outputs = Labeler(INSTRUMENT, config), []
    for at, record in enumerate(records):
        outputs += feed(labeler, [record])
        if at % 97 == 0 or at > len(records) - 8:
            state = labeler.snapshot()
            rest = feed(Labeler.restore(state, config), [r for r in records if r.second > state.frontier.second])
            assert encoded(outputs + rest) == encoded(whole)


def test_outputs_that_are_written_already_are_made_again_in_silence() -> None:
    tape = eventful()
    whole, records = tape.labeled(), tape.records
    assert len(whole) > 500
    first = Labeler(INSTRUMENT)
    states = [first.snapshot()]
    outputs: list[Output] = []
    for before, after in pairwise(range(0, len(records) + 401, 400)):
        outputs += feed(first, records[before:after])
        for state in states:
            again = Labeler.restore(state)
            again.replay_to(first.frontier)
            assert again.replaying == (state.frontier.second < first.frontier.second)
            rest = feed(again, [r for r in records if r.second > state.frontier.second])
            assert encoded(outputs + rest) == encoded(whole)
            assert not again.replaying
            assert again.orders_missing == 0
        states = [first.snapshot()]


@pytest.mark.parametrize("wrong", [Frontier(START + 1, 0, 0), Frontier(START + 1, 1, 1), Frontier(START + 1, 0, 2)])
def test_labels_that_come_out_otherwise_than_written_are_an_error(wrong: Frontier) -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).second([(7, 110, 111)])
    labeler = Labeler(INSTRUMENT)
    labeler.replay_to(wrong)
    with pytest.raises(StateMismatchError, match="sim:TEST: labels made again up to second 1001"):
        feed(labeler, tape.records)


def test_a_written_second_that_is_passed_over_is_an_error() -> None:
    tape = Tape().second([(0, 100, 101)], [(5, 110, 90)]).second([(7, 105, 106)], skip=5)
    labeler = Labeler(INSTRUMENT)
    labeler.replay_to(Frontier(START + 3, 0, 0))
    with pytest.raises(StateMismatchError):
        feed(labeler, tape.records)


def test_a_snapshot_holds_no_more_than_is_needed() -> None:
    labeler = Labeler(INSTRUMENT)
    feed(labeler, history(5_000).second([], [(5, 9000, 1)]).quiet(20).records)
    assert labeler.snapshot().history.shape == (4, HISTORY_S + 21)
    assert labeler.snapshot().orders.shape == (6, 1)
    assert labeler.state_bytes == 8 * (4 * (HISTORY_S + 21) + 6)

"""The bettor by hand, and on streams of pure chance: right ones stay poor, wrong ones are found out."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.quality.evidence import wrong
from bench.quality.evidence.chance import RightBettor, highest
from bench.quality.evidence.rules import RULES, Rule
from tidewheel.domain import betting
from tidewheel.domain.betting import (
    BETTING_FRACTIONS,
    FIXED_SHARE,
    INITIAL_CAPITALS,
    Bet,
    Bettor,
    Capitals,
    FlaggedOrders,
)

NEVER = 10**9
RESULTS = st.lists(st.floats(-100.0, 100.0), max_size=50)


def orders(*rows: tuple[int, int, float]) -> FlaggedOrders:
    """(placed, resolved, gross) each; the net result is a quarter less."""
    placed, resolved, gross = (np.array(column) for column in zip(*rows, strict=True))
    return FlaggedOrders(placed, resolved, gross.astype(float), gross - 0.25)


NONE = FlaggedOrders(*(np.empty(0, dtype=kind) for kind in (np.int64, np.int64, np.float64, np.float64)))


def exact(results: Iterable[float]) -> list[Fraction]:
    """The capitals by the rule, in fractions."""
    held = [Fraction(1)] * len(BETTING_FRACTIONS)
    for result in results:
        held = [
            capital * max(Fraction(0), 1 + Fraction(stake) * Fraction(result))
            for capital, stake in zip(held, BETTING_FRACTIONS, strict=True)
        ]
        all_of_it = sum(held)
        held = [p * (1 - Fraction(FIXED_SHARE)) + all_of_it / len(held) * Fraction(FIXED_SHARE) for p in held]
    return held


@given(RESULTS)
def test_capitals_are_those_of_the_rule(results: list[float]) -> None:
    found = betting.compounded(INITIAL_CAPITALS, results)
    for capital, true in zip(found, exact(results), strict=True):
        assert capital == pytest.approx(float(min(true, Fraction(betting.WEALTH_MAX))), rel=1e-12, abs=1e-300)


def test_evening_out_neither_gives_nor_takes() -> None:
    capitals = betting.compounded(INITIAL_CAPITALS, [1.0])
    assert betting.wealth(capitals) == pytest.approx(1 + sum(BETTING_FRACTIONS) / len(BETTING_FRACTIONS), rel=1e-15)
    assert betting.wealth(INITIAL_CAPITALS) == 1.0
    assert min(betting.compounded(INITIAL_CAPITALS, [-3.0])) > 0  # an emptied capital is filled from the others


def nobody_owes(compounded: Callable[[Capitals, list[float]], Capitals]) -> None:
    for results in ([-2.0], [-5.0, -5.0], [-1e300, -1e300], [1e300] * 3):
        capitals = compounded(INITIAL_CAPITALS, results)
        assert all(0 <= capital <= betting.WEALTH_MAX for capital in capitals), results


def test_nobody_owes_whatever_an_order_loses() -> None:
    nobody_owes(lambda capitals, results: betting.compounded(capitals, results))


def test_capitals_that_may_owe_are_found_out() -> None:
    def owing(capitals: Capitals, results: list[float]) -> Capitals:
        for result in results:
            capitals = tuple(
                capital * (1.0 + stake * result) for capital, stake in zip(capitals, BETTING_FRACTIONS, strict=True)
            )
        return capitals

    with pytest.raises(AssertionError):
        nobody_owes(owing)


def test_one_order_at_a_time() -> None:
    seen = orders((10, 30, 1.0), (11, 12, 1.0), (30, 31, 1.0), (31, 40, -1.0), (40, 41, 1.0), (50, 60, 0.5))
    now = Bettor().update(seen, NEVER)
    assert (now.bets, now.free_from_ns, now.pending) == (3, 60, ())
    assert now.gross == betting.compounded(INITIAL_CAPITALS, [1.0, -1.0, 0.5])
    assert now.net == betting.compounded(INITIAL_CAPITALS, [0.75, -1.25, 0.25])
    assert now.e_gross > now.e_net


def test_what_is_not_to_be_settled_yet_stays_pending() -> None:
    now = Bettor().update(orders((10, 30, 1.0), (31, 40, -1.0)), 30)
    assert (now.bets, now.free_from_ns, now.pending) == (1, 30, (Bet(31, 40, -1.0, -1.25),))
    later = now.update(NONE, 31)
    assert (later.bets, later.free_from_ns, later.pending) == (2, 40, ())
    assert later.gross == betting.compounded(INITIAL_CAPITALS, [1.0, -1.0])


def test_an_order_that_ends_late_displaces_what_the_bettor_could_not_have_taken() -> None:
    quick = Bettor().update(orders((10, 20, 1.0), (25, 30, 1.0), (35, 40, 1.0)), 15)
    assert [bet.placed_ns for bet in quick.pending] == [25, 35]
    late = quick.update(orders((22, 50, -1.0), (51, 60, 1.0)), NEVER)
    assert late.gross == betting.compounded(INITIAL_CAPITALS, [1.0, -1.0, 1.0])
    assert late.bets == 3


def test_an_order_placed_while_she_held_another_is_no_bet_however_late() -> None:
    held = Bettor().update(orders((10, 20, 1.0), (25, 30, 1.0)), 20)
    assert held.update(orders((15, 50, -1.0)), NEVER).gross == betting.compounded(INITIAL_CAPITALS, [1.0, 1.0])


@given(st.data())
def test_windows_make_no_difference_once_all_have_ended(data: st.DataObject) -> None:
    """Shown window by window in the order of ending, and settled only up to what has surely ended, the bets are those
    of who sees everything at once."""
    lives = data.draw(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 25), st.floats(-1, 1)), max_size=40))
    rows = sorted(((placed, placed + life, result) for placed, life, result in lives), key=lambda row: (row[1], row[0]))
    rows = list({row[0]: row for row in rows}.values())  # one at each instant: of two it would not matter which
    rows.sort(key=lambda row: row[1])
    if not rows:
        return
    whole = Bettor().update(orders(*sorted(rows)), NEVER)
    now, at = Bettor(), 0
    while at < len(rows):
        more = data.draw(st.integers(1, 10))
        # Orders that end together come together: the next window's end later than all of this one's.
        while at + more < len(rows) and rows[at + more][1] == rows[at + more - 1][1]:
            more += 1
        window = rows[at : at + more]
        now = now.update(orders(*window), window[-1][1] - 25)
        at += more
    assert now.update(NONE, NEVER) == whole


def test_a_bettor_who_holds_too_much_back_settles_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(betting, "PENDING_MAX", 2)
    now = Bettor().update(orders(*((at, at, 0.1) for at in range(1, 6))), 0)
    assert (now.bets, len(now.pending)) == (3, 2)


def test_an_order_that_ends_before_it_is_placed_ends_the_walk_all_the_same() -> None:
    assert Bettor().update(orders((10, 5, 0.5), (11, 12, 0.5)), NEVER).bets == 2


def test_all_have_ended_twice_the_longest_life_ago() -> None:
    assert betting.all_resolved_ns(np.array([10, 20, 30]), np.array([15, 45, 40])) == 45 - 2 * 25


@pytest.mark.parametrize(("kind", "rule"), [("gaussian", "riding"), ("jumping", "trained"), ("leaping", "chasing")])
def test_on_pure_chance_she_stays_poor(kind: str, rule: str) -> None:
    found = [highest(kind, RULES[rule], seed, 60) for seed in range(30)]
    assert sum(one.gross >= 20 for one in found) <= 3
    assert sum(one.net >= 20 for one in found) <= 1
    assert min(one.bets for one in found) > 60


@pytest.mark.parametrize(
    ("kind", "rule", "make"),
    [
        ("gaussian", wrong.peeking, RightBettor),
        ("gaussian", RULES["noise"], wrong.Overlapping),
        ("far stop", RULES["always"], wrong.InItsOwnUnits),
    ],
)
def test_bettors_who_break_a_rule_are_found_out(kind: str, rule: Rule, make: type[RightBettor]) -> None:
    found = [highest(kind, rule, seed, 60, make) for seed in range(20)]
    assert sum(one.gross >= 20 for one in found) >= 10


def test_who_settles_at_once_prefers_the_quick_orders() -> None:
    """The one fault that takes many streams to show as wealth, by hand: of a slow loser and a quick winner placed after
    it, the hasty one has taken the winner."""
    hasty = Bettor().update(orders((22, 23, 1.0)), NEVER).update(orders((20, 40, -1.0)), NEVER)
    right = Bettor().update(orders((22, 23, 1.0)), 10).update(orders((20, 40, -1.0)), NEVER)
    assert hasty.e_gross > 1 > right.e_gross


def test_a_bettor_goes_on_where_she_was_left() -> None:
    first, second = orders((10, 30, 1.0)), orders((40, 50, 1.0))
    kept = Bettor().update(first, NEVER)
    assert replace(kept).update(second, NEVER) == kept.update(second, NEVER)
    assert kept.update(second, NEVER).bets == 2


def flagged(seed: int, chance_to_win: float, count: int = 1_500) -> FlaggedOrders:
    """Orders that overlap: placed each second, ended within twenty."""
    chance = np.random.default_rng(seed)
    placed = np.arange(count)
    net = np.where(chance.random(count) < chance_to_win, 1.0, -1.0)
    return FlaggedOrders(placed, placed + chance.integers(1, 20, count), net, net)


def test_the_better_of_two_wins_the_duel_and_only_that_one() -> None:
    one = betting.paired_test(flagged(1, 0.6), flagged(2, 0.4), 10)
    assert one.e_first > 100 > 1 > one.e_second
    other = betting.paired_test(flagged(2, 0.4), flagged(1, 0.6), 10)
    assert (other.e_first, other.e_second, other.rounds) == (one.e_second, one.e_first, one.rounds)


def test_of_two_alike_neither_wins() -> None:
    found = [betting.paired_test(flagged(seed, 0.5), flagged(1_000 + seed, 0.5), 10) for seed in range(60)]
    assert sum(one.e_first >= 20 for one in found) <= 3
    assert sum(one.e_second >= 20 for one in found) <= 3


def test_rounds_by_hand() -> None:
    first = orders((0, 12, 1.25), (9, 11, 0.25), (14, 30, 1.25), (100, 101, 0.25))
    second = orders((5, 20, -0.75), (19, 21, 0.25), (25, 26, 0.75), (104, 105, 0.25))
    # 0 to 9: +0.5 against -1, over at 20; 25 to 34: nothing against +0.5; 100 is too late to have surely ended.
    found = betting.paired_test(first, second, 10)
    assert found.rounds == 2
    assert found.first == betting.compounded(INITIAL_CAPITALS, [0.75, -0.25])
    assert found.second == betting.compounded(INITIAL_CAPITALS, [-0.75, 0.25])


def test_no_orders_no_rounds() -> None:
    assert betting.paired_test(NONE, NONE, 10) == betting.PairedTest()
    assert betting.paired_test(NONE, flagged(1, 0.8, 200), 10).e_second > 1

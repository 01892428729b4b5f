"""Which of several configurations is shown better: what their duels are measured by, and how much is asked for."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from tests.unit.backtest.values import comparison, flagged
from tidewheel.domain import betting
from tidewheel.domain.betting import FlaggedOrders
from tidewheel.domain.comparison import Comparison, ConfigurationOrders, History, Lead, compare_pair, leads
from tidewheel.domain.models import Evidence


def in_units(side: ConfigurationOrders, from_ns: int, unit_e9: int) -> FlaggedOrders:
    """By hand."""
    rows = [
        row for row in zip(side.placed_ns, side.resolved_ns, side.pnl_e9 / unit_e9, strict=True) if row[0] > from_ns
    ]
    placed, resolved, net = map(np.array, zip(*sorted(rows, key=lambda row: row[0]), strict=True))
    return FlaggedOrders(placed, resolved, net, net)


def test_a_duel_begins_late_in_the_larger_unit_and_in_rounds_of_the_longer_life() -> None:
    first = replace(flagged(1, 0.6), from_ns=100, unit_e9=3, holding_ns=10)
    second = replace(flagged(2, 0.4), from_ns=250, unit_e9=2, holding_ns=30)
    wanted = betting.paired_test(in_units(first, 250, 3), in_units(second, 250, 3), 30)
    assert compare_pair(first, second) == wanted
    assert wanted.rounds > 10
    for other in (replace(first, from_ns=300), replace(first, unit_e9=4), replace(first, holding_ns=50)):
        assert compare_pair(other, second) != wanted


def test_orders_need_not_come_in_order() -> None:
    first, second = flagged(1, 0.6), flagged(2, 0.4)
    order = np.random.default_rng(1).permutation(len(first.placed_ns))
    mixed = replace(
        first, placed_ns=first.placed_ns[order], resolved_ns=first.resolved_ns[order], pnl_e9=first.pnl_e9[order]
    )
    assert compare_pair(mixed, second) == compare_pair(first, second)


def test_every_pair_both_ways_the_strongest_first() -> None:
    found = leads([flagged(1, 0.5), None, flagged(2, 0.7), flagged(3, 0.5)])
    assert sorted((lead.better, lead.worse) for lead in found) == sorted(permutations((0, 2, 3), 2))
    assert [lead.e for lead in found] == sorted((lead.e for lead in found), reverse=True)
    assert {lead.better for lead in found[:2]} == {2}
    assert found[0].e > 100 > 1 > found[-1].e


def test_nobody_to_fight() -> None:
    assert leads([flagged(1, 0.5)]) == leads([None, None]) == leads([]) == ()


@pytest.mark.parametrize(("e", "weight"), [(159.0, "none"), (160.0, "weak"), (799.0, "weak"), (800.0, "strong")])
def test_who_looks_often_asks_for_more(e: float, weight: str) -> None:
    found = comparison(e)
    assert (found.looks, found.weak_at, found.strong_at) == (8, 160.0, 800.0)
    assert found.evidence(found.histories[0].leads[0]) is Evidence(weight)


def test_of_many_alike_none_is_shown_better_and_one_that_is_better_is() -> None:
    alike = [flagged(seed, 0.5) for seed in range(6)]
    none, one = leads(alike), leads([*alike, flagged(99, 0.9)])
    weights = [comparison_of(found).evidence(found[0]) for found in (none, one)]
    assert weights == [Evidence.NONE, Evidence.STRONG]
    assert one[0].better == 6


def comparison_of(found: tuple[Lead, ...]) -> Comparison:
    return Comparison((History("a.csv", (), found),))

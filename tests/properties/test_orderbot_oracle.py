"""The order bot's core against the oracle: the same orders and the same refusals in every second."""

from random import Random

import pytest

from services.orderbot.core import OrderRule, orders_of
from tests import markets, oracle
from tests.properties.values import same
from tidewheel.domain.orders import SecondOrders
from tidewheel.domain.prices import Threshold


def by_core(result: oracle.Result, settings: oracle.Settings) -> list[SecondOrders]:
    rule = OrderRule(settings.orders_per_second, Threshold.parse(settings.threshold))
    return [orders_of(second, rule) for second in markets.seconds(result)]


def differing(seed: int, planted: oracle.Settings, core: oracle.Settings) -> list[int]:
    """Seconds whose orders differ between the oracle, told one thing, and the core, told another."""
    result = oracle.evaluate_rows(markets.rows(Random(seed), quotes=40), planted)
    pairs = zip(markets.second_orders(result), by_core(result, core), strict=True)
    return [wanted.second for wanted, got in pairs if not same(wanted, got)]


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_the_oracle(seed: int) -> None:
    settings = markets.settings(Random(seed))
    assert differing(seed, settings, settings) == []


@pytest.mark.parametrize("threshold", ["0.000000001", "0.00001bps", "19", "20", "99999bps", "9199999899"])
def test_equal_where_thresholds_are_extreme(threshold: str) -> None:
    settings = oracle.Settings(threshold=threshold)
    assert differing(1, settings, settings) == []


@pytest.mark.parametrize(
    "core",
    [
        oracle.Settings(threshold="2.000000001"),
        oracle.Settings(threshold="2", orders_per_second=4),
        oracle.Settings(threshold="200bps"),
    ],
)
def test_a_planted_difference_is_noticed(core: oracle.Settings) -> None:
    assert differing(1, oracle.Settings(threshold="2"), core)

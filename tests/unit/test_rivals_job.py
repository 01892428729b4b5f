"""The labeler's job as the rivals have it says what the labeler says: else their figures would mean nothing."""

from itertools import chain

import pytest

from bench.labeler import Market
from bench.rivals import job
from bench.rivals.__main__ import EndingMarket, RunMeasurement, beside
from services.labeler.core import Labeler
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_example, encode_orders, encode_transaction
from tidewheel.wire.v1.market_pb2 import MarketSecond
from tidewheel.wire.v1.orders_pb2 import SecondOrders

Written = list[tuple[bytes, bytes | None]]


class Kept(dict[str, bytes]):
    """A state store that is a dict."""

    def put(self, key: str, value: bytes) -> None:
        self[key] = value

    def drop(self, key: str) -> None:
        self.pop(key, None)


def by_the_labeler(market: Market) -> Written:
    labeler = Labeler(market.instrument)
    outputs = chain.from_iterable((*labeler.on_orders(orders), *labeler.on_second(second)) for second, orders in market)
    return [(encode_transaction(one), None if other is None else encode_example(other)) for one, other in outputs]


def by_the_job(market: Market, store: Kept, *, orders_first: bool) -> Written:
    outputs: list[job.Output] = []
    for made_second, made_orders in market:
        second = MarketSecond.FromString(encode_second(made_second))
        orders = SecondOrders.FromString(encode_orders(made_orders))
        if orders_first:
            outputs += job.on_orders(store, orders)
            outputs += job.on_second(store, second)
        else:
            outputs += job.on_second(store, second)
            outputs += job.on_orders(store, orders)
    return [(one.SerializeToString(), None if other is None else other.SerializeToString()) for one, other in outputs]


@pytest.mark.parametrize("orders_first", [False, True])
@pytest.mark.parametrize("quotes_per_second", [0.4, 30.0])
def test_the_job_writes_what_the_labeler_writes(quotes_per_second: float, orders_first: bool) -> None:
    market, store = EndingMarket("sim:A", quotes_per_second, 900, 100, 3), Kept()
    written = by_the_job(market, store, orders_first=orders_first)
    assert written == by_the_labeler(market)
    assert sum(example is not None for _, example in written) > 500
    # Nothing is left behind when the session has ended.
    assert set(store) == {"head"}


def took(market_seconds: int, wall_s: float, cpu_s: float, **written: tuple[int, str]) -> RunMeasurement:
    return RunMeasurement(
        market_seconds, wall_s, cpu_s, {f"examples/{name}": found for name, found in written.items()}, {}
    )


def test_a_ratio_is_of_rates_of_the_same_round() -> None:
    market = EndingMarket("one", 1, 10, 100, 3)
    ours = [took(20, 1.0, 1.0, one=(5, "a"), two=(6, "b")), took(20, 2.0, 1.0, one=(5, "a"), two=(6, "b"))]
    theirs = [took(10, 1.0, 1.0, one=(5, "a")), took(10, 3.0, 2.0, one=(5, "a"))]
    assert beside(theirs, ours, [market]) == {
        "equal_to_ours": True,
        "ours_over_theirs": {"median": 2.5, "lowest": 2.0, "highest": 3.0},
        "ours_over_theirs_by_cpu": {"median": 3.0, "lowest": 2.0, "highest": 4.0},
    }


@pytest.mark.parametrize("written", [{}, {"one": (5, "x")}, {"one": (4, "a")}, {"one": (5, "a"), "two": (6, "b")}])
def test_a_wrong_answer_is_seen(written: dict[str, tuple[int, str]]) -> None:
    market, ours = EndingMarket("one", 1, 10, 100, 3), took(20, 1.0, 1.0, one=(5, "a"), two=(6, "b"))
    assert not beside([took(10, 1.0, 1.0, **written)], [ours], [market])["equal_to_ours"]

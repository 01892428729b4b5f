"""Open orders: barrier indexes, holes, rows that move; against a plain list."""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from services.labeler.barrier_index import NO_BARRIER_E9, UNSORTED_ROWS_MAX, BarrierIndex
from services.labeler.open_orders import SPARE_ROWS_MIN, OpenOrders
from tidewheel.domain.orders import SecondOrders


def empty_index() -> BarrierIndex:
    return BarrierIndex(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def taken(barrier_index: BarrierIndex, limit: int) -> list[int]:
    return sorted(row for rows in barrier_index.take(limit) for row in rows.tolist())


def test_an_index_gives_the_rows_up_to_a_price_once() -> None:
    barrier_index = empty_index()
    assert barrier_index.nearest == NO_BARRIER_E9
    barrier_index.add([30, 10, 20], [0, 1, 2])
    assert barrier_index.nearest == 10
    assert taken(barrier_index, 9) == []
    assert taken(barrier_index, 20) == [1, 2]
    assert (taken(barrier_index, 20), barrier_index.nearest) == ([], 30)
    assert (taken(barrier_index, 30), barrier_index.nearest) == ([0], NO_BARRIER_E9)


@pytest.mark.parametrize("seed", range(5))
def test_an_index_of_thousands_is_a_plain_list(seed: int) -> None:
    rng, plain, rows = Random(seed), list[tuple[int, int]](), 0
    barrier_index = empty_index()
    for _ in range(600):
        count = rng.randint(1, 40)
        prices = [rng.randint(0, 1000) + rows // 10 for _ in range(count)]
        barrier_index.add(prices, range(rows, rows + count))
        plain += zip(prices, range(rows, rows + count), strict=True)
        rows += count
        assert barrier_index.nearest == min(plain)[0]
        if rng.random() < 0.2:
            limit = min(plain)[0] + rng.choice((-1, 0, 1, 50, 300))
            assert taken(barrier_index, limit) == sorted(row for price, row in plain if price <= limit)
            plain = [pair for pair in plain if pair[0] > limit]
            if not plain:
                barrier_index.add([1], [rows])
                plain, rows = [(1, rows)], rows + 1


def test_runs_stay_few() -> None:
    rng, barrier_index = Random(1), empty_index()
    for row in range(100 * UNSORTED_ROWS_MAX):
        barrier_index.add([rng.randint(0, 10**6)], [row])
    assert len(barrier_index._runs) <= 8


@dataclass
class Placed:
    order_id: int
    upper: int
    lower: int


def second_orders(orders: list[Placed], placed_ns: int) -> SecondOrders:
    column = [np.array([getattr(order, name) for order in orders]) for name in ("order_id", "upper", "lower")]
    same = np.full(len(orders), placed_ns)
    return SecondOrders("sim:A", 1, 0, column[0], same, same, same, column[1], column[2])


@pytest.mark.parametrize("seed", range(3))
def test_through_many_placings_and_closings_it_is_a_plain_list(seed: int) -> None:
    """Enough for rows to be moved several times while some orders stay."""
    rng, price, number = Random(seed), 10_000, 0
    open_orders, plain = OpenOrders(np.empty((6, 0), dtype=np.int64)), dict[int, Placed]()
    for at in range(3_000):
        made = []
        for _ in range(rng.randint(1, 5)):
            made.append(Placed(number, price + rng.randint(1, 60), price - rng.randint(1, 60)))
            number += 1
        rows = open_orders.place(second_orders(made, at))
        assert open_orders.values(np.array(rows))[:, 0].tolist() == [order.order_id for order in made]
        open_orders.activate_barriers(rows, [order.upper for order in made], [order.lower for order in made])
        plain |= {order.order_id: order for order in made}
        price += rng.randint(-5, 5)
        found = open_orders.take_touched(price + 2, price - 2)
        ids = sorted(open_orders.values(found)[:, 0].tolist())
        assert ids == sorted(o.order_id for o in plain.values() if o.upper <= price + 2 or o.lower >= price - 2)
        open_orders.close(found)
        for order_id in ids:
            del plain[order_id]
        assert open_orders.live == len(plain)
    assert number > 3 * SPARE_ROWS_MIN
    assert open_orders.orders[0].tolist() == sorted(plain)
    oldest = min(plain)
    assert open_orders.oldest_placed_ns(0) == open_orders.orders[1][0]
    again = OpenOrders(open_orders.orders)
    assert sorted(again.values(again.take_touched(10**9, price))[:, 0].tolist()) == sorted(plain)
    assert oldest == open_orders.orders[0][0]


def test_due_are_the_open_orders_placed_before_an_instant() -> None:
    open_orders = OpenOrders(np.empty((6, 0), dtype=np.int64))
    for at in range(10):
        open_orders.place(second_orders([Placed(at, 9, 1)], at))
    open_orders.close(np.array([1]))
    first = open_orders.take_expired(4)
    assert open_orders.values(first)[:, 0].tolist() == [0, 2, 3]
    open_orders.close(first)
    assert open_orders.take_expired(4).tolist() == []
    assert open_orders.values(open_orders.take_expired(100))[:, 0].tolist() == [4, 5, 6, 7, 8, 9]


def test_the_oldest_order_of_those_from_an_instant_on() -> None:
    open_orders = OpenOrders(np.empty((6, 0), dtype=np.int64))
    assert open_orders.oldest_placed_ns(0) is None
    for at in range(10):
        open_orders.place(second_orders([Placed(at, 9, 1)], at))
    open_orders.close(np.array([5, 6]))
    assert [open_orders.oldest_placed_ns(at) for at in (0, 4, 5, 9, 10)] == [0, 4, 7, 9, None]


def test_an_open_order_takes_no_more_than_250_bytes() -> None:
    """Table, barrier indexes and the holes they may have, counted in full."""
    open_orders, at, worst = OpenOrders(np.empty((6, 0), dtype=np.int64)), 0, 0.0
    for second in range(30_000):
        rows = open_orders.place(second_orders([Placed(at + i, 10**12 + at, 10**12 - at) for i in range(5)], second))
        open_orders.activate_barriers(rows, [10**12 + at] * 5, [at - 10**12] * 5)
        at += 5
        if second % 500 == 499 and open_orders.live > 10_000:
            worst = max(worst, bytes_in_use(open_orders) / open_orders.live)
    assert 48 < worst < 250


def bytes_in_use(open_orders: OpenOrders) -> int:
    runs = [run for barrier_index in (open_orders._upper, open_orders._lower) for run in barrier_index._runs]
    unsorted = sum(len(barrier_index._unsorted_rows) for barrier_index in (open_orders._upper, open_orders._lower))
    return (
        open_orders._table.nbytes
        + open_orders._alive.nbytes
        + sum(run.prices.nbytes + run.rows.nbytes for run in runs)
        + 100 * unsorted
    )

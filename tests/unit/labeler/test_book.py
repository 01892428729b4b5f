"""Open orders: ladders, holes, rows that move; against a plain list."""

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from services.labeler.book import ROOM_MIN, Book
from services.labeler.ladder import FAR, YOUNG_MAX, Ladder
from tidewheel.domain.orders import SecondOrders


def empty_ladder() -> Ladder:
    return Ladder(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


def taken(ladder: Ladder, limit: int) -> list[int]:
    return sorted(row for rows in ladder.take(limit) for row in rows.tolist())


def test_a_ladder_gives_the_rows_up_to_a_price_once() -> None:
    ladder = empty_ladder()
    assert ladder.nearest == FAR
    ladder.add([30, 10, 20], [0, 1, 2])
    assert ladder.nearest == 10
    assert taken(ladder, 9) == []
    assert taken(ladder, 20) == [1, 2]
    assert (taken(ladder, 20), ladder.nearest) == ([], 30)
    assert (taken(ladder, 30), ladder.nearest) == ([0], FAR)


@pytest.mark.parametrize("seed", range(5))
def test_a_ladder_of_thousands_is_a_plain_list(seed: int) -> None:
    chance, plain, rows = Random(seed), list[tuple[int, int]](), 0
    ladder = empty_ladder()
    for _ in range(600):
        count = chance.randint(1, 40)
        prices = [chance.randint(0, 1000) + rows // 10 for _ in range(count)]
        ladder.add(prices, range(rows, rows + count))
        plain += zip(prices, range(rows, rows + count), strict=True)
        rows += count
        assert ladder.nearest == min(plain)[0]
        if chance.random() < 0.2:
            limit = min(plain)[0] + chance.choice((-1, 0, 1, 50, 300))
            assert taken(ladder, limit) == sorted(row for price, row in plain if price <= limit)
            plain = [pair for pair in plain if pair[0] > limit]
            if not plain:
                ladder.add([1], [rows])
                plain, rows = [(1, rows)], rows + 1


def test_runs_stay_few() -> None:
    chance, ladder = Random(1), empty_ladder()
    for row in range(100 * YOUNG_MAX):
        ladder.add([chance.randint(0, 10**6)], [row])
    assert len(ladder._runs) <= 8


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
def test_a_book_through_many_placings_and_endings_is_a_plain_list(seed: int) -> None:
    """Enough for rows to be moved several times while some orders stay."""
    chance, price, number = Random(seed), 10_000, 0
    book, plain = Book(np.empty((6, 0), dtype=np.int64)), dict[int, Placed]()
    for at in range(3_000):
        made = []
        for _ in range(chance.randint(1, 5)):
            made.append(Placed(number, price + chance.randint(1, 60), price - chance.randint(1, 60)))
            number += 1
        rows = book.place(second_orders(made, at))
        assert book.values(np.array(rows))[:, 0].tolist() == [order.order_id for order in made]
        book.await_touch(rows, [order.upper for order in made], [order.lower for order in made])
        plain |= {order.order_id: order for order in made}
        price += chance.randint(-5, 5)
        found = book.within(price + 2, price - 2)
        ids = sorted(book.values(found)[:, 0].tolist())
        assert ids == sorted(o.order_id for o in plain.values() if o.upper <= price + 2 or o.lower >= price - 2)
        book.end(found)
        for order_id in ids:
            del plain[order_id]
        assert book.live == len(plain)
    assert number > 3 * ROOM_MIN
    assert book.orders[0].tolist() == sorted(plain)
    oldest = min(plain)
    assert book.oldest_placed_ns(0) == book.orders[1][0]
    again = Book(book.orders)
    assert sorted(again.values(again.within(10**9, price))[:, 0].tolist()) == sorted(plain)
    assert oldest == book.orders[0][0]


def test_due_are_the_open_orders_placed_before_an_instant() -> None:
    book = Book(np.empty((6, 0), dtype=np.int64))
    for at in range(10):
        book.place(second_orders([Placed(at, 9, 1)], at))
    book.end(np.array([1]))
    first = book.due(4)
    assert book.values(first)[:, 0].tolist() == [0, 2, 3]
    book.end(first)
    assert book.due(4).tolist() == []
    assert book.values(book.due(100))[:, 0].tolist() == [4, 5, 6, 7, 8, 9]


def test_the_oldest_order_of_those_from_an_instant_on() -> None:
    book = Book(np.empty((6, 0), dtype=np.int64))
    assert book.oldest_placed_ns(0) is None
    for at in range(10):
        book.place(second_orders([Placed(at, 9, 1)], at))
    book.end(np.array([5, 6]))
    assert [book.oldest_placed_ns(at) for at in (0, 4, 5, 9, 10)] == [0, 4, 7, 9, None]


def test_an_open_order_takes_no_more_than_250_bytes() -> None:
    """Table, ladders and the holes they may have, counted in full."""
    book, at, worst = Book(np.empty((6, 0), dtype=np.int64)), 0, 0.0
    for second in range(30_000):
        rows = book.place(second_orders([Placed(at + i, 10**12 + at, 10**12 - at) for i in range(5)], second))
        book.await_touch(rows, [10**12 + at] * 5, [at - 10**12] * 5)
        at += 5
        if second % 500 == 499 and book.live > 10_000:
            worst = max(worst, held_bytes(book) / book.live)
    assert 48 < worst < 250


def held_bytes(book: Book) -> int:
    runs = [run for ladder in (book._upper, book._lower) for run in ladder._runs]
    young = sum(len(ladder._young_rows) for ladder in (book._upper, book._lower))
    return (
        book._table.nbytes + book._alive.nbytes + sum(run.prices.nbytes + run.rows.nbytes for run in runs) + 100 * young
    )

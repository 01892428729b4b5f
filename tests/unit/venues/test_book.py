"""A book kept here says what the venue's says, or nothing: held beside one that is sorted anew at each step."""

from random import Random

import pytest

from tidewheel.contracts.invalid_record import DeadLetterReason as Reason
from tidewheel.venues.book import UNUSABLE_MAX, Books
from tidewheel.venues.catalogue import ADAPTERS
from tidewheel.venues.frames import BookChange, BookSnapshot, Broken, Faulty, Frame, Heartbeat, Ignored, Quote
from tidewheel.venues.parsing import parse

E9 = 10**9
WIRE = "BTC-USD"


def books() -> Books:
    return Books(frozenset([WIRE]))


def snapshot(bids: dict[int, int], offers: dict[int, int]) -> BookSnapshot:
    return BookSnapshot(WIRE, *(tuple((str(p), str(s)) for p, s in side.items()) for side in (bids, offers)))


def change(bids: dict[int, int], offers: dict[int, int]) -> BookChange:
    return BookChange(WIRE, *(tuple((str(p), str(s)) for p, s in side.items()) for side in (bids, offers)))


def heard(own: Books, frame: Frame, number: int = 1) -> tuple[Frame, ...]:
    return own.quotes(number, [frame])


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_a_book_is_that_of_all_its_changes(seed: int) -> None:
    chance, own = Random(seed), books()
    bids, offers = {100 - n: n + 1 for n in range(20)}, {101 + n: n + 1 for n in range(20)}
    heard(own, snapshot(bids, offers))
    said = (100, 101, 1, 1)
    for _ in range(500):
        changed: tuple[dict[int, int], dict[int, int]] = {}, {}
        for side, whole, prices in ((0, bids, range(70, 101)), (1, offers, range(101, 131))):
            for price in chance.sample(prices, chance.randint(0, 3)):
                size = chance.choice((0, 0, 1, 2, 3))
                if size == 0 and len(whole) == 1 and price in whole:
                    continue
                changed[side][price] = size
                whole.pop(price, None)
                if size:
                    whole[price] = size
        (frame,) = heard(own, change(*changed))
        best = max(bids), min(offers), bids[max(bids)], offers[min(offers)]
        if best == said:
            assert isinstance(frame, Heartbeat)
        else:
            assert isinstance(frame, Quote)
            assert frame[1:5] == tuple(value * E9 for value in best)
        said = best


def test_a_book_begins_with_all_of_it_and_each_connection_with_its_own() -> None:
    own = books()
    (first,) = heard(own, snapshot({100: 1}, {101: 1}))
    assert isinstance(first, Quote)
    assert first.snapshot
    (early,) = heard(own, change({99: 1}, {}), number=2)
    assert isinstance(early, Faulty)
    assert "was not said before" in early.fault.detail
    heard(own, snapshot({90: 1}, {91: 1}), number=2)
    (old,), (new,) = heard(own, change({99: 2, 100: 0}, {})), heard(own, change({90: 2}, {}), number=2)
    assert isinstance(old, Quote)
    assert isinstance(new, Quote)
    assert (old.bid_e9, new.bid_e9) == (99 * E9, 90 * E9)


def test_an_empty_side_is_no_quote() -> None:
    own = books()
    heard(own, snapshot({100: 1}, {101: 1}))
    (frame,) = heard(own, change({100: 0}, {}))
    assert isinstance(frame, Faulty)
    assert frame.fault.detail == "bid is empty"
    (again,) = heard(own, change({98: 5}, {}))
    assert isinstance(again, Quote)


@pytest.mark.parametrize("bad", [("nan", "1"), ("-1", "1"), ("99", "-1"), ("99", "x"), ("0.1234567891", "1")])
def test_a_change_that_cannot_be_used_ends_the_book(bad: tuple[str, str]) -> None:
    own = books()
    heard(own, snapshot({100: 1}, {101: 1}))
    faulty, broken = heard(own, BookChange(WIRE, (("99", "1"), bad), ()))
    assert isinstance(faulty, Faulty)
    assert isinstance(broken, Broken)
    (after,) = heard(own, change({99: 1}, {}))
    assert isinstance(after, Faulty), "nothing is told from a book in doubt"


def test_what_cannot_be_read_may_have_been_a_change() -> None:
    own, torn = books(), Faulty(parse(ADAPTERS["coinbase"], "{torn")[0].fault)  # type: ignore[index,union-attr]
    assert heard(own, torn) == (torn,), "where there is no book there is none to doubt"
    heard(own, snapshot({100: 1}, {101: 1}))
    assert [type(frame) for frame in heard(own, torn)] == [Faulty, Broken]
    assert heard(own, torn) == (torn,)


def test_a_book_that_stays_crossed_is_not_the_venues() -> None:
    own = books()
    heard(own, snapshot({100: 1}, {101: 1}))
    kinds = [[type(frame) for frame in heard(own, change({200 + n: 1}, {}))] for n in range(UNUSABLE_MAX)]
    assert kinds == [[Quote]] * (UNUSABLE_MAX - 1) + [[Quote, Broken]]


def test_a_book_that_uncrosses_goes_on() -> None:
    own = books()
    heard(own, snapshot({100: 1}, {101: 1}))
    for n in range(3 * UNUSABLE_MAX):
        assert Broken not in {
            type(frame) for frame in heard(own, change({102: 1}, {}) if n % 2 else change({102: 0}, {}))
        }


def test_a_book_that_was_not_asked_for_is_not_kept() -> None:
    own = books()
    frames = own.quotes(1, [BookSnapshot("ETH-USD", (("1", "1"),), (("2", "1"),))])
    assert [type(frame) for frame in frames] == [Ignored]


def test_a_size_too_small_to_be_kept_is_not_nothing() -> None:
    own = books()
    (frame,) = heard(own, BookSnapshot(WIRE, (("100", "0.00000000001"),), (("101", "1"),)))
    assert isinstance(frame, Quote)
    assert frame.bid_size_e9 == 1


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"snapshot","product_id":"BTC-USD","bids":[["1"]],"asks":[]}',
        '{"type":"snapshot","product_id":["BTC-USD"],"bids":[],"asks":[]}',
        '{"type":"l2update","product_id":"BTC-USD","changes":[["hold","1","2"]]}',
        '{"type":"l2update","product_id":"BTC-USD"}',
        '{"type":"ticker","product_id":{"a":1},"sequence":1,"best_bid":"1","best_ask":"2"}',
        '{"type":"subscriptions","channels":[{"name":"ticker","product_ids":[["BTC-USD"]]}]}',
    ],
)
def test_what_is_not_of_the_form_is_one_fault(text: str) -> None:
    (frame,) = parse(ADAPTERS["coinbase"], text)
    assert isinstance(frame, Faulty)
    assert frame.fault.reason is Reason.MALFORMED

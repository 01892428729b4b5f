"""Bad days of a book that is kept here: whatever leaves it in doubt costs a connection, never a wrong quote."""

from collections.abc import Callable

import pytest

from tests.venues.listener import listening, quick
from tests.venues.server import Peer, venue_server
from tests.venues.speakers import CoinbaseBook, Said
from tests.venues.test_bad_days import Moved
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.domain.market import TickFlag
from tidewheel.venues.book import UNUSABLE_MAX

BOOK = CoinbaseBook()
FIRST = TickFlag.GAP_BEFORE | TickFlag.SNAPSHOT
S = 1_000_000_000


def quotes(count: int, first: int = 1) -> list[Said]:
    return [
        Said("BTC-USD", f"{1000 + n}", f"{1001 + n}", time_us=1_700_000_000_000_000 + n)
        for n in range(first, first + count)
    ]


def crossing(speaker: CoinbaseBook) -> list[str]:
    return [speaker.change(quotes(1)[0], ["buy", f"{2000 + n}", "1"]) for n in range(UNUSABLE_MAX)]


BAD_DAYS: dict[str, tuple[Callable[[CoinbaseBook], list[str]], str, int]] = {
    "torn": (lambda _: ["{torn"], "may have been a change of the book", 1),
    "no price": (lambda one: [one.change(quotes(1)[0], ["buy", "x", "1"])], "a change of the book cannot be used", 1),
    "crossed": (crossing, f"{UNUSABLE_MAX} messages in a row left no usable quote", UNUSABLE_MAX),
}


@pytest.mark.parametrize("day", BAD_DAYS)
def test_a_book_in_doubt_is_said_anew_by_another_connection(day: str) -> None:
    says, words, rejected = BAD_DAYS[day]
    moved = Moved()

    async def doubtful(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(3))
        for text in says(BOOK):
            await peer.say(text)
        await peer.stay()

    async def well(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(3, 4))
        await peer.stay()

    with (
        venue_server(BOOK, doubtful, well) as server,
        listening([quick(BOOK)], ["BTC-USD"], server.url) as listener,
    ):
        listener.until(lambda one: len(one.ticks) >= 6)
    assert [tick.bid_e9 // S for tick in listener.ticks] == [1001, 1002, 1003, 1004, 1005, 1006]
    assert [tick.flags for tick in listener.ticks] == [FIRST, 0, 0, FIRST, 0, 0]
    assert [tick.epoch for tick in listener.ticks] == [1, 1, 1, 2, 2, 2]
    (lost,) = [change for change in listener.changes if change.event is FeedEvent.DISCONNECTED]
    assert lost.detail.startswith("broken state: ")
    assert words in lost.detail
    assert len(listener.rejected) == rejected
    assert moved.by("venue_connections_lost_total", venue="coinbase", reason="broken_state") == 1


def test_changes_before_the_book_are_rejected_and_the_book_counts_once_it_comes() -> None:
    async def early(peer: Peer) -> None:
        await peer.subscribed()
        await peer.say(BOOK.change(quotes(1)[0], ["buy", "999", "1"]))
        await peer.quote(*quotes(2))
        await peer.stay()

    with venue_server(BOOK, early) as server, listening([quick(BOOK)], ["BTC-USD"], server.url) as listener:
        listener.until(lambda one: len(one.ticks) >= 2)
    assert [tick.flags for tick in listener.ticks] == [FIRST, 0]
    assert ["was not said before" in row.detail for _, row in listener.rejected] == [True]
    assert server.connections == 1


def test_a_book_of_tens_of_thousands_of_prices_is_one_message() -> None:
    prices = range(1, 40_001)
    bids = ",".join(f'["{1000 - n / 100:.2f}","0.12345678"]' for n in prices)
    asks = ",".join(f'["{1000 + n / 100:.2f}","0.12345678"]' for n in prices)
    text = f'{{"type":"snapshot","product_id":"BTC-USD","bids":[{bids}],"asks":[{asks}]}}'
    assert len(text) > 1_800_000

    async def large(peer: Peer) -> None:
        await peer.subscribed()
        await peer.say(text)
        await peer.stay()

    with venue_server(BOOK, large) as server, listening([quick(BOOK)], ["BTC-USD"], server.url) as listener:
        listener.until(lambda one: bool(one.ticks))
    assert (listener.ticks[0].bid_e9, listener.ticks[0].offer_e9) == (999_990_000_000, 1_000_010_000_000)
    assert listener.rejected == []

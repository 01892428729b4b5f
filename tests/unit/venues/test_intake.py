"""What becomes of quotes: flags, what is rejected, and that each is counted once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.venues.speakers import SPEAKERS, Binance, Coinbase, Kraken, Said, Speaker
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.contracts.invalid_record import DeadLetterReason as Reason
from tidewheel.domain.market import TickFlag
from tidewheel.venues.catalogue import ADAPTERS
from tidewheel.venues.frames import Frame, Late, Quote
from tidewheel.venues.intake import Intake, Kind
from tidewheel.venues.rows import FeedChange, Row, raw_batches
from tidewheel.venues.symbol_state import FALLING_MAX, LATE_MAX

S = 1_000_000_000
AT = 1_700_000_000 * S
GAP, DUPLICATE, SNAPSHOT = TickFlag.GAP_BEFORE, TickFlag.DUPLICATE, TickFlag.SNAPSHOT


class Received:
    """An intake of a venue and what it gave."""

    def __init__(self, speaker: Speaker) -> None:
        self.given: list[Row | FeedChange] = []
        self.speaker = speaker
        symbols = [speaker.symbol, speaker.other]
        self.intake = Intake(ADAPTERS[speaker.name], symbols, 2 * S, self.given.append)
        self.said = Said(speaker.wire, "100", "101", seq=1000, time_us=AT // 1000)

    def quote(self, number: int = 1, after_s: float = 0.0, **more: object) -> None:
        text = self.speaker.quote(self.said.but(**more))
        self.intake.on_text(number, AT + int(after_s * S), text)

    def text(self, text: str, number: int = 1) -> None:
        self.intake.on_text(number, AT, text)

    @property
    def rows(self) -> list[Row]:
        return [one for one in self.given if isinstance(one, Row)]

    @property
    def flags(self) -> list[TickFlag | Reason]:
        return [row.fault.reason if row.fault else TickFlag(row.flags) for row in self.rows]


@pytest.fixture
def binance() -> Received:
    return Received(Binance())


def test_the_first_of_a_connection_has_a_gap_before_it(binance: Received) -> None:
    binance.quote(seq=1)
    binance.quote(seq=2, symbol="ETHUSDT")
    binance.quote(seq=3)
    binance.intake.on_gap()
    binance.quote(number=2, seq=4)
    binance.quote(number=2, seq=5)
    assert binance.flags == [GAP, GAP, 0, GAP, 0]
    assert [row.instrument for row in binance.rows] == [
        f"binance:{s}-USDT" for s in ("BTC", "ETH", "BTC", "BTC", "BTC")
    ]
    assert [row.epoch for row in binance.rows] == [1, 1, 1, 2, 2]


def test_a_number_that_comes_again_is_a_duplicate_and_one_that_falls_is_rejected(binance: Received) -> None:
    for seq, bid in ((5, "100"), (5, "100"), (6, "100.5"), (5, "100"), (6, "100.5"), (7, "99")):
        binance.quote(seq=seq, bid=bid)
    assert binance.flags == [GAP, DUPLICATE, 0, Reason.OUT_OF_ORDER, DUPLICATE, 0]
    assert "5 comes after 6" in str(binance.rows[3].fault)
    assert binance.intake.kinds == Counter({Kind.TICK: 5, Kind.REJECTED: 1})


def test_a_venue_that_counts_anew_is_believed_after_a_while(binance: Received) -> None:
    binance.quote(seq=10**6)
    for seq in range(FALLING_MAX + 3):
        binance.quote(seq=seq)
    assert binance.flags == [GAP, *[Reason.OUT_OF_ORDER] * (FALLING_MAX - 1), GAP, 0, 0, 0]


def test_two_connections_bring_each_quote_once(binance: Received) -> None:
    """Whatever way what two bring is mixed: nothing is missing, doubled or out of order."""
    for number, seq in ((1, 1), (1, 2), (2, 2), (2, 3), (1, 3), (2, 4), (1, 4), (2, 5)):
        binance.quote(number=number, seq=seq, bid=str(50 + seq))
    assert [row.venue_seq for row in binance.rows] == [1, 2, 3, 4, 5]
    assert binance.flags == [GAP, 0, 0, 0, 0]
    assert binance.intake.kinds[Kind.REPEATED] == 3
    assert [row.epoch for row in binance.rows] == [1, 1, 2, 2, 2]


@given(st.lists(st.booleans(), min_size=40, max_size=40))
def test_two_connections_mixed_by_chance(turns: list[bool]) -> None:
    received, at = Received(Binance()), {True: 0, False: 0}
    for first in [*turns, *[True] * 40, *[False] * 40]:
        if at[first] < 40:
            at[first] += 1
            received.quote(number=1 if first else 2, seq=at[first], bid=str(50 + at[first] % 3))
    assert [row.venue_seq for row in received.rows] == list(range(1, 41))
    assert sum(received.intake.kinds.values()) == 80


def test_kraken_has_no_numbers_so_the_same_at_the_same_time_is_a_duplicate() -> None:
    received = Received(Kraken())
    received.quote()
    received.quote()
    received.quote(time_us=AT // 1000 + 1)
    received.quote(time_us=0)
    received.quote(time_us=0)  # without a time nobody can know
    assert received.flags == [GAP, DUPLICATE, 0, 0, 0]


def test_the_state_on_subscription_may_be_old() -> None:
    received = Received(Kraken())
    received.text(received.speaker.quote(received.said.but(time_us=AT // 1000 - 500 * 10**6), kind="snapshot"))  # type: ignore[call-arg]
    received.quote(time_us=AT // 1000)
    assert received.flags == [GAP | SNAPSHOT, 0]


def test_a_quote_far_off_by_the_venues_time_is_rejected_and_no_clock() -> None:
    received = Received(Kraken())
    for second, off_s in enumerate((0, 0, 3600, 0, -3600, 0)):
        received.quote(after_s=second, time_us=AT // 1000 + (second + off_s) * 10**6)
    assert received.flags == [GAP, 0, Reason.STRAY_TIME, 0, Reason.STRAY_TIME, 0]
    assert "3,600.0 s ahead of" in str(received.rows[2].fault)
    assert "3,600.0 s behind" in str(received.rows[4].fault)


def test_a_hundred_quotes_too_late_in_a_row_are_the_end_of_their_connection() -> None:
    speaker, late_us = Kraken(), AT // 1000 - 60 * 10**6
    kraken = Received(speaker)

    def says(number: int, time_us: int) -> list[Frame]:
        text = speaker.quote(kraken.said.but(time_us=time_us))
        return list(kraken.intake.on_text(number, AT, text))

    said = [says(1, AT // 1000), says(1, AT // 1000 + 1)]
    said += [says(1, late_us + n) for n in range(LATE_MAX - 1)]
    says(1, AT // 1000 + 2)  # one in time, and those before it were strays
    said += [says(1, late_us + n) for n in range(LATE_MAX - 1)]
    assert not [frame for frames in said for frame in frames if isinstance(frame, Late)]
    assert [type(frame) for frame in says(1, late_us)] == [Quote, Late]
    says(1, late_us + 1)
    assert kraken.flags[-LATE_MAX - 1 :] == [Reason.STRAY_TIME] * (LATE_MAX + 1), "whoever hears on has no ticks of it"
    kraken.intake.on_gap()
    for n in range(3):
        says(2, late_us + n)
    assert kraken.flags[-3:] == [GAP, 0, 0]


def test_who_hears_on_after_too_many_late_quotes_has_those_that_come_in_time_again() -> None:
    speaker = Kraken()
    kraken = Received(speaker)
    late_us = AT // 1000 - 60 * 10**6
    for time_us in (AT // 1000, AT // 1000 + 1, *(late_us + n for n in range(2 * LATE_MAX)), AT // 1000 + 2):
        kraken.text(speaker.quote(kraken.said.but(time_us=time_us)))
    assert kraken.flags == [GAP, 0, *[Reason.STRAY_TIME] * (2 * LATE_MAX), 0]


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda one: one.name)
def test_what_says_of_no_symbol_is_charged_to_the_first_and_strangers_to_nobody(speaker: Speaker) -> None:
    received = Received(speaker)
    received.text("{torn")
    received.quote(symbol="XRPEUR")
    received.text(speaker.quote(received.said.but(symbol="XRPEUR", bid="NaN")))
    assert received.flags == [Reason.MALFORMED]
    assert received.rows[0].instrument == f"{speaker.name}:{speaker.symbol}"
    assert received.rows[0].text == "{torn"
    assert received.intake.kinds == Counter({Kind.UNWANTED: 2, Kind.REJECTED: 1})


def test_a_connection_that_does_not_serve_yet_is_counted_only() -> None:
    received = Received(Kraken())
    received.intake.counts = lambda number: number == 1
    received.quote()
    received.quote(number=2, bid="99")
    assert len(received.rows) == 1
    assert received.intake.kinds[Kind.UNWANTED] == 1


def beat(trade: int) -> str:
    return Coinbase.heartbeat.replace('"last_trade_id":0', f'"last_trade_id":{trade}')


def test_a_trade_whose_ticker_does_not_come_is_a_gap() -> None:
    received = Received(Coinbase())
    received.text(beat(1_500))  # before the first quote nothing is known
    received.quote(seq=1_000)
    for trade in (1_000, 1_001):
        received.text(beat(trade))
    received.quote(seq=1_001)  # it came within a heartbeat
    for trade in (1_001, 1_005, 1_005):
        received.text(beat(trade))
    received.quote(seq=1_006)
    assert received.flags == [GAP, 0, GAP]
    (change,) = [one for one in received.given if isinstance(one, FeedChange)]
    assert (change.event, change.instrument) == (FeedEvent.GAP, "coinbase:BTC-USD")
    assert "trade 1005" in change.detail
    received.text(beat(1_006))
    assert len(received.given) == 4


def test_rows_become_columns_by_connection(binance: Received) -> None:
    binance.quote(seq=1)
    binance.text("{torn")
    binance.quote(number=2, seq=2, bid="99.5")
    first, second = raw_batches(binance.rows)
    assert (len(first), len(second)) == (2, 1)
    assert (first.connection_epoch, second.connection_epoch) == (1, 2)
    assert second.bid_e9.tolist() == [99_500_000_000]
    assert first.flags.dtype == np.uint16
    assert list(first.faults) == [1]
    assert first.raw(1) == b"{torn"
    assert second.place.tolist() == [3]

"""Quotes to market seconds: each rule by an example worked out by hand."""

from collections.abc import Sequence

import pytest

from services.ingest.core import TimelineMismatchError
from services.ingest.seconds import QUOTES_BYTES_MAX, SessionRules
from tests.unit.ingest.oracle import Row, Second
from tests.unit.ingest.rows import INSTRUMENT, batch_of, batches_of, new_core, plain, records
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.contracts.topics import RECORD_BYTES_MAX
from tidewheel.domain.market import MarketSecond, Quotes, TickFlag
from tidewheel.recordings.quotes import RawBatch, RejectedRow, SourceError, Watermark, concat_quotes

S = 1_000_000_000
DAY = 86_400
T = 20_000 * DAY  # a midnight


def quote(second: float, bid: float, offer: float, **more: int) -> Row:
    return Row(round(second * 1000) * (S // 1000), round(bid * S), round(offer * S), **more)


def run(*rows: Row, quiet_s: int = 600, stale_s: int = 60, ended: bool = True) -> list[MarketSecond]:
    out = records(new_core(SessionRules(quiet_s, stale_s)), [batch_of(rows)], ended=ended)
    return [item for item in out if isinstance(item, MarketSecond)]


def rejected(*rows: Row) -> list[RejectedRow]:
    return [item for item in records(new_core(), [batch_of(rows)]) if isinstance(item, RejectedRow)]


def flags(*rows: Row) -> list[int]:
    return [tick.flags for second in map(plain, run(*rows)) if isinstance(second, Second) for tick in second.ticks]


def test_quotes_of_one_second_make_one_record() -> None:
    first, second = run(quote(T + 0.5, 100, 101), quote(T + 0.9, 99, 102), quote(T + 1, 100, 103))
    assert plain(first) == Second(
        session=1,
        second=T,
        first_seq=1,
        ticks=(
            (T * S + S // 2, 100 * S, 101 * S, -1, -1, -1, 0),
            (T * S + 9 * S // 10, 99 * S, 102 * S, -1, -1, -1, 0),
        ),
        opening=(0, 0),
        closing=(99 * S, 102 * S),
        day=(100_500_000_000, 100_500_000_000, 100_500_000_000),
        stale=False,
        ends_session=False,
        last_tick_ns=T * S + 9 * S // 10,
    )
    assert (second.second, second.first_seq, second.last_seq, second.ends_session) == (T + 1, 3, 3, True)
    assert (second.open_bid_e9, second.open_offer_e9) == (99 * S, 102 * S)
    assert (second.day_open_e9, second.day_high_e9, second.day_low_e9) == (
        100_500_000_000,
        101_500_000_000,
        100_500_000_000,
    )


def test_quiet_seconds_are_written_and_carry_the_quote() -> None:
    seconds = run(quote(T, 100, 101), quote(T + 3, 100, 101))
    assert [s.second - T for s in seconds] == [0, 1, 2, 3]
    assert [len(s.quotes) for s in seconds] == [1, 0, 0, 1]
    assert [s.first_seq for s in seconds] == [1, 2, 2, 2]
    assert seconds[1].open_bid_e9 == seconds[1].close_bid_e9 == 100 * S


def test_a_tick_in_the_600th_second_still_belongs_to_the_session() -> None:
    seconds = run(quote(T, 100, 101), quote(T + 600.9, 100, 101))
    assert len(seconds) == 601
    assert {s.session for s in seconds} == {1}
    assert [s.second - T for s in seconds if s.ends_session] == [600]


def test_a_tick_in_the_601st_second_opens_the_next_session() -> None:
    seconds = run(quote(T, 100, 101), quote(T + 601, 90, 91), quote(T + 602, 95, 96))
    assert [s.second - T for s in seconds] == list(range(603))
    assert [s.second - T for s in seconds if s.ends_session] == [600, 602]
    opening = seconds[601]
    assert (opening.session, opening.first_seq, opening.first_of_session) == (2, 2, True)
    assert list(opening.quotes.flags) == [TickFlag.GAP_BEFORE]
    assert opening.day_high_e9 == 90_500_000_000, "the day's high is of the session's ticks only"
    assert len(seconds[602].quotes.flags) == 0


def test_a_long_break_is_not_filled() -> None:
    seconds = run(quote(T, 100, 101), quote(T + 5000, 100, 101))
    assert [s.second - T for s in seconds[-2:]] == [600, 5000]
    assert len(seconds) == 602


def test_a_second_is_stale_when_its_quote_is_more_than_60_s_old_at_its_end() -> None:
    seconds = run(quote(T, 100, 101), quote(T + 62, 100, 101))
    assert [s.second - T for s in seconds if s.stale] == [60, 61]
    seconds = run(quote(T + 0.001, 100, 101), quote(T + 62, 100, 101))
    assert [s.second - T for s in seconds if s.stale] == [60, 61]
    assert not run(quote(T, 100, 101), quote(T + 60, 100, 101))[59].stale, "exactly 60 s is not more than 60 s"


def test_the_day_begins_anew_at_midnight_with_its_first_tick() -> None:
    before, first_of_day, quiet, tick, last = run(
        quote(T - 1, 100, 110), quote(T + 2, 200, 210), quote(T + 3, 190, 200)
    )
    assert (before.day_open_e9, before.day_high_e9, before.day_low_e9) == (105 * S,) * 3
    for second in (first_of_day, quiet):
        assert (second.day_open_e9, second.day_high_e9, second.day_low_e9) == (105 * S,) * 3
    assert (tick.day_open_e9, tick.day_high_e9, tick.day_low_e9) == (205 * S,) * 3
    assert (last.day_open_e9, last.day_high_e9, last.day_low_e9) == (205 * S, 205 * S, 195 * S)


def test_until_the_days_first_tick_the_day_is_the_closing_mid_not_yesterdays_range() -> None:
    seconds = run(quote(T - 2, 100, 100), quote(T - 1, 300, 300), quote(T + 1, 200, 200))
    assert [(s.day_open_e9, s.day_high_e9, s.day_low_e9) for s in seconds] == [
        (100 * S, 100 * S, 100 * S),
        (100 * S, 300 * S, 100 * S),
        (300 * S, 300 * S, 300 * S),
        (200 * S, 200 * S, 200 * S),
    ]


def test_the_mid_is_rounded_down_and_does_not_overflow() -> None:
    (second,) = run(Row(T * S, 9_199_999_999 * S + 1, 9_200_000_000 * S))
    assert second.day_open_e9 == (9_199_999_999 * S + 1 + 9_200_000_000 * S) // 2
    assert run(Row(T * S, 4, 5))[0].day_open_e9 == 4


def test_a_backward_time_is_set_to_the_latest_and_flagged() -> None:
    (second,) = run(quote(T + 0.5, 100, 101), quote(T - 700, 100, 102), quote(T + 0.5, 100, 103))
    assert list(second.quotes.time_ns) == [T * S + S // 2] * 3
    assert list(second.quotes.flags) == [0, TickFlag.LATE, 0]


def test_locked_and_duplicate_are_ticks() -> None:
    assert flags(quote(T, 100, 100)) == [TickFlag.LOCKED]
    assert flags(quote(T, 1, 1), quote(T, 1, 1)) == [TickFlag.LOCKED, TickFlag.LOCKED | TickFlag.DUPLICATE]


@pytest.mark.parametrize(
    "other",
    [
        quote(T, 100, 101.5, bid_size=5, venue_seq=9),
        quote(T, 99, 101, bid_size=5, venue_seq=9),
        quote(T, 100, 101, bid_size=6, venue_seq=9),
        quote(T, 100, 101, bid_size=5, offer_size=1, venue_seq=9),
        quote(T, 100, 101, bid_size=5, venue_seq=10),
        quote(T + 0.001, 100, 101, bid_size=5, venue_seq=9),
    ],
)
def test_what_differs_in_anything_is_no_duplicate(other: Row) -> None:
    same = quote(T, 100, 101, bid_size=5, venue_seq=9)
    assert flags(same, same) == [0, TickFlag.DUPLICATE]
    assert flags(same, other) == [0, 0]


def test_a_duplicate_goes_by_the_source_time_of_late_rows_too() -> None:
    late = quote(T - 5, 100, 101)
    assert flags(quote(T, 1, 1), late, late) == [TickFlag.LOCKED, TickFlag.LATE, TickFlag.LATE | TickFlag.DUPLICATE]
    assert flags(quote(T, 100, 101), late) == [0, TickFlag.LATE], "another time at the source"


def test_a_rejected_row_comes_not_between_a_quote_and_its_duplicate() -> None:
    assert flags(quote(T, 100, 101), quote(T, 101, 100), quote(T, 100, 101)) == [0, TickFlag.DUPLICATE]


MAX = 9_200_000_000 * S


@pytest.mark.parametrize(
    ("bid", "offer", "reason"),
    [
        (101 * S, 100 * S, DeadLetterReason.CROSSED),
        (0, S, DeadLetterReason.NOT_POSITIVE),
        (-S, S, DeadLetterReason.NOT_POSITIVE),
        (-(2**63), 2**63 - 1, DeadLetterReason.NOT_POSITIVE),
        (S, 0, DeadLetterReason.NOT_POSITIVE),
        (MAX, MAX + 1, DeadLetterReason.TOO_LARGE),
        (MAX + 1, S, DeadLetterReason.TOO_LARGE),
        (6, 11, DeadLetterReason.SPREAD),
    ],
)
def test_what_is_no_usable_price(bid: int, offer: int, reason: DeadLetterReason) -> None:
    (row,) = rejected(quote(T, 1, 1), Row(T * S, bid, offer))
    assert (row.place, row.reason, row.raw) == (1, reason, b"row 1")
    assert row.detail


def test_a_spread_of_exactly_half_the_mid_is_a_tick() -> None:
    assert not rejected(Row(T * S, 60, 100)), "mid 80, spread 40"
    assert [row.reason for row in rejected(Row(T * S, 60, 101))] == [DeadLetterReason.SPREAD], "mid 80, spread 41"
    assert not rejected(Row(T * S, MAX, MAX))


def test_a_rejected_row_gets_no_seq_and_is_no_sign_of_life() -> None:
    # The bad row's time lies an hour ahead: it must neither make the next row late nor fill seconds.
    first, second = run(quote(T, 100, 101), quote(T + 3600, 101, 100), quote(T + 1, 100, 101))
    assert (first.second, second.second, second.first_seq) == (T, T + 1, 2)
    assert len(second.quotes.flags) == 0
    seconds = run(quote(T, 100, 101), quote(T + 61, 101, 100), quote(T + 62, 100, 101))
    assert seconds[61].stale, "the bad row did not make the quote younger"


def test_a_source_that_gives_no_sizes_has_no_size_columns() -> None:
    without, with_one = run(quote(T, 1, 1), quote(T + 1, 1, 1, bid_size=7))
    assert len(without.quotes.bid_size_e9) == 0
    assert list(with_one.quotes.bid_size_e9) == [7]
    assert len(with_one.quotes.offer_size_e9) == 0


def test_nothing_comes_out_while_the_second_may_go_on() -> None:
    core = new_core()
    assert records(core, [batch_of([quote(T, 1, 1)])], ended=False) == []
    assert [s.second for s in records(core, [batch_of([quote(T + 1, 1, 1)])], ended=False)] == [T]  # type: ignore[union-attr]


def test_time_alone_closes_seconds_and_the_session() -> None:
    core = new_core(SessionRules(quiet_s=3))
    list(core.on_item(batch_of([quote(T, 100, 101)])))
    assert list(core.on_item(Watermark(T * S + S - 1))) == []
    closed = [plain(item) for item in core.on_item(Watermark((T + 2) * S))]
    assert [(s.second - T, len(s.ticks)) for s in closed if isinstance(s, Second)] == [(0, 1), (1, 0)]
    rest = [item for item in core.on_item(Watermark((T + 100) * S)) if isinstance(item, MarketSecond)]
    assert [(s.second - T, s.ends_session) for s in rest] == [(2, False), (3, True)]
    assert list(core.on_item(Watermark((T + 200) * S))) == []


def test_a_quote_for_a_second_already_closed_is_late() -> None:
    core = new_core()
    list(core.on_item(batch_of([quote(T, 100, 101)])))
    list(core.on_item(Watermark((T + 2) * S)))
    (second,) = records(core, [batch_of([quote(T + 1.5, 100, 102)])])
    assert isinstance(second, MarketSecond)
    assert (second.second, list(second.quotes.time_ns)) == (T + 2, [(T + 2) * S])
    assert list(second.quotes.flags) == [TickFlag.LATE]


def test_the_connection_epoch_is_that_of_the_last_quote() -> None:
    core = new_core()
    rows = (batch_of([quote(T, 1, 1)]), batch_of([quote(T + 2, 1, 1)]))
    second_connection = RawBatch(rows[1].place, rows[1].time_ns, rows[1].bid_e9, rows[1].offer_e9, connection_epoch=2)
    out = records(core, [rows[0], second_connection])
    assert [s.connection_epoch for s in out if isinstance(s, MarketSecond)] == [1, 1, 2]


# A second of too much


def of_one_second(count: int) -> list[Row]:
    """Quotes with all that a recorded quote can have."""
    return [quote(T, 100, 101, bid_size=1, offer_size=1, venue_seq=n)._replace(time_ns=T * S + n) for n in range(count)]


def test_a_far_time_does_not_pile_up_all_that_comes_after_it() -> None:
    """Every later row is late, and so of that second; it must neither grow for ever nor fail only at the broker."""
    core = new_core()
    rows = [quote(T + n, 100, 101) for n in range(100_000)]
    rows[2] = quote(T + 10**9, 100, 101)
    taken: list[int] = []

    def take() -> None:
        for batch in batches_of(rows, range(1000, 100_000, 1000)):
            taken.extend(item.second for item in core.on_item(batch) if isinstance(item, MarketSecond))

    with pytest.raises(SourceError, match=f"second {T + 10**9} began at line or message 2 of the feed and holds"):
        take()
    assert taken == [*range(T, T + 602)], "what came before is written"


def test_what_a_record_cannot_hold_is_no_second() -> None:
    most = QUOTES_BYTES_MAX // (8 * 6)
    for cuts in ([], [1], range(0, most, 700)):
        (second,) = records(new_core(), batches_of(of_one_second(most), cuts))
        assert isinstance(second, MarketSecond)
        assert len(encode_second(second)) + len(INSTRUMENT) + 100 < RECORD_BYTES_MAX, "the key and Kafka's own bytes"
        with pytest.raises(SourceError, match=f"holds {most + 1:,} quotes, more than a record can"):
            records(new_core(), batches_of(of_one_second(most + 1), cuts))


def test_a_second_in_many_batches_is_joined_once(monkeypatch: pytest.MonkeyPatch) -> None:
    copied = 0

    def counted(pieces: Sequence[Quotes]) -> Quotes:
        nonlocal copied
        copied += sum(map(len, pieces))
        return concat_quotes(pieces)

    monkeypatch.setattr("services.ingest.seconds.concat_quotes", counted)
    (second,) = records(new_core(), batches_of(of_one_second(5000), range(0, 5000, 10)))
    assert isinstance(second, MarketSecond)
    assert (len(second.quotes), copied <= 2 * 5000) == (5000, True)


# Going on from the log


ROWS = [quote(T, 100, 101), quote(T + 1, 101, 102), quote(T + 1.5, 102, 103), quote(T + 5, 100, 101)]


def test_a_log_is_continued_from_any_of_its_records() -> None:
    whole = run(*ROWS)
    for index, last in enumerate(whole[:-1]):
        rest = records(new_core(last=last), [batch_of(ROWS)])
        assert [plain(item) for item in rest] == [plain(item) for item in whole[index + 1 :]]


def test_a_log_that_holds_the_whole_file_is_left_as_it_is() -> None:
    assert records(new_core(last=run(*ROWS)[-1]), [batch_of(ROWS)]) == []


def test_a_file_that_was_continued_opens_a_new_session() -> None:
    last = run(*ROWS)[-1]
    (second,) = records(new_core(last=last), [batch_of([*ROWS, quote(T + 9, 1, 1)])])
    assert isinstance(second, MarketSecond)
    assert (second.session, second.second, second.first_seq) == (2, T + 9, 5)
    assert list(second.quotes.flags) == [TickFlag.LOCKED | TickFlag.GAP_BEFORE]


def test_a_later_file_continues_an_ended_log() -> None:
    (second,) = records(new_core(last=run(*ROWS)[-1]), [batch_of([quote(T + 6, 3, 4)])])
    assert isinstance(second, MarketSecond)
    assert (second.session, second.first_seq) == (2, 5)


@pytest.mark.parametrize(
    "rows",
    [
        [quote(T - 100, 1, 1)],  # an older file
        [*ROWS[:2], quote(T + 1.5, 102, 103.5), ROWS[3]],  # another price
        [*ROWS[:2], quote(T + 1.6, 102, 103), ROWS[3]],  # another time
        ROWS[:2],  # shorter, and other than the log
        ROWS[:3],  # ends where the log's session goes on
    ],
)
def test_another_timeline_is_refused(rows: list[Row]) -> None:
    last = run(*ROWS)[1]
    assert (last.second, last.ends_session) == (T + 1, False)
    with pytest.raises(TimelineMismatchError):
        records(new_core(last=last), [batch_of(rows)])


def test_a_live_source_does_not_begin_anew() -> None:
    last = run(*ROWS[:2], ended=False)[0]
    core = new_core(last=last, replayable=False)
    (second,) = records(core, [batch_of([quote(T + 0.5, 100, 102)])])
    assert isinstance(second, MarketSecond)
    assert (second.second, second.first_seq, list(second.quotes.flags)) == (T + 1, 2, [TickFlag.LATE])

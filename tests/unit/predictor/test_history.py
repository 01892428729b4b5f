"""Closing mids: without a hole, at most 600, and a view that never changes under its reader."""

from dataclasses import replace

from services.predictor.market.history import BUFFER_S, PriceHistory
from tests.synthetic_seconds import START, seconds
from tidewheel.domain.features import HISTORY_S
from tidewheel.domain.market import MarketSecond


def mids(past: list[MarketSecond]) -> list[int]:
    return [second.close_mid_e9 for second in past][-HISTORY_S:]


def read(past: list[MarketSecond]) -> PriceHistory:
    history = PriceHistory()
    for second in past:
        history.add(second)
    return history


def shown(history: PriceHistory) -> list[int]:
    view = history.view()
    assert view is not None
    return view.mids_e9.tolist()


def test_nothing_is_known_at_first() -> None:
    assert PriceHistory().view() is None


def test_the_last_600_mids_oldest_first_at_any_length() -> None:
    past = seconds(2 * BUFFER_S + 100)
    history = PriceHistory()
    for count, second in enumerate(past, start=1):
        history.add(second)
        view = history.view()
        assert view is not None
        assert view.complete == (count >= HISTORY_S)
        if count % 97 == 0 or count in range(BUFFER_S - 2, BUFFER_S + 3):
            assert view.mids_e9.tolist() == mids(past[:count])
    assert (view.second, view.bid_e9, view.offer_e9) == (
        past[-1].second,
        past[-1].close_bid_e9,
        past[-1].close_offer_e9,
    )
    assert (view.day.open_e9, view.day.high_e9, view.day.low_e9) == (
        past[-1].day_open_e9,
        past[-1].day_high_e9,
        past[-1].day_low_e9,
    )


def test_a_view_stays_what_it_was() -> None:
    past = seconds(3 * BUFFER_S)
    history = read(past[:HISTORY_S])
    view = history.view()
    assert view is not None
    for second in past[HISTORY_S:]:
        history.add(second)
    assert view.mids_e9.tolist() == mids(past[:HISTORY_S])


def test_a_new_session_begins_anew() -> None:
    later = seconds(3, start=START + 700, session=2)
    assert shown(read(seconds(700) + later)) == mids(later)


def test_a_missing_second_begins_anew() -> None:
    past = seconds(20)
    assert shown(read(past[:10] + past[11:])) == mids(past[11:])


def test_repeats_change_nothing() -> None:
    past = seconds(20)
    assert shown(read(past + past[5:])) == mids(past)


def test_another_session_at_an_old_second_is_no_news() -> None:
    past = seconds(20)
    assert shown(read([*past, replace(past[3], session=2)])) == mids(past)

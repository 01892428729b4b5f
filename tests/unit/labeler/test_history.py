"""The past of a session, as features see it."""

from random import Random

import numpy as np
import pytest

from services.labeler.history import BLOCK_ROWS_MAX, CAPACITY_MIN, History
from tests.unit.labeler.tape import START, Tape
from tidewheel.domain import features
from tidewheel.domain.features import HISTORY_S, DayMids
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.time import NS_PER_S


def walk(count: int) -> list[MarketSecond]:
    rng, bid, tape = Random(1), 10**13, Tape()
    for _ in range(count):
        bid += rng.randint(-(10**9), 10**9)
        tape.second([(0, bid, bid + rng.randint(0, 10**9))])
    return tape.seconds


def filled(seconds: list[MarketSecond], keep: int = HISTORY_S) -> History:
    history = History(START, np.empty((4, 0), dtype=np.int64))
    for second in seconds:
        if history.full:
            history.trim_before(second.second - keep)
        history.append(second)
    return history


@pytest.mark.parametrize("count", [HISTORY_S, CAPACITY_MIN, CAPACITY_MIN + 1, 5_000])
def test_features_are_those_of_the_domain_to_the_bit(count: int) -> None:
    seconds = walk(count)
    history = filled(seconds)
    assert history.next_second == START + count
    last = seconds[-1]
    mids = np.array([second.close_mid_e9 for second in seconds[-HISTORY_S:]])
    day = DayMids(last.day_open_e9, last.day_high_e9, last.day_low_e9)
    quotes = [(10**13 + 7 * at, 10**13 + 10**9 + at) for at in range(5)]
    bids, offers = (np.array(column) for column in zip(*quotes, strict=True))
    placed = np.full(5, (START + count) * NS_PER_S) + np.arange(5)
    assert history.extract_features(placed, bids, offers) == [
        features.feature_row(bid, offer, day, mids).astype("<f4").tobytes() for bid, offer in quotes
    ]


def test_a_great_many_rows_are_cut_in_parts() -> None:
    seconds = walk(HISTORY_S + 10)
    history = filled(seconds)
    placed = (START + HISTORY_S + np.arange(2 * BLOCK_ROWS_MAX + 5) % 11) * NS_PER_S
    bids = np.arange(len(placed)) + 10**13
    rows = history.extract_features(placed, bids, bids)
    assert len(rows) == len(placed)
    at = BLOCK_ROWS_MAX + 3
    assert history.extract_features(placed[at : at + 1], bids[at : at + 1], bids[at : at + 1]) == [rows[at]]


def test_what_is_kept_reaches_back_as_far_as_asked() -> None:
    history = filled(walk(10_000), keep=4_000)
    history.trim_before(START + 10_000 - 3_000)
    assert history.columns.shape == (4, 3_000)
    assert history.columns[0].tolist() == [second.close_mid_e9 for second in walk(10_000)[-3_000:]]
    again = History(history.next_second - 3_000, history.columns.copy())
    placed = np.array([(START + 9_999) * NS_PER_S])
    assert again.extract_features(placed, placed, placed) == history.extract_features(placed, placed, placed)

"""How long labels would live at a threshold, and the threshold at which they live some minutes.

An order is bought at the offer and ends when the bid touches its upper or lower barrier, as in a run; here on closing
quotes of even steps, so that what is touched between two of them is missed, and at some hundreds of starts.
"""

import math
from dataclasses import dataclass

import numpy as np

from tidewheel.domain.market import Int64
from tidewheel.domain.prices import E9

# Labels of minutes: there are enough of them in a day, and their future is short enough to be told apart.
LIFE_WANTED_S = 300.0
LIFE_OFF_MAX = 4.0
STARTS = 400
STARTS_MIN = 20
# Starts that lie nearer to one another tell of one move of the market.
STARTS_SPAN_MIN_S = 900
STEPS = 40
# Of the mid: no market moves by less than one, or by more than the other, within minutes.
SHARE_MIN, SHARE_MAX = 1e-7, 0.5
ROUNDED_DOWN_MAX = 0.93
FIRST_LOOK = 256
ROUND_TO = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)


@dataclass(frozen=True, slots=True)
class ThresholdAdvice:
    """A threshold with what it would have given. `ended`: of `starts`, those that touched a barrier within their
    session; the median life is that of all, open ones counting as longest. `mid_e9`: typical, for the share."""

    threshold_e9: int
    mid_e9: int
    life_s_median: float
    profit_share: float
    ended: int
    starts: int

    @property
    def bps(self) -> float:
        return 1e4 * self.threshold_e9 / self.mid_e9


def advise(time_s: Int64, bid_e9: Int64, offer_e9: Int64, gap_s: int) -> ThresholdAdvice | None:
    """The threshold at which half of the labels have ended after about LIFE_WANTED_S; None where the recording is too
    short, or moves too little, to tell. Columns of shape (n,)."""
    starts = _starts(time_s, gap_s)
    if len(starts) < STARTS_MIN or time_s[starts[-1]] - time_s[starts[0]] < STARTS_SPAN_MIN_S:
        return None
    sessions = _session_ends(time_s, gap_s)
    mid_e9 = int(np.median((bid_e9 + offer_e9) // 2))
    low, high = SHARE_MIN * mid_e9, SHARE_MAX * mid_e9
    for _ in range(STEPS):
        threshold = (low * high) ** 0.5
        if _lives(time_s, bid_e9, offer_e9, starts, sessions, int(threshold))[1] < LIFE_WANTED_S:
            low = threshold
        else:
            high = threshold
    threshold_e9 = _rounded(high)
    ended, life_s, profits = _lives(time_s, bid_e9, offer_e9, starts, sessions, threshold_e9)
    # In a market that stands still every threshold is either touched at once, by the spread, or never.
    if not LIFE_WANTED_S / LIFE_OFF_MAX <= life_s <= LIFE_WANTED_S * LIFE_OFF_MAX:
        return None
    return ThresholdAdvice(threshold_e9, mid_e9, life_s, profits / ended, ended, len(starts))


def _rounded(value_e9: float) -> int:
    """The next round number, 1, 1.5, 2, 3, … times a power of ten."""
    value = value_e9 / E9
    power = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in ROUND_TO if step * power >= ROUNDED_DOWN_MAX * value)
    return round(step * power * E9)


def _starts(time_s: Int64, gap_s: int) -> Int64:
    """Evenly spread, and none so late that a label of the wanted life could not end."""
    if not len(time_s):
        return np.empty(0, dtype=np.int64)
    ends = _session_ends(time_s, gap_s)
    early = np.flatnonzero(time_s[ends - 1] - time_s >= 2 * LIFE_WANTED_S)
    return early[np.linspace(0, len(early) - 1, min(STARTS, len(early)), dtype=np.int64)] if len(early) else early


def _session_ends(time_s: Int64, gap_s: int) -> Int64:
    """For each step one past the last of its session."""
    breaks = np.append(np.flatnonzero(np.diff(time_s) > gap_s) + 1, len(time_s))
    return breaks[np.searchsorted(breaks, np.arange(len(time_s)), side="right")]


def _lives(
    time_s: Int64, bid_e9: Int64, offer_e9: Int64, starts: Int64, ends: Int64, threshold_e9: int
) -> tuple[int, float, int]:
    """How many ended, the median life in seconds (infinite where most are open), and how many were PROFIT."""
    lives = np.full(len(starts), np.inf)
    profits = 0
    for number, start in enumerate(starts.tolist()):
        touch = _touch(bid_e9, start + 1, int(ends[start]), int(offer_e9[start]), threshold_e9)
        if touch is not None:
            lives[number] = time_s[touch] - time_s[start]
            profits += bool(bid_e9[touch] >= offer_e9[start] + threshold_e9)
    return int(np.isfinite(lives).sum()), float(np.median(lives)), profits


def _touch(bid_e9: Int64, first: int, end: int, entry_e9: int, threshold_e9: int) -> int | None:
    """The first step from `first` on that touches a barrier."""
    length = FIRST_LOOK
    while first < end:
        bids = bid_e9[first : min(first + length, end)]
        touched = np.abs(bids - entry_e9) >= threshold_e9
        if touched.any():
            return first + int(np.argmax(touched))
        first, length = first + length, 4 * length
    return None

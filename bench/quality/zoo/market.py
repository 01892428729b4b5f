"""A made market: the bid walks in whole steps, led by a planted linear function of its past; the offer is above it.

In second s the bid drifts by

    Σ_j strength_j(s) · function_j(features as of the end of second s - 1)     USD

and by chance of `volatility(s)` USD, spread over the second's quotes. A move of z USD is made in whole steps, rounded
up or down by chance so that its mean is z: without drift the bid is a martingale whatever one knows of its past, and
not only nearly so. Whole numbers of steps add without error, so a seed gives the same prices each time.

This knows nothing of the product's own simulator, so that what is good on one need not be on the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from bench.quality.zoo.functions import HIGH, LAGS, LOW, NEWEST, Weights

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

DAY_S = 86_400
NS_PER_S = 10**9
MONDAY_S = 1_772_409_600  # 2026-03-02T00:00:00Z
START_USD = 10_000.0
CHUNK_S = 3_600
# Quotes of a second, each as likely; and now and then none.
QUOTES = (1, 2, 3)
SILENT_SHARE = 0.02


@dataclass(frozen=True, eq=False)
class Edge:
    """A function of the features and how strongly it leads the bid, in 1/s; one entry of `strength` a market second."""

    function: Weights
    strength: Float64


@dataclass(frozen=True, eq=False)
class Market:
    """Everything a market is made of but its seed's chance. Arrays have one entry a market second.

    `spreads_usd`: each as likely, drawn anew each second. `tails`: degrees of freedom of Student's t for the chance of
    a quote, 0 for the normal distribution. `trend_usd`: drift a second that no feature tells.
    """

    volatility: Float64
    edges: tuple[Edge, ...] = ()
    trend_usd: float = 0.0
    step_usd: float = 0.5
    spreads_usd: tuple[float, ...] = (1.75, 2.0, 2.25)
    tails: float = 0.0
    start_s: int = MONDAY_S

    @property
    def seconds(self) -> int:
        return len(self.volatility)

    @property
    def identity(self) -> str:
        """Another market has another one."""
        parts = [self.volatility.tobytes(), *(part.tobytes() for e in self.edges for part in (e.function, e.strength))]
        numbers = (self.trend_usd, self.step_usd, self.spreads_usd, self.tails, self.start_s)
        return f"{sha256(b''.join(parts)).hexdigest()} {numbers}"

    def turned(self, placed_ns: Int64) -> NDArray[np.bool_] | None:
        """Which orders were placed after the market's one edge had turned its sign; None where none ever does."""
        if len(self.edges) != 1 or not self.edges[0].strength.min() < 0 < self.edges[0].strength.max():
            return None
        strength = self.edges[0].strength
        return np.asarray(np.sign(strength[self._second(placed_ns)]) != np.sign(strength[0]))

    def truth(self, features: NDArray[np.float32], placed_ns: Int64) -> Float64:
        """The drift in USD a second that whoever knows the market knows of each order; 0 for pure chance."""
        second = self._second(placed_ns)
        known = np.zeros(len(features))
        for edge in self.edges:
            known += edge.strength[second] * (features @ edge.function.astype(np.float32))
        return known

    def _second(self, placed_ns: Int64) -> Int64:
        return np.clip(placed_ns // NS_PER_S - self.start_s, 0, self.seconds - 1)


@dataclass(frozen=True, eq=False)
class Quoted:
    """Quotes in columns."""

    time_ns: Int64
    bid_e9: Int64
    offer_e9: Int64


def quotes(market: Market, seed: Sequence[int]) -> Iterator[Quoted]:
    """All quotes, an hour at a time; the same for the same market and seed."""
    walk = _Walk(market)
    for first in range(0, market.seconds, CHUNK_S):
        yield walk.on(np.random.default_rng([*seed, first]), first, min(first + CHUNK_S, market.seconds))


class _Walk:
    """Where the bid stands, and the past that leads it."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._bid = round(START_USD / market.step_usd)  # in steps
        mid = START_USD + np.mean(market.spreads_usd) / 2
        # Mids of the 600 seconds before second s, oldest first, are entries s … s + 599.
        self._mids = np.full(LAGS + market.seconds, mid)
        self._high = self._low = float(mid)
        self._terms = [
            (edge.strength.tolist(), edge.function[NEWEST:][::-1].copy(), *edge.function[[HIGH, LOW]].tolist())
            for edge in market.edges
        ]
        self._sums = [float(edge.function.sum()) for edge in market.edges]

    def on(self, chance: np.random.Generator, first: int, end: int) -> Quoted:
        """The quotes of the seconds from `first` to before `end`."""
        market, seconds = self._market, end - first
        counts = chance.choice(QUOTES, seconds)
        counts[chance.random(seconds) < SILENT_SHARE] = 0
        if first == 0:
            counts[0] = max(1, counts[0])
        second = np.repeat(np.arange(seconds), counts)
        spreads = chance.choice(market.spreads_usd, seconds)
        moves = self._chance(chance, len(second)) * market.volatility[first:end][second] / np.sqrt(counts[second])
        rounding = chance.random(len(second))
        bids = self._bids(first, counts.tolist(), spreads.tolist(), moves / market.step_usd + rounding)
        step_e9, spread_e9 = round(market.step_usd * 1e9), np.rint(spreads * 1e9).astype(np.int64)
        time_ns = np.sort((market.start_s + first + second) * NS_PER_S + chance.integers(0, NS_PER_S, len(second)))
        return Quoted(time_ns, bids * step_e9, bids * step_e9 + spread_e9[second])

    def _chance(self, chance: np.random.Generator, count: int) -> Float64:
        """Symmetric, of variance 1."""
        tails = self._market.tails
        if not tails:
            return chance.standard_normal(count)
        return chance.standard_t(tails, count) * np.sqrt((tails - 2) / tails)

    def _bids(self, first: int, counts: list[int], spreads: list[float], moves: Float64) -> Int64:
        """The bid of each quote in steps; `moves` without the drift, in steps, to be rounded down."""
        market, mids, bid = self._market, self._mids, self._bid
        step, made = market.step_usd, moves.tolist()
        bids, at = [0] * len(made), 0
        for second, (count, spread) in enumerate(zip(counts, spreads, strict=True), start=first):
            mid = mids[LAGS + second - 1]
            drift = self._drift(second, float(mid)) / (count * step) if count else 0.0
            if not second or (market.start_s + second) % DAY_S == 0:
                self._high, self._low = -np.inf, np.inf
            for _ in range(count):
                bid += int((made[at] + drift) // 1)
                bids[at] = bid
                at += 1
                mid = bid * step + spread / 2
                self._high, self._low = max(self._high, mid), min(self._low, mid)
            if not count:
                self._high, self._low = max(self._high, mid), min(self._low, mid)
            mids[LAGS + second] = mid
        self._bid = bid
        return np.array(bids, dtype=np.int64)

    def _drift(self, second: int, mid: float) -> float:
        """USD, by what is known when a second begins."""
        past = self._mids[second : second + LAGS]
        drift = self._market.trend_usd
        for (strength, lags, high, low), total in zip(self._terms, self._sums, strict=True):
            if strength[second]:
                known = float(lags @ past) + high * self._high + low * self._low - total * mid
                drift += strength[second] * known
        return drift

"""The families of markets: how the market of a seed is drawn, and which families and seeds are kept apart.

Threshold 8 about a bid of 10,000, spread about 2, five orders a second: without an edge an order lives some two minutes
and one in 2.7 ends in PROFIT. What a seed draws (lengths, strengths, hours) comes from a range, so that no two seeds of
a family are the same problem.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np

from bench.quality.zoo.functions import between_means, rise, to_mean, to_middle_of_day
from bench.quality.zoo.market import DAY_S, MONDAY_S, Edge, Float64, Market, Quoted, quotes

HOUR_S = 3_600
SIGMA = 0.6
# Without a fine step, chance in whole steps would outdo the chance of a calm market.
FINE_STEP_USD = 0.05
# So narrow a range of spreads that to know the spread is worth less than a point.
NARROW_USD = (1.9, 2.0, 2.1)
SPREAD_AND_TREND_USD = (
    *((6.0, 0.0), (5.0, 0.0), (4.0, 0.0), (3.0, 0.0)),
    *((1.5, 0.0), (1.0, 0.01), (1.0, 0.02), (0.5, 0.03)),
)

CHOOSING_SEEDS = tuple(range(1, 9))
HELD_OUT_SEEDS = tuple(range(101, 109))
HELD_OUT_FAMILIES = ("comes_and_goes", "day_range")

Chance = np.random.Generator
Draw = Callable[[Chance, int, int], Market]


def pull(chance: Chance, seed: int, seconds: int) -> Market:
    """Drawn to an exponential mean, of one, five or seven and a half minutes."""
    tau_s, strength = ((300.0, 0.010), (60.0, 0.022), (450.0, 0.009))[seed % 3]
    return led(seconds, SIGMA, Edge(to_mean(tau_s), steady(seconds, strength * chance.uniform(0.8, 1.2))))


def runs_away(chance: Chance, seed: int, seconds: int) -> Market:
    """Runs from an exponential mean."""
    tau_s = chance.uniform(60, 120)
    return led(seconds, 0.35, Edge(to_mean(tau_s), steady(seconds, -chance.uniform(0.65, 0.8) / tau_s)))


def momentum(chance: Chance, seed: int, seconds: int) -> Market:
    """Goes on as it went in the last seconds; deliberately weak, since it is over long before an order is."""
    lag_s = int(chance.integers(5, 31))
    return led(seconds, 0.35, Edge(rise(lag_s), steady(seconds, chance.uniform(0.65, 0.8) / lag_s)))


def day_range(chance: Chance, seed: int, seconds: int) -> Market:
    """Drawn to the middle of the day's range, from an hour of the day on that makes some seeds cross midnight."""
    edge = Edge(to_middle_of_day(), steady(seconds, chance.uniform(0.004, 0.006)))
    return led(seconds, SIGMA, edge, start_s=MONDAY_S + int(chance.integers(0, DAY_S // HOUR_S)) * HOUR_S)


def drifts(chance: Chance, seed: int, seconds: int) -> Market:
    """The edge turns slowly from one function to another."""
    angle = np.linspace(0, np.pi / 2, seconds)
    early = Edge(to_mean(chance.uniform(200, 400)), 0.015 * np.cos(angle))
    far_s = int(chance.integers(180, 300))
    late = Edge(between_means(far_s // 4, far_s), 1.5 / far_s * np.sin(angle))
    return led(seconds, 0.4, early, late)


def comes_and_goes(chance: Chance, seed: int, seconds: int) -> Market:
    """An edge for one to three hours, then none for as long."""
    lasts_s = np.cumsum(chance.uniform(1, 3, 2 + seconds // HOUR_S) * HOUR_S)
    stretch = np.searchsorted(lasts_s, np.arange(seconds), side="right")
    on = (stretch + seed) % 2 == 0
    return led(seconds, SIGMA, Edge(to_mean(chance.uniform(200, 400)), np.where(on, 0.016, 0.0)))


def flips(chance: Chance, seed: int, seconds: int) -> Market:
    """Drawn to a mean until half-time and running from it then, more calmly, or the other way round."""
    tau_s = chance.uniform(120, 300)
    halves = np.array([(chance.uniform(0.010, 0.013), SIGMA), (-chance.uniform(0.65, 0.8) / tau_s, 0.35)])
    lasts_s = [seconds // 2, seconds - seconds // 2]
    strength, volatility = np.repeat(halves[:: 1 if seed % 2 else -1], lasts_s, axis=0).T
    return led(seconds, volatility, Edge(to_mean(tau_s), strength))


def volatile(chance: Chance, seed: int, seconds: int) -> Market:
    """Regimes of 20 to 60 minutes in which an order lives from 20 s to half an hour."""
    lasts_s = np.cumsum(chance.uniform(1 / 3, 1, 4 + 3 * seconds // HOUR_S) * HOUR_S)
    stretch = np.searchsorted(lasts_s, np.arange(seconds), side="right")
    volatility = np.exp(chance.uniform(np.log(0.17), np.log(1.5), len(lasts_s)))[stretch]
    edge = Edge(to_mean(chance.uniform(200, 400)), steady(seconds, 0.009))
    return led(seconds, volatility, edge, step_usd=FINE_STEP_USD)


def coarse(chance: Chance, seed: int, seconds: int) -> Market:
    """Prices in steps of up to a quarter of the threshold; the spread is now and then a step wider."""
    step_usd = (0.5, 1.0, 2.0)[seed % 3]
    edge = Edge(to_mean(chance.uniform(150, 400)), steady(seconds, 0.010))
    return led(seconds, 0.5, edge, step_usd=step_usd, spreads_usd=(2.0,) * 9 + (2.0 + step_usd,))


def constant_spread(chance: Chance, seed: int, seconds: int) -> Market:
    """Features bid and offer are the same in every row."""
    return led(seconds, SIGMA, Edge(to_mean(chance.uniform(150, 400)), steady(seconds, 0.010)), spreads_usd=(2.0,))


def base_rates(chance: Chance, seed: int, seconds: int) -> Market:
    """Base rates from 0.1 to 0.6: by a spread that is most of the threshold, or by a trend that no feature tells."""
    spread_usd, trend_usd = SPREAD_AND_TREND_USD[seed % len(SPREAD_AND_TREND_USD)]
    edge = Edge(to_mean(chance.uniform(200, 400)), steady(seconds, 0.010))
    return led(seconds, SIGMA, edge, trend_usd=trend_usd, spreads_usd=(spread_usd, spread_usd + 0.25))


def chance_walk(chance: Chance, seed: int, seconds: int) -> Market:
    """Pure chance, of one volatility."""
    return led(seconds, chance.uniform(0.5, 0.7), spreads_usd=NARROW_USD)


def chance_heavy(chance: Chance, seed: int, seconds: int) -> Market:
    """Pure chance with heavy tails, its volatility in clusters of some minutes."""
    kept = np.exp(-1 / chance.uniform(120, 900))
    shocks = chance.standard_normal(seconds) * 0.5 * np.sqrt(1 - kept**2)
    level = np.zeros(seconds)
    for second in range(1, seconds):
        level[second] = kept * level[second - 1] + shocks[second]
    return led(seconds, 0.55 * np.exp(level), tails=chance.uniform(2.5, 4.0), spreads_usd=NARROW_USD)


def steady(seconds: int, value: float) -> Float64:
    return np.full(seconds, value)


def led(seconds: int, volatility: float | Float64, *edges: Edge, **others: object) -> Market:
    """A market whose volatility may be one for all time."""
    return Market(np.broadcast_to(volatility, seconds), edges, **others)  # type: ignore[arg-type]


FAMILIES: dict[str, Draw] = {
    draw.__name__: draw
    for draw in (
        *(pull, runs_away, momentum, day_range, drifts, comes_and_goes, flips, volatile, coarse, constant_spread),
        *(base_rates, chance_walk, chance_heavy),
    )
}
PURE_CHANCE = ("chance_walk", "chance_heavy")


@dataclass(frozen=True)
class Made:
    """The market of a family and a seed, and its quotes."""

    family: str
    seed: int
    seconds: int = 12 * HOUR_S
    threshold: str = "8"

    @property
    def identity(self) -> str:
        return self.market.identity

    @cached_property
    def market(self) -> Market:
        return FAMILIES[self.family](np.random.default_rng(self._entropy), self.seed, self.seconds)

    def quotes(self) -> Iterator[Quoted]:
        return quotes(self.market, [*self._entropy, 1])

    @property
    def _entropy(self) -> list[int]:
        return [crc32(self.family.encode()), self.seed]

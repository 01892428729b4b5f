"""Bids as random walks, and what became of orders bought on them: what a bettor is tried on.

One order a step, at the offer, which lies `SPREAD` above the bid; it ends when a later bid touches entry + `up` or
entry - `down`. The unit of price is the usual threshold, and of time the step. The bid of a chance market is a
martingale by construction; how its moves come about differs, to be as unkind as a market can.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Steps = NDArray[np.int64]
Chance = np.random.Generator

SPREAD = 0.25
LIFE_STEPS = 12  # an order's, roughly: the square of the threshold over the variance of a move
SIGMA = LIFE_STEPS**-0.5
WARM_UP = 200  # steps before the first order, which rules look back on


@dataclass(frozen=True, eq=False)
class Orders:
    """Orders that have ended, in canonical order (by `ended`, then `placed`); results in thresholds."""

    placed: Steps
    ended: Steps
    gross: Numbers
    net: Numbers
    label: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.placed)


def gaussian(chance: Chance, steps: int, sigma: float = SIGMA) -> Numbers:
    return chance.standard_normal(steps) * sigma


def clustered(chance: Chance, steps: int) -> Numbers:
    """Quiet and wild stretches: the logarithm of the volatility forgets half in 140 steps, and deviates by 1."""
    logarithm = ar1(chance, steps, 0.995)
    return chance.standard_normal(steps) * SIGMA * np.exp(logarithm - 1.0)


def coarse(chance: Chance, steps: int) -> Numbers:
    """Steps of 0.6 thresholds, seldom: an exit overshoots by up to that much."""
    share = SIGMA**2 / 0.6**2
    return chance.choice([-0.6, 0.0, 0.6], steps, p=[share / 2, 1 - share, share / 2])


def jumping(chance: Chance, steps: int) -> Numbers:
    """Student's t with three degrees of freedom: an order's loss may be many thresholds."""
    return chance.standard_t(3, steps) * SIGMA / 3**0.5


def leaping(chance: Chance, steps: int) -> Numbers:
    """Falls slowly, rises in leaps of 1.5 thresholds: the quick orders win, the slow ones lose."""
    share = SIGMA**2 / 1.5**2
    return np.where(chance.random(steps) < share, 1.5, 0.0) - share * 1.5


def crashing(chance: Chance, steps: int) -> Numbers:
    """The other way round."""
    return -leaping(chance, steps)


def lasting(chance: Chance, steps: int) -> Numbers:
    """As `leaping`, so slowly that an order lives as long as a window does."""
    share = SIGMA**2 / 1.5**2 / 8
    return np.where(chance.random(steps) < share, 1.5, 0.0) - share * 1.5


@dataclass(frozen=True)
class Kind:
    """A kind of chance market: how the bid moves, and the barriers."""

    moves: Callable[[Chance, int], Numbers]
    up: float = 1.0
    down: float = 1.0


CHANCE = {
    "gaussian": Kind(gaussian),
    "clustered": Kind(clustered),
    "coarse": Kind(coarse),
    "jumping": Kind(jumping),
    "leaping": Kind(leaping),
    "crashing": Kind(crashing),
    "lasting": Kind(lasting),
    "far stop": Kind(gaussian, up=0.5, down=2.0),
    "far target": Kind(gaussian, up=2.0, down=0.7),
}


def ar1(chance: Chance, steps: int, memory: float) -> Numbers:
    """A process of variance 1 that keeps `memory` of itself each step."""
    noise = (chance.standard_normal(steps) * (1 - memory**2) ** 0.5).tolist()
    value, values = float(chance.standard_normal()), []
    for step in noise:
        value = memory * value + step
        values.append(value)
    return np.array(values)


def orders_on(bid: Numbers, up: float = 1.0, down: float = 1.0) -> Orders:
    """The orders of a walk; those still open at its end are left out."""
    placed = np.arange(WARM_UP, len(bid))
    entry = bid[placed] + SPREAD
    ended = _touched(bid, placed, entry + up, entry - down)
    done = np.flatnonzero(ended >= 0)
    done = done[np.lexsort((placed[done], ended[done]))]
    leaves = bid[ended[done]]
    gross, net = leaves - bid[placed[done]], leaves - entry[done]
    return Orders(placed[done], ended[done], gross, net, leaves >= (entry + up)[done])


def _touched(bid: Numbers, placed: Steps, upper: Numbers, lower: Numbers) -> Steps:
    """The step at which each order ends; -1 where it does not."""
    ended, still, after = np.full(len(placed), -1), np.arange(len(placed)), 0
    while len(still):
        after += 1
        still = still[placed[still] + after < len(bid)]
        now = bid[placed[still] + after]
        over = (now >= upper[still]) | (now <= lower[still])
        ended[still[over]] = placed[still[over]] + after
        still = still[~over]
    return ended

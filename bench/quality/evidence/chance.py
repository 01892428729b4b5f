"""How often a bettor is ever well off on markets of pure chance, where nobody should be."""

import zlib
from dataclasses import dataclass

import numpy as np

from bench.quality.evidence.markets import CHANCE, WARM_UP, Chance, Numbers, orders_on
from bench.quality.evidence.rules import RULES, Rule
from bench.quality.evidence.streams import WINDOW, Seen, Stream
from tidewheel.domain.betting import Bettor

TAIL = 2_000  # steps after the last window, in which its orders end


@dataclass(frozen=True)
class Highest:
    """The most that a bettor ever had on a stream, and the bets she made."""

    gross: float
    net: float
    bets: int


class RightBettor:
    """The product's."""

    def __init__(self) -> None:
        self._bettor = Bettor()

    def update(self, seen: Seen) -> Bettor:
        self._bettor = self._bettor.update(seen.orders, seen.settle_to)
        return self._bettor


def walk(kind: str, seed: int, windows: int) -> tuple[Numbers, Stream, Chance]:
    """A chance market long enough for so many windows, its orders, and chance that is left for the rule."""
    chance = np.random.default_rng([seed, zlib.crc32(kind.encode())])
    market = CHANCE[kind]
    bid = np.cumsum(market.moves(chance, WARM_UP + windows * WINDOW + TAIL))
    return bid, Stream.of(orders_on(bid, market.up, market.down)), chance


def highest(kind: str, rule: Rule, seed: int, windows: int, make: type[RightBettor] = RightBettor) -> Highest:
    """Follow one stream."""
    bid, stream, chance = walk(kind, seed, windows)
    bettor, gross, net = make(), 1.0, 1.0
    now = Bettor()
    for seen in stream.seen(rule(bid, stream, chance)):
        now = bettor.update(seen)
        gross, net = max(gross, now.e_gross), max(net, now.e_net)
    return Highest(gross, net, now.bets)


def rule_of(seed: int) -> str:
    """The rules take turns over seeds."""
    return tuple(RULES)[seed % len(RULES)]

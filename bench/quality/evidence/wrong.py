"""Bettors that break a rule, each of which the streams must show up."""

from dataclasses import replace

import numpy as np

from bench.quality.evidence.chance import RightBettor
from bench.quality.evidence.markets import Chance, Numbers
from bench.quality.evidence.streams import Flags, Seen, Stream
from tidewheel.domain import betting
from tidewheel.domain.betting import Bettor


def peeking(bid: Numbers, stream: Stream, chance: Chance) -> Flags:
    """A rule that sees one outcome in ten, and flags those that win among them; else it is blind."""
    seen = chance.random(len(stream.orders)) < 0.1
    return np.where(seen, stream.orders.label, chance.random(len(stream.orders)) < 0.1)


class Overlapping(RightBettor):
    """Bets on every flagged order as if the one before had ended."""

    def update(self, seen: Seen) -> Bettor:
        now, orders = self._bettor, seen.orders
        self._bettor = replace(
            now,
            gross=betting.compounded(now.gross, orders.gross.tolist()),
            net=betting.compounded(now.net, orders.net.tolist()),
        )
        return self._bettor


class InItsOwnUnits(RightBettor):
    """Measures each result by itself: a win of half a threshold and a loss of two are both called one."""

    def update(self, seen: Seen) -> Bettor:
        orders = replace(seen.orders, gross=np.sign(seen.orders.gross), net=np.sign(seen.orders.net))
        self._bettor = self._bettor.update(orders, seen.settle_to)
        return self._bettor

"""Who flags orders on markets of pure chance: rules that know the past, however they use it."""

from collections.abc import Callable

import numpy as np

from bench.quality.evidence.markets import Chance, Numbers, Orders, ar1
from bench.quality.evidence.streams import Flags, Stream

Rule = Callable[[Numbers, Stream, Chance], Flags]
LAGS = (1, 5, 20, 80)


def always(bid: Numbers, stream: Stream, chance: Chance) -> Flags:
    return np.ones(len(stream.orders), dtype=bool)


def noise(bid: Numbers, stream: Stream, chance: Chance) -> Flags:
    """A score that has nothing to do with the market, and changes slowly."""
    return ar1(chance, len(bid), 0.98)[stream.orders.placed] > 0.5


def trained(bid: Numbers, stream: Stream, chance: Chance) -> Flags:
    """Each window the rule that was right most often on the window before: above or below a quantile of a past move."""
    scores = np.stack([_past_move(bid, stream.orders, lag) for lag in LAGS])
    scores = np.concatenate((scores, -scores))
    flags = np.zeros(len(stream.orders), dtype=bool)
    order = np.argsort(stream.era, kind="stable")
    starts = np.searchsorted(stream.era[order], np.arange(len(stream.closed) + 1))
    for era in range(1, len(stream.closed)):
        before = stream.rows(era - 1)
        which, cut = _best(scores[:, before], stream.orders.label[before])
        mine = order[starts[era] : starts[era + 1]]
        flags[mine] = scores[which, mine] >= cut
    return flags


def chasing(bid: Numbers, stream: Stream, chance: Chance) -> Flags:
    """While the order that ended last has lost, as gamblers do."""
    orders = stream.orders
    last = orders.ended.searchsorted(orders.placed, side="right") - 1
    return (last >= 0) & ~orders.label[last]


def riding(bid: Numbers, stream: Stream, chance: Chance) -> Flags:
    """While the order that ended last has won."""
    orders = stream.orders
    last = orders.ended.searchsorted(orders.placed, side="right") - 1
    return (last >= 0) & orders.label[last]


RULES: dict[str, Rule] = {"always": always, "noise": noise, "trained": trained, "chasing": chasing, "riding": riding}


def _past_move(bid: Numbers, orders: Orders, lag: int) -> Numbers:
    return bid[orders.placed] - bid[orders.placed - lag]


def _best(scores: Numbers, label: Flags) -> tuple[int, float]:
    """The score and cut with the highest precision."""
    cuts = np.quantile(scores, (0.5, 0.7, 0.85), axis=1).T
    flags = scores[:, np.newaxis, :] >= cuts[:, :, np.newaxis]
    precision = (flags & label).sum(axis=2) / flags.sum(axis=2)
    which, cut = np.unravel_index(int(precision.argmax()), precision.shape)
    return int(which), float(cuts[which, cut])

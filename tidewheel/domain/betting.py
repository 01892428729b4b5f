"""Wealth of a bettor on flagged orders: evidence that may be looked at after every window (ADR 25).

If the bid is a martingale, an order placed now has exit - bid at entry of mean 0, whatever its features and whoever
flagged it beforehand. So a bettor who begins with 1 and stakes a share of what she has on a flagged order, its result
in units fixed beforehand, cannot expect to gain; by Ville's inequality her chance of ever having 20 is at most one in
twenty, however often one looks. With the offer in place of the bid at entry the game is that of a buyer who pays the
spread. She has a capital for each of `BETTING_FRACTIONS`, all alike at first, and evens them out a little after every
bet, so that an edge that comes late finds all of them filled.

She has one order at a time, the first flagged one placed after the one before has ended. An order is known once it has
ended, and one that is still open may be the one she holds: so bets are settled late, see `Bettor.update`.

The same orders in the same windows give the same bits on every machine: nothing is done but IEEE additions,
multiplications and divisions one after the other, and sums that `math.fsum` rounds once.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tidewheel.domain.market import Int64

BETTING_FRACTIONS = (0.0, 0.05, 0.15, 0.4, 0.8)
FIXED_SHARE = 1 / 256  # of each capital, which goes to all alike after a bet (fixed share: Herbster and Warmuth 1998)
SETTLE_AFTER_LIFETIMES = 2  # so many times the longest life lately seen, and an order has in all likelihood ended
WEALTH_MAX = 1e300  # more is given away, which a bettor may do at any time, so that nothing overflows
PENDING_MAX = 1_024
WEAK_AT, STRONG_AT = 20.0, 100.0

Float64 = NDArray[np.float64]
Capitals = tuple[float, ...]
INITIAL_CAPITALS: Capitals = (1.0,) * len(BETTING_FRACTIONS)


class Bet(NamedTuple):
    """A flagged order that has ended; its results in units: `gross` against the bid at its entry, `net` the offer."""

    placed_ns: int
    resolved_ns: int
    gross: float
    net: float


@dataclass(frozen=True, slots=True, eq=False)
class FlaggedOrders:
    """Orders that have ended, in columns, each flagged by a rule that was fixed before it was placed.

    `gross` and `net` are in units: a positive number known before the order was placed, best the largest amount that an
    order has lately won or lost, since a capital is empty where an order loses 1 / stake of them.
    """

    placed_ns: Int64
    resolved_ns: Int64
    gross: Float64
    net: Float64

    def __len__(self) -> int:
        return len(self.placed_ns)

    def bet(self, at: int) -> Bet:
        """The order at a place, as a bet."""
        return Bet(*(column[at].item() for column in self._columns))

    def with_bets(self, bets: Iterable[Bet]) -> "FlaggedOrders":
        """These and the orders of bets, by `placed_ns`."""
        more = list(zip(*bets, strict=True)) or [()] * len(Bet._fields)
        joined = [np.append(np.array(m, dtype=own.dtype), own) for m, own in zip(more, self._columns, strict=True)]
        order = np.argsort(joined[0], kind="stable")
        return FlaggedOrders(*(column[order] for column in joined))

    @property
    def _columns(self) -> tuple[Int64, Int64, Float64, Float64]:
        return self.placed_ns, self.resolved_ns, self.gross, self.net


@dataclass(frozen=True, slots=True)
class Bettor:
    """The bettor on one instrument's procedure: goes on over windows, models and restarts.

    `gross`, `net`: the capitals after the settled bets, of which there are `bets`; the last of them ended at
    `free_from_ns`. `pending`: bets that an order still open may displace, by `placed_ns`.
    """

    gross: Capitals = INITIAL_CAPITALS
    net: Capitals = INITIAL_CAPITALS
    bets: int = 0
    free_from_ns: int = 0
    pending: tuple[Bet, ...] = ()

    @property
    def e_gross(self) -> float:
        """Wealth now, against "the bid is a martingale"."""
        return wealth(self.gross)

    @property
    def e_net(self) -> float:
        """Wealth now, against "who buys what is flagged and pays the spread wins nothing"."""
        return wealth(self.net)

    def update(self, orders: FlaggedOrders, settle_until_ns: int) -> "Bettor":
        """Take in the flagged orders that have ended since the last call, and settle bets placed up to an instant.

        The bettor takes the first flagged order placed once she is free, and that may be one nobody can see yet. Who
        took the first one that has *ended* would prefer the quick ones, and on a market that falls slowly and rises in
        leaps the quick ones are those that win. So bets stay pending until orders placed as early as they have ended,
        see `all_resolved_ns`. An order that is later displaces what is pending, and is no bet where that is settled.
        What it displaces cannot come back: that ended before the order did.
        """
        bets = non_overlapping_bets(orders.with_bets(self.pending), self.free_from_ns)
        due = max(sum(bet.placed_ns <= settle_until_ns for bet in bets), len(bets) - PENDING_MAX)
        settled = bets[:due]
        return Bettor(
            compounded(self.gross, (bet.gross for bet in settled)),
            compounded(self.net, (bet.net for bet in settled)),
            self.bets + due,
            settled[-1].resolved_ns if settled else self.free_from_ns,
            tuple(bets[due:]),
        )


def non_overlapping_bets(orders: FlaggedOrders, free_from_ns: int) -> list[Bet]:
    """Of orders by `placed_ns`, the first one placed after an instant, the first placed after that has ended, and so
    on."""
    bets: list[Bet] = []
    at = 0
    while (at := max(at, int(orders.placed_ns.searchsorted(free_from_ns, side="right")))) < len(orders):
        bets.append(orders.bet(at))
        free_from_ns, at = bets[-1].resolved_ns, at + 1
    return bets


def all_resolved_ns(placed_ns: Int64, resolved_ns: Int64) -> int:
    """Up to when orders must have been placed to have ended in all likelihood, given all orders of some that ended
    last."""
    return int(resolved_ns.max() - SETTLE_AFTER_LIFETIMES * (resolved_ns - placed_ns).max())


def compounded(capitals: Capitals, results: Iterable[float]) -> Capitals:
    """The capitals after bets with these results. One that loses more than it holds is empty: nobody can owe. Those of
    a program with other stakes are poured together and dealt out anew."""
    if len(capitals) != len(BETTING_FRACTIONS):
        capitals = (wealth(capitals),) * len(BETTING_FRACTIONS)
    for result in results:
        held = [
            min(capital * max(0.0, 1.0 + stake * result), WEALTH_MAX)
            for capital, stake in zip(capitals, BETTING_FRACTIONS, strict=True)
        ]
        share = wealth(held) * FIXED_SHARE
        capitals = tuple(capital * (1.0 - FIXED_SHARE) + share for capital in held)
    return capitals


def wealth(capitals: Sequence[float]) -> float:
    """The mean of the capitals, where 1 was at first."""
    return fsum(capitals) / max(1, len(capitals))


@dataclass(frozen=True, slots=True)
class PairedTest:
    """Two bettors on two procedures' orders of the same history: one that the first does better, one that the second
    does. Who looks at both, or at many tests, asks for so many times as much of the one that has most."""

    first: Capitals = INITIAL_CAPITALS
    second: Capitals = INITIAL_CAPITALS
    rounds: int = 0

    @property
    def e_first(self) -> float:
        """Wealth against "in no round is the first expected to do better"."""
        return wealth(self.first)

    @property
    def e_second(self) -> float:
        """The same for the second."""
        return wealth(self.second)


def paired_test(first: FlaggedOrders, second: FlaggedOrders, round_ns: int) -> PairedTest:
    """Which of two does better net, its mean flagged order against the other's, in units that both share.

    A round begins with the first order placed once all of the round before have ended, and takes what both flag in the
    next `round_ns`; who flags nothing has 0. The last round is one whose orders have in all likelihood ended.
    """
    sides = first.with_bets(()), second.with_bets(())
    leads: list[float] = []
    for start_ns, end_ns in _rounds(sides, round_ns):
        ours, theirs = (side.net[_placed_within(side, start_ns, end_ns)].tolist() for side in sides)
        leads.append((_mean(ours) - _mean(theirs)) / 2)
    return PairedTest(
        compounded(INITIAL_CAPITALS, leads), compounded(INITIAL_CAPITALS, (-lead for lead in leads)), len(leads)
    )


def _rounds(sides: tuple[FlaggedOrders, FlaggedOrders], round_ns: int) -> Iterator[tuple[int, int]]:
    placed_ns = np.sort(np.concatenate([side.placed_ns for side in sides]))
    if not len(placed_ns):
        return
    last_ns = min(all_resolved_ns(side.placed_ns, side.resolved_ns) for side in sides if len(side))
    at = 0
    while at < len(placed_ns) and (start_ns := int(placed_ns[at])) + round_ns <= last_ns:
        end_ns = start_ns + round_ns
        yield start_ns, end_ns
        ended_ns = [side.resolved_ns[_placed_within(side, start_ns, end_ns)] for side in sides]
        at = int(placed_ns.searchsorted(max(end_ns - 1, int(np.concatenate(ended_ns).max())), side="right"))


def _placed_within(orders: FlaggedOrders, start_ns: int, end_ns: int) -> slice:
    return slice(*orders.placed_ns.searchsorted((start_ns, end_ns)).tolist())


def _mean(results: list[float]) -> float:
    return fsum(results) / max(1, len(results))

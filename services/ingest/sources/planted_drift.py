"""What the simulator can plant: a drift that is linear in the 600 mids which features hold.

A pattern is its weights, a gain, and the mids it has seen: in each second it answers with

    gain × Σ wₖ (mid of k seconds ago) / divisor,   k = 1 … 600

in USD. Weights are whole numbers that sum to zero, so only moves count, never the price. They are constant over a few
pieces: a new mid changes the sum by one product a piece. Mids are doubled cents, whole numbers too, so the sum is exact
and every machine walks alike.

*Mean reversion*: w = 1/600 each, less 1 on the newest. Prices return to the mean of the last ten minutes. Its sign
cannot be turned: prices that are driven off their mean run away.

*Curvature*: of three stretches of `CURVATURE_SPAN_S` seconds that end `CURVATURE_LAG_S` seconds ago, the mean mid of
the newest, less twice that of the one between, plus that of the oldest. Its weights on the moves of single seconds, cⱼ
= w₁ + … + wⱼ on the move of j seconds ago, sum to zero too: a steady trend gives no drift, so none feeds itself. Moves
follow r(t) = chance + gain × Σ cⱼ r(t − j). Let C(ω) = Σ cⱼ exp(−iωj). While gain × max |C(ω)| < 1, what comes back of
any moves has less power than they had, whatever the sign, and also where the sign turns or quiet seconds leave the
drift out: prices stay a walk. |C| is at most 1.193 × `CURVATURE_SPAN_S`, so the product is 0.895 at edge 1. Curvature
up to now makes swings that one sign feeds and the other damps; `CURVATURE_LAG_S` makes up for some of that.
"""

from collections.abc import Sequence

HISTORY_S = 600
DOUBLED_CENTS = 200  # in a dollar
MEAN_REVERSION_PER_S = 0.02
CURVATURE_LAG_S, CURVATURE_SPAN_S = 30, 160
CURVATURE_PER_S = 0.75 / CURVATURE_SPAN_S


class DriftPattern:
    """A planted drift; `pieces` are (how many mids, weight of each) from the newest on."""

    def __init__(self, pieces: Sequence[tuple[int, int]], divisor: int, gain: float, first_mid: int) -> None:
        self.gain = gain
        self.weights = [weight / divisor for count, weight in pieces for _ in range(count)]
        assert len(self.weights) <= HISTORY_S
        assert sum(count * weight for count, weight in pieces) == 0
        self._scale = divisor * DOUBLED_CENTS
        self._newest = pieces[0][1]
        self._changes = _changes(pieces)
        # The mid of k seconds ago lies k places before `_place`, around the end.
        self._mids = [first_mid] * HISTORY_S
        self._place = 0
        self._sum = 0

    def drift_usd(self) -> float:
        """The drift of the second to come."""
        return self.gain * self._sum / self._scale

    def on_mid(self, mid: int) -> None:
        """A second is over and closed with this mid, in doubled cents."""
        mids, place = self._mids, self._place
        moved = self._newest * mid
        for ago, step in self._changes:
            moved += step * mids[place - ago]
        self._sum += moved
        mids[place] = mid
        self._place = (place + 1) % HISTORY_S


def mean_reversion(edge: float, first_mid: int) -> DriftPattern:
    """To the mean of ten minutes."""
    pieces = ((1, 1 - HISTORY_S), (HISTORY_S - 1, 1))
    return DriftPattern(pieces, HISTORY_S, edge * MEAN_REVERSION_PER_S, first_mid)


def curvature(edge: float, first_mid: int) -> DriftPattern:
    """How the newest mids and the oldest of three stretches lie to those between them; stable with either sign."""
    pieces = ((CURVATURE_LAG_S, 0), (CURVATURE_SPAN_S, 1), (CURVATURE_SPAN_S, -2), (CURVATURE_SPAN_S, 1))
    return DriftPattern(pieces, CURVATURE_SPAN_S, edge * CURVATURE_PER_S, first_mid)


def _changes(pieces: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """After how many mids the weight changes, and by how much; it ends with 0."""
    weights = [weight for _, weight in pieces]
    ends = [sum(count for count, _ in pieces[: n + 1]) for n in range(len(pieces))]
    return [(end, after - before) for end, before, after in zip(ends, weights, [*weights[1:], 0], strict=True)]

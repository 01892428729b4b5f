"""A seeded market with bid and offer, bursts and quiet stretches, and a planted linear edge that may turn its sign.

How prices come about. The *offer* is a random walk: each quote moves it by chance, by `OFFER_STEP_USD` a second
times a volatility that wanders. The bid is below it by a spread drawn anew each second. So with edge 0 the offer is a
martingale, and whether an order bought at the offer ends in PROFIT or LOSS is pure chance whatever one knows at its
entry: were the mid the martingale, a narrow spread at entry would be a small edge of its own.

The planted edge. In each second that has quotes the offer drifts by

    edge × MEAN_REVERSION_PER_S × Σ wₖ (mid of k seconds ago − mid of 1 second ago),   k = 1 … 600, all wₖ = 1/600

in USD: prices are pulled to the mean of the last ten minutes. A market that flips has another pattern, one whose sign
can be turned (`planted_drift.py`): before market second `flip_s`, counted from 0, the drift is

    edge × CURVATURE_PER_S × (mean of mids 31 … 190 − 2 × mean of mids 191 … 350 + mean of mids 351 … 510)

and from then on its negative. Either is linear in the 600 mids that features hold, and the same seed has the same
chance whatever the edge and the flip.

Events (`tidewheel/domain/market_events.py`) are looked at before each block of seconds. During a gap there are no
quotes; in a burst `EVENT_BURST_FACTOR` times as many, of which each `CROSSED_EACH`th is crossed, as fast markets have
them. A flip turns the sign of the pattern; that of the usual one, which would run away, at `TURNED_SHARE` of its
strength. A block without events has the chance it always had.

The market begins at 2026-01-01 UTC and never ends. Prices are reflected far outside any range they reach in years.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from services.ingest.sources.planted_drift import curvature, mean_reversion
from tidewheel.domain.market import Int64, SourceKind
from tidewheel.domain.market_events import EventKind, MarketEvent
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.quotes import RawBatch

START_S = 1_767_225_600  # 2026-01-01T00:00:00Z
START_USD = 65_000.0
RANGE_USD = (35_000.0, 95_000.0)
BLOCK_S = 256
OFFER_STEP_USD = 1.2
# Volatility is a factor that returns to 1.
VOLATILITY_PERSISTENCE = 0.98
VOLATILITY_NOISE = 0.08
VOLATILITY_RANGE = (0.5, 1.8)
SPREAD_CENTS = (50, 250)  # the narrowest, and how much wider the widest is
QUOTES_A_SECOND = 2.5
BURST_PROBABILITY = 1 / 80
BURST_QUOTES = (25, 140)
BURST_VOLATILITY = 2.0
# Now and then nothing comes for 3 to 50 seconds: short enough never to be stale, and no break.
QUIET_PROBABILITY = 1 / 300
QUIET_S = (3, 50)
EVENT_BURST_FACTOR = 20
CROSSED_EACH = 25
TURNED_SHARE = 0.15
CENT_E9 = 10_000_000
Mask = NDArray[np.bool_]


class Simulator:
    """Endless quotes, the same for the same seed, edge, flip and events on each start. With `flip_s` 0 it never flips.

    `events`: asked before each block what is to happen.
    """

    name = "sim"
    kind = SourceKind.SIMULATED
    replayable = True
    instruments = None

    def __init__(
        self, seed: int, edge: float, flip_s: int = 0, events: Callable[[], Sequence[MarketEvent]] = tuple
    ) -> None:
        self._seed = seed
        self._events = events
        self._flip_s = flip_s
        self._second = 0
        self._offer_usd = START_USD
        self._volatility = 1.0
        self._quiet_left_s = 0
        self._mid = 2 * round(START_USD * 100) - SPREAD_CENTS[0]  # doubled cents
        self._pattern = (curvature if flip_s else mean_reversion)(edge, self._mid)

    def layouts(self) -> list[str]:
        """There is nothing to understand."""
        return []

    def describe(self, place: int) -> str:
        """A quote by its number."""
        return f"quote {place}"

    def items(self) -> Iterator[RawBatch]:
        place = 1
        block = 0
        while True:
            batch = self._block(block, place)
            yield batch
            place += len(batch)
            block += 1

    def remaining(self) -> Iterator[RawBatch]:
        """The next start makes them."""
        return iter(())

    def _block(self, block: int, place: int) -> RawBatch:
        rng = np.random.default_rng([self._seed, block])
        counts, volatilities = self._activity(rng, first=block == 0)
        usual_total = int(counts.sum())
        chance = rng.standard_normal(usual_total)
        spreads = SPREAD_CENTS[0] + (SPREAD_CENTS[1] * rng.random(BLOCK_S) ** 4).astype(np.int64)
        within_ns = rng.integers(0, NS_PER_S, usual_total)
        active = self._active_events()
        if active[EventKind.GAP].any() or active[EventKind.BURST].any():
            counts, chance, within_ns = self._eventful(block, active, counts, chance, within_ns)
        total = int(counts.sum())
        of_second = np.repeat(np.arange(BLOCK_S), counts)
        starts = np.cumsum(counts) - counts
        # Number of the quote within its second, from 1.
        order = np.arange(total) - starts[of_second] + 1
        steps = chance * (OFFER_STEP_USD * volatilities / np.sqrt(np.maximum(counts, 1)))[of_second]
        walked = np.cumsum(steps)
        within = walked - np.concatenate(([0.0], walked))[starts][of_second]
        bases, drifts, signs = self._seconds(counts, starts, within, spreads, active[EventKind.FLIP])
        offers_usd = bases[of_second] + signs[of_second] * within + drifts[of_second] * (order / counts[of_second])
        offers = np.rint(offers_usd * 100).astype(np.int64)
        crossed = active[EventKind.BURST][of_second] & (order % CROSSED_EACH == 0)
        bids = offers - np.where(crossed, -1, 1) * spreads[of_second]
        seconds = START_S + block * BLOCK_S + of_second
        times = np.sort(seconds * NS_PER_S + within_ns)
        return RawBatch(
            place=np.arange(place, place + total, dtype=np.int64),
            time_ns=times,
            bid_e9=bids * CENT_E9,
            offer_e9=offers * CENT_E9,
        )

    def _active_events(self) -> dict[EventKind, Mask]:
        """In which seconds of the block to come."""
        seconds = START_S + self._second + np.arange(BLOCK_S)
        found = {kind: np.zeros(BLOCK_S, bool) for kind in EventKind}
        for event in self._events():
            found[event.kind] |= (event.from_s <= seconds) & (seconds < event.to_s)
        return found

    def _eventful(
        self, block: int, active: dict[EventKind, Mask], counts: Int64, chance: NDArray[np.float64], within_ns: Int64
    ) -> tuple[Int64, NDArray[np.float64], Int64]:
        """How many quotes there are instead of the usual ones, their chance and times. Seconds without an event keep
        theirs; those of a burst get as much chance in all."""
        repeats = np.where(active[EventKind.GAP], 0, np.where(active[EventKind.BURST], EVENT_BURST_FACTOR, 1))
        of_quote = repeats[np.repeat(np.arange(BLOCK_S), counts)]
        fresh = np.random.default_rng([self._seed, block, 1])
        is_more = np.repeat(of_quote > 1, of_quote)
        chance, within_ns = np.repeat(chance, of_quote), np.repeat(within_ns, of_quote)
        chance[is_more] *= fresh.choice((-1.0, 1.0), int(is_more.sum()))
        within_ns[is_more] = fresh.integers(0, NS_PER_S, int(is_more.sum()))
        return counts * repeats, chance, within_ns

    def _activity(self, rng: np.random.Generator, *, first: bool) -> tuple[Int64, NDArray[np.float64]]:
        """Number of quotes and volatility of each second of a block."""
        usual = rng.poisson(QUOTES_A_SECOND, BLOCK_S)
        burst = rng.random(BLOCK_S) < BURST_PROBABILITY
        burst_quotes = rng.integers(*BURST_QUOTES, BLOCK_S)
        falls_quiet = (rng.random(BLOCK_S) < QUIET_PROBABILITY).tolist()
        lengths = rng.integers(*QUIET_S, BLOCK_S).tolist()
        shocks = (rng.standard_normal(BLOCK_S) * VOLATILITY_NOISE).tolist()
        counts = np.where(burst, burst_quotes, usual)
        volatilities = np.empty(BLOCK_S)
        low, high = VOLATILITY_RANGE
        for second in range(BLOCK_S):
            self._volatility = 1 + VOLATILITY_PERSISTENCE * (self._volatility - 1) + shocks[second]
            self._volatility = min(max(self._volatility, low), high)
            volatilities[second] = self._volatility
            if self._quiet_left_s > 0:
                self._quiet_left_s -= 1
                # The second after a stretch has a quote, so that two stretches never join.
                counts[second] = 0 if self._quiet_left_s else max(1, counts[second])
            elif falls_quiet[second] and not first:
                self._quiet_left_s = lengths[second]
                counts[second] = 0
        if first:
            counts[0] = max(1, counts[0])
        volatilities[burst] *= BURST_VOLATILITY
        return counts, volatilities

    def _seconds(
        self, counts: Int64, starts: Int64, within: NDArray[np.float64], spreads: Int64, turned: Mask
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Walk second by second: the offer each begins with, the drift in it, and -1 where chance is mirrored to stay
        in range. Arithmetic on plain floats in a fixed order, so that every machine walks alike."""
        bases, drifts, signs = np.zeros(BLOCK_S), np.zeros(BLOCK_S), np.ones(BLOCK_S)
        moves = np.zeros(BLOCK_S)
        alive = counts > 0
        moves[alive] = within[(starts + counts - 1)[alive]]
        pattern, mid, offer = self._pattern, self._mid, self._offer_usd
        low, high = RANGE_USD
        for second, (quoted, move, spread, is_turned) in enumerate(
            zip(alive.tolist(), moves.tolist(), spreads.tolist(), turned.tolist(), strict=True)
        ):
            bases[second] = offer
            if quoted:
                drift = pattern.drift_usd()
                if self._flip_s and (self._second + second >= self._flip_s) != is_turned:
                    drift = -drift
                elif is_turned and not self._flip_s:
                    drift *= -TURNED_SHARE
                if not low < offer + move + drift < high:
                    move, signs[second] = -move, -1.0
                drifts[second] = drift
                offer = offer + move + drift
                mid = 2 * round(offer * 100) - spread
            pattern.on_mid(mid)
        self._second += BLOCK_S
        self._mid, self._offer_usd = mid, offer
        return bases, drifts, signs

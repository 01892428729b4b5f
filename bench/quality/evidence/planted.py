"""How soon evidence comes on markets with an edge: e-values beside the rule of pooled lift, on the same streams."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.quality.evidence.chance import TAIL, RightBettor
from bench.quality.evidence.markets import SIGMA, WARM_UP, Numbers, Steps, ar1, orders_on
from bench.quality.evidence.streams import WINDOW, Flags, Stream
from services.trainer.dataset.rows import Rows
from services.trainer.dataset.split import effective_sample_size
from tidewheel.domain.models import Scorecard
from tidewheel.evidence import pooling

FLAGGED_FROM = 0.7  # of a score of variance 1: a quarter of the orders
MEMORY = 0.97
POOLED_MAX = 20
KINDS = ("e_20", "e_100", "lift_weak", "lift_strong")


@dataclass(frozen=True)
class Edge:
    """A planted edge. `drift`: how far the drift deviates, in deviations of a move; `known`: its correlation with
    the models' score. Before window `begins` there is none; from window `flips` on it has the other sign."""

    drift: float
    known: float
    begins: int = 0
    flips: int | None = None


EDGES = {
    "large": Edge(0.6, 0.9),
    "usual": Edge(0.3, 0.9),
    "small": Edge(0.2, 0.6),
    "tiny": Edge(0.15, 0.6),
    "usual, late": Edge(0.3, 0.9, begins=150),
    "small, late": Edge(0.2, 0.6, begins=150),
}


def stream_of(edge: Edge, seed: int, windows: int) -> tuple[Stream, Numbers]:
    """The orders of a market with an edge, and the models' score of each."""
    chance = np.random.default_rng([seed, 77])
    steps = WARM_UP + windows * WINDOW + TAIL
    function, other = ar1(chance, steps, MEMORY), ar1(chance, steps, MEMORY)
    at = np.arange(steps)
    sign = np.where(at >= WARM_UP + edge.begins * WINDOW, 1.0, 0.0)
    if edge.flips is not None:
        sign[at >= WARM_UP + edge.flips * WINDOW] = -1.0
    drift = edge.drift * np.append(0.0, (function * sign)[:-1])
    stream = Stream.of(orders_on(np.cumsum(SIGMA * (chance.standard_normal(steps) + drift))))
    score = edge.known * function + (1 - edge.known**2) ** 0.5 * other
    return stream, score[stream.orders.placed]


def waits(edge: Edge, seed: int, windows: int) -> dict[str, float]:
    """Windows after the edge began until each kind of evidence; infinity where it never came. And the lift."""
    stream, score = stream_of(edge, seed, windows)
    flags = score >= FLAGGED_FROM
    bettor, cards, found = RightBettor(), list[Scorecard](), dict[str, float]()
    for window, seen in enumerate(stream.seen(flags), start=1):
        now = bettor.update(seen)
        rows = stream.judging(window)
        if len(rows):
            cards = [card(stream, rows, flags), *cards][:POOLED_MAX]
        pooled = pooling.pool_scorecards(cards)
        reached = {
            "e_20": now.e_gross >= 20,
            "e_100": now.e_gross >= 100,
            "lift_weak": len(cards) >= pooling.WEAK_MODELS_MIN and pooled.low_weak > 0,
            "lift_strong": len(cards) >= pooling.STRONG_MODELS_MIN and pooled.low_strong > 0,
        }
        for name, is_so in reached.items():
            if is_so and window > edge.begins:
                found.setdefault(name, window - edge.begins)
        if len(found) == len(reached):
            break
    label, later = stream.orders.label, stream.era > edge.begins
    lift = float(label[flags & later].mean() - label[later].mean())
    return {"lift": lift, **{name: found.get(name, np.inf) for name in KINDS}}


def card(stream: Stream, rows: Steps, flags: Flags) -> Scorecard:
    """Counts of rows, as a scorecard has them."""
    label, flagged = stream.orders.label[rows], flags[rows]
    hits, positives = int((label & flagged).sum()), int(label.sum())
    worth = effective_sample_size(as_rows(stream, rows))
    return Scorecard(
        *(len(rows), positives, int(flagged.sum()), hits, hits / max(1, int(flagged.sum())), hits / max(1, positives)),
        *(positives / len(rows), 0.0, worth, 0, 0),
    )


def as_rows(stream: Stream, rows: Steps) -> Rows:
    """Orders as training rows without features."""
    orders, none = stream.orders, np.zeros(len(rows), dtype=np.int64)
    columns = (orders.label[rows].astype(np.uint8), orders.placed[rows], orders.ended[rows])
    return Rows(np.empty((len(rows), 0), dtype=np.float32), *columns, none, none, none)


def figures(found: Sequence[dict[str, float]]) -> Iterator[tuple[str, Any]]:
    """Medians over streams."""
    for name in found[0]:
        median = float(np.median([one[name] for one in found]))
        yield name, round(median, 3) if np.isfinite(median) else None

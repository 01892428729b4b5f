"""One stream, window after window: what each procedure makes of the past, judged on the window after it.

Judged are the next window's rows that were placed after the newest window had closed. Beside the procedures, on the
same rows, whoever knows the market: its function, and the threshold that was best on the last twelve windows.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.quality.contenders import Flags, Rule, Scores, threshold
from bench.quality.flips import first as first_positive
from bench.quality.pool import Pool
from bench.quality.trained import correlation
from bench.quality.zoo.market import Market
from bench.quality.zoo.procedures import Procedure
from bench.quality.zoo.stream import Past, Stream
from services.trainer.dataset.rows import Rows

TRUTH_REACH = 12
# Orders of one second share their future: one row in five fits the truth's threshold as well as all.
TRUTH_EVERY = 5
# Whoever knows that nothing draws an order upwards does not flag it.
UPWARDS = np.finfo(np.float64).tiny


@dataclass
class Truth:
    """The market's own function, seen window by window."""

    market: Market | None
    known: list[Scores] = field(default_factory=list)
    labels: list[np.ndarray] = field(default_factory=list)
    pool: Pool = field(default_factory=Pool)

    def closed(self, rows: Rows) -> None:
        thinned = rows.take(slice(None, None, TRUTH_EVERY))
        self.known.append(self.of(thinned))
        self.labels.append(thinned.label)

    def of(self, rows: Rows) -> Scores:
        if self.market is None:
            return np.zeros(len(rows))
        return self.market.truth(rows.features, rows.placed_ns)

    def judge(self, later: Rows) -> "Known":
        """Flag later rows by a threshold fixed before them, and count that."""
        known, labels = np.concatenate(self.known[-TRUTH_REACH:]), np.concatenate(self.labels[-TRUTH_REACH:])
        scores = self.of(later)
        flags = scores >= max(threshold(known, labels), UPWARDS)
        if len(later):
            self.pool.add(flags, later.label)
        return Known(later, scores, flags)


@dataclass(frozen=True, eq=False)
class Known:
    """The rows to be judged on, and what whoever knows the market says of them."""

    later: Rows
    scores: Scores
    flags: Flags


@dataclass
class Judged:
    """How one procedure did on the windows that have closed; on some of them there is no later row to judge by.

    `standing`: by the model last served where a window has none of its own, as the product goes on. `truth`: of the
    windows with a model of their own, since those who refuse choose what they are compared on. `correlations`:
    with the truth on next windows. `since_turn`: those from the first window on that holds a row placed after the edge
    turned.
    """

    procedure: Procedure
    own: Pool = field(default_factory=Pool)
    standing: Pool = field(default_factory=Pool)
    truth: Pool = field(default_factory=Pool)
    refused: Counter[str] = field(default_factory=Counter)
    correlations: list[float | None] = field(default_factory=list)
    since_turn: list[float | None] = field(default_factory=list)
    served: Rule | None = None
    took_s: float = 0.0

    def step(self, past: Past, known: Known, *, turned: bool) -> None:
        began_s = time.process_time()
        made = self.procedure(past)
        self.took_s += time.process_time() - began_s
        if isinstance(made, Rule):
            self.served = made
        else:
            self.refused[made.reason] += 1
        alike = self.judge(made if isinstance(made, Rule) else None, known) if len(known.later) else None
        self.correlations.append(alike)
        if turned:
            self.since_turn.append(alike)

    def judge(self, made: Rule | None, known: Known) -> float | None:
        """Count the flags; the correlation with the truth."""
        later = known.later
        if self.served is not None:
            self.standing.add(self.served.flags(later), later.label)
        if made is None:
            return None
        scores = made.scores(later)
        self.own.add(scores >= made.threshold, later.label)
        self.truth.add(known.flags, later.label)
        return correlation(scores, known.scores)

    def figures(self) -> dict[str, Any]:
        windows = max(len(self.correlations), 1)
        alike = [one for one in self.correlations if one is not None]
        return {
            **self.own.figures(),
            "flagged": round(sum(self.own.flagged) / max(sum(self.own.rows), 1), 4),
            "served": round(1 - self.refused.total() / windows, 4),
            "truth_lift": self.truth.figures()["lift"] if any(self.truth.flagged) else None,
            "standing_lift": self.standing.figures()["lift"],
            "refused": dict(self.refused),
            "correlation": round(float(np.mean(alike)), 3) if alike else None,
            "window_s": round(self.took_s / windows, 3),
            **({"turned_after": first_positive(self.since_turn)} if self.since_turn else {}),
        }


def follow(stream: Stream, market: Market | None, procedures: dict[str, Procedure], windows: int) -> dict[str, Any]:
    """The figures of the truth and of each procedure over the first `windows` windows that have a next one."""
    truth = Truth(market)
    judged = {name: Judged(procedure) for name, procedure in procedures.items()}
    for number in range(min(windows, len(stream) - 1)):
        rows = stream.window(number).rows
        truth.closed(rows)
        following = stream.window(number + 1).rows
        later = following.take(following.placed_ns > rows.resolved_ns.max())
        known, turned = truth.judge(later), market.turned(rows.placed_ns) if market else None
        for one in judged.values():
            one.step(Past(stream, number + 1), known, turned=turned is not None and bool(turned.any()))
    figures = truth.pool.figures()
    own = {} if market is None or not market.edges else {**figures, "flagged": _flagged(truth.pool)}
    rates = [round(hits / max(rows, 1), 3) for hits, rows in zip(truth.pool.positives, truth.pool.rows, strict=True)]
    return {
        "windows": figures["windows"],
        "base_rate": figures["base_rate"],
        "base_rates": [min(rates, default=0), max(rates, default=0)],
        "truth": own or None,
        **{name: one.figures() for name, one in judged.items()},
    }


def _flagged(pool: Pool) -> float:
    return round(sum(pool.flagged) / max(sum(pool.rows), 1), 4)

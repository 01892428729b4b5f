"""How soon a flip of the edge is noticed, and how often one is noticed that was none: our e-detector beside ADWIN."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from river import drift
from sklearn.linear_model import LogisticRegression

from bench.quality.evidence.markets import Numbers, Steps
from bench.quality.evidence.planted import Edge, as_rows, stream_of
from bench.quality.evidence.streams import Stream
from services.trainer.dataset.split import effective_sample_size
from tidewheel.domain.betting import non_overlapping_bets
from tidewheel.domain.drift import DriftDetector

FLIP_AT, AFTER = 60, 30
DELTAS = (0.1, 0.03, 0.002)  # ADWIN's; the last one is river's own
EDGES = {"large": Edge(0.6, 0.9), "usual": Edge(0.3, 0.9), "small": Edge(0.2, 0.6), "none": Edge(0.0, 0.9)}


@dataclass(frozen=True)
class Judged:
    """Of one window: signed results of orders one at a time, and errors of as many rows as it is worth."""

    results: list[float]
    errors: list[float]


Alarms = Callable[[list[Judged]], list[int]]


def judged(edge: Edge, seed: int, windows: int, curve: LogisticRegression) -> list[Judged]:
    """A stream as its models are judged; their score is calibrated on the market as it was at first."""
    stream, score = stream_of(edge, seed, windows)
    errors = np.abs(stream.orders.label - curve.predict_proba(score[:, np.newaxis])[:, 1])
    found, free_from = list[Judged](), 0
    for window in range(1, len(stream)):
        rows = stream.judging(window)
        results, free_from = _signed(stream, rows, score, free_from)
        found.append(Judged(results, _thinned(stream, rows, errors)))
    return found


def calibrated(edge: Edge) -> LogisticRegression:
    stream, score = stream_of(edge, 10**6, 500)
    return LogisticRegression().fit(score[:, np.newaxis], stream.orders.label)


def _signed(stream: Stream, rows: Steps, score: Numbers, free_from: int) -> tuple[list[float], int]:
    orders, sign = stream.columns(rows), np.where(score[rows] >= 0, 1.0, -1.0)
    bets = non_overlapping_bets(
        type(orders)(orders.placed_ns, orders.resolved_ns, orders.gross * sign, orders.net).with_bets(()), free_from
    )
    return [bet.gross for bet in bets], bets[-1].resolved_ns if bets else free_from


def _thinned(stream: Stream, rows: Steps, errors: Numbers) -> list[float]:
    if not len(rows):
        return []
    count = max(1, int(effective_sample_size(as_rows(stream, rows))))
    thinned: list[float] = errors[rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]].tolist()
    return thinned


def ours(windows: list[Judged]) -> list[int]:
    """The windows at which the product's detector sounds."""
    detector, found = DriftDetector(), []
    for at, window in enumerate(windows):
        detector = detector.update(window.results)
        if window.results and detector.drift_detected:
            found.append(at)
    return found


def adwin(delta: float) -> Alarms:
    """The windows in which ADWIN sounds, shown the models' errors."""

    def alarms(windows: list[Judged]) -> list[int]:
        detector, found = drift.ADWIN(delta=delta, clock=1), []
        for at, window in enumerate(windows):
            sounded = False
            for error in window.errors:
                detector.update(error)
                sounded |= bool(detector.drift_detected)
            if sounded:
                found.append(at)
        return found

    return alarms


def compared(streams: int, windows: int) -> Iterator[dict[str, Any]]:
    """Each detector on each edge: windows between false alarms where nothing flips, and the wait after a flip."""
    for name, edge in EDGES.items():
        curve = calibrated(edge if edge.drift else EDGES["usual"])
        still = [judged(edge, seed, windows, curve) for seed in range(max(1, streams // 20))]
        flip = Edge(edge.drift, edge.known, flips=FLIP_AT)
        turned = [judged(flip, 1_000 + seed, FLIP_AT + AFTER, curve) for seed in range(streams)] if edge.drift else []
        for detector, alarms in {"ours": ours, **{f"adwin {delta}": adwin(delta) for delta in DELTAS}}.items():
            false = sum(len(alarms(one)) for one in still)
            found = {"windows_a_false_alarm": round(sum(map(len, still)) / max(1, false)), "false_alarms": false}
            yield {"drift": name, "detector": detector, **found, **_waits([alarms(one) for one in turned])}


def _waits(found: list[list[int]]) -> dict[str, Any]:
    """Windows from the flip to the first alarm after it: the median, and shares."""
    if not found:
        return {}
    waits = np.array([next((at - FLIP_AT + 2 for at in one if at >= FLIP_AT - 1), np.inf) for one in found])
    within = {f"within_{count}": round(float((waits <= count).mean()), 3) for count in (1, 2, 3, 5, 10)}
    return {"median_wait": float(np.median(waits)), **within}

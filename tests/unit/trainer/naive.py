"""Thresholds found one cut after the other, in fractions, and what windows are worth, one hypothesis after the other:
what the fast ones are held against."""

from fractions import Fraction
from itertools import pairwise

import numpy as np

from services.trainer.dataset.sample import Sample
from services.trainer.search.criteria import Criterion, Goal

Number = int | Fraction


def merit(criterion: Criterion, hits: Number, flagged: Number, positives: Number, rows: Number) -> Fraction:
    """Of a goal that knows thresholds."""
    goal, square = criterion.goal, Fraction(criterion.beta) ** 2
    if goal is Goal.PRECISION_AT_TARGET_RECALL:
        return Fraction(hits, flagged)
    if goal is Goal.RECALL_AT_TARGET_PRECISION:
        return Fraction(hits, positives) if positives else Fraction(0)
    if goal is Goal.ACCURACY:
        return Fraction(hits + (rows - positives) - (flagged - hits), rows)
    return (1 + square) * hits / (square * positives + flagged)


def met(criterion: Criterion, hits: Number, flagged: Number, positives: Number) -> bool:
    if criterion.goal is Goal.PRECISION_AT_TARGET_RECALL:
        return positives > 0 and hits >= Fraction(criterion.recall_min) * positives
    if criterion.goal is Goal.RECALL_AT_TARGET_PRECISION:
        return hits >= Fraction(criterion.precision_min) * flagged
    return positives > 0


def best_cut(scores: np.ndarray, labels: np.ndarray, known: np.ndarray, criterion: Criterion) -> float:
    """The score with the best merit over the known rows where it and all above are flagged; the lowest such score."""
    best, found = Fraction(-1), np.inf
    for cut in np.unique(scores):
        flags = (scores >= cut) & known
        counts = int((flags & (labels == 1)).sum()), int(flags.sum()), int((known & (labels == 1)).sum())
        if counts[1] and met(criterion, *counts):
            reached = merit(criterion, *counts, int(known.sum()))
            if reached > best:
                best, found = reached, float(cut)
    return found


def cut_that_goes_out(
    scores: list[float], labels: list[int], weights: list[float], criterion: Criterion, most: float
) -> float:
    """The score with the best merit of those from which on so much of the weight is flagged at most, of equals the
    highest; where none meets the criterion the lowest of them; where there is none the highest score of all."""
    worth = [Fraction(weight) for weight in weights]
    positives, rows = sum(w for w, y in zip(worth, labels, strict=True) if y), sum(worth)
    best, found, lowest = Fraction(-1), None, None
    for cut in sorted(set(scores), reverse=True):
        flagged = sum(w for w, s in zip(worth, scores, strict=True) if s >= cut)
        hits = sum(w for w, s, y in zip(worth, scores, labels, strict=True) if s >= cut and y)
        if flagged > Fraction(most) * rows:
            break
        lowest = cut
        if met(criterion, hits, flagged, positives):
            reached = merit(criterion, hits, flagged, positives, rows)
            if reached > best:
                best, found = reached, cut
    if found is not None:
        return found
    return max(scores) if lowest is None else lowest


def cross_flags(scores: np.ndarray, labels: np.ndarray, fold_of: np.ndarray, criterion: Criterion) -> np.ndarray:
    """Each fold's rows flagged from the best cut over the rows of the others on."""
    flags = np.zeros(len(scores), dtype=bool)
    for fold in set(fold_of.tolist()):
        held_out = fold_of == fold
        flags |= held_out & (scores >= best_cut(scores, labels, ~held_out, criterion))
    return flags


def worth_of_windows(
    windows: list[Sample], turns: float, ridge: float, ridge_windows: float, doubt: float, evidence: float, least: float
) -> list[float]:
    """What each window is worth, by the chance of each last turn, which the windows since share among them: window by
    window, hypothesis by hypothesis, chances and not their logarithms, and each regression made of the rows themselves.
    """
    everything = np.concatenate([one.features for one in windows]).astype(np.float64)
    deviation = everything.std(axis=0)
    chances = {0: 1.0}  # of the window that is the first since the last turn
    for now in range(1, len(windows)):
        later, before = windows[now], windows[now - 1]
        placed_after = [k for k in range(len(later)) if later.placed_ns[k] > max(before.resolved_ns)]
        likelihood = {}
        for first in chances:
            likelihood[first] = evidence * gain_of(
                windows[first:now], later, placed_after, deviation, ridge, ridge_windows, doubt
            )
        turned = {now: turns * sum(chances.values())}
        still = {first: chance * (1 - turns) * float(np.exp(likelihood[first])) for first, chance in chances.items()}
        chances = {**turned, **still}
        whole = sum(chances.values())
        chances = {first: chance / whole for first, chance in chances.items()}
    shared = {first: chance / (len(windows) - first) for first, chance in chances.items()}
    worth = [sum(share for first, share in shared.items() if first <= at) for at in range(len(windows))]
    return [one / worth[-1] if one / worth[-1] > least else 0.0 for one in worth]


def gain_of(
    seen: list[Sample],
    later: Sample,
    placed_after: list[int],
    deviation: np.ndarray,
    ridge: float,
    ridge_windows: float,
    doubt: float,
) -> float:
    """How much likelier labels are by a regression on the windows seen than by their base rate alone, as a logarithm,
    in independent labels."""
    x = np.concatenate([one.features for one in seen]).astype(np.float64)
    y = np.concatenate([one.label for one in seen]).astype(np.float64)
    moving = deviation > 1e-9 * np.maximum(np.abs(x.mean(axis=0)), 1.0)
    z = (x - x.mean(axis=0))[:, moving] / deviation[moving]
    rate = y.mean()
    spread = max(rate * (1 - rate), 0.02 * 0.98)
    curvature = z.T @ z / len(y) * spread + ridge * ridge_windows / len(seen) * np.eye(z.shape[1])
    slope = np.linalg.inv(curvature) @ (z.T @ (y - rate) / len(y))
    own = z @ slope
    if own.any():
        slope = slope * float(own @ (y - rate)) / (float(own @ own) * spread)
    independent = sum(alive_alone(one) for one in seen)
    slope = slope * independent / (independent + doubt)
    odds = np.log(min(max(rate, 0.02), 0.98) / (1 - min(max(rate, 0.02), 0.98)))
    if not placed_after:
        return 0.0
    gained = []
    for k in placed_after:
        row = (later.features[k].astype(np.float64) - x.mean(axis=0))[moving] / deviation[moving]
        chance, base = (1 / (1 + np.exp(-logit)) for logit in (odds + row @ slope, odds))
        gained.append(np.log(chance / base) if later.label[k] else np.log((1 - chance) / (1 - base)))
    return float(np.mean(gained)) * alive_alone(later.take(np.array(placed_after)))


def alive_alone(rows: Sample) -> float:
    """How many independent labels rows are worth: the sum over them of the mean, over each one's life, of one over how
    many are alive."""
    instants = sorted({*rows.placed_ns.tolist(), *rows.resolved_ns.tolist()})
    shares = np.zeros(len(rows))
    for begin, end in pairwise(instants):
        alive = (rows.placed_ns <= begin) & (rows.resolved_ns >= end)
        if alive.any():
            shares[alive] += (end - begin) / alive.sum()
    return float((shares / (rows.resolved_ns - rows.placed_ns)).sum())

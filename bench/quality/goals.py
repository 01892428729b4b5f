"""What is found over seeds, beside what is wanted of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.quality.flips import STEPS

Runs = Sequence[dict[str, Any]]
WINDOWS_MAX = 3


def means(kind: str, runs: Runs) -> dict[str, Any]:
    """Over seeds, beside what is wanted of them."""
    found = FOUND[kind](runs)
    return {"quality": kind, "seeds": len(runs), **{name: round(float(value), 4) for name, value in found.items()}}


def mean(runs: Runs, name: str, figure: str) -> float:
    return float(np.mean([one[name][figure] for one in runs]))


def of_edge(runs: Runs) -> dict[str, Any]:
    best = mean(runs, "planted", "lift")
    return {
        "lift_of_planted (0.85 or more)": mean(runs, "tidewheel", "lift") / best,
        "plain_lift_of_planted": mean(runs, "plain", "lift") / best,
        "seeds_above_plain (0.8 or more)": np.mean([o["tidewheel"]["lift"] > o["plain"]["lift"] for o in runs]),
        "recall (0.15 to 0.5)": mean(runs, "tidewheel", "recall"),
        "share_in_range (0.9 or more)": mean(runs, "tidewheel", "share_in_range"),
    }


def of_none(runs: Runs) -> dict[str, Any]:
    return {
        "lift (within 0.03 of 0)": mean(runs, "tidewheel", "lift"),
        "plain_lift": mean(runs, "plain", "lift"),
        "strong_share (0.05 or less)": np.mean([one["strong_share"] for one in runs]),
        "proven_share (0.05 or less)": np.mean([one["proven_share"] for one in runs]),
    }


def of_flip(runs: Runs) -> dict[str, Any]:
    return {
        "positive_within_three_windows (1)": share_within(runs, "flip", WINDOWS_MAX),
        "positive_within_one_window_by_steps (1)": share_within(runs, "flip_by_steps", STEPS),
        "mean_correlation_of_the_third_window (above 0)": mean_correlation(runs, "flip", WINDOWS_MAX),
        "mean_correlation_of_the_tenth_step (above 0)": mean_correlation(runs, "flip_by_steps", STEPS),
        # One positive correlation may be luck; a score that follows the new edge stays with it.
        "share_positive_from_the_third_on": share_positive(runs, "flip", WINDOWS_MAX),
        "share_positive_by_steps_from_the_sixth_on": share_positive(runs, "flip_by_steps", STEPS // 2 + 1),
        "planted_lift": mean(runs, "planted", "lift"),
        "lift": mean(runs, "tidewheel", "lift"),
        "plain_lift": mean(runs, "plain", "lift"),
    }


def share_within(runs: Runs, name: str, models_max: int) -> float:
    """Of the seeds, those whose first positive correlation came in time."""
    return float(np.mean([one[name]["first"] is not None and one[name]["first"] <= models_max for one in runs]))


def mean_correlation(runs: Runs, name: str, number: int) -> float:
    """Over the seeds that made a model of this number; 0 where none did."""
    known = [run[name]["since_flip"][number - 1 : number] for run in runs]
    found = [one for ones in known for one in ones if one is not None]
    return float(np.mean(found)) if found else 0.0


def share_positive(runs: Runs, name: str, number: int) -> float:
    """Of all seeds' models from this number on, those with a positive correlation."""
    settled = [one is not None and one > 0 for run in runs for one in run[name]["since_flip"][number - 1 :]]
    return float(np.mean(settled)) if settled else 0.0


FOUND: dict[str, Callable[[Runs], dict[str, Any]]] = {"edge": of_edge, "none": of_none, "flip": of_flip}

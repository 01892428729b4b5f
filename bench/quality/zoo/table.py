"""What is found over seeds, a family a row, beside what is wanted of it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from bench.quality.zoo.families import PURE_CHANCE

Run = dict[str, Any]
Runs = Sequence[Run]
TURN_WINDOWS_MAX = 2
FAMILY_WIDTH = 16


def by_family(runs: Runs) -> dict[str, list[Run]]:
    families: dict[str, list[Run]] = {}
    for run in runs:
        families.setdefault(run["zoo"], []).append(run)
    return families


def row(procedure: str, runs: Runs) -> dict[str, float | None]:
    """Means of one family; None where there is nothing to compare with.

    `of truth`: the share of the truth's lift that the product would have, the last model standing where a window has
    none. `own`: the lift on the windows with a model of their own, with the truth's on them; no share of that, since
    on few windows the truth may have none.
    """
    judged, truth = [run[procedure] for run in runs], [run["truth"] for run in runs if run["truth"]]
    lift, best = mean(judged, "standing_lift"), mean(truth, "lift")
    return {
        "seeds": len(runs),
        "base": mean(runs, "base_rate"),
        "truth": best,
        "lift": lift,
        "of truth": ratio(lift, best),
        "own": mean(judged, "lift"),
        "(truth's on them)": mean(judged, "truth_lift"),
        "served": mean(judged, "served"),
        "2 to 60 %": mean(judged, "share_in_range"),
        "(truth's)": mean(truth, "share_in_range"),
        "correlation": mean(judged, "correlation"),
        "s a window": mean(judged, "window_s"),
    }


def lines(procedure: str, runs: Runs) -> Iterator[str]:
    """A procedure's means, a line a family."""
    for number, (family, ones) in enumerate(by_family(runs).items()):
        found = row(procedure, ones)
        if not number:
            yield f"{procedure:<{FAMILY_WIDTH}}" + "".join(f"{name:>{width(name)}}" for name in found)
        yield f"{family:<{FAMILY_WIDTH}}" + "".join(f"{shown(value):>{width(name)}}" for name, value in found.items())


def goals(procedure: str, runs: Runs) -> dict[str, Any]:
    """A procedure over all families, each figure named with what is wanted of it."""
    rows = {family: row(procedure, ones) for family, ones in by_family(runs).items()}
    kept = [one["of truth"] for one in rows.values()]
    in_range = [difference(one["2 to 60 %"], one["(truth's)"]) for one in rows.values()]
    turns = [run[procedure]["turned_after"] for run in runs if "turned_after" in run[procedure]]
    found = {
        "lift_of_truth, mean of families (0.90 or more)": average(kept),
        "lift_of_truth, lowest family (0.65 or more)": lowest(kept),
        "served (0.95 or more)": mean([run[procedure] for run in runs], "served"),
        "served, lowest family": lowest([one["served"] for one in rows.values()]),
        "windows with 2 to 60 % flagged, less the truth's (-0.05 or more)": average(in_range),
        "seeds turned within 2 windows of a flip (0.9 or more)": average(within(one) for one in turns),
        **{f"lift on {f} (within 0.03 of 0)": rows[f]["lift"] for f in PURE_CHANCE if f in rows},
    }
    return {name: None if value is None else round(value, 4) for name, value in found.items()}


def within(turned_after: int | None) -> bool:
    return turned_after is not None and turned_after <= TURN_WINDOWS_MAX


def mean(figures: Runs, name: str) -> float | None:
    return average(one[name] for one in figures)


def average(values: Iterable[float | None]) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def lowest(values: Iterable[float | None]) -> float | None:
    return min((value for value in values if value is not None), default=None)


def ratio(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def difference(one: float | None, other: float | None) -> float | None:
    return one - other if one is not None and other is not None else None


def shown(value: float | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.2f}"


def width(name: str) -> int:
    return max(len(name), 4) + 3

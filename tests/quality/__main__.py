"""`python -m tests.quality`: how good the trainer's models are on the rows that come after them.

For each seed of each kind of market: windows of 10,000 examples, a model of each, judged on the next window at its own
threshold; pooled per seed. Beside it, on the same rows, a plain scikit-learn regression and the planted function.
Prints a JSON line a seed and one of the means with the goals.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from services.trainer import evidence, gate, proof, scorecard
from services.trainer.config import TrainingConfig
from services.trainer.core import Window
from services.trainer.proof import Judged
from services.trainer.reasons import NoModel, RunReason
from services.trainer.rows import Labels
from services.trainer.run import Candidate, make
from tests.quality.contenders import Flags, oracle, plain
from tests.quality.streams import planted, windows
from tidewheel.domain.models import Evidence, Model, Scorecard, Scorer

EDGES = {"edge": 1.0, "none": 0.0}
SHARES = (0.02, 0.60)


@dataclass
class Pool:
    """Counts of flags on next windows, one entry a window."""

    rows: list[int] = field(default_factory=list)
    positives: list[int] = field(default_factory=list)
    flagged: list[int] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)

    def add(self, flags: Flags, labels: Labels) -> None:
        for column, value in (
            (self.rows, len(labels)),
            (self.positives, labels.sum()),
            (self.flagged, flags.sum()),
            (self.hits, labels[flags].sum()),
        ):
            column.append(int(value))

    def figures(self) -> dict[str, float]:
        """Lift: pooled precision minus pooled base rate."""
        rows, positives, flagged, hits = (sum(c) for c in (self.rows, self.positives, self.flagged, self.hits))
        precision, base = hits / max(flagged, 1), positives / max(rows, 1)
        usual = [SHARES[0] <= f / r <= SHARES[1] for f, r in zip(self.flagged, self.rows, strict=True) if r]
        return {
            "windows": len(self.rows),
            "base_rate": round(base, 4),
            "precision": round(precision, 4),
            "lift": round(precision - base, 4),
            "recall": round(hits / max(positives, 1), 4),
            "share_in_range": round(float(np.mean(usual)), 3) if usual else 0.0,
        }


def candidate_of(window: Window, config: TrainingConfig) -> Candidate | None:
    """The trainer's model of a window; None where it makes none."""
    try:
        return make(window, config, lambda _: None)
    except NoModel:
        return None


def run(task: tuple[str, int, int, int]) -> dict[str, Any]:
    """One market: kind, seed, windows and the rows of each."""
    kind, seed, count, size = task
    began_s = time.monotonic()
    config = TrainingConfig(window=size, step=size)
    pools = {name: Pool() for name in ("tidewheel", "plain", "planted")}
    cards: list[Scorecard] = []
    said: list[Evidence] = []
    promoted: list[bool] = []
    likeness: list[float] = []
    proven: Model | None = None
    since: list[Judged] = []  # models since the proven one
    with threadpool_limits(1):
        for window, following in pairwise(islice(windows(seed, EDGES[kind], size), count + 1)):
            later = following.rows.take(following.rows.placed_ns > window.rows.resolved_ns.max())
            pools["planted"].add(oracle(window.rows).flags(later), later.label)
            if (rule := plain(window.rows)) is not None:
                pools["plain"].add(rule.flags(later), later.label)
            said.append(evidence.weigh(cards[::-1]).evidence)
            if (candidate := candidate_of(window, config)) is None:
                continue
            shown = proof.weigh(since[::-1], proven.seq if proven else None)
            ruling = gate.held_to(shown, gate.judge(candidate.model, proven, candidate.test))
            promoted.append(ruling.reason is None)
            scores = Scorer.of(candidate.model).scores(later.features)
            pools["tidewheel"].add(scores >= candidate.model.threshold, later.label)
            if np.ptp(scores) > 0:
                likeness.append(float(np.corrcoef(scores, planted(later.features))[0, 1]))
            cards.append(scorecard.score(candidate.model, later))
            if ruling.reason is None:
                proven, since = candidate.model, []
            elif ruling.reason is not RunReason.VACUOUS:
                since.append((cards[-1], proof.rival(proven, later) if proven else None))
    return {
        "quality": kind,
        "seed": seed,
        "took_s": round(time.monotonic() - began_s),
        **{name: pool.figures() for name, pool in pools.items()},
        "likeness_to_planted": round(float(np.mean(likeness)), 3) if likeness else None,
        "strong_share": round(float(np.mean([one is Evidence.STRONG for one in said])), 3),
        "proven_share": round(float(np.mean(promoted)), 3) if promoted else 0.0,
    }


def means(kind: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Over seeds, beside what is wanted of them."""

    def mean(name: str, figure: str) -> float:
        return float(np.mean([one[name][figure] for one in runs]))

    if kind == "edge":
        best = mean("planted", "lift")
        found = {
            "lift_of_planted (0.85 or more)": mean("tidewheel", "lift") / best,
            "plain_lift_of_planted": mean("plain", "lift") / best,
            "seeds_above_plain (0.8 or more)": np.mean([o["tidewheel"]["lift"] > o["plain"]["lift"] for o in runs]),
            "recall (0.15 to 0.5)": mean("tidewheel", "recall"),
            "share_in_range (0.9 or more)": mean("tidewheel", "share_in_range"),
        }
    else:
        found = {
            "lift (within 0.03 of 0)": mean("tidewheel", "lift"),
            "plain_lift": mean("plain", "lift"),
            "strong_share (0.05 or less)": np.mean([one["strong_share"] for one in runs]),
            "proven_share (0.05 or less)": np.mean([one["proven_share"] for one in runs]),
        }
    return {"quality": kind, "seeds": len(runs), **{name: round(float(value), 4) for name, value in found.items()}}


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.quality", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--windows", type=int, default=15)
    parser.add_argument("--window", type=int, default=10_000, help="examples that make a model")
    parser.add_argument("--kind", choices=EDGES, action="append", help="default all")
    given = parser.parse_args(arguments)
    for kind in given.kind or EDGES:
        tasks = [(kind, seed, given.windows, given.window) for seed in range(1, given.seeds + 1)]
        with multiprocessing.Pool(min(os.cpu_count() or 1, len(tasks))) as pool:
            runs = []
            for one in pool.imap(run, tasks):
                say(one)
                runs.append(one)
        say(means(kind, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())

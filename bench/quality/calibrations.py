"""`python -m bench.quality.calibrations`: which threshold transfers to the next window? The experiment behind ADR 23.

One setting, the search's first, on markets with a planted edge. Ways to fit its threshold differ in the rows that train
the model, in those that fit the threshold, and in how the threshold is carried from models of folds to the model that
goes out. Each way is judged on the next window, pooled per seed; the lift is precision minus base rate.

- `validation`: trained on the oldest 70 %, threshold fitted on the next 15 %, as is usual.
- `own`: trained on all rows, threshold fitted on the very rows it was trained on.
- `logits`, `share`, `units`: trained on all rows, threshold out of fold, in so many folds: the logit itself; the share
  of rows it flags, carried over as a quantile of the model's own scores; or its place in standard deviations of the
  scores over training rows. `…_85`: the same without the newest 15 % of the rows, for model and threshold.
"""

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.quality.contenders import oracle
from bench.quality.pool import Pool
from bench.quality.streams import windows
from services.trainer.dataset.rows import Index, Rows
from services.trainer.dataset.split import in_placed_order, purged_before, purged_folds
from services.trainer.learning import learner
from services.trainer.search import threshold
from services.trainer.search.config import TrainingConfig
from services.trainer.search.crossfit import LogitScale
from services.trainer.search.tuning import DEFAULT_SETTING
from tidewheel.domain.models import Float64

CONFIG = TrainingConfig()
SETTING = replace(DEFAULT_SETTING, epochs=CONFIG.epochs)
FOLDS = (3, 5)
Rule = tuple["Scores", float]


class Scores:
    """A model of some rows: logits of others."""

    def __init__(self, rows: Rows) -> None:
        self._prepared = learner.make_training_matrix(rows.features, rows.label, CONFIG.seed)
        self._fits = learner.train(self._prepared, [SETTING], CONFIG.seed, CONFIG.epochs)
        self.own = self._fits.logits(self._prepared.features)[:, 0]
        self.scale = LogitScale.of(self.own[:, np.newaxis])

    def of(self, rows: Rows) -> Float64:
        return self._fits.logits(self._prepared.scaler.transform(rows.features))[:, 0]

    def z_scores(self, rows: Rows) -> Float64:
        return self.scale.z_scores(self.of(rows)[:, np.newaxis])[0]


def fitted(scores: Float64, labels: NDArray[np.uint8]) -> float:
    return threshold.fit_threshold(scores, labels, np.ones(len(labels)), CONFIG.criterion)


def ways(window: Rows) -> Iterator[tuple[str, Rule]]:
    """Each way's model and the logit from which on it flags."""
    order = in_placed_order(window)
    parts = np.split(order, [len(order) * 70 // 100, len(order) * 85 // 100])
    early = window.take(purged_before(window, purged_before(window, parts[0], parts[1]), parts[2]))
    late = window.take(purged_before(window, parts[1], parts[2]))
    usual = Scores(early)
    yield "validation", (usual, fitted(usual.of(late), late.label))
    everything = Scores(window)
    yield "own", (everything, fitted(everything.of(window), window.label))
    newest_left_out = purged_before(window, np.concatenate(parts[:2]), parts[2])
    for count in FOLDS:
        yield from carried(window, order, count, everything, str(count))
        yield from carried(window, newest_left_out, count, Scores(window.take(newest_left_out)), f"{count}_85")


def carried(window: Rows, part: Index, count: int, model: Scores, name: str) -> Iterator[tuple[str, Rule]]:
    """A threshold out of fold, carried over to a model in three ways."""
    logits, z_scores, labels = [], [], []
    for training, held_out in purged_folds(window, part, count):
        fold, rows = Scores(window.take(training)), window.take(held_out)
        logits.append(fold.of(rows))
        z_scores.append(fold.z_scores(rows))
        labels.append(rows.label)
    known = np.concatenate(labels)
    z, u = np.concatenate(logits), np.concatenate(z_scores)
    yield f"logits_{name}", (model, fitted(z, known))
    share = float((z >= fitted(z, known)).mean())
    yield f"share_{name}", (model, float(np.quantile(model.own, 1 - share)))
    yield f"units_{name}", (model, float(model.scale.mean[0] + fitted(u, known) * model.scale.deviation[0]))


def run(task: tuple[int, int]) -> dict[str, Any]:
    """One market: every way on every window."""
    seed, count = task
    pools: dict[str, Pool] = {}
    with threadpool_limits(1):
        for window, following in pairwise(islice(windows(seed, 1.0, CONFIG.window), count + 1)):
            later = following.rows.take(following.rows.placed_ns > window.rows.resolved_ns.max())
            pools.setdefault("planted", Pool()).add(oracle(window.rows).flags(later), later.label)
            for name, (model, at) in ways(window.rows):
                pools.setdefault(name, Pool()).add(model.of(later) >= at, later.label)
    return {"seed": seed, **{name: pool.figures() for name, pool in pools.items()}}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.calibrations")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--windows", type=int, default=15)
    given = parser.parse_args(arguments)
    tasks = [(seed, given.windows) for seed in range(1, given.seeds + 1)]
    with multiprocessing.Pool(min(os.cpu_count() or 1, len(tasks))) as pool:
        runs = pool.map(run, tasks, chunksize=1)
    best = np.mean([one["planted"]["lift"] for one in runs])
    for name in (name for name in runs[0] if name != "seed"):
        lift, recall, usual = (
            float(np.mean([one[name][figure] for one in runs])) for figure in ("lift", "recall", "share_in_range")
        )
        figures = {"lift": lift, "of_planted": lift / best, "recall": recall, "share_in_range": usual}
        sys.stdout.write(json.dumps({"way": name, **{k: round(v, 3) for k, v in figures.items()}}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.quality`: how good the trainer's models are on the rows that come after them.

For each seed of each kind of market: windows of 10,000 examples, a model of each, judged on the next window at its own
threshold; pooled per seed. Beside it, on the same rows, a plain scikit-learn regression and the planted function. A
market of kind `flip` turns its edge half-way; there it counts too how soon the scores follow (`flips.py`).
Prints a JSON line a seed and one of the means with the goals.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench.quality.contenders import oracle, plain
from bench.quality.flips import SinceFlip, by_steps
from bench.quality.goals import means
from bench.quality.pool import Pool
from bench.quality.promotion import Proven
from bench.quality.streams import half_way_s, planted, windows
from bench.quality.trained import candidate_of, likeness
from services.trainer.promotion import bets, scorecard
from services.trainer.search.config import TrainingConfig
from tidewheel.domain.account import Account
from tidewheel.domain.models import Evidence, Model, Scorecard, Scorer
from tidewheel.evidence import pooling

FLIP = "flip"
EDGES = {"edge": 1.0, "none": 0.0, FLIP: 1.0}


def run(task: tuple[str, int, int, int]) -> dict[str, Any]:
    """One market: kind, seed, windows and the rows of each."""
    kind, seed, count, size = task
    began_s = time.monotonic()
    config = TrainingConfig(window=size, step=size)
    flip_s = half_way_s(count, size) if kind == FLIP else 0
    with threadpool_limits(1):
        found = follow(seed, EDGES[kind], count, config, flip_s)
        if flip_s:
            found["flip_by_steps"] = by_steps(seed, EDGES[kind], config, flip_s)
    return {"quality": kind, "seed": seed, "took_s": round(time.monotonic() - began_s), **found}


def follow(seed: int, edge: float, count: int, config: TrainingConfig, flip_s: int) -> dict[str, Any]:
    """Window after window: a model of each, judged on the next, beside its contenders."""
    pools = {name: Pool() for name in ("tidewheel", "plain", "planted")}
    cards: list[Scorecard] = []
    account, models = Account(), dict[int, Model]()
    evidences: list[Evidence] = []
    alike: list[float] = []
    since = SinceFlip(flip_s)
    proven = Proven()
    stream = windows(seed, edge, config.window, flip_s=flip_s, memory=config.memory)
    for window, following in pairwise(islice(stream, count + 1)):
        later = following.rows.take(following.rows.placed_ns > window.rows.resolved_ns.max())
        pools["planted"].add(oracle(window.rows, flip_s).flags(later), later.label)
        if (rule := plain(window.rows)) is not None:
            pools["plain"].add(rule.flags(later), later.label)
        evidences.append(pooling.pool_scorecards(cards[::-1]).evidence)
        candidate = candidate_of(window, config)
        if flip_s:
            since.add(window, candidate.model if candidate else None, later)
        if candidate is None:
            continue
        account, models[candidate.model.seq] = (
            bets.settle(account, candidate.model, following, models.get),
            candidate.model,
        )
        card = replace(scorecard.score(candidate.model, later), account=account)
        proven.update(candidate, card, later)
        scores = Scorer.of(candidate.model).scores(later.features)
        pools["tidewheel"].add(scores >= candidate.model.threshold, later.label)
        if (one := likeness(candidate.model, later.features, planted(later, flip_s))) is not None:
            alike.append(one)
        cards.append(card)
    return {
        **{name: pool.figures() for name, pool in pools.items()},
        "likeness_to_planted": round(float(np.mean(alike)), 3) if alike else None,
        "e_gross": account.bettor.e_gross,
        "e_net": account.bettor.e_net,
        "strong_share": round(float(np.mean([one is Evidence.STRONG for one in evidences])), 3),
        "proven_share": round(float(np.mean(proven.promoted)), 3) if proven.promoted else 0.0,
        **({FLIP: since.figures()} if flip_s else {}),
    }


def say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__)
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

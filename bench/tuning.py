"""How fast, and how good, a window is tuned beside scikit-learn and Optuna with the same number of settings.

On each of some seeded windows three take turns, on one thread each: the trainer's whole run, window to model bytes;
SGDClassifier for as many epochs; LogisticRegression. The latter two are searched by Optuna, a fit a setting (see
`searches`). What each comes to is judged at its own threshold on the rows of the next window placed after this one had
closed, and pooled over the windows; whoever comes to nothing flags nothing.

The trainer's run goes on where the others end: with a setting chosen it trains the model that goes out, and the
holdout model. So it is compared up to there, as `search`, and as a whole. Seconds are CPU seconds, which on a quiet
machine are those of the clock: nobody here waits for anything, and whoever else uses the machine is not counted. How
far it is goes to stderr.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench.harness import Servers, Size
from bench.quality.contenders import Rule
from bench.quality.pool import Pool
from bench.quality.streams import windows
from bench.searches import logistic, search, sgd
from services.trainer.core import train_candidate
from services.trainer.dataset.rows import Rows
from services.trainer.modelling.no_model import NoModelError
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tidewheel.domain.models import Scorer
from tidewheel.domain.training import RunEvent, Step

SEEDS = {Size.SMOKE: range(1, 2), Size.FULL: range(1, 21)}
CONFIG = {
    Size.SMOKE: TrainingConfig(window=5_000, step=5_000, trials=2, neighbours=2),
    Size.FULL: TrainingConfig(),
}
EDGE = 1.0


@dataclass
class Clock:
    """Tells how long a run took, and up to where its setting was chosen."""

    began_s: float = field(default_factory=time.process_time)
    chosen_s: float | None = None

    def chosen(self) -> None:
        """The first choice counts."""
        self.chosen_s = self.chosen_s or self.now_s()

    def now_s(self) -> float:
        return time.process_time() - self.began_s


@dataclass
class Runner:
    """One of the three, with what it took and reached so far. `chosen_s` is `elapsed_s` for whoever ends there."""

    tune: Callable[[Window, int, Clock], Rule | None]
    pool: Pool = field(default_factory=Pool)
    chosen_s: list[float] = field(default_factory=list)
    elapsed_s: list[float] = field(default_factory=list)

    def run(self, window: Window, later: Rows, seed: int) -> bytes:
        """Tune, judge, and tell the flags."""
        clock = Clock()
        rule = self.tune(window, seed, clock)
        self.elapsed_s.append(clock.now_s())
        self.chosen_s.append(clock.chosen_s or self.elapsed_s[-1])
        flags = np.zeros(len(later), dtype=bool) if rule is None else rule.flags(later)
        self.pool.add(flags, later.label)
        return flags.tobytes()


def run(size: Size, _: Servers) -> dict[str, Any]:
    return run_contenders(SEEDS[size], CONFIG[size])


def run_contenders(seeds: range, config: TrainingConfig) -> dict[str, Any]:
    """All of them on a window of each seed."""
    settings, digest = config.trials * config.neighbours, sha256()
    runners = {
        "tidewheel": Runner(lambda window, _, clock: tune_ours(window, config, clock)),
        "sgd": Runner(lambda window, seed, _: search(window.rows, sgd(config.epochs, seed), settings, seed)),
        "logistic": Runner(lambda window, seed, _: search(window.rows, logistic, settings, seed)),
    }
    with threadpool_limits(1):
        for seed in seeds:
            window, following = islice(windows(seed, EDGE, config.window), 2)
            later = following.rows.take(following.rows.placed_ns > window.rows.resolved_ns.max())
            for name in in_turn(list(runners), seed):
                digest.update(name.encode() + runners[name].run(window, later, seed))
            line = ", ".join(f"{name} {runner.elapsed_s[-1]:.2f} s" for name, runner in runners.items())
            print(f"tuning: seed {seed} of {seeds[-1]}: {line}", file=sys.stderr, flush=True)
    return {
        "seeds": list(seeds),
        "windows": len(seeds),
        "window_rows": config.window,
        "settings_searched": settings,
        "epochs": config.epochs,
        **{
            f"{name}_{key}": value for name, runner in runners.items() for key, value in quality_figures(runner).items()
        },
        **ratios(runners),
        "result_hash": digest.hexdigest()[:16],
    }


def in_turn(names: list[str], seed: int) -> list[str]:
    """Each of them is first as often as the others."""
    first = seed % len(names)
    return names[first:] + names[:first]


def tune_ours(window: Window, config: TrainingConfig, clock: Clock) -> Rule | None:
    """What the trainer makes of a window; None where it refuses."""

    def line(event: RunEvent) -> None:
        if event.step is Step.SELECTED:
            clock.chosen()

    try:
        model = train_candidate(window, config, line).model
    except NoModelError:
        return None
    scorer = Scorer.of(model)
    return Rule(lambda rows: scorer.scores(rows.features), model.threshold)


def quality_figures(runner: Runner) -> dict[str, float]:
    """How good it was on rows it had not seen, and what it took in all and a window."""
    figures = runner.pool.figures()
    return {
        **{key: figures[key] for key in ("precision", "base_rate", "lift", "recall")},
        "search_cpu_s": round(sum(runner.chosen_s), 2),
        "search_cpu_s_median": round(statistics.median(runner.chosen_s), 3),
        "cpu_s": round(sum(runner.elapsed_s), 2),
        "cpu_s_median": round(statistics.median(runner.elapsed_s), 3),
    }


def ratios(runners: dict[str, Runner]) -> dict[str, float]:
    """How many times as long the rivals take as the trainer's search, and as its whole run."""
    own_s = runners["tidewheel"]
    found: dict[str, float] = {}
    for name in ("sgd", "logistic"):
        elapsed_s = sum(runners[name].elapsed_s)
        found[f"search_times_faster_than_{name}"] = round(elapsed_s / sum(own_s.chosen_s), 1)
        found[f"times_faster_than_{name}"] = round(elapsed_s / sum(own_s.elapsed_s), 1)
    return found

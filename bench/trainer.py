"""How fast settings are trained, a search is made, and a window becomes a model.

Figures: many settings in one pass, in row-models a second. The search alone, 10 trials of 16 settings each, over a
development part of 7,000 rows whose folds are ready. One run over a window of 10,000 rows without a broker, window to
model bytes, alone and with eleven windows remembered. And window closed to published, by a trainer process on a real
broker and a real Redis. All on one thread. What others take for as many settings: bench `tuning`.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bench.harness import Servers, Size
from services.trainer.core import train_candidate
from services.trainer.dataset.sample import Sample
from services.trainer.dataset.split import split
from services.trainer.learning import learner
from services.trainer.modelling.training_data import trainable_folds
from services.trainer.search import tuning
from services.trainer.search.config import TrainingConfig
from services.trainer.search.crossfit import Folds
from tests import synthetic_rows
from tests.trainers import closings, publish
from tidewheel.domain.models import Hyperparameters
from tidewheel.domain.training import Step
from tidewheel.local.processes.subprocesses import start, stop

SEED = 11
WINDOW_ROWS = {Size.SMOKE: 3_000, Size.FULL: 10_000}
TRAINING_ROWS = {Size.SMOKE: 1_400, Size.FULL: 7_000}
SETTINGS = 32
WINDOWS = {Size.SMOKE: 2, Size.FULL: 20}
REPEATS = {Size.SMOKE: 1, Size.FULL: 5}
EPOCHS = TrainingConfig().epochs
# Orders of this made-up market live for a minute at full size, so a window is worth some thirty independent ones; at
# smoke size they must live shorter, or the purge leaves nothing of the small parts.
THRESHOLD = {Size.SMOKE: 1.0, Size.FULL: 3.0}
EDGE = 0.5
LIMIT_S = 300.0
STOP_GRACE_S = 10.0


def run(size: Size, servers: Servers) -> dict[str, Any]:
    rows, windows = WINDOW_ROWS[size], WINDOWS[size]
    seconds = (windows + 1) * rows // synthetic_rows.PER_SECOND + 2_000
    market = synthetic_rows.market(SEED, seconds, EDGE, THRESHOLD[size])
    digest = sha256()
    with threadpool_limits(1):
        figures = learner_figures(market, size, digest.update)
        figures |= search_figures(market, size, digest.update)
        figures |= run_figures(market, size, digest.update)
    figures |= published_figures(market, rows, windows, servers)
    return {"seed": SEED, "window_rows": rows, **figures, "result_hash": digest.hexdigest()[:16]}


def learner_figures(market: synthetic_rows.Market, size: Size, seen: Callable[[bytes], None]) -> dict[str, Any]:
    """One pass of many settings, for small, middling and large mini-batches."""
    count = TRAINING_ROWS[size]
    rows = Sample.of(market.part(0, count))
    matrix = learner.make_training_matrix(rows.features, rows.label, SEED)
    figures: dict[str, Any] = {"training_rows": count, "settings": SETTINGS, "epochs": EPOCHS}
    for batch in (100, 316, 1000):
        first = Hyperparameters(True, 1e-4, 1e-3, 1.0, 1e-4, batch)
        settings = tuning.neighbourhood(first, SETTINGS)
        elapsed_s, fits = best_of(
            REPEATS[size], lambda settings=settings: learner.train(matrix, settings, SEED, EPOCHS)
        )
        seen(fits.weights.tobytes())
        figures[f"pass_ms_batch_{batch}"] = round(1000 * elapsed_s, 1)
        figures[f"row_models_per_s_batch_{batch}"] = round(count * SETTINGS * EPOCHS / elapsed_s)
    return figures


def search_figures(market: synthetic_rows.Market, size: Size, seen: Callable[[bytes], None]) -> dict[str, Any]:
    """The search alone, on folds made ready before."""
    config = TrainingConfig(window=WINDOW_ROWS[size], step=WINDOW_ROWS[size])
    rows = market.window(1, config.window).rows
    # The newest of the development part, so that there are exactly so many.
    part = Sample.of(rows.take(split(rows).development[-TRAINING_ROWS[size] :]))
    folds = Folds.of(part, trainable_folds(part, config.folds), config, SEED)
    search = tuning.Search(folds, part.label[folds.indices], config, SEED)
    elapsed_s, selected = best_of(REPEATS[size], lambda: search.run(lambda _: None))
    seen(selected.winner.z_scores.tobytes())
    trained = sum(len(fold.matrix.label) for fold in folds.folds) * config.epochs
    settings = config.trials * config.neighbours
    return {
        "development_rows": len(part),
        "folds": len(folds.folds),
        "trials": config.trials,
        "settings_searched": settings,
        "search_s": round(elapsed_s, 3),
        "search_row_models_per_s": round(trained * settings / elapsed_s),
    }


def run_figures(market: synthetic_rows.Market, size: Size, seen: Callable[[bytes], None]) -> dict[str, Any]:
    """One whole run, window to model bytes; of a window alone, and of one that remembers as many as it may."""
    config = TrainingConfig(window=WINDOW_ROWS[size], step=WINDOW_ROWS[size])
    count = min(config.memory, WINDOWS[size])
    *before, last = (market.window(seq, config.window) for seq in range(1, count + 1))
    remembering = replace(last, memory=tuple(one.remembered() for one in before))
    figures: dict[str, Any] = {"remembered": len(before)}
    for name, window in (("run_s", last), ("run_remembering_s", remembering)):
        elapsed_s, candidate = best_of(
            REPEATS[size], lambda window=window: train_candidate(window, config, lambda _: None)
        )
        seen(candidate.model_bytes)
        figures[name] = round(elapsed_s, 3)
    return figures


def published_figures(market: synthetic_rows.Market, rows: int, windows: int, servers: Servers) -> dict[str, Any]:
    """Window closed to published or refused, by the trainer's own process; windows come one at a time."""
    own = {"KAFKA": servers.kafka, "REDIS": servers.redis, "WINDOW": str(rows), "METRICS_PORT": "0"}
    env = {**os.environ, **{f"TIDEWHEEL_{name}": value for name, value in own.items()}}
    with tempfile.TemporaryDirectory(prefix="tidewheel-bench-") as folder:
        process = start([sys.executable, "-m", "services.trainer"], Path(folder) / "trainer.log", env)
        try:
            for seq in range(1, windows + 1):
                publish(servers.kafka, market.part((seq - 1) * rows, seq * rows))
                await_closing(servers.kafka, seq)
        finally:
            stop(process, STOP_GRACE_S)
    ended = [event for _, event in sorted(closings(servers.kafka).items())]
    results = [event.result for event in ended if event.result is not None]
    waited = [result.window_closed_to_published_s for result in results]
    return {
        "windows": windows,
        "windows_published": sum(event.step is Step.PUBLISHED for event in ended),
        "closed_to_published_s_median": round(statistics.median(waited), 3),
        "closed_to_published_s_p95": round(float(np.quantile(waited, 0.95)), 3),
        "closed_to_published_s_max": round(max(waited), 3),
        "tuning_s_median": round(statistics.median(result.tuning_s for result in results), 3),
    }


def await_closing(kafka: str, seq: int) -> None:
    deadline = time.monotonic() + LIMIT_S
    while seq not in closings(kafka):
        if time.monotonic() > deadline:
            raise TimeoutError(f"window {seq} was not ended within {LIMIT_S:.0f} s")
        time.sleep(0.2)


def best_of(times: int, work: Callable[[], Any]) -> tuple[float, Any]:
    """The shortest of some runs in seconds, and what the work gives."""
    elapsed_s, result = float("inf"), None
    for _ in range(times):
        started = time.perf_counter()
        result = work()
        elapsed_s = min(elapsed_s, time.perf_counter() - started)
    return elapsed_s, result

"""`python -m bench.quality.alarms`: does EdgeGone fire when it should, and else not?

The trainer's own models of simulated markets, window after window, watched as the trainer does. Three kinds of market:
`edge` and `none` never turn, and each alarm there is a false one; `flip` is turned by a market event, as `tidewheel
scenario flip` does it, when `--before` windows have closed. A JSON line a seed, then one a kind; exit code 1 where
false alarms are more frequent than stated, or a flip is missed.
"""

import argparse
import json
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from threadpoolctl import threadpool_limits

from bench.quality.streams import windows
from bench.quality.trained import candidate_of
from services.trainer.promotion.next_window import NextWindowEvaluator
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import Window
from tidewheel.domain.drift import MEAN_WINDOWS_TO_ALARM
from tidewheel.domain.market_events import NOTICE_S, SECOND_MAX, EventKind, MarketEvent
from tidewheel.domain.models import Model
from tidewheel.domain.time import NS_PER_S

EDGES = {"edge": 1.0, "none": 0.0, "flip": 1.0}
FLIP = "flip"
# After a flip the alarm is looked for in so many windows: at 2,000 rows and speed 60 a minute and a half.
AFTER = 14


@dataclass
class Watched:
    """One market. `alarms`: windows whose rows gave one, counted from 1. `flipped`: the first with a row of the turned
    market; 0 for none."""

    count: int = 0
    alarms: list[int] = field(default_factory=list)
    flipped: int = 0

    @property
    def false(self) -> list[int]:
        return [at for at in self.alarms if not self.flipped or at < self.flipped]

    @property
    def wait(self) -> int | None:
        """Windows from the flip to its alarm, the first one that has turned rows counted."""
        return next((at - self.flipped + 1 for at in self.alarms if self.flipped and at >= self.flipped), None)


def watched(kind: str, seed: int, size: int, count: int, trials: int) -> Watched:
    """A market over so many windows, and with a flip after them `AFTER` more."""
    config = TrainingConfig(window=size, step=size, trials=trials)
    events: list[MarketEvent] = []
    stream = windows(seed, EDGES[kind], size, memory=config.memory, events=lambda: events)
    found, evaluator, latest = Watched(), NextWindowEvaluator(config.criterion.recall_min), None
    for window in islice(stream, count + (AFTER if kind == FLIP else 0)):
        found.count += 1
        if kind == FLIP and found.count == count:
            events.append(MarketEvent(EventKind.FLIP, _newest_s(window) + NOTICE_S, SECOND_MAX))
        if not found.flipped and events and _newest_s(window) >= events[0].from_s:
            found.flipped = found.count
        result = evaluator.update(window, latest)
        if result is not None and result.drift_detected:
            found.alarms.append(found.count)
        latest = _newer(window, config, latest)
    return found


def _newest_s(window: Window) -> int:
    return int(window.rows.resolved_ns.max()) // NS_PER_S


def _newer(window: Window, config: TrainingConfig, latest: Model | None) -> Model | None:
    made = candidate_of(window, config)
    return made.model if made else latest


def run(task: tuple[str, int, int, int, int]) -> tuple[str, int, Watched]:
    kind, seed, size, count, trials = task
    with threadpool_limits(1):
        return kind, seed, watched(kind, seed, size, count, trials)


def totals(kind: str, found: Sequence[Watched]) -> dict[str, Any]:
    """Of all seeds of a kind: windows a false alarm, and how many flips were noticed."""
    seen = sum(one.flipped - 1 if one.flipped else one.count for one in found)
    false = sum(len(one.false) for one in found)
    waits = sorted(one.wait for one in found if one.wait is not None)
    flips = {"flips": len(found), "noticed": len(waits), "waits": waits} if kind == FLIP else {}
    missed = kind == FLIP and len(waits) < len(found)
    return {
        "alarms": kind,
        "seeds": len(found),
        "windows": seen,
        "false_alarms": false,
        **flips,
        # So few windows say nothing of a rate: one alarm more than is stated is chance.
        "ok": not missed and false <= seen / MEAN_WINDOWS_TO_ALARM + 1,
    }


def lines(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    kinds = given.kind or list(EDGES)
    tasks = [
        (kind, seed, given.window, given.before if kind == FLIP else given.windows, given.trials)
        for kind in kinds
        for seed in range(1, given.seeds + 1)
    ]
    by_kind: dict[str, list[Watched]] = {kind: [] for kind in kinds}
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for kind, seed, one in pool.imap_unordered(run, tasks):
            by_kind[kind].append(one)
            yield {"alarms": kind, "seed": seed, "windows": one.count, "flipped": one.flipped, "at": one.alarms}
    yield from (totals(kind, found) for kind, found in by_kind.items())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.quality.alarms", description="False alarms of EdgeGone, and flips.")
    parser.add_argument("--seeds", type=int, default=20, help="of each kind of market")
    parser.add_argument("--window", type=int, default=2_000, help="examples (make observe has 2,000)")
    parser.add_argument("--windows", type=int, default=40, help="of a market that never turns")
    parser.add_argument("--before", type=int, default=20, help="windows before the flip")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--kind", choices=list(EDGES), action="append")
    parser.add_argument("--processes", type=int, default=1)
    ok = True
    for line in lines(parser.parse_args(arguments)):
        print(json.dumps(line), flush=True)
        ok &= line.get("ok", True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

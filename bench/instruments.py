"""What a trainer holds for each instrument it serves: resident memory, and scratch space on disk.

Many instruments at once, as the service holds them, without servers: a window of 10,000 rows being filled, the samples
of eleven windows before it, the evaluators, two models (the newest and the one that serves) and the metrics. Of the
windows being filled only some rows are written; `TIDEWHEEL_BENCH_FILL=9999` writes all but the last, 25 GB at full
size. A few windows are filled whole, among the others, and loaded as the training thread does it: from the page cache,
and after the system was told to forget that. A window that remembers eleven is trained at the beginning, so that what
the learner's libraries keep is there, and one at the end, while all else is held.

Resident memory is VmRSS. What the operating system has of the file in its page cache is not in it: it gives that up
when it is short of memory.
"""

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

import psutil
from threadpoolctl import threadpool_limits

from bench.harness import Servers, Size
from services.trainer.core import train_candidate
from services.trainer.dataset.sample import thinned
from services.trainer.metrics import record_next_window
from services.trainer.promotion.next_window import NextWindowEvaluator
from services.trainer.search.config import TrainingConfig
from services.trainer.windows.count_windows import StoredRememberedSample, StoredWindow, StoredWindows, Window
from services.trainer.windows.scratch_file import ScratchFile
from services.trainer.windows.stored_rows import StoredSample
from tests import synthetic_rows
from tidewheel.contracts.codecs.models import decode_model
from tidewheel.domain.models import Model
from tidewheel.domain.windows import Windowing
from tidewheel.telemetry import metrics

SEED = 3
INSTRUMENTS = {Size.SMOKE: 10, Size.FULL: 1_000}
WINDOW_ROWS = {Size.SMOKE: 3_000, Size.FULL: 10_000}
FILLED = {Size.SMOKE: 100, Size.FULL: 1_000}
THRESHOLD = {Size.SMOKE: 1.0, Size.FULL: 3.0}
REMEMBERED = 11
JUDGED_ROWS = 100
LOADED = 5
MIB = 2**20
KIB = 2**10


def run(size: Size, _: Servers) -> dict[str, Any]:
    count, rows = INSTRUMENTS[size], WINDOW_ROWS[size]
    filled = min(int(os.environ.get("TIDEWHEEL_BENCH_FILL", FILLED[size])), rows - 1)
    seconds = (REMEMBERED + 1) * rows // synthetic_rows.PER_SECOND + 2_000
    market = synthetic_rows.market(SEED, seconds, 0.5, THRESHOLD[size])
    with threadpool_limits(1), tempfile.TemporaryDirectory(prefix="tidewheel-bench-", dir="/var/tmp") as folder:
        scratch = ScratchFile(folder)
        window, payload = trained(market, rows)
        bench = Bench(scratch, [f"sim:I{number}" for number in range(count)], market, rows)
        with bench.grown("filling"):
            closed, per_s = bench.fill(filled)
        with bench.grown("remembered"):
            remembered = bench.remember(window)
        with bench.grown("judges_models_metrics"):
            judged = bench.judge(payload)
        figures = {
            "seed": SEED,
            "instruments": count,
            "window_rows": rows,
            "filled_rows_an_instrument": filled,
            "remembered_an_instrument": len(remembered) // count,
            "judged": len(judged),
            **bench.kib_an_instrument,
            "resident_mib": round(resident_bytes() / MIB),
            "examples_per_s_of_cpu": round(per_s),
            **bench.load(closed),
            "model_bytes_in_hand": bench.train(closed[0], remembered[:REMEMBERED]),
            "resident_mib_peak": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / MIB),
            "scratch_used_mib": round(scratch.used_bytes / MIB),
            "scratch_on_disk_mib": round(os.fstat(scratch._file.fileno()).st_blocks * 512 / MIB),
            "result_hash": bench.digest.hexdigest()[:16],
        }
        scratch.close()
    return figures


def trained(market: synthetic_rows.Market, rows: int) -> tuple[Window, bytes]:
    """A window that remembers as many as it may, and the bytes of its model."""
    memory = tuple(market.window(seq, rows).remembered() for seq in range(1, REMEMBERED + 1))
    window = replace(market.window(REMEMBERED + 1, rows), memory=memory)
    return window, train_candidate(window, TrainingConfig(window=rows, step=rows), lambda _: None).model_bytes


def resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


class Bench:
    """The structures of a service that has many instruments, one kind after the other."""

    def __init__(self, scratch: ScratchFile, names: list[str], market: synthetic_rows.Market, rows: int) -> None:
        self.digest = sha256()
        self.kib_an_instrument: dict[str, float] = {}
        self._scratch = scratch
        self._names = names
        self._rows = rows
        self._market = market
        self._windows = StoredWindows(Windowing(rows, rows), REMEMBERED + 1, scratch)

    @contextmanager
    def grown(self, what: str) -> Iterator[None]:
        """By how much resident memory grows meanwhile."""
        before_bytes = resident_bytes()
        yield
        grown_bytes = resident_bytes() - before_bytes
        self.kib_an_instrument[f"{what}_kib_an_instrument"] = round(grown_bytes / KIB / len(self._names), 2)

    def fill(self, filled: int) -> tuple[list[StoredWindow], float]:
        """Some rows for all, instrument by instrument, and all rows for a few; examples a second of CPU time."""
        closed, taken_s, taken = [], 0.0, 0
        for one in synthetic_rows.examples(self._market.part(0, self._rows)):
            names = self._names if one.example_seq <= filled else self._names[:LOADED]
            given = [replace(one, instrument=name) for name in names]
            began_s = time.process_time()
            for example in given:
                events = self._windows.on_example(example, 0, one.example_seq)
                closed += [event for event in events if isinstance(event, StoredWindow)]
            taken_s, taken = taken_s + time.process_time() - began_s, taken + len(given)
        return closed, taken / taken_s

    def remember(self, window: Window) -> list[StoredRememberedSample]:
        """What the fillings remember after as many windows as they may."""
        rows_max = len(thinned(self._rows))
        return [
            StoredRememberedSample(
                one.seq,
                one.first_example_seq,
                one.last_example_seq,
                one.first_offset,
                StoredSample(self._scratch, one.sample, rows_max),
            )
            for _ in self._names
            for one in window.memory
        ]

    def judge(self, payload: bytes) -> list[tuple[NextWindowEvaluator, Model, Model]]:
        """One window judged of each instrument, whose metrics are told."""
        kept = []
        for name in self._names:
            model, served = (replace(decode_model(payload), instrument=name, seq=1) for _ in range(2))
            evaluator = NextWindowEvaluator(0.25)
            for seq in (1, 2):
                rows = self._market.part((seq - 1) * JUDGED_ROWS, seq * JUDGED_ROWS)
                finding = evaluator.update(Window(name, seq, 0, 0, 0, rows), model)
                if finding is not None:
                    record_next_window(name, finding)
            metrics.WINDOW_ROWS.labels(name).set(1)
            metrics.TRAINING_RUNS.labels(name, "published", "").inc()
            metrics.TUNING_DURATION_SECONDS.observe(1)
            metrics.WINDOW_CLOSED_TO_PUBLISHED_SECONDS.observe(1)
            kept.append((evaluator, model, served))
        return kept

    def load(self, closed: list[StoredWindow]) -> dict[str, float]:
        """Windows as the training thread takes them up."""
        fd, figures = self._scratch._file.fileno(), {}
        for what in ("cached", "from_disk"):
            if what == "from_disk":
                os.fsync(fd)
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            elapsed_s = []
            for one in closed:
                began_s = time.perf_counter()
                window = one.load()
                elapsed_s.append(time.perf_counter() - began_s)
                self.digest.update(window.rows.features.tobytes() + window.rows.pnl_e9.tobytes())
            figures[f"load_{what}_ms_median"] = round(1000 * statistics.median(elapsed_s), 1)
            figures[f"load_{what}_ms_max"] = round(1000 * max(elapsed_s), 1)
        return figures

    def train(self, closed: StoredWindow, remembered: list[StoredRememberedSample]) -> int:
        """A window in hand, with all that it remembers, while all else is held; the size of its model."""
        window = replace(closed, memory=tuple(remembered)).load()
        payload = train_candidate(
            window, TrainingConfig(window=self._rows, step=self._rows), lambda _: None
        ).model_bytes
        self.digest.update(payload)
        return len(payload)

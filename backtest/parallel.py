"""The comparison in processes: each file is labeled once for each way to label, then every configuration trains on it.

Tasks share no memory but the files of one folder, which goes when the comparison ends, however it ends. They run by
joblib, on this machine or wherever a backend of that name runs them; then the folder has to be one that all see.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool
from threadpoolctl import threadpool_limits

from backtest.labeling import LabelingConfig, LabelingPipeline
from backtest.market_columns import MarketColumns, examples
from backtest.plan import ComparisonRequest
from backtest.progress import ProgressFile, ProgressLine
from backtest.training import TrainingResult, train
from services.ingest.prefetch import prefetch_first
from services.ingest.sources.replay import Replay
from services.trainer.settings import Settings
from tidewheel.local.processes.signals import Interruption, children_deaf_to_ctrl_c, signals_interrupt
from tidewheel.local.run_counts import RunCounts
from tidewheel.recordings.options import ReadingOptions
from tidewheel.recordings.quotes import SourceError
from tidewheel.runtime.process import FatalError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConfigurationResult:
    """What came of a file under one configuration."""

    counts: RunCounts
    trained: TrainingResult


def check_file(path: Path, reading: ReadingOptions) -> None:
    """Raises FatalError where a file cannot be read from its beginning, as a run would say it."""
    try:
        prefetch_first(Replay(path, reading).items())
    except SourceError as failure:
        raise FatalError(str(failure)) from None


def check_backend(name: str) -> None:
    """Raises FatalError where joblib knows no backend of this name, or none that brings back results as they come."""
    try:
        with parallel_config(backend=name, n_jobs=1):
            Parallel(return_as="generator_unordered")
    except (ValueError, ImportError) as failure:
        raise FatalError(f"--backend {name} cannot be used: {failure}") from None


def compare(request: ComparisonRequest) -> list[list[ConfigurationResult]]:
    """Of each file, what came of each configuration, in their order. Raises FatalError."""
    try:
        with (
            signals_interrupt() as interruption,
            tempfile.TemporaryDirectory(prefix="tidewheel-compare-") as folder,
            parallel_config(backend=request.backend, n_jobs=request.jobs),
        ):
            return _Comparison(request, Path(folder), interruption).run()
    except SourceError as failure:
        raise FatalError(str(failure)) from None
    except OSError as failure:
        raise FatalError(f"the comparison cannot go on: {failure}") from None
    except BrokenProcessPool:
        raise FatalError("a process of the comparison was ended from outside, or for want of memory") from None


class _Comparison:
    """One comparison in a folder of its own."""

    def __init__(self, request: ComparisonRequest, folder: Path, interruption: Interruption) -> None:
        self._request = request
        self._folder = folder
        self._interruption = interruption
        self._done = 0

    def run(self) -> list[list[ConfigurationResult]]:
        request = self._request
        labeled = [(file, how) for file in range(len(request.files)) for how in request.labelings]
        counts = dict(zip(labeled, self._run_labeling(labeled), strict=True))
        todo = [(file, one) for file in range(len(request.files)) for one in request.configurations]
        places = [labeled.index((file, one.labeling)) for file, one in todo]
        windows = [
            one.trainer.training().windowing.closed_by(counts[file, one.labeling].examples) for file, one in todo
        ]
        trained = self._train([one.trainer for _, one in todo], places, windows)
        found = [
            ConfigurationResult(counts[file, one.labeling], made)
            for (file, one), made in zip(todo, trained, strict=True)
        ]
        each = len(request.configurations)
        return [found[start : start + each] for start in range(0, len(found), each)]

    def _run_labeling(self, labeled: Sequence[tuple[int, LabelingConfig]]) -> list[RunCounts]:
        request, notes = self._request, self._notes("labeling", len(labeled))
        tasks = [
            delayed(_indexed)(n, label, request.files[file], request.instrument, how, self._columns(n), notes[n])
            for n, (file, how) in enumerate(labeled)
        ]

        def describe() -> str:
            ticks = sum(note.read() for note in notes)
            return f"labelling: {self._done} of {len(tasks)} done, {ticks:,} ticks ({self._names()})"

        return self._run_all(tasks, describe)

    def _train(
        self, settings: Sequence[Settings], places: Sequence[int], windows: Sequence[int]
    ) -> list[TrainingResult]:
        request, notes = self._request, self._notes("training", len(settings))
        where = request.instrument, request.partition
        tasks = [
            delayed(_indexed)(n, train_on, self._columns(places[n]), own, *where, notes[n])
            for n, own in enumerate(settings)
        ]

        def describe() -> str:
            ended = [note.read() for note in notes]
            at_work = [n for n, (done, all_) in enumerate(zip(ended, windows, strict=True)) if 0 < done < all_]
            files = dict.fromkeys(request.files[n // len(request.configurations)].name for n in at_work)
            line = f"training: {sum(ended):,} of {sum(windows):,} windows, {self._done} of {len(tasks)} configurations"
            return f"{line} ({', '.join(files)})" if files else line

        return self._run_all(tasks, describe)

    def _run_all(self, tasks: Sequence[Any], describe: Callable[[], str]) -> list[Any]:
        """What all tasks return, in their order."""
        results: dict[int, Any] = {}
        self._done = 0
        with ProgressLine(describe), threadpool_limits(1):
            pool = Parallel(return_as="generator_unordered", batch_size=1)
            with children_deaf_to_ctrl_c():
                started = pool(tasks)
            with closing(started) as returned:
                for number, result in returned:
                    self._interruption.check()
                    results[number] = result
                    self._done = len(results)
        return [results[number] for number in range(len(tasks))]

    def _names(self) -> str:
        return ", ".join(file.name for file in self._request.files)

    def _columns(self, number: int) -> Path:
        return self._folder / f"columns-{number}"

    def _notes(self, what: str, count: int) -> list[ProgressFile]:
        return [ProgressFile(self._folder / f"{what}-{number}") for number in range(count)]


# ---- tasks: what runs in other processes ----


def label(file: Path, instrument: str, how: LabelingConfig, columns: Path, note: ProgressFile) -> RunCounts:
    """Label a file and leave its columns in a new folder. Raises Unreadable, FatalError, OSError."""
    cores = LabelingPipeline(instrument, how)

    def counted() -> Iterator[Any]:
        for item in Replay(file, how.reading).items():
            yield item
            note.put(cores.counts.ticks)

    try:
        cores.columns(counted()).save(columns)
    except (SourceError, FatalError) as failure:
        message = str(failure)
        raise SourceError(message if str(file) in message else f"{file}: {message}") from None
    return cores.counts


def train_on(columns: Path, settings: Settings, instrument: str, partition: int, note: ProgressFile) -> TrainingResult:
    """Train on what `label` left. Raises OSError."""
    return train(examples(MarketColumns.load(columns), instrument), settings, instrument, partition, note.put)


def _indexed(number: int, task: Callable[..., T], *arguments: Any) -> tuple[int, T]:
    """A task's result with its number; sums of one thread have one order, so that the same rows give the same model."""
    with threadpool_limits(1):
        return number, task(*arguments)

"""The comparison in processes: each file is labelled once for each way to label, then every configuration trains on it.

Tasks share no memory but the files of one folder, which goes when the comparison ends, however it ends. They run by
joblib, on this machine or wherever a backend of that name runs them; then the folder has to be one that all see.
"""

import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool
from threadpoolctl import threadpool_limits

from services.ingest.log import begun
from services.ingest.quotes import Unreadable
from services.ingest.sources.replay import Replay
from services.trainer.settings import Settings
from tidewheel.compare.columns import Columns, examples
from tidewheel.compare.labelling import Cores, Counts, Labelling
from tidewheel.compare.plan import Request
from tidewheel.compare.progress import Note, Progress
from tidewheel.compare.training import Trained, train
from tidewheel.local.children.signals import ENDING
from tidewheel.runtime.process import Unusable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a file under one configuration."""

    counts: Counts
    trained: Trained


def check_file(path: Path) -> None:
    """Raises Unusable where a file cannot be read from its beginning, as a run would say it."""
    try:
        begun(Replay(path).items())
    except Unreadable as failure:
        raise Unusable(str(failure)) from None


def check_backend(name: str) -> None:
    """Raises Unusable where joblib knows no backend of this name, or none that brings back results as they come."""
    try:
        with parallel_config(backend=name, n_jobs=1):
            Parallel(return_as="generator_unordered")
    except (ValueError, ImportError) as failure:
        raise Unusable(f"--backend {name} cannot be used: {failure}") from None


def compare(request: Request) -> list[list[Found]]:
    """Of each file, what came of each configuration, in their order. Raises Unusable."""
    try:
        with (
            _ends_by_signal(),
            tempfile.TemporaryDirectory(prefix="tidewheel-compare-") as folder,
            parallel_config(backend=request.backend, n_jobs=request.jobs),
        ):
            return _Comparison(request, Path(folder)).run()
    except Unreadable as failure:
        raise Unusable(str(failure)) from None
    except OSError as failure:
        raise Unusable(f"the comparison cannot go on: {failure}") from None
    except BrokenProcessPool:
        raise Unusable("a process of the comparison was ended from outside, or for want of memory") from None


class _Comparison:
    """One comparison in a folder of its own."""

    def __init__(self, request: Request, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._done = 0

    def run(self) -> list[list[Found]]:
        request = self._request
        labelled = [(file, how) for file in range(len(request.files)) for how in request.labellings]
        counts = dict(zip(labelled, self._label(labelled), strict=True))
        todo = [(file, one) for file in range(len(request.files)) for one in request.configurations]
        places = [labelled.index((file, one.labelling)) for file, one in todo]
        windows = [
            one.trainer.training().windowing.closed_by(counts[file, one.labelling].examples) for file, one in todo
        ]
        trained = self._train([one.trainer for _, one in todo], places, windows)
        found = [Found(counts[file, one.labelling], made) for (file, one), made in zip(todo, trained, strict=True)]
        each = len(request.configurations)
        return [found[start : start + each] for start in range(0, len(found), each)]

    def _label(self, labelled: Sequence[tuple[int, Labelling]]) -> list[Counts]:
        request, notes = self._request, self._notes("labelling", len(labelled))
        tasks = [
            delayed(_numbered)(n, label, request.files[file], request.instrument, how, self._columns(n), notes[n])
            for n, (file, how) in enumerate(labelled)
        ]

        def words() -> str:
            ticks = sum(note.read() for note in notes)
            return f"labelling: {self._done} of {len(tasks)} done, {ticks:,} ticks ({self._names()})"

        return self._all(tasks, words)

    def _train(self, settings: Sequence[Settings], places: Sequence[int], windows: Sequence[int]) -> list[Trained]:
        request, notes = self._request, self._notes("training", len(settings))
        where = request.instrument, request.partition
        tasks = [
            delayed(_numbered)(n, train_on, self._columns(places[n]), own, *where, notes[n])
            for n, own in enumerate(settings)
        ]

        def words() -> str:
            ended = [note.read() for note in notes]
            at_work = [n for n, (done, all_) in enumerate(zip(ended, windows, strict=True)) if 0 < done < all_]
            files = dict.fromkeys(request.files[n // len(request.configurations)].name for n in at_work)
            told = f"training: {sum(ended):,} of {sum(windows):,} windows, {self._done} of {len(tasks)} configurations"
            return f"{told} ({', '.join(files)})" if files else told

        return self._all(tasks, words)

    def _all(self, tasks: Sequence[Any], words: Callable[[], str]) -> list[Any]:
        """What all tasks return, in their order."""
        results: dict[int, Any] = {}
        self._done = 0
        with Progress(words), threadpool_limits(1):
            pool = Parallel(return_as="generator_unordered", batch_size=1)
            with closing(pool(tasks)) as returned:
                for number, result in returned:
                    results[number] = result
                    self._done = len(results)
        return [results[number] for number in range(len(tasks))]

    def _names(self) -> str:
        return ", ".join(file.name for file in self._request.files)

    def _columns(self, number: int) -> Path:
        return self._folder / f"columns-{number}"

    def _notes(self, what: str, count: int) -> list[Note]:
        return [Note(self._folder / f"{what}-{number}") for number in range(count)]


# ---- tasks: what runs in other processes ----


def label(file: Path, instrument: str, how: Labelling, columns: Path, note: Note) -> Counts:
    """Label a file and leave its columns in a new folder. Raises Unreadable, Unusable, OSError."""
    cores = Cores(instrument, how)

    def noted() -> Iterator[Any]:
        for item in Replay(file).items():
            yield item
            note.put(cores.counts.ticks)

    try:
        cores.columns(noted()).save(columns)
    except (Unreadable, Unusable) as failure:
        words = str(failure)
        raise Unreadable(words if str(file) in words else f"{file}: {words}") from None
    return cores.counts


def train_on(columns: Path, settings: Settings, instrument: str, partition: int, note: Note) -> Trained:
    """Train on what `label` left. Raises OSError."""
    return train(examples(Columns.load(columns), instrument), settings, instrument, partition, note.put)


def _numbered(number: int, task: Callable[..., T], *arguments: Any) -> tuple[int, T]:
    """A task's result with its number; sums of one thread have one order, so that the same rows give the same model."""
    with threadpool_limits(1):
        return number, task(*arguments)


@contextmanager
def _ends_by_signal() -> Iterator[None]:
    """SIGTERM ends a comparison as Ctrl-C does: its processes and its folder go."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

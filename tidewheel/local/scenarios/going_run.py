"""A run that goes on, as its data directory tells: what a scenario may touch, and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidewheel.domain.feeds import SIMULATOR
from tidewheel.local.data_dir import COMMAND, DataDir, InUseError
from tidewheel.local.processes.process_file import process_of
from tidewheel.runtime.process import FatalError

RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class GoingRun:
    """`speed`: market seconds a second, None for as fast as it can. `simulated`: whether its market can be told what is
    to happen."""

    data: DataDir
    prometheus: str
    redis: str
    instrument: str
    simulated: bool
    speed: float | None

    def process(self, name: str) -> int | None:
        """Id of a process of this run, and of its group; None while it does not run."""
        return process_of(self.data.processes, name)


def going_run(root: Path) -> GoingRun:
    """Raises FatalError where there is no run that goes on, or nobody observes it."""
    data = DataDir(root.resolve())
    record = data.previous_run() if root.is_dir() else None
    if record is None:
        raise FatalError(f"{root} is no data directory of a run; a run says its own when it begins")
    if not _goes_on(data):
        raise FatalError(f"the run in {root} has ended; go on with: tidewheel run --observe --data-dir {root}")
    if not record.get("prometheus"):
        raise FatalError(f"nobody observes the run in {root}: start one with tidewheel run --observe, or make observe")
    try:
        return _as_recorded(data, record)
    except (KeyError, TypeError, ValueError, AttributeError) as failure:
        raise FatalError(f"{root / RUN_FILE} does not say what a run says: {failure!r}") from None


def newest_going(home: Path) -> Path:
    """The data directory of the run below `home` that was started last and goes on. Raises FatalError."""
    folders: Iterable[Path] = home.iterdir() if home.is_dir() else ()
    found = [one for one in folders if (one / RUN_FILE).is_file()]
    for folder in sorted(found, key=lambda one: (one / RUN_FILE).stat().st_mtime, reverse=True):
        if _goes_on(DataDir(folder.resolve())):
            return folder
    raise FatalError(f"no run below {home} goes on: start one with make observe, or name its --data-dir")


def _goes_on(data: DataDir) -> bool:
    try:
        data.lock_dir(COMMAND).close()
    except InUseError as used:
        return used.by_run
    return False


def _as_recorded(data: DataDir, record: dict[str, Any]) -> GoingRun:
    lasting, speed = record["lasting"], str(record["changing"]["speed"])
    kind = str(lasting["feed"]).partition(":")[0]
    return GoingRun(
        data,
        str(record["prometheus"]),
        str(record["addresses"]["redis"]),
        f"{kind}:{lasting['instrument']}",
        simulated=kind == SIMULATOR,
        speed=None if speed == "max" else float(speed),
    )

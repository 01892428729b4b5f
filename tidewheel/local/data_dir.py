"""The data directory of a run: its layout, who may use it, and what an earlier run there was asked to do."""

import fcntl
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tidewheel.runtime.atomic_file import replace_file
from tidewheel.runtime.process import FatalError

FREE_BYTES_MIN = 1 << 30
RUN, COMMAND = "run", "command"


class PathError(FatalError):
    """A directory or file cannot be used now; the message is one clear line."""


class InUseError(PathError):
    """Another process has the directory. `by_run`: a run that goes on, and no command that reads one."""

    def __init__(self, message: str, by_run: bool) -> None:
        super().__init__(message)
        self.by_run = by_run


@dataclass(frozen=True, slots=True)
class DataDir:
    """Where a run keeps what it makes; deleting the directory is all there is to forgetting a run."""

    root: Path

    @property
    def kafka(self) -> Path:
        return self.root / "kafka"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    @property
    def prometheus(self) -> Path:
        return self.root / "prometheus"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def served(self) -> Path:
        return self.root / "served.jsonl"

    @property
    def reading_place(self) -> Path:
        """Where ingest keeps what it is parsing, so that a crash of it names the place."""
        return self.root / "ingest.place"

    @property
    def market_events(self) -> Path:
        """What is to happen to the run's simulated market (`tidewheel/domain/market_events.py`)."""
        return self.root / "market-events"

    @property
    def scenario_steps(self) -> Path:
        """Steps of `tidewheel scenario`, a line each, which the run shows to Prometheus."""
        return self.root / "scenario-steps"

    @property
    def processes(self) -> Path:
        """Process ids of what the run keeps alive, as they are now."""
        return self.root / "processes.json"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def prepare(self) -> None:
        """Make it. Raises PathError (no permission, no space, a file in the way)."""
        for folder in (self.root, self.logs):
            make_folder(folder)
        free = shutil.disk_usage(self.root).free
        if free < FREE_BYTES_MIN:
            raise PathError(
                f"{self.root}: only {free / 2**20:.0f} MiB are free, a run needs {FREE_BYTES_MIN / 2**20:.0f}"
            )

    def lock_dir(self, use: str = RUN) -> IO[str]:
        """Take it for this process until the returned file is closed. `use`: RUN or COMMAND. Raises InUseError where
        another process has it, PathError."""
        path = self.root / "lock"
        try:
            lock = path.open("a+")
        except OSError as failure:
            raise PathError(f"{path} cannot be written: {failure.strerror}") from failure
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            owner, _, what = lock.read().strip().partition(" ")
            lock.close()
            message = f"{self.root} is in use by another {what or RUN} (process {owner or 'unknown'})"
            raise InUseError(message, by_run=what != COMMAND) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()} {use}\n")
        lock.flush()
        return lock

    def previous_run(self) -> dict[str, Any] | None:
        """What `save_run` wrote there last; None in a new directory. Raises PathError where it cannot be read."""
        path = self.root / "run.json"
        try:
            found = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as failure:
            raise PathError(f"{path} cannot be read: {failure}") from failure
        if not isinstance(found, dict):
            raise PathError(f"{path} is not of a run")
        return found

    def save_run(self, values: dict[str, Any]) -> None:
        """Keep the run's settings and addresses, for the owner's eyes. Raises PathError."""
        write_atomically(self.root / "run.json", json.dumps(values, indent=2) + "\n", mode=0o600)


def make_folder(folder: Path) -> None:
    """Make a folder that can be written to. Raises PathError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as failure:
        raise PathError(f"{folder} cannot be made: {failure.strerror}") from failure
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PathError(f"{folder} cannot be written to: no permission")


def write_atomically(path: Path, text: str, mode: int = 0o666) -> None:
    """Replace a file of text in one step (`replace_file`). `mode`: who may read it, within the umask.
    Raises PathError."""
    try:
        replace_file(path, text.encode(), mode)
    except OSError as failure:
        raise PathError(f"{path} cannot be written: {failure.strerror}") from failure


def check_writable(path: Path) -> None:
    """Raises PathError where a file could not be written there later."""
    make_folder(path.parent)
    if path.is_dir():
        raise PathError(f"{path} is a folder, not a file")
    if path.exists() and not os.access(path, os.W_OK):
        raise PathError(f"{path} cannot be written to: no permission")

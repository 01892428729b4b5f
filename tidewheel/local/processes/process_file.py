"""Which processes a run keeps alive, as a file that other commands read: by their ids, never by their names."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tidewheel.local.data_dir import write_atomically

FILE_BYTES_MAX = 10_000


class HasPid(Protocol):
    """What is asked of a process of the run; None while it does not run."""

    @property
    def pid(self) -> int | None: ...


class ProcessFile:
    """Writes it anew where something has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: dict[str, int] | None = None

    def write(self, processes: Mapping[str, HasPid]) -> None:
        """Raises PathError."""
        pids = {name: process.pid for name, process in processes.items() if process.pid is not None}
        if pids != self._written:
            write_atomically(self._path, json.dumps({"run": os.getpid(), "processes": pids}), mode=0o600)
            self._written = pids


def process_of(path: Path, name: str) -> int | None:
    """Id of a process, and of its group, that runs now as a child of the run; None where there is none.

    The file may be of a run that was killed, and its numbers another's by now: so the system is asked whose child it
    is.
    """
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(FILE_BYTES_MAX))
        run, pid = int(found["run"]), int(found["processes"][name])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if _parent_and_group(pid) == (run, pid) else None


def _parent_and_group(pid: int) -> tuple[int, int] | None:
    """As the system says; None for a process that is not there, or that has ended and waits to be noticed."""
    asked = ["ps", "-o", "ppid=,pgid=,stat=", "-p", str(pid)]
    fields = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout.split()
    if len(fields) != 3 or fields[2].startswith("Z"):
        return None
    return int(fields[0]), int(fields[1])

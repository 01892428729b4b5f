"""How far a comparison is: what its processes note in files, and a line for people made of that.

A process has no other way to tell: joblib brings back what a task returns, when it is done, on one machine or many.
"""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from shutil import get_terminal_size
from typing import TextIO

from tidewheel.local.clock import steady_s
from tidewheel.runtime.background import BackgroundThread

POLL_EVERY_S = 0.25
LINE_EVERY_S = 15.0
CLEAR = "\r\x1b[K"


class ProgressFile:
    """A number that a task leaves for whoever watches."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, number: int) -> None:
        self._path.write_text(str(number))

    def read(self) -> int:
        """The last one; 0 where none is there, or only half of one."""
        try:
            return int(self._path.read_text())
        except (OSError, ValueError):
            return 0


class ProgressLine:
    """Says where things stand on standard error: on a terminal in one line that changes, elsewhere in a line now and
    then. `describe` gives the line."""

    def __init__(self, describe: Callable[[], str], out: TextIO | None = None) -> None:
        self._describe = describe
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._last_line = ""
        self._thread = BackgroundThread("progress", self._watch)

    def __enter__(self) -> "ProgressLine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.close()
        if self._live:
            self._out.write(CLEAR)
            self._out.flush()

    def _watch(self, stop: threading.Event) -> None:
        last_s = steady_s()
        while not stop.wait(POLL_EVERY_S):
            if self._live or steady_s() - last_s >= LINE_EVERY_S:
                last_s = steady_s()
                self.show(self._describe())

    def show(self, line: str) -> None:
        if line == self._last_line:
            return
        self._last_line = line
        # A longer one would be broken over two, of which only the last is cleared.
        self._out.write(f"{CLEAR}{line[: get_terminal_size().columns - 1]}" if self._live else f"{line}\n")
        self._out.flush()

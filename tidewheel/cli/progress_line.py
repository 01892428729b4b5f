"""Progress on one line of a terminal; nothing anywhere else."""

import sys
import time

SHOWN_EVERY_S = 0.2


class ProgressLine:
    """Called with a topic, and how many of its records are read."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._next_s = 0.0

    def __call__(self, topic: str, records: int) -> None:
        if self._on_terminal and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + SHOWN_EVERY_S
            sys.stderr.write(f"\r\x1b[Kreading {topic}: {records:,} records")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on_terminal:
            sys.stderr.write("\r\x1b[K")

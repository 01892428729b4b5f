"""How far a command that reads for a while has come."""

import sys
import time

SHOWN_EVERY_S = 0.2


class ProgressLine:
    """Progress on one line of a terminal, on standard error; nothing anywhere else."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._next_s = 0.0

    def __call__(self, topic: str, records: int) -> None:
        """So many records of a topic have been read."""
        self.show(f"reading {topic}: {records:,} records")

    def show(self, text: str) -> None:
        """Show a line, unless the one before it has hardly been seen."""
        if self._on_terminal and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + SHOWN_EVERY_S
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._on_terminal:
            sys.stderr.write("\r\x1b[K")

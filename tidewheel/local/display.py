"""Two ways to show a run: the live view on a terminal, plain lines anywhere else."""

import os
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Protocol

from rich.console import Console
from rich.live import Live

from tidewheel.local.clock import wall_time
from tidewheel.local.monitoring.announcer import Announcer
from tidewheel.local.view.frame import Frame
from tidewheel.local.view.screen import screen

MESSAGES_KEPT = 8


class Display(Protocol):
    """What a run tells people. `print`: a line that matters. `show`: where everything stands, several times a second,
    under the lock of what the frame is made from. `close`: nothing but plain lines from here on."""

    def print(self, line: str) -> None: ...
    def messages(self) -> list[str]: ...
    def show(self, frame: Frame, lock: Lock) -> None: ...
    def close(self) -> None: ...


def on_terminal() -> bool:
    """Whether standard output can show the live view."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb") and encoding.startswith("utf")


def display(since_ns: int) -> Display:
    """The one that fits standard output. `since_ns`: what happened before is no news."""
    announcer = Announcer(since_ns)
    return LiveDisplay(announcer) if on_terminal() else LinesDisplay(announcer)


def write(line: str) -> None:
    """A line on standard output. Raises BrokenPipeError where nobody reads any more."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, errors="replace").decode(encoding) + "\n")
    sys.stdout.flush()


@contextmanager
def redirect_stderr(path: Path) -> Iterator[None]:
    """What native libraries print to standard error goes to a file instead: it would tear the view."""
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(sink, 2)
    os.close(sink)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


class LinesDisplay:
    """Plain lines, each with the time of day (UTC)."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def print(self, line: str) -> None:
        write(f"{wall_time()} {line}")

    def messages(self) -> list[str]:
        return []

    def show(self, frame: Frame, lock: Lock) -> None:
        with lock:
            lines = [*self._announcer.events(frame), *self._announcer.heartbeat(frame)]
        for line in lines:
            self.print(line)

    def close(self) -> None:
        """Nothing to restore."""


class LiveDisplay:
    """The live view on the terminal's other screen, which is as it was afterwards. Lines said become its news."""

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer
        self._messages: deque[str] = deque(maxlen=MESSAGES_KEPT)
        self._console = Console()
        self._live: Live | None = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False)
        self._live.start()

    def print(self, line: str) -> None:
        if self._live is None:
            write(line)
        else:
            self._messages.append(f"{wall_time()} {line}")

    def messages(self) -> list[str]:
        return list(self._messages)

    def show(self, frame: Frame, lock: Lock) -> None:
        if self._live is None:
            return
        width, height = self._console.size
        with lock:
            for line in self._announcer.events(frame):
                self.print(line)
            rendered = screen(frame, width, height)
            # Drawn under the lock: parts of the frame read what the collector fills.
            self._live.update(rendered, refresh=True)

    def close(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            with suppress(OSError):
                live.stop()

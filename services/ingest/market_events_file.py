"""What is to happen to the simulated market, as a file says it now."""

from pathlib import Path

from tidewheel.domain.market_events import MarketEvent, parse_events
from tidewheel.telemetry.logs import Log

FILE_BYTES_MAX = 100_000


class MarketEventsFile:
    """Reads it at each call. What it cannot read is reported once; where it cannot be read at all, what stood there
    before goes on to hold."""

    def __init__(self, path: str, log: Log) -> None:
        """`path`: empty for none. A file that is not there has no events."""
        self._path = Path(path) if path else None
        self._log = log
        self._text = ""
        self._events: list[MarketEvent] = []
        self._last_failure = ""

    def __call__(self) -> list[MarketEvent]:
        if self._path is not None and (text := self._read(self._path)) != self._text:
            self._text = text
            self._events, faults = parse_events(text)
            self._log.info("to happen to the market: %s", "; ".join(map(str, self._events[-5:])) or "nothing")
            for fault in faults:
                self._log.error("%s: %s", self._path, fault)
        return self._events

    def _read(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                return file.read(FILE_BYTES_MAX).decode(errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as failure:
            if (reason := str(failure)) != self._last_failure:
                self._last_failure = reason
                self._log.error("what is to happen to the market cannot be read: %s", failure)
            return self._text

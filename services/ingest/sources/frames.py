"""Recorded messages of a live venue as a source: heard by the same parser, with the times at which they came."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import SourceKind
from tidewheel.recordings.quotes import Fault, RawBatch, SourceError
from tidewheel.venues.catalogue import ADAPTERS
from tidewheel.venues.frame_files import FrameFile
from tidewheel.venues.frame_log import read_message
from tidewheel.venues.intake import Intake
from tidewheel.venues.rows import FeedChange, Row, raw_batches

BLOCK_ROWS = 16_384


class Frames:
    """The quotes of some symbols of a recording; the same at each start."""

    kind = SourceKind.REPLAY
    replayable = True
    instruments = None

    def __init__(self, path: Path, symbols: Sequence[str], tolerance_ns: int) -> None:
        """Raises SourceError where it is no such recording, or not of these symbols."""
        self._file = FrameFile(path)
        header = self._file.header
        held = ", ".join(header.symbols)
        if others := [symbol for symbol in symbols if symbol not in header.symbols]:
            raise SourceError(f"{path.name} holds {held} and not {', '.join(others)}: say --instrument")
        self.name = f"replay:{path.name}"
        self._rows: list[Row | FeedChange] = []
        self._description = f"{path.name}: messages of {header.venue}, {', '.join(symbols)} of {held}"
        self._intake = Intake(ADAPTERS[header.venue], symbols, tolerance_ns, self._rows.append)

    def layouts(self) -> list[str]:
        """What it holds."""
        return [self._description]

    def describe(self, place: int) -> str:
        """A message by its number."""
        return f"{self._file.path.name}, message {place}"

    def items(self) -> Iterator[RawBatch]:
        """Of its one symbol. Raises SourceError where the file is cut off, after all that could be read."""
        for dealt in self.dealt():
            for batches in dealt.values():
                yield from batches

    def dealt(self) -> Iterator[dict[str, list[RawBatch]]]:
        """The same by the whole id of the instrument, `kraken:BTC-USD`."""
        failure: SourceError | None = None
        content = self._file.message_lines()
        while failure is None:
            try:
                line = next(content, None)
            except SourceError as broken:  # what could be read comes first
                failure, line = broken, None
            if line is None:
                break
            self._receive(line)
            if len(self._rows) >= BLOCK_ROWS:
                yield self._drain()
        yield self._drain()
        if failure is not None:
            raise failure

    def _receive(self, line: str) -> None:
        message = read_message(line)
        if message is None:
            self._intake.reject(Fault(DeadLetterReason.MALFORMED, "the line is no recorded message"), line)
        elif message.lost:
            self._intake.on_gap()
        else:
            self._intake.on_text(message.number, message.received_ns, message.text)

    def _drain(self) -> dict[str, list[RawBatch]]:
        rows: dict[str, list[Row]] = {}
        for row in self._rows:
            if isinstance(row, Row):
                rows.setdefault(row.instrument, []).append(row)
        self._rows.clear()
        return {instrument: raw_batches(own) for instrument, own in rows.items()}

    def remaining(self) -> Iterator[RawBatch]:
        """The next start reads them."""
        return iter(())

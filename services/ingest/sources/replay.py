"""Recorded files as a source."""

from collections.abc import Iterator
from pathlib import Path

from tidewheel.domain.market import SourceKind
from tidewheel.recordings.dealing import Dealt
from tidewheel.recordings.options import NO_OPTIONS, ReadingOptions
from tidewheel.recordings.place_mark import NO_MARK, PlaceMark
from tidewheel.recordings.quotes import RawBatch
from tidewheel.recordings.recording import Recording


class Replay:
    """A recording's rows in order; each start begins anew with the same."""

    kind = SourceKind.REPLAY
    replayable = True

    def __init__(self, path: Path, options: ReadingOptions = NO_OPTIONS, mark: PlaceMark = NO_MARK) -> None:
        self._recording = Recording(path, options, mark)
        self.name = f"replay:{path.name}"
        self.describe = self._recording.describe
        self.instruments = self._recording.wanted if self._recording.several else None

    def layouts(self) -> list[str]:
        """How its files are read, a line each. Raises SourceError."""
        return self._recording.layouts()

    def items(self) -> Iterator[RawBatch | Dealt]:
        """Raises SourceError in one line for a file that is missing, unreadable, damaged or of other columns."""
        return self._recording.dealt() if self._recording.several else self._recording.batches()

    def dealt(self) -> Iterator[Dealt]:
        """The same by instrument, the empty name where there is one."""
        return self._recording.dealt()

    def remaining(self) -> Iterator[RawBatch]:
        """The next start reads them."""
        return iter(())

"""Recorded files as a source."""

from collections.abc import Iterator
from pathlib import Path

from tidewheel.domain.market import SourceKind
from tidewheel.recordings.quotes import RawBatch
from tidewheel.recordings.recording import Recording


class Replay:
    """A recording's rows in order; each start begins anew with the same."""

    kind = SourceKind.REPLAY
    replayable = True

    def __init__(self, path: Path) -> None:
        self._recording = Recording(path)
        self.name = f"replay:{path.name}"

    def items(self) -> Iterator[RawBatch]:
        """Raises SourceError in one line for a file that is missing, unreadable, damaged or of other columns."""
        return self._recording.batches()

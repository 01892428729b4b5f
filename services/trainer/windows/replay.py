"""What a trainer reads again only to remember it.

Two offsets are committed for a partition: from where on windows are yet to be ended, and beside it, as metadata, from
where on a restart reads, so that the windows to come remember what they would have remembered without it. What lies
between the two was processed: windows are filled from it once more, and nothing is reported or counted of it.
"""

from collections.abc import Mapping

from services.trainer.windows.count_windows import ReadingStarted, StoredWindow, StoredWindows
from tidewheel.contracts.codecs.orders import decode_example
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.offset_metadata import encode_replay_offset, replay_offset
from tidewheel.domain.features import Example


class Replay:
    """Which records of the partitions at hand were processed."""

    def __init__(self, windows: StoredWindows) -> None:
        self._windows = windows
        self._processed_to: dict[int, int] = {}  # partition -> the offset from which on records are new
        self._replayed: dict[str, int] = {}  # instrument -> partition, while nothing new was read of it

    def on_assigned(self, committed: Mapping[int, tuple[int, str | None]]) -> dict[int, int]:
        """Of each partition's committed offset and metadata: the offset to read from instead, where that is earlier."""
        earlier = {}
        for partition, (offset, metadata) in committed.items():
            self._processed_to[partition] = max(0, offset)
            first = replay_offset(offset, metadata)
            if first is not None and first < offset:
                earlier[partition] = first
        return earlier

    def is_processed(self, partition: int, offset: int) -> bool:
        """Whether a record, or the window whose first row it is, was processed before this process read on."""
        return offset < self._processed_to.get(partition, 0)

    def on_record(self, value: bytes | None, partition: int, offset: int) -> None:
        """Take in a record that was processed. One that is none was rejected then."""
        try:
            example = decode_example(value)
        except InvalidRecordError:
            return
        for event in self._windows.on_example(example, partition, offset):
            if isinstance(event, ReadingStarted):
                self._replayed[example.instrument] = partition
            elif isinstance(event, StoredWindow):
                event.free()

    def started(self, example: Example) -> ReadingStarted | None:
        """What is first read of an instrument that was only recalled so far."""
        if self._replayed.pop(example.instrument, None) is None:
            return None
        return ReadingStarted(example.instrument, example.example_seq, self._windows.first_from(example.example_seq))

    def on_revoked(self, partitions: set[int]) -> None:
        """Forget partitions that are no longer ours."""
        self._processed_to = {p: offset for p, offset in self._processed_to.items() if p not in partitions}
        self._replayed = {name: p for name, p in self._replayed.items() if p not in partitions}

    def place(self, partition: int, offset: int, first: int) -> tuple[int, str]:
        """Offset and metadata to commit, `first` being the offset from which a restart reads; never less than was
        processed."""
        offset = max(offset, self._processed_to.get(partition, 0))
        return offset, encode_replay_offset(min(first, offset))

"""What a trainer reads again only to remember it.

Two offsets are committed for a partition: from where on windows are yet to be ended, and beside it, as metadata, from
where on a restart reads, so that the windows to come remember what they would have remembered without it. What lies
between the two was dealt with: windows are filled from it once more, and nothing is said or counted of it.
"""

from collections.abc import Mapping

from services.trainer.core import Joined, StoredWindow, StoredWindows
from tidewheel.contracts.bad_record import BadRecord
from tidewheel.contracts.codecs.orders import decode_example
from tidewheel.contracts.recalled import needed_from, told
from tidewheel.domain.features import Example


class Recall:
    """Which records of the partitions at hand were dealt with."""

    def __init__(self, windows: StoredWindows) -> None:
        self._windows = windows
        self._dealt_with: dict[int, int] = {}  # partition -> the offset from which on records are new
        self._recalled: dict[str, int] = {}  # instrument -> partition, while nothing new was read of it

    def begin(self, committed: Mapping[int, tuple[int, str | None]]) -> dict[int, int]:
        """Of each partition's committed offset and metadata: the offset to read from instead, where that is earlier."""
        earlier = {}
        for partition, (offset, metadata) in committed.items():
            self._dealt_with[partition] = max(0, offset)
            first = needed_from(offset, metadata)
            if first is not None and first < offset:
                earlier[partition] = first
        return earlier

    def is_dealt_with(self, partition: int, offset: int) -> bool:
        """Whether a record, or the window whose first row it is, was dealt with before this process read on."""
        return offset < self._dealt_with.get(partition, 0)

    def again(self, value: bytes | None, partition: int, offset: int) -> None:
        """Take in a record that was dealt with. One that is none was set aside then."""
        try:
            example = decode_example(value)
        except BadRecord:
            return
        for happening in self._windows.on_example(example, partition, offset):
            if isinstance(happening, Joined):
                self._recalled[example.instrument] = partition
            elif isinstance(happening, StoredWindow):
                happening.free()

    def joined(self, example: Example) -> Joined | None:
        """What is first read of an instrument that was only recalled so far."""
        if self._recalled.pop(example.instrument, None) is None:
            return None
        return Joined(example.instrument, example.example_seq, self._windows.first_from(example.example_seq))

    def drop(self, partitions: set[int]) -> None:
        """Forget partitions that are no longer ours."""
        self._dealt_with = {p: offset for p, offset in self._dealt_with.items() if p not in partitions}
        self._recalled = {name: p for name, p in self._recalled.items() if p not in partitions}

    def place(self, partition: int, offset: int, first: int) -> tuple[int, str]:
        """Offset and metadata to commit, `first` being the offset from which a restart reads; never less than was dealt
        with."""
        offset = max(offset, self._dealt_with.get(partition, 0))
        return offset, told(min(first, offset))

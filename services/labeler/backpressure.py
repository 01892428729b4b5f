"""Input records that are read but not labelled yet, and which topic is paused for them. Pure."""

from collections import deque

from tidewheel.contracts.topics import ORDERS, TICKS

# Payload read ahead of the other topic above which a topic is paused, and below which it is resumed.
PAUSE_ABOVE_BYTES = 8 * 2**20
RESUME_BELOW_BYTES = 2 * 2**20


class BufferedRecords:
    """Records of one instrument on one topic, buffered until their counterpart comes, in order of offset."""

    __slots__ = ("_records", "payload_bytes")

    def __init__(self) -> None:
        self._records: deque[tuple[int, int, int]] = deque()  # second, offset, payload bytes
        self.payload_bytes = 0

    def add(self, second: int, offset: int, payload_bytes: int) -> None:
        self._records.append((second, offset, payload_bytes))
        self.payload_bytes += payload_bytes

    def release(self, labeled_second: int) -> int:
        """Seconds up to this one are labelled; returns the payload bytes that are let go."""
        records, before = self._records, self.payload_bytes
        while records and records[0][0] <= labeled_second:
            self.payload_bytes -= records.popleft()[2]
        return before - self.payload_bytes

    @property
    def first_offset(self) -> int | None:
        """Offset of the first record in the buffer."""
        return self._records[0][1] if self._records else None


class Backpressure:
    """Decides which topic of a partition is paused, so that memory stays bounded.

    Never both: then one instrument's seconds could wait for orders behind another's, for ever.
    """

    def __init__(self) -> None:
        self.payload_bytes = {TICKS.name: 0, ORDERS.name: 0}
        self._paused: set[str] = set()

    def paused(self) -> set[str]:
        for topic, ahead in self.payload_bytes.items():
            if ahead > PAUSE_ABOVE_BYTES:
                self._paused.add(topic)
            elif ahead < RESUME_BELOW_BYTES:
                self._paused.discard(topic)
        return self._paused if len(self._paused) == 1 else set()

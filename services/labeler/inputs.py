"""Which input records are read but not labelled yet. Pure."""

from collections import deque

from tidewheel.contracts.topics import ORDERS, TICKS

# Payload read ahead of the other topic at which reading is held back, and at which it goes on.
AHEAD_BYTES_MAX = 8 * 2**20
AHEAD_BYTES_LOW = 2 * 2**20


class Waiting:
    """Records of one instrument on one topic that wait for their counterpart, in order of offset."""

    __slots__ = ("_records", "payload_bytes")

    def __init__(self) -> None:
        self._records: deque[tuple[int, int, int]] = deque()  # second, offset, payload bytes
        self.payload_bytes = 0

    def add(self, second: int, offset: int, payload_bytes: int) -> None:
        self._records.append((second, offset, payload_bytes))
        self.payload_bytes += payload_bytes

    def settle(self, labelled_second: int) -> int:
        """Seconds up to this one are labelled; returns the payload bytes that wait no longer."""
        records, before = self._records, self.payload_bytes
        while records and records[0][0] <= labelled_second:
            self.payload_bytes -= records.popleft()[2]
        return before - self.payload_bytes

    @property
    def first_offset(self) -> int | None:
        """Offset of the first record that waits."""
        return self._records[0][1] if self._records else None


class ReadAhead:
    """Decides which topic of a partition is not to be read further for now, so that memory stays bounded.

    Never both: then one instrument's seconds could wait for orders behind another's, for ever.
    """

    def __init__(self) -> None:
        self.payload_bytes = {TICKS.name: 0, ORDERS.name: 0}
        self._held: set[str] = set()

    def held_back(self) -> set[str]:
        for topic, ahead in self.payload_bytes.items():
            if ahead > AHEAD_BYTES_MAX:
                self._held.add(topic)
            elif ahead < AHEAD_BYTES_LOW:
                self._held.discard(topic)
        return self._held if len(self._held) == 1 else set()

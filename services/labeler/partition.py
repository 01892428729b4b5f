"""The instruments of one partition: records in with their offsets, outputs out, and what a commit must hold. Pure."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from services.labeler.backpressure import Backpressure, BufferedRecords
from services.labeler.checkpoint import Checkpoint, Record, frontier_record, part_tombstones, snapshot_records
from services.labeler.config import LabelerConfig
from services.labeler.core import Labeler, Output
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.continuity import NEXT, Arrival, AscendingKeyChecker, MarketSecondChecker, ReadPositions
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders

# A snapshot is due when so many records of its instrument came since the last one, and more of them where the state is
# large: writing it then costs each record the same, and reading the records again after a crash takes a second or two.
SNAPSHOT_RECORDS_MIN = 2_000
SNAPSHOT_BYTES_PER_RECORD = 480

TOPICS = (TICKS.name, ORDERS.name)


class SequenceBreak(NamedTuple):
    """A record that is not the next of its instrument on its topic."""

    topic: str
    offset: int
    instrument: str
    arrival: Arrival


class InstrumentState:
    """One instrument's labeler, the records that it buffers, whether they come in order, and how far it is written."""

    __slots__ = (
        *("buffered", "labeler", "orders", "parts", "records_since_snapshot", "resume_offsets"),
        *("seconds", "snapshot_second", "written_second"),
    )

    def __init__(self, labeler: Labeler) -> None:
        self.labeler = labeler
        self.seconds, self.orders = MarketSecondChecker(), AscendingKeyChecker("second")
        self.buffered = {topic: BufferedRecords() for topic in TOPICS}
        self.written_second = labeler.second
        # Of the last snapshot: its second, its records, by topic the offset that follows it, and the records since.
        self.snapshot_second = labeler.second
        self.parts = 0
        self.resume_offsets: dict[str, int] = {}
        self.records_since_snapshot = 0

    @classmethod
    def restore(cls, checkpoint: Checkpoint, config: LabelerConfig) -> "InstrumentState":
        """From a snapshot, on the way to where outputs are written. Raises StateMismatchError."""
        instrument = cls(Labeler.restore(checkpoint.state, config))
        instrument.labeler.replay_to(checkpoint.written)
        instrument.written_second, instrument.parts = checkpoint.written.second, checkpoint.parts
        if checkpoint.state.session_open:
            instrument.seconds.expect(
                checkpoint.state.session, instrument.labeler.second + 1, checkpoint.state.next_seq
            )
        instrument.resume_offsets = {TICKS.name: checkpoint.ticks_offset, ORDERS.name: checkpoint.orders_offset}
        return instrument

    @property
    def snapshot_interval_records(self) -> int:
        return max(SNAPSHOT_RECORDS_MIN, self.labeler.state_bytes // SNAPSHOT_BYTES_PER_RECORD)


class Partition:
    """All state of one partition. The state of one instrument never depends on another's."""

    def __init__(
        self,
        config: LabelerConfig,
        checkpoints: Mapping[str, Checkpoint] | None = None,
        committed: Mapping[str, int] | None = None,
    ) -> None:
        """`committed`: the offset committed for each topic, where there is one. Raises StateMismatchError."""
        self._config = config
        self.instruments = {name: InstrumentState.restore(one, config) for name, one in (checkpoints or {}).items()}
        self._dirty: dict[str, InstrumentState] = {}
        # Those whose snapshot is older than the last second written, in order of when that began.
        self._stale_snapshots: dict[str, InstrumentState] = {}
        # Since they were last taken; those of records that a process before this one read are among them.
        self.breaks: list[SequenceBreak] = []
        self._furthest, self._rereading = ReadPositions(), False
        self.advanced: dict[str, Labeler] = {}  # those that the last `checkpoint_records` wrote a frontier of
        self._backpressure = Backpressure()
        # By topic: the offset after the last record read, and the one below which all is labelled.
        self._read_offsets: dict[str, int] = {}
        self._labeled_offsets = dict(committed or {})
        self.start_offsets = {topic: self._start_offset(topic, checkpoints or {}) for topic in TOPICS}

    def _start_offset(self, topic: str, checkpoints: Mapping[str, Checkpoint]) -> int | None:
        """Where to read a topic from; None is its beginning.

        What is not labelled lies at the committed offset or after it. Only what is written beyond a snapshot has to be
        made again from records before it, so that an instrument that fell silent holds nobody up.
        """
        if topic not in self._labeled_offsets:
            return None
        behind = [one for one in checkpoints.values() if one.state.frontier.second < one.written.second]
        offsets = [one.ticks_offset if topic == TICKS.name else one.orders_offset for one in behind]
        return min([self._labeled_offsets[topic], *offsets])

    def on_second(self, offset: int, payload_bytes: int, second: MarketSecond) -> list[Output]:
        """A record of topic `ticks`; returns what it resolved and is not written yet."""
        instrument = self._buffer(TICKS.name, second.instrument, second.second, offset, payload_bytes)
        if (arrival := instrument.seconds.take(second)) is not NEXT and not self._rereading:
            self.breaks.append(SequenceBreak(TICKS.name, offset, second.instrument, arrival))
        return instrument.labeler.on_second(second)

    def on_orders(self, offset: int, payload_bytes: int, orders: SecondOrders) -> list[Output]:
        """A record of topic `orders`; returns what it resolved and is not written yet."""
        instrument = self._buffer(ORDERS.name, orders.instrument, orders.second, offset, payload_bytes)
        if (arrival := instrument.orders.take(orders.second)) is not NEXT and not self._rereading:
            self.breaks.append(SequenceBreak(ORDERS.name, offset, orders.instrument, arrival))
        return instrument.labeler.on_orders(orders)

    def written_second(self, name: str) -> int:
        """The second up to which an instrument's outputs are written; -1 where none are."""
        instrument = self.instruments.get(name)
        return -1 if instrument is None else instrument.written_second

    def mark_read(self, topic: str, offset: int) -> None:
        """Everything up to this record was read, bad records too."""
        self._read_offsets[topic] = offset + 1
        self._rereading = self._furthest.was_read(topic, offset)

    def _buffer(self, topic: str, name: str, second: int, offset: int, payload_bytes: int) -> InstrumentState:
        instrument = self.instruments.get(name)
        if instrument is None:
            instrument = self.instruments[name] = InstrumentState(Labeler(name, self._config))
        self._dirty[name] = instrument
        instrument.records_since_snapshot += 1
        instrument.buffered[topic].add(second, offset, payload_bytes)
        self._backpressure.payload_bytes[topic] += payload_bytes
        return instrument

    def paused(self) -> set[str]:
        """Topics that are paused."""
        for instrument in self._dirty.values():
            self._release_labeled(instrument)
        return self._backpressure.paused()

    def _release_labeled(self, instrument: InstrumentState) -> None:
        for topic, buffered in instrument.buffered.items():
            self._backpressure.payload_bytes[topic] -= buffered.release(instrument.labeler.second)

    def checkpoint_records(self) -> Iterator[Record]:
        """The state records that go with the outputs since the last call."""
        self.advanced = {}
        for name, instrument in self._dirty.items():
            self._release_labeled(instrument)
            labeler = instrument.labeler
            if labeler.replaying:
                continue
            if labeler.second != instrument.written_second:
                instrument.written_second = labeler.second
                self.advanced[name] = labeler
                yield frontier_record(name, labeler.frontier, str(self._config))
            if labeler.second != instrument.snapshot_second:
                self._stale_snapshots[name] = instrument
        # The oldest one as well: an instrument that fell silent is touched no more.
        behind = len(self._stale_snapshots)
        for name in dict.fromkeys((*islice(self._stale_snapshots, 1), *self._dirty)):
            if name in self._stale_snapshots and self._snapshot_due(self._stale_snapshots[name], behind):
                yield from self._snapshot(name, self._stale_snapshots.pop(name))
        self._dirty = {}

    def _snapshot_due(self, instrument: InstrumentState, behind: int) -> bool:
        """The first commit holds one, so that there always is one; so does a session's last, where it is small.

        Then after its share of the records, or after so many of all that one with its share would have had it.
        """
        share = instrument.snapshot_interval_records
        return (
            not instrument.resume_offsets
            or instrument.labeler.between_sessions
            or instrument.records_since_snapshot >= share
            or any(self._first_buffered(t, instrument) - instrument.resume_offsets[t] > share * behind for t in TOPICS)
        )

    def _snapshot(self, name: str, instrument: InstrumentState) -> list[Record]:
        resume_offsets = {topic: self._first_buffered(topic, instrument) for topic in TOPICS}
        state = instrument.labeler.snapshot()
        records = snapshot_records(state, resume_offsets[TICKS.name], resume_offsets[ORDERS.name], str(self._config))
        removed = part_tombstones(name, len(records), instrument.parts)
        instrument.snapshot_second, instrument.parts = state.frontier.second, len(records)
        instrument.resume_offsets, instrument.records_since_snapshot = resume_offsets, 0
        return records + removed

    def _first_buffered(self, topic: str, instrument: InstrumentState) -> int:
        first = instrument.buffered[topic].first_offset
        return self._read_offsets[topic] if first is None else first

    def positions(self) -> dict[str, tuple[int, int]]:
        """By topic: the offset below which all is labelled, and the one below which all is read. It never goes back,
        though a restart reads again from further back."""
        for topic, read in self._read_offsets.items():
            buffered = (one.buffered[topic].first_offset for one in self.instruments.values())
            first = min((offset for offset in buffered if offset is not None), default=read)
            self._labeled_offsets[topic] = max(first, self._labeled_offsets.get(topic, 0))
        return {topic: (self._labeled_offsets[topic], read) for topic, read in self._read_offsets.items()}

    @property
    def replaying(self) -> bool:
        """Outputs that are written already are still being made again."""
        return any(instrument.labeler.replaying for instrument in self.instruments.values())

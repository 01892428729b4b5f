"""The instruments of one partition: records in with their offsets, outputs out, and what a commit must hold. Pure."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from services.labeler.config import LabelerConfig
from services.labeler.core import Labeler, Output
from services.labeler.inputs import ReadAhead, Waiting
from services.labeler.saved import Record, Saved, frontier_record, removed_parts, snapshot_records
from tidewheel.contracts.topics import ORDERS, TICKS
from tidewheel.domain.continuity import NEXT, Arrival, Ascending, Furthest, Seconds
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders

# A snapshot is due when so many records of its instrument came since the last one, and more of them where the state is
# large: writing it then costs each record the same, and reading the records again after a crash takes a second or two.
SNAPSHOT_RECORDS_MIN = 2_000
SNAPSHOT_BYTES_PER_RECORD = 480

TOPICS = (TICKS.name, ORDERS.name)


class Break(NamedTuple):
    """A record that is not the next of its instrument on its topic."""

    topic: str
    offset: int
    instrument: str
    arrival: Arrival


class Instrument:
    """One instrument's labeler, the records that wait in it, whether they come in order, and how far it is saved."""

    __slots__ = (
        *("after", "labeler", "orders", "parts", "records", "saved_second", "seconds", "snapshot_second"),
        "waiting",
    )

    def __init__(self, labeler: Labeler) -> None:
        self.labeler = labeler
        self.seconds, self.orders = Seconds(), Ascending("second")
        self.waiting = {topic: Waiting() for topic in TOPICS}
        self.saved_second = labeler.second
        # Of the last snapshot: its second, its records, by topic the offset that follows it, and the records since.
        self.snapshot_second = labeler.second
        self.parts = 0
        self.after: dict[str, int] = {}
        self.records = 0

    @classmethod
    def restore(cls, saved: Saved, config: LabelerConfig) -> "Instrument":
        """From a snapshot, on the way to where outputs are written. Raises StateMismatch."""
        instrument = cls(Labeler.restore(saved.state, config))
        instrument.labeler.replay_to(saved.written)
        instrument.saved_second, instrument.parts = saved.written.second, saved.parts
        if saved.state.session_open:
            instrument.seconds.expect(saved.state.session, instrument.labeler.second + 1, saved.state.next_seq)
        instrument.after = {TICKS.name: saved.ticks_offset, ORDERS.name: saved.orders_offset}
        return instrument

    @property
    def records_per_snapshot(self) -> int:
        return max(SNAPSHOT_RECORDS_MIN, self.labeler.state_bytes // SNAPSHOT_BYTES_PER_RECORD)


class Partition:
    """All state of one partition. The state of one instrument never depends on another's."""

    def __init__(
        self,
        config: LabelerConfig,
        saved: Mapping[str, Saved] | None = None,
        committed: Mapping[str, int] | None = None,
    ) -> None:
        """`committed`: the offset committed for each topic, where there is one. Raises StateMismatch."""
        self._config = config
        self.instruments = {name: Instrument.restore(one, config) for name, one in (saved or {}).items()}
        self._touched: dict[str, Instrument] = {}
        # Those whose snapshot is not of the last second written, in order of when that began.
        self._behind: dict[str, Instrument] = {}
        # Since they were last taken away; those of records that a process before this one read are among them.
        self.breaks: list[Break] = []
        self._furthest, self._again = Furthest(), False
        self.moved: dict[str, Labeler] = {}  # those that the last `complete` wrote a frontier of
        self._ahead = ReadAhead()
        # By topic: the offset after the last record read, and the one below which all is labelled.
        self._read: dict[str, int] = {}
        self._labelled = dict(committed or {})
        self.starts = {topic: self._start(topic, saved or {}) for topic in TOPICS}

    def _start(self, topic: str, saved: Mapping[str, Saved]) -> int | None:
        """Where to read a topic from; None is its beginning.

        What is not labelled lies at the committed offset or after it. Only what is written beyond a snapshot has to be
        made again from records before it, so that an instrument that fell silent keeps nobody back.
        """
        if topic not in self._labelled:
            return None
        behind = [one for one in saved.values() if one.state.frontier.second < one.written.second]
        offsets = [one.ticks_offset if topic == TICKS.name else one.orders_offset for one in behind]
        return min([self._labelled[topic], *offsets])

    def on_second(self, offset: int, payload_bytes: int, second: MarketSecond) -> list[Output]:
        """A record of topic `ticks`; returns what it resolved and is not written yet."""
        instrument = self._take(TICKS.name, second.instrument, second.second, offset, payload_bytes)
        if (arrival := instrument.seconds.take(second)) is not NEXT and not self._again:
            self.breaks.append(Break(TICKS.name, offset, second.instrument, arrival))
        return instrument.labeler.on_second(second)

    def on_orders(self, offset: int, payload_bytes: int, orders: SecondOrders) -> list[Output]:
        """A record of topic `orders`; returns what it resolved and is not written yet."""
        instrument = self._take(ORDERS.name, orders.instrument, orders.second, offset, payload_bytes)
        if (arrival := instrument.orders.take(orders.second)) is not NEXT and not self._again:
            self.breaks.append(Break(ORDERS.name, offset, orders.instrument, arrival))
        return instrument.labeler.on_orders(orders)

    def read(self, topic: str, offset: int) -> None:
        """Everything up to this record was read, bad records too."""
        self._read[topic] = offset + 1
        self._again = self._furthest.again(topic, offset)

    def _take(self, topic: str, name: str, second: int, offset: int, payload_bytes: int) -> Instrument:
        instrument = self.instruments.get(name)
        if instrument is None:
            instrument = self.instruments[name] = Instrument(Labeler(name, self._config))
        self._touched[name] = instrument
        instrument.records += 1
        instrument.waiting[topic].add(second, offset, payload_bytes)
        self._ahead.payload_bytes[topic] += payload_bytes
        return instrument

    def held_back(self) -> set[str]:
        """Topics not to be read further for now."""
        for instrument in self._touched.values():
            self._settle(instrument)
        return self._ahead.held_back()

    def _settle(self, instrument: Instrument) -> None:
        for topic, waiting in instrument.waiting.items():
            self._ahead.payload_bytes[topic] -= waiting.settle(instrument.labeler.second)

    def complete(self) -> Iterator[Record]:
        """The state records that go with the outputs since the last call."""
        self.moved = {}
        for name, instrument in self._touched.items():
            self._settle(instrument)
            labeler = instrument.labeler
            if labeler.replaying:
                continue
            if labeler.second != instrument.saved_second:
                instrument.saved_second = labeler.second
                self.moved[name] = labeler
                yield frontier_record(name, labeler.frontier, str(self._config))
            if labeler.second != instrument.snapshot_second:
                self._behind[name] = instrument
        # The oldest one as well: an instrument that fell silent is touched no more.
        behind = len(self._behind)
        for name in dict.fromkeys((*islice(self._behind, 1), *self._touched)):
            if name in self._behind and self._snapshot_due(self._behind[name], behind):
                yield from self._snapshot(name, self._behind.pop(name))
        self._touched = {}

    def _snapshot_due(self, instrument: Instrument, behind: int) -> bool:
        """The first commit holds one, so that there always is one; so does a session's last, where it is small.

        Then after its share of the records, or after so many of all that one with its share would have had it.
        """
        share = instrument.records_per_snapshot
        return (
            not instrument.after
            or instrument.labeler.between_sessions
            or instrument.records >= share
            or any(self._first_waiting(t, instrument) - instrument.after[t] > share * behind for t in TOPICS)
        )

    def _snapshot(self, name: str, instrument: Instrument) -> list[Record]:
        after = {topic: self._first_waiting(topic, instrument) for topic in TOPICS}
        state = instrument.labeler.snapshot()
        records = snapshot_records(state, after[TICKS.name], after[ORDERS.name], str(self._config))
        removed = removed_parts(name, len(records), instrument.parts)
        instrument.snapshot_second, instrument.parts = state.frontier.second, len(records)
        instrument.after, instrument.records = after, 0
        return records + removed

    def _first_waiting(self, topic: str, instrument: Instrument) -> int:
        first = instrument.waiting[topic].first_offset
        return self._read[topic] if first is None else first

    def positions(self) -> dict[str, tuple[int, int]]:
        """By topic: the offset below which all is labelled, and the one below which all is read. It never goes back,
        though a restart reads again from further back."""
        for topic, read in self._read.items():
            waiting = (one.waiting[topic].first_offset for one in self.instruments.values())
            first = min((offset for offset in waiting if offset is not None), default=read)
            self._labelled[topic] = max(first, self._labelled.get(topic, 0))
        return {topic: (self._labelled[topic], read) for topic, read in self._read.items()}

    @property
    def replaying(self) -> bool:
        """Outputs that are written already are still being made again."""
        return any(instrument.labeler.replaying for instrument in self.instruments.values())

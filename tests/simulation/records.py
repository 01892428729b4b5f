"""One partition of a topic: records and transaction markers by offset, and what a reader of committed ones may see."""

from dataclasses import dataclass, field
from enum import Enum

from tidewheel.telemetry.tracing.context import Headers

PartitionKey = tuple[str, int]


class TransactionState(Enum):
    """What became of a transaction. Its markers may be written later than this is decided."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


@dataclass(eq=False)
class Transaction:
    """One transaction: what is registered with it, where it wrote, and the offsets that become the groups' with it."""

    owner: str
    state: TransactionState = TransactionState.OPEN
    registered: set[PartitionKey | str] = field(default_factory=set)  # partitions, and groups by name
    unmarked: list[PartitionKey] = field(default_factory=list)
    offsets: dict[str, dict[PartitionKey, tuple[int, str]]] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Nothing of it is outstanding."""
        return self.state is not TransactionState.OPEN and not self.unmarked and not self.offsets


@dataclass(slots=True, eq=False)
class Record:
    """`stamp`: how many appends the broker had seen, over all partitions. A marker has no value and no key."""

    key: bytes | None
    value: bytes | None
    transaction: Transaction | None
    stamp: int
    is_marker: bool = False
    headers: Headers | None = None


class Partition:
    """An append-only list; compaction leaves holes, so offsets stay."""

    def __init__(self) -> None:
        self.records: list[Record | None] = []
        self.open: dict[Transaction, int] = {}  # without a marker here -> the first offset

    @property
    def end(self) -> int:
        return len(self.records)

    @property
    def stable_end(self) -> int:
        """The last stable offset: below it every record's fate is known here."""
        return min(self.open.values(), default=self.end)

    def append(self, record: Record) -> int:
        offset = len(self.records)
        if record.transaction is not None and not record.is_marker:
            self.open.setdefault(record.transaction, offset)
        self.records.append(record)
        return offset

    def mark(self, transaction: Transaction, stamp: int) -> None:
        """Write the marker that ends a transaction here; it takes an offset."""
        self.records.append(Record(None, None, transaction, stamp, is_marker=True))
        self.open.pop(transaction, None)

    def readable(self, offset: int, *, committed_only: bool) -> Record | None:
        """The record at an offset if a reader gets it. Ask below `stable_end` only, or read uncommitted."""
        record = self.records[offset]
        if record is None or record.is_marker:
            return None
        if (
            committed_only
            and record.transaction is not None
            and record.transaction.state is not TransactionState.COMMITTED
        ):
            return None
        return record

    def committed(self) -> list[tuple[int, Record]]:
        """What a reader of committed records sees, with offsets."""
        found = ((offset, self.readable(offset, committed_only=True)) for offset in range(self.stable_end))
        return [(offset, record) for offset, record in found if record is not None]

    def compact(self) -> None:
        """Keep the latest committed record of each key; what is not yet stable stays."""
        latest = {record.key: offset for offset, record in self.committed()}
        for offset in range(self.stable_end):
            record = self.records[offset]
            if record is not None and not record.is_marker and latest.get(record.key) != offset:
                self.records[offset] = None

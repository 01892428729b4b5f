"""Holds the topics themselves against the oracle: an export leaves out what it takes for a repeat, and what nobody can
read. Of the product only the messages are used."""

import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from google.protobuf.message import DecodeError, Message

from tests.oracle import Result
from tidewheel.wire.v1 import market_pb2, orders_pb2, training_pb2

QUIET_LIMIT_S = 30.0
WAIT_S = 0.1
FAULTS_MAX = 5
# Of the flags of a quote those that a recorded file decides.
LOCKED, LATE = 2, 8
REASONS = orders_pb2.NotPlaced.Reason
Row = tuple[Any, ...]


class Record(NamedTuple):
    """A committed record."""

    partition: int
    key: bytes | None
    value: bytes | None


def committed(bootstrap: str, topic: str) -> Iterator[Record]:
    """Every committed record of a topic of a run that is over, partition after partition. Raises KafkaException."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "chaos-judge",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        for partition in sorted(consumer.list_topics(topic, timeout=QUIET_LIMIT_S).topics[topic].partitions):
            consumer.assign([TopicPartition(topic, partition, 0)])
            yield from _to_end(consumer, partition)
    finally:
        consumer.close()


def _to_end(consumer: Consumer, partition: int) -> Iterator[Record]:
    deadline_s = time.monotonic() + QUIET_LIMIT_S
    while time.monotonic() < deadline_s:
        # A call waits for so many records or for so long; told of the end, it goes on waiting.
        for message in consumer.consume(1000, timeout=WAIT_S):
            deadline_s = time.monotonic() + QUIET_LIMIT_S
            error = message.error()
            if error is None:
                yield Record(partition, message.key(), message.value())  # type: ignore[arg-type]  # bytes, unless asked
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            else:
                raise KafkaException(error)
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"nothing came for {QUIET_LIMIT_S:.0f} s, nor the end"))


# ---- what a record says, and what it has to say --------------------------------------------------------------------


def second_of(m: market_pb2.MarketSecond) -> Row:
    flags = struct.unpack(f"<{len(m.flags) // 2}H", m.flags) or (0,) * m.count
    known = tuple(flag & (LOCKED | LATE) for flag in flags)
    return m.second, m.session, m.first_seq, m.count, m.ends_session, known


def wanted_seconds(result: Result) -> Iterator[Row]:
    flags: dict[int, list[int]] = {}
    for tick in result.ticks:
        flags.setdefault(tick.second, []).append(LATE * tick.late + LOCKED * tick.locked)
    for bar in result.bars:
        flagged = tuple(flags.get(bar.second, ()))
        yield bar.second, bar.session, bar.first_seq, bar.tick_count, bar.ends_session, flagged


def orders_of(m: orders_pb2.SecondOrders) -> Row:
    ids = struct.unpack(f"<{len(m.order_id) // 8}q", m.order_id)
    refused = {REASONS.Name(one.reason).removeprefix("REASON_").lower(): one.count for one in m.not_placed}
    return m.second, m.session, ids, tuple(sorted(refused.items()))


def wanted_orders(result: Result) -> Iterator[Row]:
    ids: dict[int, list[int]] = {}
    refused: dict[int, list[tuple[str, int]]] = {}
    for order in result.orders:
        ids.setdefault(order.second, []).append(order.order_id)
    for (second, reason), count in result.not_placed.items():
        if count:
            refused.setdefault(second, []).append((reason, count))
    for bar in result.bars:
        yield bar.second, bar.session, tuple(ids.get(bar.second, ())), tuple(sorted(refused.get(bar.second, ())))


def transaction_of(m: orders_pb2.Transaction) -> Row:
    outcome = orders_pb2.Outcome.Name(m.outcome).removeprefix("OUTCOME_")
    return (
        *(m.order_id, m.session, m.placed_ns, m.entry_e9, m.upper_e9, m.lower_e9),
        *(m.resolved_ns, m.resolved_seq, m.exit_e9, outcome, m.pnl_e9),
    )


def wanted_transactions(result: Result) -> Iterator[Row]:
    for one in result.transactions:
        order = one.order
        yield (
            *(order.order_id, order.session, order.placed_ns, order.offer, order.upper, order.lower),
            *(one.resolved_ns, one.resolved_seq, one.exit, one.outcome, one.pnl),
        )


def example_of(m: orders_pb2.Example) -> Row:
    return m.example_seq, m.order_id, m.placed_ns, m.resolved_ns, m.label, m.pnl_e9, m.features


def wanted_examples(result: Result) -> Iterator[Row]:
    for one in result.examples():
        yield (
            *(one.example_seq, one.order_id, one.placed_ns, one.resolved_ns, one.label, one.pnl),
            one.features,
        )


class Stream(NamedTuple):
    """A topic whose records of an instrument are known beforehand. `repeats`: equal ones may follow, as delivery at
    least once allows."""

    message: type[Message]
    row: Callable[[Any], Row]
    wanted: Callable[[Result], Iterator[Row]]
    repeats: bool = False


STREAMS = {
    "ticks": Stream(market_pb2.MarketSecond, second_of, wanted_seconds),
    "orders": Stream(orders_pb2.SecondOrders, orders_of, wanted_orders, repeats=True),
    "transactions": Stream(orders_pb2.Transaction, transaction_of, wanted_transactions),
    "examples": Stream(orders_pb2.Example, example_of, wanted_examples),
}
Read = Callable[[str], Iterable[Record]]


def differences(read: Read, results: Mapping[str, Result]) -> list[str]:
    """Everything in which the topics differ from the oracle's word on each instrument. `read`: topic -> its records."""
    faults: list[str] = []
    for topic, stream in STREAMS.items():
        checker = StreamChecker(topic, stream, results)
        for record in read(topic):
            checker.take(record)
        faults += checker.ended()
    return faults + run_faults(read("training-runs")) + dead_letter_faults(read("dead-letters"))


class StreamChecker:
    """The records of one topic, each held against the next that is wanted of its instrument."""

    def __init__(self, topic: str, stream: Stream, results: Mapping[str, Result]) -> None:
        self._topic = topic
        self._stream = stream
        self._wanted = {name: stream.wanted(result) for name, result in results.items()}
        self._partition: dict[str, int] = {}
        self._seen: dict[tuple[str, int], bytes | None] = {}
        self._counts: Counter[str] = Counter()
        self._faults: list[str] = []

    def take(self, record: Record) -> None:
        try:
            message = parsed(self._stream.message, record)
        except ValueError as failure:
            self._fault(str(failure))
            return
        name, row = message.instrument, self._stream.row(message)
        if record.key != name.encode() or self._partition.setdefault(name, record.partition) != record.partition:
            self._fault(f"a record of {name} under key {record.key!r} on partition {record.partition}")
            return
        if self._stream.repeats:
            if (name, row[0]) in self._seen:
                if self._seen[name, row[0]] != record.value:
                    self._fault(f"{name} {row[0]} is written again with other words")
                return
            self._seen[name, row[0]] = record.value
        self._counts[name] += 1
        wanted = next(self._wanted[name], None) if name in self._wanted else None
        if row != wanted:
            self._fault(f"record {self._counts[name]} of {name}: wanted {short(wanted)}, written {short(row)}")

    def ended(self) -> list[str]:
        """The first faults, when all records have been taken."""
        for name, wanted in self._wanted.items():
            if missing := next(wanted, None):
                self._fault(f"no more of {name} after {self._counts[name]} records: wanted {short(missing)}")
        more = len(self._faults) - FAULTS_MAX
        return self._faults[:FAULTS_MAX] + ([f"log of {self._topic}: {more} faults more"] if more > 0 else [])

    def _fault(self, words: str) -> None:
        self._faults.append(f"log of {self._topic}: {words}")


def parsed(kind: type[Message], record: Record) -> Any:
    """Raises ValueError where the record is no such message."""
    message = kind()
    try:
        message.ParseFromString(record.value or b"")
    except DecodeError:
        raise ValueError(f"a record on partition {record.partition} is no {kind.__name__}") from None
    return message


def readable(topic: str, kind: type[Message], records: Iterable[Record], faults: list[str]) -> Iterator[Any]:
    """The messages of a topic; what is none is a fault more."""
    for record in records:
        try:
            yield parsed(kind, record)
        except ValueError as failure:
            faults.append(f"log of {topic}: {failure}")


def short(row: Row | None) -> str:
    if row is None:
        return "none"
    return str(tuple(f"{v[:8].hex()}…" if isinstance(v, bytes) else v for v in row))


def run_faults(records: Iterable[Record]) -> list[str]:
    """A change of a run may be told again after a crash: the same change, though its sentence may say that."""
    changes: dict[Row, bytes] = {}
    faults: list[str] = []
    for event in readable("training-runs", training_pb2.TrainingRunEvent, records, faults):
        step = training_pb2.TrainingRunEvent.Step.Name(event.step)
        place = (event.instrument, event.seq, step, event.trial.number)
        change = without_clock(event)
        if changes.setdefault(place, change) != change:
            faults.append(f"log of training-runs: {place} is told again in other words")
    return faults


def without_clock(event: Any) -> bytes:
    """An event without what the wall clock, or how long its process has lived, has a part in, and without the sentence
    for people."""
    for name in ("at_ns", "window_closed_at_ns", "detail"):
        event.ClearField(name)
    for name in ("tuning_s", "window_closed_to_published_s"):
        event.result.ClearField(name)
    event.scorecard.ClearField("baseline")
    return bytes(event.SerializeToString(deterministic=True))


def verify_log_faults(bootstrap: str) -> list[str]:
    """What the product's own check of the log says, where it finds anything."""
    command = [sys.executable, "-m", "tidewheel.cli.main", "verify-log", "--kafka", bootstrap]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    output = (ended.stdout + ended.stderr).strip()
    return [f"verify-log ended with exit code {ended.returncode}: {output}"] if ended.returncode else []


def dead_letter_faults(records: Iterable[Record]) -> list[str]:
    """Which lines are rejected, the export is asked; here, that nobody but ingest rejected any."""
    faults: list[str] = []
    by_others = [
        f"log of dead-letters: {letter.service} rejected {letter.source} {letter.offset}"
        for letter in readable("dead-letters", market_pb2.DeadLetter, records, faults)
        if letter.service != "ingest"
    ]
    return faults + by_others

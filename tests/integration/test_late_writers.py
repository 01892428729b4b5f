"""Requests of the writers without transactions that come late, twice or after their successor, on a real broker.

Each row of docs/late-requests.md that no other test holds: ingest's, the order bot's and the trainer's.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import KafkaException, Producer

from services.ingest.app import Ingest
from services.ingest.core import IngestCore
from services.ingest.publisher import IdempotentProducer, Publisher
from services.ingest.seconds import SessionRules
from services.ingest.settings import Settings
from services.ingest.sources.replay import Replay
from services.orderbot.core import OrderRule
from services.trainer.runs.events import RunEventProducer
from tests.orderbots import Tail, order_bot, publish
from tests.orderbots import committed as committed_by_bot
from tests.proxy.actions import Action, Drop, DropReplyAndClose, Duplicate, DuplicateLater, Hold, Manual
from tests.proxy.broker import ProxiedKafka
from tests.proxy.frames import ApiKey
from tests.proxy.tampered_request import TamperedRequest
from tests.readers import breaks_in, first_of_each, labels, ordered, orders_on, payloads, seconds_of
from tests.service_under_test import ServiceProcess, context_of
from tests.synthetic_seconds import seconds as made_seconds
from tests.trainers import (
    INSTRUMENT,
    SIZE,
    committed,
    easy_rows,
    events,
    one_class,
    records,
    running,
    settings,
)
from tests.trainers import publish as publish_rows
from tests.unit.local.values import whole_run
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.training import decode_run_event, encode_run_event
from tidewheel.contracts.invariants.findings import Invariant
from tidewheel.contracts.topics import ORDERS, TICKS, TRAINING_RUNS
from tidewheel.domain.feeds import Feed
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.models import Verdict
from tidewheel.domain.prices import Threshold
from tidewheel.domain.training import RunEvent, Step
from tidewheel.domain.training_runs import TrainingRun, TrainingRuns
from tidewheel.local.log_check import check_log
from tidewheel.runtime.kafka import producer_config, read_to_end

pytestmark = [pytest.mark.broker, pytest.mark.redis_server, pytest.mark.usefixtures("topics_of_one_partition")]

RULE = OrderRule(5, Threshold.parse("1"))
INGEST, BOT, TRAINER = "tidewheel-ingest", "faust*", "tidewheel-trainer"
PRODUCE, COMMIT = ApiKey.PRODUCE, ApiKey.OFFSET_COMMIT
# A request whose connection is lost, that arrives when it is let go; a copy that does so of one that was answered.
HELD, COPIED = Hold(Manual(), 0.0), DuplicateLater(Manual())


# ---- ingest ----------------------------------------------------------------------------------------------------------


class Writing:
    """Ingest's publisher, as one that has just started has it. `die`: nothing more is sent of what it still has."""

    def __init__(self, kafka: ProxiedKafka, instrument: str) -> None:
        self._producer = IdempotentProducer(kafka.bootstrap, lambda: True)
        self._publisher = Publisher(self._producer, instrument, SourceKind.REPLAY, "test", None)

    def write(self, seconds: Sequence[MarketSecond]) -> None:
        for second in seconds:
            self._publisher.publish_second(second)

    def deliver(self, seconds: Sequence[MarketSecond]) -> None:
        self.write(seconds)
        self._publisher.flush()

    def die(self) -> None:
        with suppress(KafkaException):  # the client complains of what is dropped
            self._producer.close()


@pytest.mark.parametrize(
    "action", [HELD, COPIED, DuplicateLater(Manual(), 0.0), Duplicate(), DropReplyAndClose(), Drop()], ids=str
)
def test_a_batch_of_one_ingest_is_there_once_however_often_it_comes(kafka: ProxiedKafka, action: Action) -> None:
    """A late one comes after more batches than the broker remembers of a producer."""
    instrument = f"sim:ONCE-{action}".replace(" ", "-")
    seconds = made_seconds(12, instrument=instrument)
    batch = TamperedRequest(kafka, action, PRODUCE, INGEST, nth=2)
    writing = Writing(kafka, instrument)
    for second in seconds:
        writing.deliver([second])
    if not isinstance(action, Drop):
        batch.release_and_wait()
    writing.deliver(more := made_seconds(14, instrument=instrument)[12:])
    writing.die()
    assert payloads(kafka.direct, TICKS.name, instrument) == [encode_second(one) for one in (*seconds, *more)]


@dataclass(frozen=True)
class Recorded:
    """A recorded file, and the market seconds that an undisturbed ingest makes of it."""

    path: Path
    instrument: str

    @classmethod
    def made(cls, folder: Path, symbol: str, count: int = 900) -> "Recorded":
        chance, price, lines = Random(1), 1000, ["time_ms,bid,offer"]
        for second in range(count):
            price += chance.randint(-9, 9)
            lines.append(f"{1_700_000_000_000 + 1000 * second},{price / 10},{(price + 1) / 10}")
        path = folder / f"{symbol}.csv"
        path.write_text("\n".join((*lines, "")))
        return cls(path, f"replay:{symbol}")

    def ending(self, count: int) -> "Recorded":
        """The file when it had so many rows."""
        path = self.path.with_suffix(".short.csv")
        path.write_text("".join(self.path.read_text().splitlines(keepends=True)[: count + 1]))
        return replace(self, path=path)

    @property
    def seconds(self) -> list[MarketSecond]:
        core = IngestCore(self.instrument, SourceKind.REPLAY, SessionRules())
        records = [record for item in Replay(self.path).items() for record in core.on_item(item)]
        found = [*records, *core.on_end()]
        assert all(isinstance(one, MarketSecond) for one in found)
        return found  # type: ignore[return-value]


def started(kafka: ProxiedKafka, file: Recorded) -> Callable[[], None]:
    """Ingest that has read the log back; the call runs it to the end of its file."""
    settings = Settings(
        kafka=kafka.direct,
        feed=Feed.parse(f"replay:{file.path}"),
        instrument=file.instrument.partition(":")[2],
        speed=float("inf"),
        ahead_max_s=0,
    )
    source = Replay(file.path)
    service = Ingest(settings, context_of("ingest"), source, lambda _: 0)
    return lambda: service.run(source.items())


def killed(kafka: ProxiedKafka, seconds: Sequence[MarketSecond], batch: Sequence[MarketSecond]) -> TamperedRequest:
    """Ingest that has delivered `seconds` and dies with `batch` under way."""
    writing = Writing(kafka, seconds[0].instrument)
    writing.deliver(seconds)
    late = TamperedRequest(kafka, Hold(Manual()), PRODUCE, INGEST)
    writing.write(batch)
    late.sent()
    writing.die()
    return late


def broken_laws(kafka: ProxiedKafka, instrument: str) -> set[Invariant]:
    return set(check_log(kafka.direct, instrument, lambda topic, count: None).findings.by_invariant)


def labels_of(seconds: Sequence[MarketSecond]) -> list[bytes]:
    return labels(seconds, ordered(seconds, RULE))


def test_a_batch_of_a_killed_ingest_that_comes_after_its_successor_wrote_on_repeats_seconds(
    kafka: ProxiedKafka, tmp_path: Path
) -> None:
    file = Recorded.made(tmp_path, "AFTER")
    seconds = file.seconds
    late = killed(kafka, seconds[:400], seconds[400:405])
    started(kafka, file)()
    late.release_and_wait()
    log = seconds_of(kafka.direct, file.instrument)
    written = [encode_second(one) for one in log]
    assert written == [encode_second(one) for one in (*seconds, *seconds[400:405])], "the broker takes it"
    assert labels_of(log) == labels_of(seconds), "labels are those of a log without it"
    assert {(one.topic, one.arrival.kind) for one in breaks_in(log, [])} == {(TICKS.name, "out_of_order")}
    assert broken_laws(kafka, file.instrument) == {Invariant.TICKS_ONCE}
    started(kafka, file)()
    again = payloads(kafka.direct, TICKS.name, file.instrument)
    assert again == written, "the next start goes on after the newest second, not after the last record"


def test_a_batch_of_a_killed_ingest_that_comes_before_its_successor_writes_repeats_seconds(
    kafka: ProxiedKafka, tmp_path: Path
) -> None:
    file = Recorded.made(tmp_path, "BEFORE")
    seconds = file.seconds
    late = killed(kafka, seconds[:400], seconds[400:405])
    run = started(kafka, file)
    late.release_and_wait()
    run()
    log = seconds_of(kafka.direct, file.instrument)
    assert [one.second for one in log] == [one.second for one in (*seconds[:405], *seconds[400:])]
    assert labels_of(log) == labels_of(seconds)
    assert len(breaks_in(log, [])) == 5


def test_of_seconds_that_say_different_things_the_first_counts_and_all_are_noticed(
    kafka: ProxiedKafka, tmp_path: Path
) -> None:
    """The killed one had come to the end of a file that grew meanwhile, and said that the session was over."""
    file = Recorded.made(tmp_path, "GROWN")
    seconds, short = file.seconds, file.ending(405).seconds
    assert short[404].ends_session
    late = killed(kafka, seconds[:400], short[400:405])
    run = started(kafka, file)
    late.release_and_wait()
    run()
    log = seconds_of(kafka.direct, file.instrument)
    assert len(log) == len(seconds) + 5
    assert first_of_each(log)[404].ends_session
    assert labels_of(log) == labels_of(first_of_each(log)) != labels_of(seconds)
    assert len(breaks_in(log, [])) == 5
    assert Invariant.TICKS_UNAMBIGUOUS in broken_laws(kafka, file.instrument)


# ---- the order bot ---------------------------------------------------------------------------------------------------


def bot(kafka: ProxiedKafka, folder: Path) -> ServiceProcess:
    return order_bot(kafka.bootstrap, folder, THRESHOLD="1", INSTANCE="one", SESSION_TIMEOUT_S="3")


def answered(kafka: ProxiedKafka, seconds: Sequence[MarketSecond]) -> None:
    """Publish them, and wait for orders of all of them."""
    publish(kafka.direct, seconds)
    with Tail(kafka.direct) as orders:
        orders.read_seconds(seconds)


def assert_orders_repeat_and_labels_do_not(kafka: ProxiedKafka, seconds: list[MarketSecond]) -> None:
    instrument = seconds[0].instrument
    orders, undisturbed = orders_on(kafka.direct, instrument), ordered(seconds, RULE)
    written = payloads(kafka.direct, ORDERS.name, instrument)
    assert len(written) > len(seconds), "the producer is not idempotent"
    assert len(set(written)) == len(seconds), "a repeat is the same record"
    assert [one.second for one in first_of_each(orders)] == [one.second for one in seconds], "none is passed over"
    assert labels(seconds, orders) == labels(seconds, undisturbed) != []


def ticks_end(kafka: ProxiedKafka) -> int:
    return 1 + max(record.offset() or 0 for record in read_to_end(kafka.direct, TICKS.name))


def await_all_committed(kafka: ProxiedKafka) -> None:
    eventually(lambda: committed_by_bot(kafka.direct) == {0: ticks_end(kafka)}, "all is committed")


def test_orders_that_come_late_or_again_are_repeats_and_offsets_go_back_till_the_next(
    kafka: ProxiedKafka, tmp_path: Path
) -> None:
    """Back, and never beyond what was delivered: a start then repeats orders."""
    seconds = made_seconds(130, instrument="sim:ORDERS-LATE")
    actions: tuple[Action, ...] = (HELD, COPIED, Duplicate(), DropReplyAndClose(), Drop())
    with bot(kafka, tmp_path) as process:
        process.await_ready()
        for start, action in enumerate(actions):
            late = TamperedRequest(kafka, action, PRODUCE, BOT)
            answered(kafka, seconds[20 * start : 20 * start + 10])
            if not isinstance(action, Drop):
                late.release_and_wait()
            answered(kafka, seconds[20 * start + 10 : 20 * start + 20])
        await_all_committed(kafka)
        late, before = TamperedRequest(kafka, HELD, COMMIT, BOT), ticks_end(kafka)
        answered(kafka, seconds[100:110])
        late.sent()
        await_all_committed(kafka)
        answered(kafka, seconds[110:120])
        await_all_committed(kafka)
        late.release_and_wait()
        assert before < committed_by_bot(kafka.direct)[0] < ticks_end(kafka), "the coordinator takes it"
        answered(kafka, seconds[120:])
        await_all_committed(kafka)
    assert_orders_repeat_and_labels_do_not(kafka, seconds)


def test_orders_of_a_killed_bot_that_come_after_its_successor_are_repeats_and_its_offsets_are_refused(
    kafka: ProxiedKafka, tmp_path: Path
) -> None:
    seconds = made_seconds(70, instrument="sim:ORDERS-KILLED")
    with bot(kafka, tmp_path) as process:
        process.await_ready()
        late_offsets = TamperedRequest(kafka, COPIED, COMMIT, BOT)
        answered(kafka, seconds[:20])
        late_offsets.sent()
        late_orders = TamperedRequest(kafka, Hold(Manual()), PRODUCE, BOT)
        publish(kafka.direct, seconds[20:40])
        late_orders.sent()
        process.kill()
    with bot(kafka, tmp_path):
        answered(kafka, seconds[40:60])
        await_all_committed(kafka)
        late_orders.release_and_wait()
        late_offsets.answered()
        assert committed_by_bot(kafka.direct) == {0: ticks_end(kafka)}
        answered(kafka, seconds[60:])
    assert_orders_repeat_and_labels_do_not(kafka, seconds)


# ---- the trainer -----------------------------------------------------------------------------------------------------


def test_events_of_a_killed_trainer_that_come_after_its_successors_change_nothing(kafka: ProxiedKafka) -> None:
    def made() -> RunEventProducer:
        return RunEventProducer(
            lambda listeners: Producer(producer_config(kafka.bootstrap, "trainer", **listeners)), lambda: 1
        )

    run = [replace(event, instrument="sim:EVENTS", at_ns=1) for event in whole_run(1)]
    first = made()
    for event in run[:4]:
        first.write(event)
    first.flush()
    late = TamperedRequest(kafka, Hold(Manual()), PRODUCE, TRAINER)
    for event in (*run[4:-1], replace(run[-1], step=Step.FAILED, reason="training_error")):
        first.write(event)
    late.sent()
    first.close()
    second = made()
    for event in run:
        second.write(event)
    second.flush()
    late.release_and_wait()
    written_events = [
        decode_run_event(value) for value in payloads(kafka.direct, TRAINING_RUNS.name, run[0].instrument)
    ]
    assert len(written_events) == 2 * len(run)
    assert written_events[-1].step is Step.FAILED
    (found,), (undisturbed,) = (
        runs_of(written_events),
        runs_of([decode_run_event(encode_run_event(event)) for event in run]),
    )
    assert found.outcome == "published"
    late_end = {Step.FAILED: found.first[Step.FAILED]}
    assert found == replace(undisturbed, first=undisturbed.first | late_end, begun_times=2)


def runs_of(events: Sequence[RunEvent]) -> list[TrainingRun]:
    """As the view and the summary have them."""
    runs = TrainingRuns()
    for event in events:
        runs.on_event(event)
    return list(runs.by_seq.values())


def test_offsets_of_the_trainer_that_come_late_go_back_till_the_next(kafka: ProxiedKafka, empty_redis: str) -> None:
    """A start then reads decided windows again, and says nothing new. One that comes late in its successor's time is
    refused."""
    rows = one_class(easy_rows(5 * SIZE), 0, 5 * SIZE)  # refused at once, so that nothing is trained

    def window(seq: int) -> None:
        publish_rows(kafka.direct, rows.take(slice((seq - 1) * SIZE, seq * SIZE)))

    def at(windows: int) -> Callable[[], bool]:
        return lambda: committed(kafka.direct) == windows * SIZE

    with running() as begin:
        first = begin(settings(kafka.bootstrap, empty_redis))
        late = TamperedRequest(kafka, HELD, COMMIT, TRAINER)
        for seq in (1, 2):
            window(seq)
            first.step_until(at(seq))
        late.release_and_wait()
        assert at(1)(), "the coordinator takes it"
        first.close()
        second = begin(settings(kafka.bootstrap, empty_redis))
        window(3)
        second.step_until(at(3))
        late = TamperedRequest(kafka, COPIED, COMMIT, TRAINER)
        window(4)
        second.step_until(at(4))
        second.close()
        third = begin(settings(kafka.bootstrap, empty_redis))
        window(5)
        third.step_until(at(5))
        late.release_and_wait()
        assert at(5)()
    written_events = [one for one in events(kafka.direct) if one.instrument == INSTRUMENT and one.step.verdict]
    assert {one.seq for one in written_events} == {1, 2, 3, 4, 5}
    assert {(one.step, one.reason) for one in written_events} == {(Step.REFUSED, "one_class")}
    assert {seq: ended.verdict for seq, ended in records(empty_redis).items()} == dict.fromkeys(
        range(1, 6), Verdict.REFUSED
    )

"""The trainer's polling loop: examples in, closed windows to the worker, offsets committed when windows are finished.

Training never runs on this thread. One window trains, one more may wait; while two of an instrument are unfinished its
partition is paused, so at most three windows of it are kept, the third hardly begun, and thinned those that they
remember. All of them lie in scratch space; in memory are the rows of the window that trains, from when the training
thread takes it up until it has ended. Offsets are committed such that a restart goes on with the first row of the first
unfinished window, after it has read again what that remembers (`recall`).
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from services.trainer.core import Gap, Joined, Misplaced, Repeated, StoredWindow, StoredWindows
from services.trainer.events import RunEvents
from services.trainer.gate import Promotion
from services.trainer.jobs import Begun, Job, Lost, Queued
from services.trainer.ledger import Ledger, Stopping
from services.trainer.recall import Recall
from services.trainer.run import make
from services.trainer.scratch import Scratch, ScratchMemory
from services.trainer.scratch_file import ScratchFile
from services.trainer.settings import Settings
from services.trainer.worker import Make, Worker
from tidewheel.contracts.bad_record import BadRecord, Reason
from tidewheel.contracts.codecs.orders import decode_example
from tidewheel.contracts.topics import EXAMPLES, TRAINER_GROUP
from tidewheel.domain.continuity import Furthest, arrived
from tidewheel.domain.orders import ExitOn
from tidewheel.registry.store import Registry
from tidewheel.runtime import kafka
from tidewheel.runtime.continuity import Breaks
from tidewheel.runtime.dead_letters import DeadLetterBin
from tidewheel.runtime.kafka import KAFKA, Clients, leave
from tidewheel.runtime.process import Context, Unusable
from tidewheel.runtime.transaction_policy import fenced
from tidewheel.telemetry import metrics

POLL_RECORDS_MAX = 500
POLL_WAIT_S = 0.1
UNFINISHED_MAX = 2
HEARTBEATS_PER_SESSION = 5
COMMITTED_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Held:
    """Rows that a restart must be able to read again."""

    partition: int
    first_offset: int
    needed_from: int


@dataclass(frozen=True, slots=True)
class Outside:
    """What lies outside of the service: servers, the thread that trains, the learner, the wall clock and the space for
    rows that wait."""

    clients: Clients
    registry: Registry
    thread: Executor
    stop: threading.Event
    make: Make = make
    clock_ns: Callable[[], int] = time.time_ns
    scratch: Scratch = field(default_factory=ScratchMemory)

    @classmethod
    def real(cls, settings: Settings) -> "Outside":
        """Raises Unusable where there is no space for scratch."""
        return cls(
            KAFKA,
            Registry.connect(settings.redis, settings.hmac_key.encode() or None),
            ThreadPoolExecutor(1, thread_name_prefix="training"),
            threading.Event(),
            scratch=ScratchFile(settings.scratch_dir),
        )


class Service:
    """One trainer process. `turn` is one round of the loop."""

    def __init__(self, settings: Settings, context: Context, outside: Outside | None = None) -> None:
        outside = outside or Outside.real(settings)
        self._context = context
        self._stop = outside.stop
        self._clock_ns = outside.clock_ns
        self._consumer = _consumer(settings, outside.clients)
        self._producer = outside.clients.producer(kafka.producer_config(settings.kafka, "trainer"))
        self._registry = outside.registry
        self._events = RunEvents(self._producer, outside.clock_ns)
        self._bin = DeadLetterBin("trainer", self._events)
        self._breaks = Breaks("trainer", EXAMPLES.name)
        self._furthest = Furthest()
        config = settings.training()
        self._scratch = outside.scratch
        self._windows = StoredWindows(config.windowing, config.memory, self._scratch)
        self._recall = Recall(self._windows)
        self._worker = Worker(
            config,
            Promotion(settings.promotion),
            Ledger(self._registry, self._stop, context.log),
            self._events,
            context.log,
            outside.clock_ns,
            outside.make,
            settings.tuning_limit_s,
            settings.due_each,
            ExitOn[settings.exit_on.upper()],
        )
        self._thread = outside.thread
        self._jobs: deque[Job] = deque()
        self._running: tuple[Job, Future[bool]] | None = None
        self._awaiting_scorecard: dict[str, Held] = {}
        self._paused: set[int] = set()
        self._reassigned = False
        self._consumer.subscribe(
            [EXAMPLES.name], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked
        )

    def run(self) -> None:
        """Turn until told to stop, then end the window in hand unless it waits for Redis."""
        try:
            while not self._context.stop.is_set():
                self.turn()
        finally:
            self._stop.set()
            self._thread.shutdown(wait=True)
        self._collect()

    def turn(self) -> None:
        """Take in what has come, and move the work on."""
        messages = [_checked(message) for message in self._consumer.consume(POLL_RECORDS_MAX, POLL_WAIT_S)]
        if self._reassigned:
            # These were read before the assignment changed, further on than what is to be read now, which has been
            # paused till now. Taken in, they would be the first rows of a window, and the windows before it lost.
            messages = []
            if self._went_back():
                self._reassigned = False
                self._consumer.resume(self._consumer.assignment())
        for message in messages:
            self._take(message)
        self._collect()
        self._start_next()
        self._pause_or_resume()
        self._events.poll()
        metrics.SCRATCH_BYTES.set(self._scratch.used_bytes)
        self._context.health.turned()

    def close(self) -> None:
        """Leave the group and let go of everything."""
        leave(self._consumer)
        self._producer.flush(5.0)
        self._registry.close()
        self._scratch.close()

    def _went_back(self) -> bool:
        """Whether the partitions at hand are read from where the windows to come remember; else it is tried again."""
        try:
            places = kafka.committed(self._consumer, self._consumer.assignment(), COMMITTED_LIMIT_S)
            for partition, first in self._recall.begin(
                {place.partition: (place.offset, place.metadata) for place in places}
            ).items():
                self._consumer.seek(TopicPartition(EXAMPLES.name, partition, first))
        except KafkaException as failure:
            self._context.log.warning("what is remembered cannot be read again yet: %s", failure.args[0].str())
            return False
        return True

    def _take(self, message: Message) -> None:
        partition, offset = message.partition() or 0, message.offset() or 0
        if self._recall.is_dealt_with(partition, offset):
            self._recall.again(message.value(), partition, offset)
            return
        try:
            example = decode_example(message.value())
        except BadRecord as failure:
            self._bin.record(message, failure)
            return
        again = self._furthest.again(partition, offset)
        if joined := self._recall.joined(example):
            self._on_joined(joined, partition, offset)
        happenings = self._windows.on_example(example, partition, offset)
        for happening in happenings:
            if isinstance(happening, StoredWindow):
                if self._recall.is_dealt_with(partition, happening.first_offset):
                    happening.free()
                    continue
                self._jobs.append(Queued(happening, self._clock_ns()))
            elif isinstance(happening, Gap):
                self._on_gap(happening, message)
            elif isinstance(happening, Misplaced):
                self._on_misplaced(happening, message)
            elif isinstance(happening, Repeated):
                if not again:
                    place = f"partition {partition}, offset {offset}"
                    self._breaks.tell(happening.instrument, happening.arrival, place)
            else:
                self._on_joined(happening, partition, offset)
        if not any(isinstance(happening, Gap | Misplaced) for happening in happenings):  # these were set aside
            self._bin.good()
        metrics.WINDOW_ROWS.labels(example.instrument).set(self._windows.gathered(example.instrument))

    def _on_gap(self, gap: Gap, message: Message) -> None:
        words = f"examples {gap.expected} to {gap.found - 1} of {gap.instrument} are missing from the topic"
        self._context.log.error("%s; windows lost: %s", words, list(gap.lost) or "none")
        self._breaks.count(arrived(gap.expected, gap.found, "example_seq"))
        self._bin.record(message, BadRecord(Reason.OUT_OF_ORDER, words))
        if gap.lost:
            self._jobs.append(Lost(gap.instrument, message.partition() or 0, gap.first_offset, gap.lost, words))

    def _on_misplaced(self, misplaced: Misplaced, message: Message) -> None:
        words = f"example {misplaced.found} of {misplaced.instrument} stands where {misplaced.expected} is expected"
        self._context.log.error("%s; it is set aside", words)
        self._bin.record(message, BadRecord(Reason.OUT_OF_ORDER, words))

    def _on_joined(self, joined: Joined, partition: int, offset: int) -> None:
        self._context.log.info(
            "%s: reading from example %d, filling window %d", joined.instrument, joined.found, joined.seq
        )
        if joined.seq > 1:
            self._jobs.append(Begun(joined, partition, offset))

    def _collect(self) -> None:
        """Take in what the worker has finished, and commit. Raises what the worker raised."""
        if self._running is None or not self._running[1].done():
            return
        (job, future), self._running = self._running, None
        try:
            needed_again = future.result()
        except Stopping as failure:
            self._context.log.info("stopping with a run unfinished; the next start makes it again: %s", failure)
            return
        finally:
            _free(job)
        if isinstance(job, Queued):
            window = job.window
            self._awaiting_scorecard.pop(window.instrument, None)
            if needed_again:
                self._awaiting_scorecard[window.instrument] = Held(
                    window.partition, window.first_offset, window.needed_from
                )
            self._commit(window.partition)

    def _start_next(self) -> None:
        if self._running is None and self._jobs:
            job = self._jobs.popleft()
            self._running = job, self._thread.submit(self._do, job)

    def _do(self, job: Job) -> bool:
        if isinstance(job, Queued):
            return self._worker.process(job.taken_up())
        if isinstance(job, Lost):
            self._worker.give_up(job)
        else:
            self._worker.begin(job)
        return False

    def _commit(self, partition: int) -> None:
        """Commit up to the first row that is still needed. Failing is no harm: the next commit covers it."""
        everything = [*self._awaiting_scorecard.values(), *self._unfinished()]
        held = [one for one in everything if one.partition == partition]
        filling, needed = self._windows.resume_offset(partition), self._windows.needed_from(partition)
        if filling is None or needed is None:
            return
        offset = min([filling, *(one.first_offset for one in held)])
        place = self._recall.place(partition, offset, min([needed, *(one.needed_from for one in held)]))
        self._events.flush()
        try:
            self._consumer.commit(offsets=[TopicPartition(EXAMPLES.name, partition, *place)], asynchronous=False)
        except KafkaException as failure:
            self._context.log.warning("offsets could not be committed now: %s", failure)

    def _unfinished(self) -> list[Job]:
        """What is not finished, the job in hand first."""
        return [*([self._running[0]] if self._running else []), *self._jobs]

    def _pause_or_resume(self) -> None:
        closed = [job for job in self._unfinished() if isinstance(job, Queued)]
        waiting = Counter((job.window.instrument, job.partition) for job in closed)
        full = {partition for (_, partition), count in waiting.items() if count >= UNFINISHED_MAX}
        if fresh := full - self._paused:
            self._consumer.pause([TopicPartition(EXAMPLES.name, partition) for partition in fresh])
        if free := self._paused - full:
            self._consumer.resume([TopicPartition(EXAMPLES.name, partition) for partition in free])
        self._paused = full

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._reassigned = True
        self._context.log.info("reading partitions %s", sorted(p.partition for p in partitions))
        self._context.health.ready()

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """What belongs to another trainer now is forgotten; a run in hand is fenced by the registry."""
        self._reassigned = True
        gone = {p.partition for p in partitions}
        self._windows.drop(gone)
        self._recall.drop(gone)
        self._paused -= gone
        for job in [job for job in self._jobs if job.partition in gone]:
            self._jobs.remove(job)
            _free(job)
        self._awaiting_scorecard = {k: v for k, v in self._awaiting_scorecard.items() if v.partition not in gone}


def _free(job: Job) -> None:
    """Its rows are needed no more."""
    if isinstance(job, Queued):
        job.window.free()


def _consumer(settings: Settings, clients: Clients) -> Consumer:
    config = kafka.consumer_config(settings.kafka, "trainer", TRAINER_GROUP)
    config |= {
        "session.timeout.ms": round(1000 * settings.session_timeout_s),
        "heartbeat.interval.ms": round(1000 * settings.session_timeout_s / HEARTBEATS_PER_SESSION),
    }
    if settings.instance:
        config["group.instance.id"] = f"tidewheel-trainer-{settings.instance}"
    return clients.consumer(config)


def _checked(message: Message) -> Message:
    """A polled message that is a record. Raises Unusable where another process took this one's name."""
    error = message.error()
    if error is not None and fenced(error):
        raise Unusable("another trainer of the same name has taken over")
    return kafka.check(message)


def run(settings: Settings, context: Context) -> None:
    """Train until `context.stop` is set. Raises Unusable in one line for what a person can mend."""
    service = Service(settings, context)
    try:
        service.run()
    except KafkaException as failure:
        raise Unusable(f"Kafka at {settings.kafka}: {failure.args[0].str()}") from failure
    finally:
        context.health.not_ready("stopping")
        service.close()

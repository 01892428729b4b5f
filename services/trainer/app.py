"""The trainer's polling loop: examples in, closed windows to the worker, offsets committed when windows are finished.

Training never runs on this thread. One window trains, one more may wait; while two of an instrument are unfinished its
partition is paused, so at most three windows of it are kept, the third hardly begun, and thinned those that they
remember. All of them lie in scratch space; in memory are the rows of the window that trains, from when the training
thread takes it up until it has ended. Offsets are committed such that a restart goes on with the first row of the first
unfinished window, after it has read again what that remembers (`windows.replay`).
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from services.trainer.core import train_candidate
from services.trainer.metrics import (
    record_begun,
    record_gathered,
    record_scratch,
    record_window_closed,
    record_windows_waiting,
)
from services.trainer.promotion.gate import Promotion
from services.trainer.runs.events import RunEventProducer
from services.trainer.runs.jobs import Job, LostWindowsJob, ReadingStartedJob, TrainJob
from services.trainer.runs.ledger import Ledger, StoppingError
from services.trainer.runs.traces import ExampleLinks, RunTraces
from services.trainer.settings import Settings
from services.trainer.windows.count_windows import (
    DuplicateExample,
    Gap,
    OutOfOrderExample,
    ReadingStarted,
    StoredWindow,
    StoredWindows,
)
from services.trainer.windows.replay import Replay
from services.trainer.windows.scratch import Scratch, ScratchMemory
from services.trainer.windows.scratch_file import ScratchFile
from services.trainer.worker import TrainCandidate, Worker
from tidewheel.contracts.codecs.orders import decode_example
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.contracts.topics import EXAMPLES, TRAINER_GROUP
from tidewheel.domain.continuity import ReadPositions, classify_arrival
from tidewheel.domain.orders import ExitOn
from tidewheel.registry.store import Registry
from tidewheel.runtime import kafka
from tidewheel.runtime.continuity import ContinuityMonitor
from tidewheel.runtime.dead_letters import DeadLetterQueue
from tidewheel.runtime.kafka import KAFKA, Clients, close_consumer
from tidewheel.runtime.kafka_refusals import failure_text
from tidewheel.runtime.process import Context, FatalError
from tidewheel.runtime.transaction_policy import is_fenced
from tidewheel.telemetry.logs import Fields, of_record, of_window

POLL_RECORDS_MAX = 500
POLL_WAIT_S = 0.1
UNFINISHED_MAX = 2
HEARTBEATS_PER_SESSION = 5
COMMITTED_LIMIT_S = 5.0
CLOSE_FLUSH_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class OffsetHold:
    """Rows that a restart must be able to read again."""

    partition: int
    first_offset: int
    replay_offset: int


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What lies outside of the service: servers, the thread that trains, the learner, the wall clock and the space for
    rows that wait."""

    clients: Clients
    registry: Registry
    thread: Executor
    stop: threading.Event
    train_candidate: TrainCandidate = train_candidate
    clock_ns: Callable[[], int] = time.time_ns
    scratch: Scratch = field(default_factory=ScratchMemory)

    @classmethod
    def connect(cls, settings: Settings) -> "Dependencies":
        """Raises FatalError where there is no space for scratch."""
        return cls(
            KAFKA,
            Registry.connect(settings.redis_access, settings.signing_key),
            ThreadPoolExecutor(1, thread_name_prefix="training"),
            threading.Event(),
            scratch=ScratchFile(settings.scratch_dir),
        )


class TrainerApp:
    """One trainer process. `poll_once` is one round of the loop."""

    def __init__(self, settings: Settings, context: Context, dependencies: Dependencies | None = None) -> None:
        dependencies = dependencies or Dependencies.connect(settings)
        self._context = context
        self._stop, self._clock_ns = dependencies.stop, dependencies.clock_ns
        self._consumer = _consumer(settings, dependencies.clients)
        self._registry = dependencies.registry
        self._example_links = ExampleLinks(context.tracer) if context.tracer.on else None
        self._events = RunEventProducer(
            lambda listeners: dependencies.clients.producer(
                kafka.producer_config(settings.kafka_access, "trainer", **listeners)
            ),
            dependencies.clock_ns,
            RunTraces(context.tracer, self._example_links) if self._example_links is not None else None,
        )
        self._dead_letters = DeadLetterQueue("trainer", self._events)
        self._breaks = ContinuityMonitor("trainer", EXAMPLES.name)
        self._furthest = ReadPositions()
        config = settings.training()
        self._scratch = dependencies.scratch
        self._windows = StoredWindows(config.windowing, config.memory, self._scratch)
        self._replay = Replay(self._windows)
        self._worker = Worker(
            config,
            Promotion(settings.promotion),
            Ledger(self._registry, self._stop, context.log),
            self._events,
            context.log,
            dependencies.clock_ns,
            dependencies.train_candidate,
            settings.tuning_limit_s,
            settings.due_each,
            ExitOn(settings.exit_on),
            tracer=context.tracer,
        )
        self._thread = dependencies.thread
        self._jobs: deque[Job] = deque()
        self._running: tuple[Job, Future[bool]] | None = None
        self._awaiting_scorecard: dict[str, OffsetHold] = {}
        self._paused: set[int] = set()
        self._reassigned = False
        self._consumer.subscribe(
            [EXAMPLES.name], on_assign=self._on_assigned, on_revoke=self._on_revoked, on_lost=self._on_revoked
        )

    def run(self) -> None:
        """Turn until told to stop, then end the window in hand unless it waits for Redis."""
        try:
            while not self._context.stop.is_set():
                self.poll_once()
        finally:
            self.end_training()
        self._collect()

    def end_training(self) -> None:
        """Return when the window in hand has ended; one that waits for Redis ends unfinished."""
        self._stop.set()
        self._thread.shutdown(wait=True)

    @property
    def idle(self) -> bool:
        """No window is in hand, and none waits."""
        return self._running is None and not self._jobs

    @property
    def paused(self) -> frozenset[int]:
        """Partitions that rest while their windows wait."""
        return frozenset(self._paused)

    def poll_once(self) -> None:
        """Take in what has come, and move the work on."""
        messages = [_checked(message) for message in self._consumer.consume(POLL_RECORDS_MAX, POLL_WAIT_S)]
        if self._reassigned:
            # These were read before the assignment changed, further on than what is to be read now, which has been
            # paused till now. Taken in, they would be the first rows of a window, and the windows before it lost.
            messages = []
            if self._seek_back():
                self._reassigned = False
                self._consumer.resume(self._consumer.assignment())
        for message in messages:
            self._on_record(message)
        self._collect()
        self._start_next()
        self._pause_or_resume()
        self._events.poll()
        record_scratch(self._scratch.used_bytes)
        record_windows_waiting(sum(isinstance(job, TrainJob) for job in self._jobs))
        self._context.health.heartbeat()

    def close(self) -> None:
        """Leave the group and let go of everything."""
        close_consumer(self._consumer)
        with suppress(KafkaException):
            self._events.flush(CLOSE_FLUSH_LIMIT_S)
        self._registry.close()
        self._scratch.close()

    def _seek_back(self) -> bool:
        """Whether the partitions at hand are read from where the windows to come remember; else it is tried again."""
        try:
            places = kafka.committed(self._consumer, self._consumer.assignment(), COMMITTED_LIMIT_S)
            for partition, first in self._replay.on_assigned(
                {place.partition: (place.offset, place.metadata) for place in places}
            ).items():
                self._consumer.seek(TopicPartition(EXAMPLES.name, partition, first))
        except KafkaException as failure:
            self._context.log.warning("what is remembered cannot be read again yet: %s", failure.args[0].str())
            return False
        return True

    def _on_record(self, message: Message) -> None:
        partition, offset = message.partition() or 0, message.offset() or 0
        if self._replay.is_processed(partition, offset):
            self._replay.on_record(message.value(), partition, offset)
            return
        try:
            example = decode_example(message.value())
        except InvalidRecordError as failure:
            self._dead_letters.record(message, failure)
            return
        if self._example_links is not None:
            self._example_links.on_example(example, message)
        again = self._furthest.was_read(partition, offset)
        if started := self._replay.started(example):
            self._on_joined(started, partition, offset)
        events = self._windows.on_example(example, partition, offset)
        for event in events:
            if isinstance(event, StoredWindow):
                if self._replay.is_processed(partition, event.first_offset):
                    event.free()
                    continue
                record_window_closed(event.instrument, event.seq)
                self._jobs.append(TrainJob(event, self._clock_ns()))
            elif isinstance(event, Gap):
                self._on_gap(event, message)
            elif isinstance(event, OutOfOrderExample):
                self._on_misplaced(event, message)
            elif isinstance(event, DuplicateExample):
                if not again:
                    self._breaks.record(event.instrument, event.arrival, partition, offset)
            else:
                self._on_joined(event, partition, offset)
        if not any(isinstance(event, Gap | OutOfOrderExample) for event in events):  # these were rejected
            self._dead_letters.accepted()
        record_gathered(example.instrument, self._windows.gathered(example.instrument))

    def _on_gap(self, gap: Gap, message: Message) -> None:
        detail = f"examples {gap.expected} to {gap.found - 1} of {gap.instrument} are missing from the topic"
        values = (detail, list(gap.lost) or "none")
        self._context.log.error("%s; windows lost: %s", *values, extra=_of_record(message, gap.instrument))
        self._breaks.count(classify_arrival(gap.expected, gap.found, "example_seq"))
        self._dead_letters.record(message, InvalidRecordError(DeadLetterReason.OUT_OF_ORDER, detail))
        if gap.lost:
            self._jobs.append(
                LostWindowsJob(gap.instrument, message.partition() or 0, gap.first_offset, gap.lost, detail)
            )

    def _on_misplaced(self, misplaced: OutOfOrderExample, message: Message) -> None:
        detail = f"example {misplaced.found} of {misplaced.instrument} stands where {misplaced.expected} is expected"
        self._context.log.error("%s; it is rejected", detail, extra=_of_record(message, misplaced.instrument))
        self._dead_letters.record(message, InvalidRecordError(DeadLetterReason.OUT_OF_ORDER, detail))

    def _on_joined(self, started: ReadingStarted, partition: int, offset: int) -> None:
        values = (started.instrument, started.found, started.seq)
        fields = of_record(EXAMPLES.name, partition, offset, **of_window(started.instrument, started.seq))
        self._context.log.info("%s: reading from example %d, filling window %d", *values, extra=fields)
        if started.seq == 1:
            record_begun(started.instrument)
        else:
            self._jobs.append(ReadingStartedJob(started, partition, offset))

    def _collect(self) -> None:
        """Take in what the worker has finished, and commit. Raises what the worker raised."""
        if self._running is None or not self._running[1].done():
            return
        (job, future), self._running = self._running, None
        try:
            needed_again = future.result()
        except StoppingError as failure:
            self._context.log.info("stopping with a run unfinished; the next start makes it again: %s", failure)
            return
        finally:
            _free(job)
        if isinstance(job, TrainJob):
            window = job.window
            self._awaiting_scorecard.pop(window.instrument, None)
            if needed_again:
                self._awaiting_scorecard[window.instrument] = OffsetHold(
                    window.partition, window.first_offset, window.replay_offset
                )
            self._commit(window.partition)

    def _start_next(self) -> None:
        if self._running is None and self._jobs:
            job = self._jobs.popleft()
            self._running = job, self._thread.submit(self._do, job)

    def _do(self, job: Job) -> bool:
        if isinstance(job, TrainJob):
            return self._worker.process(job.load())
        if isinstance(job, LostWindowsJob):
            self._worker.give_up(job)
        else:
            self._worker.begin(job)
        return False

    def _commit(self, partition: int) -> None:
        """Commit up to the first row that is still needed. Failing is no harm: the next commit covers it."""
        everything = [*self._awaiting_scorecard.values(), *self._unfinished()]
        held = [one for one in everything if one.partition == partition]
        filling, needed = self._windows.resume_offset(partition), self._windows.replay_offset(partition)
        if filling is None or needed is None:
            return
        offset = min([filling, *(one.first_offset for one in held)])
        place = self._replay.place(partition, offset, min([needed, *(one.replay_offset for one in held)]))
        self._events.flush()
        try:
            self._consumer.commit(offsets=[TopicPartition(EXAMPLES.name, partition, *place)], asynchronous=False)
        except KafkaException as failure:
            self._context.log.warning("offsets could not be committed now: %s", failure)

    def _unfinished(self) -> list[Job]:
        """What is not finished, the job in hand first."""
        return [*([self._running[0]] if self._running else []), *self._jobs]

    def _pause_or_resume(self) -> None:
        closed = [job for job in self._unfinished() if isinstance(job, TrainJob)]
        waiting = Counter((job.window.instrument, job.partition) for job in closed)
        full = {partition for (_, partition), count in waiting.items() if count >= UNFINISHED_MAX}
        if fresh := full - self._paused:
            self._consumer.pause([TopicPartition(EXAMPLES.name, partition) for partition in fresh])
        if free := self._paused - full:
            self._consumer.resume([TopicPartition(EXAMPLES.name, partition) for partition in free])
        self._paused = full

    def _on_assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._reassigned = True
        self._context.log.info("reading partitions %s", sorted(p.partition for p in partitions))
        self._context.health.ready()

    def _on_revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """What belongs to another trainer now is forgotten; a run in hand is fenced by the registry."""
        self._reassigned = True
        gone = {p.partition for p in partitions}
        self._windows.on_revoked(gone)
        self._replay.on_revoked(gone)
        if self._example_links is not None:
            self._example_links.clear()
        self._paused -= gone
        for job in [job for job in self._jobs if job.partition in gone]:
            self._jobs.remove(job)
            _free(job)
        self._awaiting_scorecard = {k: v for k, v in self._awaiting_scorecard.items() if v.partition not in gone}


def _free(job: Job) -> None:
    """Its rows are needed no more."""
    if isinstance(job, TrainJob):
        job.window.free()


def _of_record(message: Message, instrument: str) -> Fields:
    return of_record(EXAMPLES.name, message.partition() or 0, message.offset() or 0, instrument=instrument)


def _consumer(settings: Settings, clients: Clients) -> Consumer:
    config = kafka.consumer_config(settings.kafka_access, "trainer", TRAINER_GROUP)
    config |= {
        "session.timeout.ms": round(1000 * settings.session_timeout_s),
        "heartbeat.interval.ms": round(1000 * settings.session_timeout_s / HEARTBEATS_PER_SESSION),
    }
    if settings.instance:
        config["group.instance.id"] = f"tidewheel-trainer-{settings.instance}"
    return clients.consumer(config)


def _checked(message: Message) -> Message:
    """A polled message that is a record. Raises FatalError where another process took this one's name."""
    error = message.error()
    if error is not None and is_fenced(error):
        raise FatalError("another trainer of the same name has taken over")
    return kafka.check(message)


def run(settings: Settings, context: Context) -> None:
    """Train until `context.stop` is set. Raises FatalError in one line for what a person can mend."""
    service = TrainerApp(settings, context)
    try:
        service.run()
    except KafkaException as failure:
        raise FatalError(f"Kafka at {settings.kafka}: {failure_text(failure.args[0])}") from failure
    finally:
        context.health.not_ready("stopping")
        service.close()

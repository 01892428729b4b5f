"""The order bot: market seconds in, orders out, at least once, on Faust.

An input's offset is committed only after its output was delivered. Faust consumes, produces and keeps the group; what
may be committed is decided by `OffsetTracker`, so `ticks` is read without Faust's own acknowledgements.
"""

import asyncio
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from faust.types import TP

from services.orderbot.core import orders_of
from services.orderbot.faust_app import App, make_app, quiet_library_logs
from services.orderbot.metrics import record_orders
from services.orderbot.offset_tracker import OffsetGapError, OffsetTracker
from services.orderbot.settings import Settings
from tidewheel.contracts.codecs.market import decode_second
from tidewheel.contracts.codecs.orders import encode_orders
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import ORDERBOT_GROUP, ORDERS, TICKS
from tidewheel.domain.continuity import NEXT, MarketSecondChecker
from tidewheel.domain.market import MarketSecond
from tidewheel.runtime.continuity import ContinuityMonitor
from tidewheel.runtime.dead_letters import DeadLetterQueue
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import KAFKA, METADATA_LIMIT_S, consumer_config, failed_with, partitions_of
from tidewheel.runtime.kafka_refusals import failure_text, find_denial
from tidewheel.runtime.password_watch import PasswordWatch
from tidewheel.runtime.process import Context, FatalError
from tidewheel.runtime.retry import Retry
from tidewheel.runtime.transaction_policy import NO_COORDINATOR
from tidewheel.telemetry.tracing.context import Headers
from tidewheel.telemetry.tracing.tracer import NO_TRACES, Attributes, Span, Tracer, place_of

SERVICE = "orderbot"
COMMIT_INTERVAL_S = 0.5
HEARTBEAT_INTERVAL_S = 0.1
# For the last deliveries and the last commit; what is left then is done again by the next process.
DRAIN_TIMEOUT_S = 2.0
# For leaving the group and closing connections.
STOP_TIMEOUT_S = 2.0
COORDINATOR_RETRY_INTERVAL_S = 0.1
# A record to be produced: topic, key, value, partition (None: by key), headers.
OutputRecord = tuple[str, bytes, bytes, int | None, Headers | None]


class OrderBot:
    """The agent on `ticks` and the offsets whose outputs are delivered. Lives on one event loop."""

    def __init__(self, app: App, settings: Settings, health: Health, tracer: Tracer = NO_TRACES) -> None:
        self._app = app
        self._rule = settings.rule
        self._health = health
        self._tracer = tracer
        self._trackers: dict[int, OffsetTracker] = {}
        # Of each partition, by instrument.
        self._sequences: dict[int, dict[str, MarketSecondChecker]] = {}
        self._breaks = ContinuityMonitor(SERVICE, TICKS.name)
        self._dead_letter_outputs: list[OutputRecord] = []
        self._dead_letters = DeadLetterQueue(SERVICE, self)
        self._draining = False
        self.failure: BaseException | None = None
        app.agent(app.topic(TICKS.name, key_type=bytes, value_type=bytes, acks=False), name=SERVICE)(self._process)
        app.on_partitions_assigned.connect(self.on_assigned, weak=False)
        app.on_partitions_revoked.connect(self.on_revoked, weak=False)

    async def _process(self, stream: Any) -> None:
        """Faust's agent: takes records one by one, in the order of each partition."""
        try:
            async for payload in stream:
                if self.failure or self._draining:
                    return
                await self.on_record(stream.current_event.message, payload)
        except OffsetGapError as failure:
            self._fail(FatalError(f"topic {TICKS.name}: {failure}; it may have been lost on the way: start again"))
        except Exception as failure:
            self._fail(failure)

    async def on_record(self, message: Any, payload: bytes | None) -> None:
        """Send what follows from one input. In this order: received, sent, delivered, and only then committable."""
        tracker = self._trackers.setdefault(message.partition, OffsetTracker())
        if not tracker.received(message.offset):
            self._sequences[message.partition] = {}
        topic, key, value, partition, headers = self._output_for(tracker, message, payload)
        delivery = await self._app.producer.send(topic, key, value, partition, None, headers)
        delivery.add_done_callback(partial(self._on_delivery, tracker, message.offset))

    def _output_for(self, tracker: OffsetTracker, message: Any, payload: bytes | None) -> OutputRecord:
        """The one record that an input comes to: its orders, or a dead letter."""
        try:
            second = decode_second(payload)
            orders = orders_of(second, self._rule)
        except InvalidRecordError as bad:
            tracker.rejected(message.offset)
            place = message.topic, message.partition, message.offset
            dead_letter = self._dead_letters.make(
                *place, bad.reason, str(bad), key=message.key or b"", raw=payload or b""
            )
            self._dead_letters.put(dead_letter)
            return self._dead_letter_outputs.pop()
        self._dead_letters.accepted()
        self._check_sequence(message, second)
        for each in self._trackers.values():
            each.accepted()
        record_orders(orders)
        headers = self._trace(message, second, len(orders)) if self._tracer.on else None
        # The labeler reads the same partition of both topics.
        return ORDERS.name, orders.instrument.encode(), encode_orders(orders), message.partition, headers

    def _trace(self, message: Any, second: MarketSecond, orders: int) -> Headers:
        """Record that a market second got its orders; what the record of orders carries."""
        own = self._tracer.second(second.instrument, second.second)
        parent = self._tracer.incoming(message.headers, TICKS.name) or own
        context, at_ns = parent.within("orders"), self._tracer.clock_ns()
        if context.sampled:
            attributes: Attributes = {
                "tidewheel.instrument": second.instrument,
                "tidewheel.second": second.second,
                "tidewheel.orders": orders,
                **place_of(message.topic, message.partition, message.offset),
            }
            self._tracer.record(Span("orders", context, at_ns, at_ns, parent, attributes=attributes))
        return context.headers

    def _check_sequence(self, message: Any, second: MarketSecond) -> None:
        of_partition = self._sequences.setdefault(message.partition, {})
        sequence = of_partition.get(second.instrument)
        if sequence is None:
            sequence = of_partition[second.instrument] = MarketSecondChecker()
        if (arrival := sequence.take(second)) is not NEXT:
            self._breaks.record(second.instrument, arrival, message.partition, message.offset)

    def produce(self, topic: str, value: bytes, key: str, /) -> None:
        """Dead letters are written here; sent as the output of the present input."""
        self._dead_letter_outputs.append((topic, key.encode(), value, None, None))

    def _on_delivery(self, tracker: OffsetTracker, offset: int, delivery: "asyncio.Future[Any]") -> None:
        if delivery.cancelled():
            return
        if failure := delivery.exception():
            # Orders of later seconds, sent without these, would tell the labeler that there are none of this one.
            self._app.abort_sends(failure)
            self._fail(failure)
        else:
            tracker.delivered(offset)

    def _fail(self, failure: BaseException) -> None:
        """The first failure is the one to report; `serve` ends on it."""
        self.failure = self.failure or failure

    async def commit(self) -> None:
        """Commit what was delivered since the last call."""
        ready = {partition: tracker.take_committable() for partition, tracker in self._trackers.items()}
        offsets = {TP(TICKS.name, partition): offset for partition, offset in ready.items() if offset is not None}
        if offsets:
            await self._app.consumer._commit(offsets)

    async def drain(self) -> None:
        """Take nothing more, see everything delivered, commit it."""
        self._draining = True
        await self._app.producer.flush()
        await self.commit()

    async def on_assigned(self, _app: App, assigned: set[TP], **_more: Any) -> None:
        """What is read from here on begins anew."""
        self.on_lost()
        self._sequences.clear()
        # A run of bad inputs is not committed and so comes again: it must not count twice.
        self._dead_letters = DeadLetterQueue(SERVICE, self)
        self._health.ready()

    async def on_revoked(self, _app: App, revoked: set[TP], **_more: Any) -> None:
        """Commit what was delivered, and forget the partitions."""
        # Faust has emptied its buffers and flushed the producer. What comes next is read from the committed offsets.
        self._health.not_ready("waiting for partitions")
        await self.commit()
        self.on_lost()

    def on_lost(self) -> None:
        """Forget all partitions without a commit: they may be another's."""
        self._trackers.clear()


def check_broker(settings: Settings) -> None:
    """Raises FatalError in words where the broker does not answer or the topics do not fit."""
    consumer = KAFKA.consumer(consumer_config(settings.kafka_access, SERVICE, ORDERBOT_GROUP, log_level=0))
    try:
        ticks = partitions_of(consumer, TICKS.name, METADATA_LIMIT_S)
        orders = partitions_of(consumer, ORDERS.name, METADATA_LIMIT_S)
        _await_coordinator(consumer, TopicPartition(TICKS.name, ticks[0]))
    except KafkaException as failure:
        # Who may not ask for its group's coordinator waits for it in vain, and hears why in another place.
        cause = find_denial(consumer) or failure.args[0]
        raise FatalError(f"Kafka at {settings.kafka} cannot be used: {failure_text(cause)}") from None
    finally:
        consumer.close()
    if ticks != orders:
        raise FatalError(f"topics ticks and orders differ in partitions: {len(ticks)} and {len(orders)}")


def _await_coordinator(consumer: Consumer, any_partition: TopicPartition) -> None:
    """On a new broker the group's coordinator takes a moment to come up; Faust would call that an error."""
    retry = Retry(COORDINATOR_RETRY_INTERVAL_S, METADATA_LIMIT_S)
    retry.call(lambda: consumer.committed([any_partition], METADATA_LIMIT_S), failed_with(NO_COORDINATOR))


async def serve(settings: Settings, context: Context) -> None:
    """Run the app until `context.stop` is set. Raises what it failed of."""
    app, password = make_app(settings), PasswordWatch(settings.kafka_access)
    bot = OrderBot(app, settings, context.health, context.tracer)
    await app.start()
    commits = asyncio.create_task(_commit_periodically(bot))
    try:
        while not context.stop.is_set():
            if failure := bot.failure or app.crash_reason or (commits.done() and commits.exception()):
                raise failure
            password.check()
            context.health.heartbeat()
            await asyncio.sleep(HEARTBEAT_INTERVAL_S)
    finally:
        # After a failure too: the next start must not meet the same records again.
        commits.cancel()
        await _drain_and_stop(bot, app, context)


async def _drain_and_stop(bot: OrderBot, app: App, context: Context) -> None:
    try:
        await asyncio.wait_for(bot.drain(), DRAIN_TIMEOUT_S)
        await asyncio.wait_for(app.stop(), STOP_TIMEOUT_S)
    except TimeoutError:
        context.log.warning("stopped before Kafka confirmed everything; the next start does the rest again")


async def _commit_periodically(bot: OrderBot) -> None:
    while True:
        await asyncio.sleep(COMMIT_INTERVAL_S)
        await bot.commit()


def run(settings: Settings, context: Context) -> None:
    """The service's whole life. Raises FatalError where a person has to mend something."""
    quiet_library_logs()
    check_broker(settings)
    asyncio.run(serve(settings, context))

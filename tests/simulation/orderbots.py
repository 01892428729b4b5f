"""The order bot in the simulation: the real agent, its deliveries and commits, on a stand-in for Faust and its loop."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from random import Random
from types import SimpleNamespace
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from faust.types import TP

from services.orderbot.app import OrderBot
from services.orderbot.settings import Settings
from tests.simulation.inputs import SETTINGS
from tests.simulation.producer import SimProducer
from tidewheel.contracts.topics import ORDERBOT_GROUP, TICKS
from tidewheel.domain.prices import Threshold
from tidewheel.runtime.kafka import Clients, consumer_config, flush, producer_config
from tidewheel.runtime.process import Context
from tidewheel.telemetry.tracing.context import Headers


def run_sync(step: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        step.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


class Delivery:
    """A future of one record, as aiokafka's producer gives it."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Any], None]] = []
        self._error: KafkaError | None = None
        self._is_done = False

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)
        if self._is_done:
            callback(self)

    def settle(self, error: KafkaError | None, _: Message | None) -> None:
        self._error, self._is_done = error, True
        for callback in self._callbacks:
            callback(self)

    def cancelled(self) -> bool:
        return False

    def exception(self) -> BaseException | None:
        return None if self._error is None else KafkaException(self._error)


class Signal:
    def connect(self, receiver: Callable[..., Any], *, weak: bool) -> None:
        self.receiver = receiver


class FakeFaustApp:
    """What OrderBot asks of a Faust app."""

    def __init__(self, clients: Clients, instance: str) -> None:
        named = {"group.instance.id": instance} if instance else {}
        self.kafka_producer = clients.producer(producer_config("simulated", "orderbot"))
        # As aiokafka does, before it sends more.
        cast(SimProducer, self.kafka_producer).reports_failures_immediately = True
        self.kafka_consumer = clients.consumer(consumer_config("simulated", "orderbot", ORDERBOT_GROUP, **named))
        self.on_partitions_assigned, self.on_partitions_revoked = Signal(), Signal()
        self.producer = SimpleNamespace(send=self._send, flush=self._flush)
        self.consumer = SimpleNamespace(_commit=self._commit)

    def topic(self, name: str, **_more: Any) -> str:
        return name

    def agent(self, topic: str, *, name: str) -> Callable[[Any], Any]:
        return lambda process: process

    async def _send(
        self, topic: str, key: bytes, value: bytes, partition: int | None, _: None, headers: Headers | None
    ) -> Delivery:
        delivery = Delivery()
        at = -1 if partition is None else partition
        self.kafka_producer.produce(topic, value, key, at, on_delivery=delivery.settle, headers=headers)
        return delivery

    async def _flush(self) -> None:
        flush(self.kafka_producer)

    def abort_sends(self, failure: BaseException) -> None:
        self.kafka_producer.purge()

    async def _commit(self, offsets: dict[TP, int]) -> None:
        parts = [TopicPartition(place.topic, place.partition, offset) for place, offset in offsets.items()]
        self.kafka_consumer.commit(offsets=parts, asynchronous=False)


def orderbot(context: Context, clients: Clients, chance: Random, instance: str) -> None:
    """One process: reads in batches, commits now and then."""
    settings = Settings(
        kafka="simulated",
        threshold=Threshold.parse(SETTINGS.threshold),
        orders_per_second=SETTINGS.orders_per_second,
    )
    app = FakeFaustApp(clients, instance)
    bot = OrderBot(cast(Any, app), settings, context.health, context.tracer)

    def assigned(_: Any, parts: list[TopicPartition]) -> None:
        run_sync(bot.on_assigned(cast(Any, app), set()))

    def revoked(_: Any, parts: list[TopicPartition]) -> None:
        flush(app.kafka_producer)
        run_sync(bot.on_revoked(cast(Any, app), set()))

    def lost(_: Any, parts: list[TopicPartition]) -> None:
        bot.on_lost()

    app.kafka_consumer.subscribe([TICKS.name], on_assign=assigned, on_revoke=revoked, on_lost=lost)
    try:
        while not context.stop.is_set():
            _turn(app, bot, chance)
            if bot.failure:
                raise bot.failure
    finally:
        # After a failure too, as `serve` does it.
        with suppress(KafkaException):
            run_sync(bot.drain())
            app.kafka_consumer.close()


def _turn(app: FakeFaustApp, bot: OrderBot, chance: Random) -> None:
    for message in app.kafka_consumer.consume(chance.choice((5, 50, 200)), 0.1):
        if message.error() is not None:
            raise KafkaException(message.error())
        if bot.failure:
            return
        at = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
        at["headers"] = message.headers()
        run_sync(bot.on_record(SimpleNamespace(key=message.key(), **at), message.value()))
    if chance.random() < 0.7:
        app.kafka_producer.poll(0)
    if chance.random() < 0.5:
        run_sync(bot.commit())

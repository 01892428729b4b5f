"""Labelers on a real broker for tests: inputs written, loops turned by hand, outputs read back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest.mock import patch

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from services.labeler.app import LabelerProcessor, build_loop
from services.labeler.core import Labeler
from services.labeler.settings import Settings
from tests import markets, oracle
from tests.service_under_test import context_of, produce, starting, step_until, written
from tests.waiting import LIMIT_S
from tidewheel.contracts.codecs.market import encode_second
from tidewheel.contracts.codecs.orders import encode_example, encode_orders, encode_transaction
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.domain.market import MarketSecond
from tidewheel.domain.orders import SecondOrders
from tidewheel.runtime import static_member
from tidewheel.runtime.health import Health
from tidewheel.runtime.kafka import KAFKA, Config, close_consumer
from tidewheel.runtime.transactional_loop import TransactionalLoop


@dataclass(frozen=True)
class Inputs:
    """What one instrument's labeler gets, and all that it must write."""

    instrument: str
    partition: int
    seconds: list[MarketSecond]
    orders: list[SecondOrders]
    transactions: list[bytes] = field(default_factory=list)
    examples: list[bytes] = field(default_factory=list)

    @property
    def last_second(self) -> int:
        return self.seconds[-1].second

    @classmethod
    def of(cls, instrument: str, partition: int, seed: int, quotes: int = 60) -> "Inputs":
        """A small market made from a seed, long enough for examples; what it must give is made by a core alone."""
        rng = Random(seed)
        result = oracle.evaluate_rows(
            markets.rows(rng, quotes=quotes), oracle.Settings(threshold="2", max_holding_ns=None)
        )
        seconds = [replace(second, instrument=instrument) for second in markets.seconds(result)]
        orders = [replace(record, instrument=instrument) for record in markets.second_orders(result)]
        made = cls(instrument, partition, seconds, orders)
        labeler = Labeler(instrument)
        for second, record in zip(seconds, orders, strict=True):
            for transaction, example in (*labeler.on_orders(record), *labeler.on_second(second)):
                made.transactions.append(encode_transaction(transaction))
                if example is not None:
                    made.examples.append(encode_example(example))
        return made


def publish(broker: str, inputs: Sequence[Inputs], *, start: int = 0, stop: int | None = None) -> None:
    """Some of the seconds of some instruments, in turn, both topics."""
    for one in inputs:
        seconds, orders = one.seconds[start:stop], one.orders[start:stop]
        produce(broker, TICKS.name, [(one.instrument, encode_second(second)) for second in seconds], one.partition)
        produce(broker, ORDERS.name, [(one.instrument, encode_orders(record)) for record in orders], one.partition)


@dataclass
class RunningLabeler:
    """One labeler, not a process but a loop that is stepped here."""

    loop: TransactionalLoop
    processor: LabelerProcessor
    health: Health
    consumers: list[Consumer]  # one after the other
    steps: int = 0

    def step_until(self, done: Callable[[], bool]) -> None:
        step_until(self._step, done)

    def _step(self) -> None:
        self.steps += 1
        self.loop.run_once()
        self.loop.heartbeat()

    def step_until_written(self, inputs: Sequence[Inputs]) -> None:
        """Until the labels of these instruments are committed."""
        self.step_until(lambda: all(self.written_second(one) == one.last_second for one in inputs))

    def written_second(self, one: Inputs) -> int:
        """The second up to which outputs are committed."""
        partition = self.processor.partitions.get(one.partition)
        if partition is None or self.loop.in_transaction or one.instrument not in partition.instruments:
            return -1
        return partition.instruments[one.instrument].written_second


def session_limit_ms(broker: str) -> int:
    """As short as the broker allows: the next test waits till members that were left behind are forgotten."""
    admin = AdminClient({"bootstrap.servers": broker})
    node = ConfigResource(ResourceType.BROKER, str(next(iter(admin.list_topics(timeout=LIMIT_S).brokers))))
    (answer,) = admin.describe_configs([node]).values()
    return max(2000, int(answer.result()["group.min.session.timeout.ms"].value))


@contextmanager
def running(broker: str, *, batch: int = 200, **settings: Any) -> Iterator[Callable[[], RunningLabeler]]:
    """Starts labelers that are abandoned when the next one starts, as a killed process is, and closed in the end."""
    session_ms = session_limit_ms(broker)

    def start(**more: Any) -> RunningLabeler:
        given = Settings(kafka=broker, **{"commit_interval_ms": 1, **settings, **more})
        consumers: list[Consumer] = []

        def consumer(config: Config) -> Consumer:
            made = KAFKA.consumer(config)
            if "group.instance.id" in config:  # the others read the state, and are closed
                consumers.append(made)
            return made

        context, clients = context_of("labeler"), replace(KAFKA, consumer=consumer)
        with patch.object(static_member, "SESSION_LIMIT_MS", session_ms):
            loop, processor = build_loop(given, context, clients, batch_records_max=batch)
        loop.start()
        return RunningLabeler(loop, processor, context.health, consumers)

    with starting(start, close) as begin:
        yield begin


def close(labeler: RunningLabeler) -> None:
    with suppress(RuntimeError):  # it is closed
        close_consumer(labeler.consumers[-1])


def assert_undisturbed(broker: str, inputs: Sequence[Inputs]) -> None:
    """The outputs are what an undisturbed run writes, record for record and in order; an instrument a partition."""
    for one in inputs:
        assert written(broker, TRANSACTIONS.name, one.partition) == one.transactions
        assert written(broker, EXAMPLES.name, one.partition) == one.examples

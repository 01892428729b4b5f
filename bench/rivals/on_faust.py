"""The labeler's job on Faust: one agent on both topics, state in a table.

As its documentation has it: a topic object of several topics, `stream.events()`, a table that is read and set within
the stream and kept in RocksDB, with a changelog on Kafka. Not batched by `stream.take`: a table cannot be set from
there (faust-streaming's issue 497). The guarantee is at least once, its default: its `exactly_once` is unsound, with
records outside of transactions (issue 177), duplicates after a kill (517) and a crash at start (440). That spares it
the transactions that ours and Quix Streams pay for.

Set otherwise than by default, since together it was faster (one try of each on a shared machine): uvloop, records
gathered for 5 ms, and the producer's buffer, whose limit of 100 is less than two dozen market seconds (issue 173). By
its profile about a third of the time goes into the open orders on the changelog. A record an order instead was not
tried: it would be some ten small ones a market second, and small ones cost Faust about as much as an output does.
"""

import asyncio
import logging
from importlib.metadata import version
from typing import Any

import faust
import uvloop

from bench.rivals import job
from bench.rivals.worker import Run
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.wire.v1.market_pb2 import MarketSecond
from tidewheel.wire.v1.orders_pb2 import SecondOrders

# The default of `broker_commit_interval`.
COMMIT_INTERVAL_S = 2.8
PARTITIONS = 2
STORE = "rocksdb://?driver=rocksdict"
# The changelog's records hold all open orders of an instrument.
RECORD_BYTES_MAX = 8 * 2**20
BUFFER_RECORDS_MAX = 10_000
LINGER_S = 0.005


class FrameworkStore:
    """The job's store on a table of Faust: keys carry the instrument, since a table is one for all."""

    __slots__ = ("_instrument", "_table")

    def __init__(self, table: Any, instrument: str) -> None:
        self._table, self._instrument = table, instrument

    def get(self, key: str) -> bytes | None:
        value: bytes | None = self._table.get(f"{self._instrument}/{key}")
        return value

    def put(self, key: str, value: bytes) -> None:
        self._table[f"{self._instrument}/{key}"] = value

    def drop(self, key: str) -> None:
        self._table.pop(f"{self._instrument}/{key}", None)


def application(run: Run, done: asyncio.Event) -> faust.App:
    """The app with its agent, not running; call it within the event loop that will run it."""
    app = faust.App(
        "rival-faust",
        broker=f"kafka://{run.bootstrap}",
        store=STORE,
        datadir=run.state_dir,
        value_serializer="raw",
        topic_partitions=PARTITIONS,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=run.commit_interval_s,
        producer_compression_type="lz4",  # as ours
        producer_linger=LINGER_S,
        producer_max_request_size=RECORD_BYTES_MAX,
        web_enabled=False,
    )
    inputs = app.topic(TICKS.name, ORDERS.name, key_type=bytes, value_type=bytes)
    transactions = app.topic(TRANSACTIONS.name, key_type=bytes, value_type=bytes)
    examples = app.topic(EXAMPLES.name, key_type=bytes, value_type=bytes)
    table = app.Table("labeler", key_type=str, value_type=bytes)

    def resolve(topic: str, payload: bytes) -> list[job.Output]:
        if topic == TICKS.name:
            second = MarketSecond.FromString(payload)
            return job.on_second(FrameworkStore(table, second.instrument), second)
        orders = SecondOrders.FromString(payload)
        return job.on_orders(FrameworkStore(table, orders.instrument), orders)

    @app.agent(inputs)
    async def label(stream: Any) -> None:
        async for event in stream.events():
            last = run.take()
            for transaction, example in resolve(event.message.topic, event.value):
                await transactions.send(key=event.key, value=transaction.SerializeToString())
                if example is not None:
                    await examples.send(key=event.key, value=example.SerializeToString())
            if last:
                done.set()

    return app


async def serve(run: Run) -> None:
    """Run the app until its last input is done and committed."""
    done = asyncio.Event()
    app = application(run, done)
    await app.start()
    app.producer.buffer.max_messages = BUFFER_RECORDS_MAX
    await done.wait()
    await app.producer.flush()
    await app.commit({TICKS.name, ORDERS.name})
    run.tell(version=version("faust-streaming"), guarantee="at_least_once", store=STORE)
    await app.stop()


def main() -> None:
    logging.basicConfig(level=logging.ERROR)
    uvloop.install()
    asyncio.run(serve(Run.from_arguments(COMMIT_INTERVAL_S)))


if __name__ == "__main__":
    main()

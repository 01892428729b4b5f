"""The labeler's job on Quix Streams 3: two topics concatenated, one state store, exactly once.

As its documentation has it: `StreamingDataFrame.concat` for topics that share state (docs/concatenating.md), a
stateful function with `get_bytes` and `set_bytes` (docs/advanced/stateful-processing.md), protobuf by its own
serializers without the way over dictionaries, and `processing_guarantee="exactly-once"`. The checkpoint interval is its
default of 5 s, which spares it the commits that ours makes each 100 ms: state is written to RocksDB and the changelog
once a checkpoint. `--commit-interval-s 0.1` makes it commit as often as ours.
"""

from importlib.metadata import version

from quixstreams import Application, State
from quixstreams.models.serializers.protobuf import ProtobufDeserializer, ProtobufSerializer

from bench.rivals import job
from bench.rivals.worker import Run
from tidewheel.contracts.topics import EXAMPLES, ORDERS, TICKS, TRANSACTIONS
from tidewheel.wire.v1.market_pb2 import MarketSecond
from tidewheel.wire.v1.orders_pb2 import Example, SecondOrders, Transaction

# The default of `Application`.
COMMIT_INTERVAL_S = 5.0


class FrameworkStore:
    """The job's store on Quix Streams' state, which is that of the message's key."""

    __slots__ = ("drop", "get", "put")

    def __init__(self, state: State) -> None:
        self.get, self.put, self.drop = state.get_bytes, state.set_bytes, state.delete


def resolve(value: MarketSecond | SecondOrders, state: State) -> list[job.Output]:
    """The stateful function."""
    if isinstance(value, MarketSecond):
        return job.on_second(FrameworkStore(state), value)
    return job.on_orders(FrameworkStore(state), value)


def application(run: Run) -> Application:
    """The application with its pipeline, not running."""

    def on_message_processed(_topic: str, _partition: int, _offset: int) -> None:
        if run.take():
            app.stop()

    app = Application(
        run.bootstrap,
        consumer_group="rival-quixstreams",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=run.commit_interval_s,
        state_dir=run.state_dir,
        producer_extra_config={"compression.type": "lz4"},  # as ours
        loglevel="WARNING",
        on_message_processed=on_message_processed,
    )
    ticks = app.topic(TICKS.name, value_deserializer=ProtobufDeserializer(MarketSecond, to_dict=False))
    orders = app.topic(ORDERS.name, value_deserializer=ProtobufDeserializer(SecondOrders, to_dict=False))
    transactions = app.topic(TRANSACTIONS.name, value_serializer=ProtobufSerializer(Transaction))
    examples = app.topic(EXAMPLES.name, value_serializer=ProtobufSerializer(Example))
    inputs = app.dataframe(ticks).concat(app.dataframe(orders))
    outputs = inputs.apply(resolve, stateful=True, expand=True)
    outputs.apply(lambda output: output[0]).to_topic(transactions)
    outputs.apply(lambda output: output[1]).filter(lambda example: example is not None).to_topic(examples)
    return app


def main() -> None:
    run = Run.from_arguments(COMMIT_INTERVAL_S)
    application(run).run()
    run.tell(version=version("quixstreams"), guarantee="exactly-once", store="RocksDB")


if __name__ == "__main__":
    main()

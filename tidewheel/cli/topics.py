"""`tidewheel topics`: make, check and read the topics."""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping

import click
from confluent_kafka import KafkaException, Message, TopicPartition

from tidewheel.cli.acls import acls
from tidewheel.cli.options import kafka_option
from tidewheel.cli.servers import servers_options
from tidewheel.cli.topics_wait import wait
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.tables import TABLE_VIEWS, TableView
from tidewheel.contracts.topics import TAIL_READER
from tidewheel.local.ended_run import RunServers
from tidewheel.local.exporting import json_rows, table_of
from tidewheel.local.servers.run_servers import KAFKA
from tidewheel.runtime import topic_admin
from tidewheel.runtime.kafka import KAFKA as KAFKA_CLIENTS
from tidewheel.runtime.kafka import check as checked
from tidewheel.runtime.kafka import consumer_config, partitions_of, read_to_end, watermark_offsets
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import EXIT_FAILED, FatalError
from tidewheel.telemetry.logs import of_record
from tidewheel.telemetry.tracing.tracer import NO_TRACES

PARTITIONS_DEFAULT = 2
BROKER_WAIT_S = 5.0
POLL_S = 0.2


@click.group()
def topics() -> None:
    """Create, check or read the topics, as they are declared in the code; and say who may use them."""


topics.add_command(acls)
topics.add_command(wait)


@topics.command()
@click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    default=PARTITIONS_DEFAULT,
    show_default=True,
    metavar="N",
    help="Partitions of the topics keyed by instrument.",
)
@click.option(
    "--replication",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    metavar="N",
    help="Replicas of each partition.",
)
@click.option(
    "--wait-s",
    type=click.FloatRange(0, 86_400),
    default=BROKER_WAIT_S,
    show_default=True,
    metavar="S",
    help="For how long a broker that does not answer yet is waited for.",
)
@kafka_option
def create(partitions: int, replication: int, wait_s: float, kafka: Broker) -> None:
    """Create the topics that are missing; those that are there stay as they are."""
    topic_admin.require_broker(kafka, wait_s)
    try:
        created = topic_admin.create(kafka, partitions, replication)
    except KafkaException as failure:
        raise FatalError(f"the topics could not be created: {failure.args[0].str()}") from None
    click.echo(f"created {', '.join(created)}" if created else "all topics were there")


@topics.command()
@click.option(
    "--partitions",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Partitions that topics keyed by instrument should have.",
)
@kafka_option
@click.pass_context
def check(ctx: click.Context, partitions: int | None, kafka: Broker) -> None:
    """Compare the broker's topics with the declarations; exit code 1 if they differ."""
    topic_admin.require_broker(kafka)
    faults = topic_admin.faults(kafka, partitions)
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        ctx.exit(EXIT_FAILED)
    click.echo("all topics are as declared")


@topics.command()
@click.argument("topic", type=click.Choice(list(TABLE_VIEWS)), metavar="TOPIC")
@click.option(
    "--from-beginning", is_flag=True, help="Start with the oldest record. Default: only what comes from now on."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Stop after N rows. Default: go on until Ctrl-C.")
@click.option(
    "--places",
    is_flag=True,
    help="Say of each row, as `record`, where it lies: topic, partition, offset, and its trace_id where it has one.",
)
@servers_options(KAFKA)
def tail(topic: str, from_beginning: bool, limit: int | None, places: bool, servers: RunServers) -> None:
    """Print a topic as JSON lines, committed records only. TOPIC as in `tidewheel export`.

    Of a run that has ended nothing comes any more: all that is there is printed.
    """
    kafka, view = servers.kafka, TABLE_VIEWS[topic]
    topic_admin.require_broker(kafka)
    messages = read_to_end(kafka, view.topic.name) if servers.ended else _arriving(kafka, view, from_beginning)
    lines = _lines(messages, view, places)
    try:
        for line in itertools.islice(lines, limit):
            click.echo(line)
    except KafkaException as failure:
        raise FatalError(f"{topic} could not be read from {kafka}: {failure.args[0].str()}") from None
    except BrokenPipeError:
        # Who read this has seen enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lines(messages: Iterable[Message], view: TableView, places: bool) -> Iterator[str]:
    """Rows as JSON; what cannot be decoded is said on standard error."""
    for message in messages:
        try:
            record = view.decode(message.key(), message.value())
            more = {"record": _place(message)} if places else None
            yield from json_rows(view, table_of(view, [record]), more)
        except InvalidRecordError as failure:
            place = f"{view.topic.name} {message.partition()}:{message.offset()}"
            click.echo(f"{place}: {failure.reason}: {failure}", err=True)


def _place(message: Message) -> Mapping[str, object]:
    """Where a record lies, by the names that logs have."""
    topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    trace = NO_TRACES.incoming(message.headers(), topic)
    return {**of_record(topic, partition, offset), **({} if trace is None else {"trace_id": trace.trace_id_hex})}


def _arriving(bootstrap: Broker, view: TableView, from_beginning: bool) -> Iterator[Message]:
    """All that comes."""
    consumer = KAFKA_CLIENTS.consumer(consumer_config(bootstrap, "tail", TAIL_READER, log_level=0))
    name = view.topic.name
    try:
        known = watermark_offsets(consumer, name, partitions_of(consumer, name))
        consumer.assign(
            [TopicPartition(name, p, first if from_beginning else end) for p, (first, end) in known.items()]
        )
        while True:
            message = consumer.poll(POLL_S)
            if message is not None:
                yield checked(message)
    finally:
        consumer.close()

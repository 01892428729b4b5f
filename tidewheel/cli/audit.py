"""`tidewheel audit`: what callers really got."""

import json

import click
from confluent_kafka import KafkaException

from tidewheel.cli.options import INSTRUMENT_ID, kafka_option, redis_option
from tidewheel.cli.progress import ProgressLine
from tidewheel.cli.registry_access import open_registry
from tidewheel.local.serving_audit import PREDICTIONS_MAX, audit_serving
from tidewheel.registry.redis_access import RedisServer
from tidewheel.registry.store import RegistryUnavailableError
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import EXIT_FAILED, FatalError
from tidewheel.runtime.topic_admin import require_broker

EXIT_UNREADABLE = 2


@click.command()
@click.option(
    "--instrument", metavar="ID", type=INSTRUMENT_ID, help="Only this instrument, like sim:BTC-USD. Default: all."
)
@click.option(
    "--newest",
    type=click.IntRange(1, 1_000_000),
    default=PREDICTIONS_MAX,
    show_default=True,
    help="So many of the newest answers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@kafka_option
@redis_option
@click.pass_context
def audit(
    ctx: click.Context, /, instrument: str | None, newest: int, as_json: bool, kafka: Broker, redis: RedisServer
) -> None:
    """Hold the answers on topic predictions against the labels of the same instants.

    Features must equal the labeler's bit for bit, and an answer what the model that it names scores. The precision is
    the one that callers really got. Exit code 0: nothing differs; 1: something does, each told with its place; 2: the
    log cannot be read.
    """
    progress = ProgressLine()
    with open_registry(redis) as registry:
        try:
            require_broker(kafka)
            found = audit_serving(kafka, registry, instrument, progress, newest)
        except (KafkaException, FatalError, RegistryUnavailableError) as failure:
            message = failure.args[0].str() if isinstance(failure, KafkaException) else str(failure)
            progress.clear()
            click.echo(f"tidewheel: nothing can be audited: {message}", err=True)
            ctx.exit(EXIT_UNREADABLE)
    progress.clear()
    for line in [json.dumps(found.as_dict(), indent=2)] if as_json else found.lines():
        click.echo(line)
    if found.broken:
        ctx.exit(EXIT_FAILED)

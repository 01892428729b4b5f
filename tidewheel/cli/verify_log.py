"""`tidewheel verify-log`: whether the log keeps what the topics promise."""

import json

import click
from confluent_kafka import KafkaException

from tidewheel.cli.options import INSTRUMENT_ID
from tidewheel.cli.progress import ProgressLine
from tidewheel.cli.servers import servers_options
from tidewheel.local.ended_run import RunServers
from tidewheel.local.log_check import check_log
from tidewheel.local.servers.run_servers import KAFKA
from tidewheel.runtime.process import EXIT_FAILED, FatalError
from tidewheel.runtime.topic_admin import require_broker

EXIT_UNREADABLE = 2


@click.command("verify-log")
@click.option(
    "--instrument", metavar="ID", type=INSTRUMENT_ID, help="Only this instrument, like sim:BTC-USD. Default: all."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
@servers_options(KAFKA)
@click.pass_context
def verify_log(ctx: click.Context, /, instrument: str | None, as_json: bool, servers: RunServers) -> None:
    """Check that the log is contiguous, once each, in order, joined by second.

    Reads ticks, orders, transactions and examples as committed, and how far the labeler says it is; the system may run
    meanwhile. Orders that repeat word for word are counted and no fault: they are delivered at least once. Exit code
    0: no law is broken; 1: some are, each told with topic, partition and offset; 2: the log cannot be read.
    """
    progress = ProgressLine()
    try:
        require_broker(servers.kafka)
        invariants = check_log(servers.kafka, instrument, progress)
    except (KafkaException, FatalError) as failure:
        message = failure.args[0].str() if isinstance(failure, KafkaException) else str(failure)
        progress.clear()
        click.echo(f"tidewheel: the log at {servers.kafka} cannot be read: {message}", err=True)
        ctx.exit(EXIT_UNREADABLE)
    progress.clear()
    for line in [json.dumps(invariants.as_dict(), indent=2)] if as_json else invariants.lines():
        click.echo(line)
    if invariants.findings.total:
        ctx.exit(EXIT_FAILED)

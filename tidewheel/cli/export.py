"""`tidewheel export`: a topic as a file."""

from pathlib import Path

import click

from tidewheel.cli.options import INSTRUMENT_ID
from tidewheel.cli.servers import servers_options
from tidewheel.contracts.tables import TABLE_VIEWS
from tidewheel.local.ended_run import RunServers
from tidewheel.local.exporting import SUFFIXES, warn_left_out
from tidewheel.local.exporting import export as write_file
from tidewheel.local.servers.run_servers import KAFKA
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.topic_admin import require_broker


def file_path(_context: click.Context, _parameter: click.Parameter, value: str) -> Path:
    """A path whose suffix says the format."""
    path = Path(value)
    if path.suffix not in SUFFIXES:
        raise click.BadParameter(f"{value!r} must end in {', '.join(SUFFIXES)}")
    return path


@click.command()
@click.argument("topic", type=click.Choice(list(TABLE_VIEWS)), metavar="TOPIC")
@click.option(
    "--out", "target", metavar="FILE", required=True, callback=file_path, help="Ends in .parquet, .csv or .jsonl."
)
@click.option(
    "--instrument", metavar="ID", type=INSTRUMENT_ID, help="Only this instrument, like sim:BTC-USD. Default: all."
)
@servers_options(KAFKA)
def export(topic: str, target: Path, instrument: str | None, servers: RunServers) -> None:
    """Write TOPIC to a file: committed records only, in canonical order.

    TOPIC is ticks (one row a quote), bars (one row a second, from the same topic), orders, transactions, examples,
    training-runs, predictions, feed-status, dead-letters or labeler-state. Prices are in 1e-9 units in columns that end
    in _e9; CSV has decimals.
    """
    require_broker(servers.kafka)
    try:
        exported = write_file(servers.kafka, TABLE_VIEWS[topic], target, instrument)
    except OSError as failure:
        raise FatalError(f"{target} could not be written: {failure.strerror or failure}") from None
    warn_left_out(topic, exported)
    click.echo(f"{target}: {exported.rows} rows")

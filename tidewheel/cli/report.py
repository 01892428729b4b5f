"""`tidewheel report`: one training run as an HTML page."""

import time
from pathlib import Path

import click

from tidewheel.cli.options import instrument_id
from tidewheel.cli.registry_access import check_model_reference
from tidewheel.cli.report_sources import load_sources
from tidewheel.cli.servers import servers_options
from tidewheel.local.ended_run import RunServers
from tidewheel.local.servers.run_servers import KAFKA, REDIS
from tidewheel.report.page import page


@click.command()
@click.argument("which", metavar="[SEQ|current]", required=False, callback=check_model_reference)
@click.option(
    "--instrument", metavar="ID", callback=instrument_id, help="Like sim:BTC-USD. Default: the only one there is."
)
@servers_options(KAFKA, REDIS)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="The HTML file to write.",
)
def report(which: str | None, instrument: str | None, servers: RunServers, out: Path) -> None:
    """Draw one training run as a self-contained HTML page.

    SEQ is a window's number, `current` the run whose model serves; default is the newest run. The page needs nothing
    beside itself, prints well, and works with what is left of a run: its events on the log, its record and model in
    the registry, or only one of them.
    """
    found = load_sources(servers.kafka, servers.redis, instrument, which, time.time_ns())
    try:
        out.write_text(page(found), encoding="utf-8")
    except OSError as failure:
        raise click.ClickException(f"{out} cannot be written: {failure.strerror}") from None
    for error in filter(None, (found.log_error, found.registry_error, found.model_error)):
        click.echo(f"tidewheel: {error}", err=True)
    click.echo(f"run {found.seq} of {found.instrument} in {out}")

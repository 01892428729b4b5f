"""`tidewheel report`: one training run as an HTML page."""

import time
from pathlib import Path

import click

from tidewheel.cli.options import instrument_id, kafka_option, redis_option
from tidewheel.cli.registry_access import check_which
from tidewheel.cli.report_sources import known
from tidewheel.report.page import page


@click.command()
@click.argument("which", metavar="[SEQ|current]", required=False, callback=check_which)
@click.option(
    "--instrument", metavar="ID", callback=instrument_id, help="Like sim:BTC-USD. Default: the only one there is."
)
@kafka_option
@redis_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    required=True,
    help="The HTML file to write.",
)
def report(which: str | None, instrument: str | None, kafka: str, redis: str, out: Path) -> None:
    """Draw one training run as a self-contained HTML page.

    SEQ is a window's number, `current` the run whose model serves; default is the newest run. The page needs nothing
    beside itself, prints well, and works with what is left of a run: its events on the log, its record and model in
    the registry, or only one of them.
    """
    found = known(kafka, redis, instrument, which, time.time_ns())
    try:
        out.write_text(page(found), encoding="utf-8")
    except OSError as failure:
        raise click.ClickException(f"{out} cannot be written: {failure.strerror}") from None
    for trouble in filter(None, (found.log_trouble, found.registry_trouble, found.model_trouble)):
        click.echo(f"tidewheel: {trouble}", err=True)
    click.echo(f"run {found.seq} of {found.instrument} in {out}")

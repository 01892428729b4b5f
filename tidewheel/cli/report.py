"""`tidewheel report`: one training run, or a whole run, as an HTML page."""

import time
from pathlib import Path

import click

from tidewheel.cli.options import INSTRUMENT_ID
from tidewheel.cli.progress import ProgressLine
from tidewheel.cli.registry_access import check_model_reference
from tidewheel.cli.report_sources import load_sources
from tidewheel.cli.servers import servers_options
from tidewheel.cli.whole_run_sources import load_whole_run
from tidewheel.local.ended_run import RunServers
from tidewheel.local.servers.run_servers import KAFKA, REDIS
from tidewheel.report import page, whole_run_page

ALL = "all"


def check_which(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """What the page is of, if that is said."""
    if value == ALL:
        return ALL
    try:
        return check_model_reference(context, parameter, value)
    except click.BadParameter as failure:
        raise click.BadParameter(f"{failure.message}, or the word {ALL}") from None


@click.command()
@click.argument("which", metavar="[SEQ|current|all]", required=False, callback=check_which)
@click.option(
    "--instrument",
    metavar="ID",
    type=INSTRUMENT_ID,
    help="Like sim:BTC-USD. Default: the only one there is; for `all`, each.",
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
    """Draw one training run, or a whole run, as a self-contained HTML page.

    SEQ is a window's number, `current` the run whose model serves; default is the newest run. `all` is every window:
    evidence and scorecards over time, every model, what was rejected. The page needs nothing beside itself, prints
    well, and works with what is left of a run: its events on the log, its record and model in the registry, or only
    one of them.
    """
    drawn = _whole_run if which == ALL else _one_run
    text, name, errors = drawn(servers, instrument, which, time.time_ns())
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as failure:
        raise click.ClickException(f"{out} cannot be written: {failure.strerror}") from None
    for error in filter(None, errors):
        click.echo(f"tidewheel: {error}", err=True)
    click.echo(f"{name} in {out}")


Drawn = tuple[str, str, tuple[str, ...]]  # the page, what it is of, and what could not be read


def _one_run(servers: RunServers, instrument: str | None, which: str | None, now_ns: int) -> Drawn:
    found = load_sources(servers.kafka, servers.redis, instrument, which, now_ns)
    errors = found.log_error, found.registry_error, found.model_error
    return page.page(found), f"run {found.seq} of {found.instrument}", errors


def _whole_run(servers: RunServers, instrument: str | None, _which: str | None, now_ns: int) -> Drawn:
    progress = ProgressLine()
    try:
        found = load_whole_run(servers.kafka, servers.redis, instrument, now_ns, progress)
    finally:
        progress.clear()
    names = ", ".join(one.name for one in found.instruments)
    windows = sum(len(one.windows) for one in found.instruments)
    return whole_run_page.page(found), f"{windows} windows of {names}", found.gaps

"""`tidewheel watch`: the live view of a running system."""

import click

from tidewheel.cli.options import INSTRUMENT_ID
from tidewheel.cli.servers import servers_options
from tidewheel.domain.windows import Windowing
from tidewheel.local.ended_run import RunServers
from tidewheel.local.monitoring.monitor import Addresses
from tidewheel.local.servers.run_servers import KAFKA, REDIS
from tidewheel.local.watching import watch as watch_system

PREDICTOR_DEFAULT = "127.0.0.1:50051"


@click.command()
@servers_options(KAFKA, REDIS)
@click.option(
    "--predictor",
    metavar="ADDRESS",
    default=PREDICTOR_DEFAULT,
    show_default=True,
    help="gRPC address of the predictor, where no --data-dir says it; it is asked for a prediction each second.",
)
@click.option(
    "--instrument",
    type=INSTRUMENT_ID,
    metavar="ID",
    help="Which one to show, like sim:BTC-USD. Default: each in turn.",
)
@click.option(
    "--window",
    type=click.IntRange(1),
    metavar="N",
    help="Window size of the trainer there. Default: as its training runs tell it, from the first on.",
)
@click.option("--step", type=click.IntRange(1), metavar="N", help="Window step there. Default: the window.")
@click.pass_context
def watch(
    ctx: click.Context,
    /,
    servers: RunServers,
    predictor: str,
    instrument: str | None,
    window: int | None,
    step: int | None,
) -> None:
    """Show the live view of a system that runs elsewhere, or what it would show of a run that has ended.

    Reads the topics and asks the predictor; changes nothing.
    """
    try:
        windowing = Windowing(window, step or window) if window else None
    except ValueError as failure:
        raise click.UsageError(str(failure)) from None
    # Where a run has ended, another one's predictor may listen where its own did.
    asked = "" if servers.ended else servers.predictor or predictor
    ctx.exit(watch_system(Addresses(servers.kafka, servers.redis, asked), instrument, windowing))

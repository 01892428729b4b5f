"""`tidewheel watch`: the live view of a running system."""

import click

from tidewheel.cli.options import kafka_option, redis_option
from tidewheel.domain.market import check_instrument
from tidewheel.domain.windows import Windowing
from tidewheel.local.monitoring.monitor import Addresses
from tidewheel.local.watching import watch as watch_system

PREDICTOR_DEFAULT = "127.0.0.1:50051"


@click.command()
@kafka_option
@redis_option
@click.option(
    "--predictor",
    metavar="ADDRESS",
    default=PREDICTOR_DEFAULT,
    show_default=True,
    help="gRPC address of the predictor; it is asked for a prediction each second.",
)
@click.option(
    "--instrument", metavar="ID", help="Which one to show, like sim:BTC-USD. Default: the first that shows itself."
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
    kafka: str,
    redis: str,
    predictor: str,
    instrument: str | None,
    window: int | None,
    step: int | None,
) -> None:
    """Show the live view of a system that runs elsewhere.

    Reads the topics and asks the predictor; starts nothing and changes nothing.
    """
    try:
        windowing = Windowing(window, step or window) if window else None
        name = check_instrument(instrument) if instrument else None
    except ValueError as failure:
        raise click.UsageError(str(failure)) from None
    ctx.exit(watch_system(Addresses(kafka, redis, predictor), name, windowing))

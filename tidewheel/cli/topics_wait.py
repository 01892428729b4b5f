"""`tidewheel topics wait`: what stands before a service where everything is started at once."""

import click

from tidewheel.cli.options import kafka_option
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.topic_wait import await_topics

SERVICES = ("ingest", "orderbot", "labeler", "trainer", "predictor")


@click.command()
@click.argument("service", type=click.Choice(SERVICES), metavar="SERVICE")
@click.option(
    "--wait-s", type=click.FloatRange(0, 86_400), default=600.0, show_default=True, metavar="S", help="For how long."
)
@kafka_option
def wait(service: str, wait_s: float, kafka: Broker) -> None:
    """Wait until the broker has the topics that SERVICE writes and reads; exit code 1 if that takes too long.

    What is waited for is said in a line on standard error.
    """
    await_topics(kafka, service, wait_s, lambda reason: click.echo(f"waiting: {reason}", err=True))

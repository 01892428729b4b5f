"""The labeler process: the transactional loop around its work, until SIGTERM."""

import sys
from functools import partial
from typing import Any

from services.labeler.settings import Settings
from services.labeler.work import SERVICE, LabelerWork
from tidewheel.contracts.topics import LABELER_GROUP, ORDERS, TICKS
from tidewheel.runtime import process
from tidewheel.runtime.kafka import KAFKA, Clients
from tidewheel.runtime.process import Context
from tidewheel.runtime.static_member import StaticMember
from tidewheel.runtime.transaction_policy import Policy
from tidewheel.runtime.transactional import TransactionalLoop
from tidewheel.runtime.transactional_producer import TransactionalProducer, transactional_client


def run(settings: Settings, context: Context) -> None:
    """Label until `context.stop` is set."""
    loop, _ = build(settings, context)
    loop.run(context.stop)


def build(
    settings: Settings, context: Context, clients: Clients = KAFKA, **more: Any
) -> tuple[TransactionalLoop, LabelerWork]:
    """The loop and its work; nothing is read before the loop's start. `more`: what else the loop can be told."""
    # The same over restarts: Kafka aborts what the process before left open, and gives its partitions back at once.
    name = f"tidewheel-labeler-{settings.instance}"
    producer = TransactionalProducer(partial(transactional_client, settings.kafka, SERVICE, name, clients))
    work = LabelerWork(settings.kafka, settings.labels, producer, clients)

    def on_turn() -> None:
        context.health.turned()
        if loop.assigned and work.restored:
            context.health.ready()
        else:
            context.health.not_ready("restoring state" if loop.assigned else "waiting for partitions")

    loop = TransactionalLoop(
        StaticMember(settings.kafka, SERVICE, LABELER_GROUP, name, clients),
        producer,
        (TICKS.name, ORDERS.name),
        work,
        Policy(interval_s=settings.commit_interval_ms / 1000, records_max=settings.commit_records_max),
        service=SERVICE,
        log=context.log,
        on_turn=on_turn,
        **more,
    )
    return loop, work


def main() -> int:
    """Exit code of the process."""
    return process.main(SERVICE, Settings, run)


if __name__ == "__main__":
    sys.exit(main())

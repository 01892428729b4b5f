"""The labeler process: the transactional loop around its processor, until SIGTERM."""

import sys
from functools import partial
from typing import Any

from services.labeler.app import SERVICE, LabelerProcessor
from services.labeler.settings import Settings
from tidewheel.contracts.topics import LABELER_GROUP, ORDERS, TICKS
from tidewheel.runtime import process
from tidewheel.runtime.kafka import KAFKA, Clients
from tidewheel.runtime.process import Context
from tidewheel.runtime.static_member import StaticMember
from tidewheel.runtime.transaction_policy import TransactionPolicy
from tidewheel.runtime.transactional_loop import TransactionalLoop
from tidewheel.runtime.transactional_producer import TransactionalProducer, transactional_client


def run(settings: Settings, context: Context) -> None:
    """Label until `context.stop` is set."""
    loop, _ = build_loop(settings, context)
    loop.run(context.stop)


def build_loop(
    settings: Settings, context: Context, clients: Clients = KAFKA, **more: Any
) -> tuple[TransactionalLoop, LabelerProcessor]:
    """The loop and its processor; nothing is read before the loop's start. `more`: further arguments of the loop."""
    # The same over restarts: Kafka aborts what the process before left open, and gives its partitions back at once.
    name = f"tidewheel-labeler-{settings.instance}"
    producer = TransactionalProducer(partial(transactional_client, settings.kafka, SERVICE, name, clients))
    processor = LabelerProcessor(settings.kafka, settings.labeler_config, producer, clients)

    def heartbeat() -> None:
        context.health.heartbeat()
        if loop.assigned and processor.restored:
            context.health.ready()
        else:
            context.health.not_ready("restoring state" if loop.assigned else "waiting for partitions")

    loop = TransactionalLoop(
        StaticMember(settings.kafka, SERVICE, LABELER_GROUP, name, clients),
        producer,
        (TICKS.name, ORDERS.name),
        processor,
        TransactionPolicy(interval_s=settings.commit_interval_ms / 1000, records_max=settings.commit_records_max),
        service=SERVICE,
        log=context.log,
        heartbeat=heartbeat,
        **more,
    )
    return loop, processor


def main() -> int:
    """Exit code of the process."""
    return process.main(SERVICE, Settings, run)


if __name__ == "__main__":
    sys.exit(main())

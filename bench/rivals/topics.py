"""Fresh topics between two runs on one broker."""

import time

from confluent_kafka.admin import AdminClient

from tidewheel.runtime import topic_admin
from tidewheel.runtime.kafka import client

LIMIT_S = 60.0
LOOK_EVERY_S = 0.05


def recreate_topics(bootstrap: str, partitions: int) -> None:
    """Delete every topic, a rival's changelogs too, and create ours empty. The offsets of groups go with the topics."""
    admin = AdminClient(client(bootstrap, "bench"))
    if names := present(admin):
        for future in admin.delete_topics(names, operation_timeout=LIMIT_S).values():
            future.result()
    deadline_s = time.monotonic() + LIMIT_S
    while names := present(admin):
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"topics {', '.join(names)} are still there")
        time.sleep(LOOK_EVERY_S)
    topic_admin.create(bootstrap, partitions)


def present(admin: AdminClient) -> list[str]:
    """All topics but the broker's own."""
    return [name for name in admin.list_topics(timeout=LIMIT_S).topics if not name.startswith("__")]

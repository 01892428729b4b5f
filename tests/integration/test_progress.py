"""How far the groups are, asked of a broker that has just started and has not heard of any group."""

import logging
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from tests.servers import server_port
from tests.tidy.tree import PRODUCT, full_names, sources
from tests.waiting import LIMIT_S, Deadline
from tidewheel.contracts.topics import EXAMPLES, TRAINER_GROUP
from tidewheel.local.monitoring.progress import ProgressWatch
from tidewheel.local.servers.kafka import start_kafka
from tidewheel.runtime import topic_admin

pytestmark = pytest.mark.broker

ASK = """
import logging, sys
from confluent_kafka import KafkaException
from tidewheel.local.monitoring.progress import ProgressWatch
watch = ProgressWatch(sys.argv[1], logging.getLogger("progress"))
for _ in range(2):
    try:
        watch.ask()
    except KafkaException:
        pass
"""


def test_a_broker_that_knows_no_group_yet_may_be_asked(tmp_path: Path) -> None:
    """The admin client's way ended 7 of 12 such processes with a segmentation fault."""
    kafka = start_kafka(tmp_path, server_port(), server_port())
    try:
        topic_admin.create(kafka.bootstrap, 2)
        asking = [subprocess.Popen([sys.executable, "-c", ASK, kafka.bootstrap]) for _ in range(3)]
        assert [process.wait(60) for process in asking] == [0, 0, 0]
    finally:
        kafka.stop()


def test_nobody_asks_the_admin_client_for_a_groups_offsets() -> None:
    product = [source for source in sources() if source.path.startswith((*PRODUCT, "bench/"))]
    names = [
        (source.path, line)
        for source in product
        for line, name in full_names(source)
        if "list_consumer_group_offsets" in name
    ]
    assert names == []


def ask_once_there_are_leaders(watch: ProgressWatch) -> None:
    """A topic just made may have none yet; the watch's own loop asks again too."""
    deadline = Deadline()
    while not deadline.passed:
        with suppress(KafkaException):
            watch.ask()
            return


def test_ends_and_committed_offsets(broker: str) -> None:
    watch = ProgressWatch(broker, logging.getLogger("progress"))
    ask_once_there_are_leaders(watch)
    assert watch.ask().lag(TRAINER_GROUP) == 0
    producer = Producer({"bootstrap.servers": broker})
    for _ in range(5):
        producer.produce(EXAMPLES.name, b"x", partition=1)
    producer.flush(LIMIT_S)
    assert watch.ask().lag(TRAINER_GROUP) == 5
    consumer = Consumer({"bootstrap.servers": broker, "group.id": TRAINER_GROUP})
    consumer.commit(offsets=[TopicPartition(EXAMPLES.name, 1, 3)], asynchronous=False)
    consumer.close()
    assert watch.ask().lag(TRAINER_GROUP) == 2
    assert not watch.ask().all_read(TRAINER_GROUP)

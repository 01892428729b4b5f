"""What the broker itself says of a service's consumer group and of its own health, asked now and then in a thread.

The group's lag is what the broker holds less what the group has committed: known while the consumer rests or hangs,
which the statistics of its own client are not, since a client that fetches nothing learns of no new end. Each member
tells of the whole group, so that the living ones tell of what the dead one left.
"""

import logging
import threading
import time
from collections.abc import Callable

from confluent_kafka import KafkaException, TopicPartition

from tidewheel.contracts.topics import GROUP_TOPICS, TOPICS
from tidewheel.runtime import kafka
from tidewheel.runtime.kafka import KAFKA, Clients, client, consumer_config, end_offsets
from tidewheel.runtime.kafka_access import Broker
from tidewheel.telemetry import metrics

ASK_EVERY_S = 5.0
ANSWER_LIMIT_S = 4.0


class BrokerMonitor:
    """Asks for one service; `run` is the work of a thread. A broker that does not answer is what it is there to tell
    of, so no failure of Kafka's ends it."""

    def __init__(
        self,
        service: str,
        bootstrap: Broker,
        group: str,
        log: logging.Logger,
        clients: Clients = KAFKA,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._service = service
        self._group = group
        self._asking = {**client(bootstrap, f"{service}-monitor"), "log_level": 0, "logger": log}
        # A member of the group only by name: it asks and never joins.
        more = {"log_level": 0, "reconnect.backoff.max.ms": 1000, "logger": log}
        self._consumer = clients.consumer(consumer_config(bootstrap, f"{service}-monitor", group, **more))
        self._places: list[TopicPartition] = []
        self._clients = clients
        self._clock = clock
        metrics.KAFKA_UP.labels(service).set(0)

    def run(self, stop: threading.Event) -> None:
        """Ask until `stop` is set."""
        while True:
            self.ask()
            if stop.wait(ASK_EVERY_S):
                break
        self._consumer.close()

    def ask(self) -> None:
        """Ask once."""
        try:
            started_s = self._clock()
            self._ask_metadata()
            self._ask_lag()
            metrics.KAFKA_ANSWER_DURATION_SECONDS.labels(self._service).set(self._clock() - started_s)
        except KafkaException:
            metrics.KAFKA_UP.labels(self._service).set(0)
        else:
            metrics.KAFKA_UP.labels(self._service).set(1)

    def _ask_metadata(self) -> None:
        self._consumer.poll(0.0)  # hears what its client has to say, such as that its password is an old one
        found = self._consumer.list_topics(timeout=ANSWER_LIMIT_S)
        partitions = [
            part for name, topic in found.topics.items() if name in TOPICS for part in topic.partitions.values()
        ]
        behind = sum(len(part.isrs) < len(part.replicas) for part in partitions)
        metrics.KAFKA_BROKERS.labels(self._service).set(len(found.brokers))
        metrics.KAFKA_PARTITIONS_OFFLINE.labels(self._service).set(sum(part.leader < 0 for part in partitions))
        metrics.KAFKA_PARTITIONS_UNDER_REPLICATED.labels(self._service).set(behind)
        self._places = [
            TopicPartition(topic, part)
            for topic in GROUP_TOPICS[self._group]
            if topic in found.topics
            for part in sorted(found.topics[topic].partitions)
        ]

    def _ask_lag(self) -> None:
        """What is committed is asked first: a group that moves on meanwhile seems behind, and never ahead."""
        done = {
            (place.topic, place.partition): max(0, place.offset)
            for place in kafka.committed(self._consumer, self._places, ANSWER_LIMIT_S)
        }
        ends = end_offsets(self._asking, self._places, ANSWER_LIMIT_S, clients=self._clients)
        for (topic, partition), end in ends.items():
            lag = max(0, end - done.get((topic, partition), 0))
            metrics.CONSUMER_LAG_RECORDS.labels(self._group, topic, str(partition)).set(lag)

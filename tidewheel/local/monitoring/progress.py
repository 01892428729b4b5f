"""How far the consumer groups are behind, asked of the broker at most once a second, in a thread of its own."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from confluent_kafka import KafkaException, TopicPartition

from tidewheel.contracts.topics import GROUP_TOPICS
from tidewheel.runtime.background import BackgroundThread
from tidewheel.runtime.kafka import KAFKA, PartitionId, client, consumer_config, end_offsets
from tidewheel.runtime.kafka_access import Broker

ASK_EVERY_S = 1.0
ANSWER_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Offsets at one instant. `ends`: one past the last record; `committed`: group -> place -> next offset to read."""

    ends: Mapping[PartitionId, int] = field(default_factory=dict)
    committed: Mapping[str, Mapping[PartitionId, int]] = field(default_factory=dict)

    def lag(self, group: str) -> int | None:
        """Records the group has not committed yet, None while nothing is known."""
        if not self.ends:
            return None
        done = self.committed.get(group, {})
        return sum(
            max(0, end - done.get(place, 0)) for place, end in self.ends.items() if place[0] in GROUP_TOPICS[group]
        )

    def all_read(self, *groups: str) -> bool:
        """Whether each of the groups has committed everything on its inputs."""
        return all(self.lag(group) == 0 for group in groups)


class ProgressWatch:
    """Keeps the last `Progress`.

    Committed offsets are asked by one consumer a group, which joins nothing: the admin client's own call crashes the
    whole process when the group's coordinator is not there yet (librdkafka issue 5040).
    """

    def __init__(self, bootstrap: Broker, log: logging.Logger) -> None:
        reconnect = {"reconnect.backoff.max.ms": 1000}
        self._asking = {**client(bootstrap, "progress"), "logger": log}
        self._groups = {
            group: KAFKA.consumer(consumer_config(bootstrap, "progress", group, logger=log, **reconnect))
            for group in GROUP_TOPICS
        }
        self._log = log
        self.background = BackgroundThread("progress", self._run)
        self.latest = Progress()
        self.rounds = 0

    def close(self) -> None:
        self.background.close()
        for consumer in self._groups.values():
            consumer.close()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.latest = self.ask()
                self.rounds += 1
            except KafkaException as failure:
                self._log.warning("progress: %s", failure)
            stop.wait(ASK_EVERY_S)

    def ask(self) -> Progress:
        """Ask now. The ends are asked first, so that a group seen to be at an end has read all that was there then.

        Raises KafkaException.
        """
        ends = self._ends()
        return Progress(ends, {group: self._committed(group, ends) for group in GROUP_TOPICS})

    def _ends(self) -> dict[PartitionId, int]:
        # Any consumer will do: the list of topics is asked in no group's name.
        metadata = next(iter(self._groups.values())).list_topics(timeout=ANSWER_LIMIT_S).topics
        topics = sorted({topic for topics in GROUP_TOPICS.values() for topic in topics})
        places = [
            TopicPartition(name, part) for name in topics if name in metadata for part in metadata[name].partitions
        ]
        return end_offsets(self._asking, places, ANSWER_LIMIT_S)

    def _committed(self, group: str, ends: Mapping[PartitionId, int]) -> dict[PartitionId, int]:
        asked = [TopicPartition(*place) for place in ends if place[0] in GROUP_TOPICS[group]]
        found = self._groups[group].committed(asked, timeout=ANSWER_LIMIT_S) if asked else []
        return {(part.topic, part.partition): part.offset for part in found if part.offset >= 0}

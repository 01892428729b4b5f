"""Reading a topic to its end, where the broker leads nothing for a moment."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ClusterMetadata, PartitionMetadata, TopicMetadata

from tidewheel.contracts.invariants.log import LogInvariants
from tidewheel.local.log_check import check_log
from tidewheel.runtime.kafka import Clients, read_to_end


class EmptyTopic:
    """A consumer of a topic without records, and the admin client that knows its ends once it has a leader."""

    def __init__(self, failures: list[int]) -> None:
        self._failures = failures

    def __call__(self, config: dict[str, Any]) -> "EmptyTopic":
        return self

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        return {place: self._answer() for place in asked}

    def list_topics(self, name: str, **_: Any) -> ClusterMetadata:
        metadata, topic = ClusterMetadata(), TopicMetadata()
        topic.partitions, metadata.topics = {0: PartitionMetadata()}, {name: topic}
        return metadata

    def get_watermark_offsets(self, place: TopicPartition, **_: Any) -> tuple[int, int]:
        return 0, self._answer().result().offset

    def _answer(self) -> Future[Any]:
        answer: Future[Any] = Future()
        failure = self._failures.pop(0) if self._failures else KafkaError.NO_ERROR
        if failure != KafkaError.NO_ERROR:
            answer.set_exception(KafkaException(KafkaError(failure)))
        else:
            answer.set_result(TopicPartition("ticks", 0, 0))
        return answer

    def assign(self, places: list[TopicPartition]) -> None: ...

    def close(self) -> None: ...


def clients_of(failures: list[int]) -> Clients:
    topic: Any = EmptyTopic(failures)
    return Clients(topic, topic, topic)


def reading(failures: list[int]) -> Callable[[], list[Any]]:
    return lambda: list(read_to_end("there:9092", "ticks", {0: 0}, clients=clients_of(failures)))


def checked(failures: list[int]) -> LogInvariants:
    return check_log("there:9092", None, lambda topic, count: None, clients_of(failures))


def test_a_partition_without_a_leader_is_asked_for_again() -> None:
    assert reading([KafkaError._NOENT, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_LEADER_EPOCH])() == []


@pytest.mark.parametrize("passes", range(15))
def test_a_log_is_checked_whichever_question_finds_a_partition_without_a_leader(passes: int) -> None:
    failures = [KafkaError.NO_ERROR] * passes + [KafkaError.UNKNOWN_LEADER_EPOCH]
    assert checked(failures).findings.total == 0


def test_what_does_not_pass_is_raised() -> None:
    with pytest.raises(KafkaException) as raised:
        reading([KafkaError.TOPIC_AUTHORIZATION_FAILED])()
    assert raised.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED

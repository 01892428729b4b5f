"""Reading a topic to its end, where the broker leads nothing for a moment."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tidewheel.runtime.kafka import Clients, read_to_end


class EmptyTopic:
    """A consumer of a topic without records, and the admin client that knows its ends once it has a leader."""

    def __init__(self, failures: list[int]) -> None:
        self._failures = failures

    def __call__(self, config: dict[str, Any]) -> "EmptyTopic":
        return self

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        return {place: self._answer() for place in asked}

    def _answer(self) -> Future[Any]:
        answer: Future[Any] = Future()
        if self._failures:
            answer.set_exception(KafkaException(KafkaError(self._failures.pop(0))))
        else:
            answer.set_result(TopicPartition("ticks", 0, 0))
        return answer

    def assign(self, places: list[TopicPartition]) -> None: ...

    def close(self) -> None: ...


def reading(failures: list[int]) -> Callable[[], list[Any]]:
    topic: Any = EmptyTopic(failures)
    return lambda: list(read_to_end("there:9092", "ticks", {0: 0}, clients=Clients(topic, topic, topic)))


def test_a_partition_without_a_leader_is_asked_for_again() -> None:
    assert reading([KafkaError._NOENT, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_LEADER_EPOCH])() == []


def test_what_does_not_pass_is_raised() -> None:
    with pytest.raises(KafkaException) as raised:
        reading([KafkaError.TOPIC_AUTHORIZATION_FAILED])()
    assert raised.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED

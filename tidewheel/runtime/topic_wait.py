"""Waiting for the topics of a service, for who starts everything at once."""

from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException

from tidewheel.contracts.topics import TOPICS
from tidewheel.runtime.kafka import KAFKA, client
from tidewheel.runtime.kafka_access import Broker
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.retry import Retry

ASK_AGAIN_S = 1.0
ANSWER_LIMIT_S = 5.0


def await_topics(bootstrap: Broker, service: str, limit_s: float, report: Callable[[str], object]) -> None:
    """Return when the broker has the topics that `service` writes and reads, with one count of partitions.

    `report` is given what is waited for, whenever that changes. Raises FatalError with it after `limit_s`.
    """
    admin = KAFKA.admin({**client(bootstrap, "topics"), "log_level": 0})
    reported = [""]

    def there() -> bool:
        try:
            topics = admin.list_topics(timeout=ANSWER_LIMIT_S).topics
        except KafkaException:
            reason = f"no Kafka broker answers at {bootstrap}"
        else:
            reason = unready(service, {name: len(topic.partitions) for name, topic in topics.items()})
        if reason not in ("", reported[-1]):
            reported.append(reason)
            report(reason)
        return not reason

    if not Retry(ASK_AGAIN_S, limit_s).until(there):
        raise FatalError(f"{reported[-1]}, still after {limit_s:.0f} s")


def unready(service: str, partitions: Mapping[str, int]) -> str:
    """Why a service cannot work on a broker with these topics yet; nothing where it can."""
    own = [topic for topic in TOPICS.values() if service in (*topic.producers, *topic.consumers)]
    if missing := [topic.name for topic in own if topic.name not in partitions]:
        return f"topic {missing[0]} is missing" if len(missing) == 1 else f"topics {', '.join(missing)} are missing"
    counts = {topic.name: partitions[topic.name] for topic in own if topic.fixed_partitions is None}
    if len(set(counts.values())) > 1:
        return f"topics keyed by instrument differ in partitions: {counts}"
    return ""

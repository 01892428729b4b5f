"""What a service waits for before it starts, from the declarations."""

import pytest

from tidewheel.contracts.topics import TOPICS
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.topic_wait import await_topics, unready

ALL = {name: topic.partitions(3) for name, topic in TOPICS.items()}


@pytest.mark.parametrize("service", ["ingest", "orderbot", "labeler", "trainer", "predictor"])
def test_all_topics_as_created_are_enough(service: str) -> None:
    assert unready(service, ALL) == ""


def test_only_what_a_service_touches_counts() -> None:
    """A broker with ACLs shows no other topics to it."""
    assert unready("ingest", {name: ALL[name] for name in ("ticks", "feed-status", "dead-letters")}) == ""


def test_what_is_missing_is_named() -> None:
    assert unready("ingest", {"ticks": 3, "dead-letters": 1}) == "topic feed-status is missing"
    assert unready("ingest", {"ticks": 3}) == "topics feed-status, dead-letters are missing"


def test_counts_that_differ_are_named() -> None:
    assert unready("labeler", ALL | {"orders": 2}).startswith("topics keyed by instrument differ in partitions: ")


def test_without_a_broker_it_says_so_once_and_gives_up() -> None:
    told: list[str] = []
    with pytest.raises(FatalError, match=r"no Kafka broker answers at 127\.0\.0\.1:1, still after 0 s"):
        await_topics("127.0.0.1:1", "labeler", 0.0, told.append)
    assert told == ["no Kafka broker answers at 127.0.0.1:1"]

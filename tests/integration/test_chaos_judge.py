"""The judge's question to a real broker: is a transaction left open?"""

import pytest
from confluent_kafka import Producer

from tests.system.chaos import judge
from tests.waiting import LIMIT_S, eventually
from tidewheel.contracts.topics import EXAMPLES, TRANSACTIONS
from tidewheel.runtime.kafka import producer_config

pytestmark = pytest.mark.broker


def test_an_open_transaction_is_found_and_a_closed_one_is_none(broker: str) -> None:
    producer = Producer({**producer_config(broker, "test"), "transactional.id": "test-chaos-judge"})
    producer.init_transactions(30)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(TRANSACTIONS.name, b"x", partition=1)
        producer.produce(EXAMPLES.name, b"x", partition=0)
        assert producer.flush(LIMIT_S) == 0
        found = judge.open_transactions(broker)
        assert len(found) == 2, found
        assert found[0].startswith("open transaction on examples 0: stable up to ")
        assert found[1].startswith("open transaction on transactions 1: stable up to ")
        end(30)
        # The end of a transaction is answered a moment before its last record can be read.
        eventually(lambda: judge.open_transactions(broker) == [], "nothing is open")

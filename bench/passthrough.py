"""The yardstick: single 85-byte records copied from one topic to another in Kafka transactions, and nothing else.

Its clock runs from the first record to the last commit, as that of bench `labeler`: what a start takes is not counted.
"""

import time
from hashlib import sha256
from typing import Any

from confluent_kafka import Producer, TopicPartition

from bench.harness import Servers, Size, Stopwatch
from tidewheel.contracts.topics import TICKS, TRANSACTIONS
from tidewheel.runtime.kafka import KAFKA, Clients, consumer_config, flush, producer_config, read_to_end
from tidewheel.runtime.static_member import FETCH_BYTES_MAX

RECORD_BYTES = 85
RECORDS = {Size.SMOKE: 5_000, Size.FULL: 1_000_000}
COMMIT_INTERVAL_S = 0.1
BATCH_RECORDS_MAX = 1000
WAIT_S = 0.05
LIMIT_S = 60.0


def run(size: Size, servers: Servers) -> dict[str, Any]:
    records = RECORDS[size]
    write(servers.kafka, records)
    commits, wall_s, cpu_s = copy(servers.kafka, records)
    digest = sha256()
    for message in read_to_end(servers.kafka, TRANSACTIONS.name, {0: 0}):
        digest.update(message.value() or b"")
    return {
        "records": records,
        "record_bytes": RECORD_BYTES,
        "commits": commits,
        "records_per_s": round(records / wall_s),
        "cpu_us_per_record": round(cpu_s / records * 1e6, 2),
        "result_hash": digest.hexdigest()[:16],
    }


def write(bootstrap: str, records: int) -> None:
    producer = Producer(producer_config(bootstrap, "bench"))
    for number in range(records):
        produce(producer, TICKS.name, number.to_bytes(8, "little") * 10 + b"\0" * (RECORD_BYTES - 80))
    flush(producer)


def copy(bootstrap: str, records: int, clients: Clients = KAFKA) -> tuple[int, float, float]:
    """Copy all records of partition 0. Returns the number of commits, and wall and CPU seconds of the process."""
    same_as_the_labeler = {"fetch.message.max.bytes": FETCH_BYTES_MAX}
    consumer = clients.consumer(consumer_config(bootstrap, "bench", "bench-passthrough", **same_as_the_labeler))
    producer = clients.producer(producer_config(bootstrap, "bench", **{"transactional.id": "bench-passthrough"}))
    producer.init_transactions(LIMIT_S)
    consumer.assign([TopicPartition(TICKS.name, 0, 0)])
    stopwatch = Stopwatch()
    copied = commits = 0
    while copied < records:
        producer.begin_transaction()
        due_s = time.perf_counter() + COMMIT_INTERVAL_S
        offset = 0
        while time.perf_counter() < due_s and copied < records:
            batch = consumer.consume(min(BATCH_RECORDS_MAX, records - copied), WAIT_S)
            if not copied:  # nor was there anything before this batch
                stopwatch.start()
            for message in batch:
                produce(producer, TRANSACTIONS.name, message.value() or b"")
            if batch:
                copied += len(batch)
                offset = (batch[-1].offset() or 0) + 1
        offsets = [TopicPartition(TICKS.name, 0, offset)] if offset else []
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), LIMIT_S)
        producer.commit_transaction(LIMIT_S)
        commits += 1
    wall_s, cpu_s = stopwatch.elapsed_s()
    consumer.close()
    return commits, wall_s, cpu_s


def produce(producer: Producer, topic: str, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, value, partition=0)
            return
        except BufferError:
            producer.poll(0.01)

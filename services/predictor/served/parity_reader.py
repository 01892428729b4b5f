"""Reads new examples and holds those of a sample against what the predictor cut itself: no group, no commits.

A sample is enough, so where examples come faster than is worth following, the reader goes on at their end.
"""

import logging
import threading

from confluent_kafka import Consumer, KafkaException, TopicPartition

from services.predictor.market.history import MarketViews
from services.predictor.metrics import record_parity, show_parity
from services.predictor.served.parity import Parity, ParitySample
from tidewheel.contracts.codecs.orders import decode_example
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.contracts.topics import EXAMPLES, PARITY_READER
from tidewheel.domain.features import Example
from tidewheel.runtime.kafka import KAFKA, Clients, Config, check, consumer_config, partitions_of
from tidewheel.runtime.kafka_access import Broker

BATCH_RECORDS_MAX = 500
# After a full batch, so that a replay at full speed costs a few per cent of a core here.
THROTTLE_S = 0.25
BEHIND_RECORDS_MAX = 20 * BATCH_RECORDS_MAX
POLL_TIMEOUT_S = 0.5
METADATA_TIMEOUT_S = 0.5
RETRY_S = 2.0


class ParityReader:
    """One thread runs it."""

    def __init__(self, bootstrap: Broker, views: MarketViews, log: logging.Logger, clients: Clients = KAFKA) -> None:
        self._bootstrap = bootstrap
        self._views = views
        self._log = log
        self._clients = clients
        self._sample = ParitySample()
        self._differs: set[str] = set()
        self._shown: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set; whatever Kafka does, begin again."""
        while not stop.is_set():
            consumer = self._clients.consumer(self._config())
            try:
                consumer.assign(
                    [
                        TopicPartition(EXAMPLES.name, p)
                        for p in partitions_of(consumer, EXAMPLES.name, METADATA_TIMEOUT_S)
                    ]
                )
                while not stop.is_set():
                    self._poll_once(consumer, stop)
            except KafkaException:
                stop.wait(RETRY_S)  # the market's reader tells of an outage
            finally:
                consumer.close()

    def _config(self) -> Config:
        more = {"queued.max.messages.kbytes": 4096, "reconnect.backoff.max.ms": 2000}
        return consumer_config(self._bootstrap, "predictor", PARITY_READER, log_level=0, **more)

    def _poll_once(self, consumer: Consumer, stop: threading.Event) -> None:
        for view in self._views.all():
            self._sample.sample(view)
            if view.instrument not in self._shown:
                self._shown.add(view.instrument)
                show_parity(view.instrument, Parity)
        messages = [check(message) for message in consumer.consume(BATCH_RECORDS_MAX, timeout=POLL_TIMEOUT_S)]
        ends: dict[int, int] = {}
        for message in messages:
            ends[message.partition() or 0] = (message.offset() or 0) + 1
            try:
                self._compare(decode_example(message.value()))
            except InvalidRecordError:
                continue  # the trainer rejects the same record, and tells
        if len(messages) == BATCH_RECORDS_MAX:
            for partition, position in ends.items():
                _skip_ahead(consumer, partition, position)
            stop.wait(THROTTLE_S)

    def _compare(self, example: Example) -> None:
        result = self._sample.compare(example)
        if result is None:
            return
        record_parity(example.instrument, result)
        if result is Parity.DIFFERENT and example.instrument not in self._differs:
            self._differs.add(example.instrument)
            self._log.error(
                "features of %s differ: what the labeler wrote of order %d is not what PredictNow would score; "
                "`tidewheel audit` says where, once callers have asked",
                *(example.instrument, example.order_id),
            )


def _skip_ahead(consumer: Consumer, partition: int, position: int) -> None:
    _, high = consumer.get_watermark_offsets(TopicPartition(EXAMPLES.name, partition), cached=True)
    if high - position > BEHIND_RECORDS_MAX:
        consumer.seek(TopicPartition(EXAMPLES.name, partition, high))
